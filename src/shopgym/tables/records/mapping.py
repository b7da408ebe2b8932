"""Mappings: which column of a shop system's file is the order, the item, the customer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...core.errors import InvalidInput, did_you_mean, one_of

LINES, EVENTS, ITEMS = "order lines", "events", "items"
LINE_FIELDS = {
    "order": "id of the order",
    "item": "id of the item",
    "customer": "id of the customer",
    "time": "when it was ordered",
    "quantity": "units of the line",
    "price": "of one unit, before discounts",
    "value": "of all units of the line together",
    "line": "id of the line; a second line with it is left out",
    "currency": "ISO 4217 code",
    "description": "name of the item",
    "category": "of the item",
    "unit_cost": "what one unit cost the shop",
    "status": "of the order",
    "cancelled": "filled or true where the order was cancelled",
    "guest": "true where the customer has no account",
    "line_discount": "amount off the line",
    "order_discount": "amount off the order",
    "subtotal": "what the lines of the order cost together, after discounts",
    "refunded": "amount of the order that was paid back",
    "refunded_quantity": "units of the line that came back",
    "cancelled_quantity": "units of the line that were never sent",
}
"""Fields of order lines and what they mean."""
EVENT_FIELDS = {
    "user_id": "id of the visitor",
    "session_id": "id of the visit; without it, visits are split at pauses",
    "time": "when it happened",
    "event": "kind of event",
    "item_id": "id of the item",
    "quantity": "units",
    "price": "of one unit",
    "order_id": "id of the order",
    "position": "place on the page, from 1",
}
"""Fields of events and what they mean."""
ITEM_FIELDS = {
    "item": "id of the item",
    "product": "id of the product that the item is a variant of",
    "description": "name of the item",
    "category": "of the item",
    "price": "of one unit",
    "unit_cost": "what one unit costs the shop",
}
"""Fields of items and what they mean."""
FIELDS = {LINES: LINE_FIELDS, EVENTS: EVENT_FIELDS, ITEMS: ITEM_FIELDS}
EVENT_KINDS = (
    "impression",  # shown in a list
    "view",  # the item's page was opened, however it was reached
    "click",  # opened from a list
    "favourite",  # put on a wish list
    "cart",
    "cart_remove",
    "purchase",
    "return",
    "search",
    "email_sent",
    "email_open",
    "email_click",
)
"""Kinds of event. A shop that records views and clicks has one view for every item page opened."""
NUMBERS = (
    *("quantity", "price", "value", "unit_cost", "line_discount", "order_discount", "subtotal", "refunded"),
    *("refunded_quantity", "cancelled_quantity", "position"),
)
"""Fields that are numbers; the others are text, whatever they look like: item 007 is not item 7."""
CANCELLED = (
    *("cancelled", "canceled", "voided", "void", "failed", "expired", "declined", "abandoned", "trash"),
    *("draft", "checkout-draft", "auto-draft", "pending", "pending-payment", "on-hold", "unpaid"),
)
"""Status of orders that were never paid or never sent."""
REFUNDED = ("refunded", "returned")
"""Status of orders that came back whole."""
SOLD = (
    *("paid", "partially-paid", "partially-refunded", "authorized", "completed", "complete", "processing"),
    *("shipped", "delivered", "fulfilled", "success", "done", "invoiced", "closed", "sold", "ok"),
)
"""Status of orders that count as sold; every other word does too, and is reported."""
GUESTS = ("0", "-1", "guest", "guests", "none", "null", "n/a", "anonymous", "not logged in")
"""What shop systems write for a customer without an account."""


@dataclass(frozen=True)
class RecordMapping:
    """How the files of one system are read.

    Attributes:
        name: short.
        title: the system and the file.
        source: where its columns are documented.
        kind: ``order lines``, ``events`` or ``items``.
        columns: from our field to theirs; of several, the first that is filled counts, cell by cell.
        header: columns that a file must have to be recognised; empty: all those of ``columns``.
        lines: of nested records, the list with one element for each row.
        names: the columns of a file without a header.
        first_row: regular expressions of the cells of such a file, by which it is recognised.
        separator: of a text file; None: recognised.
        order_from: the fields whose equal values make up an order, where orders have no number.
        session_per_user: whether a number of a visit is unique for one user only.
        event_is: the kind of all events of the file; else there is a field ``event``.
        kinds: from their kinds of event to ours.
        cancelled, refunded: words of ``status``, in lower case.
        guests: values of ``customer`` that stand for everybody without an account.
        least_quantity: lines with fewer units count as so many, e.g. weighed goods with 0 units.
        item_pattern: regular expression of ids of goods; what does not match is postage and the like.
        time_zone: of the shop, where times count from 1970.
        currency: of the system's files, where no column says it.
        lacks: by field, why the system's file does not have it.
        remarks: what is to be known about these files.
    """

    name: str = "plain"
    title: str = "a table with our own names of columns"
    source: str = ""
    kind: str = LINES
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    lines: str = ""
    names: tuple[str, ...] = ()
    first_row: tuple[str, ...] = ()
    separator: str | None = None
    order_from: tuple[str, ...] = ()
    session_per_user: bool = False
    event_is: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    cancelled: tuple[str, ...] = CANCELLED
    refunded: tuple[str, ...] = REFUNDED
    guests: tuple[str, ...] = GUESTS
    least_quantity: float = 0.0
    item_pattern: str | None = None
    time_zone: str | None = None
    currency: str = ""
    lacks: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        one_of(f"mapping {self.name}.kind", self.kind, FIELDS)
        for ours in self.columns:
            one_of(f"mapping {self.name}.columns", ours, self.fields)

    @property
    def fields(self) -> dict[str, str]:
        """The fields of its kind and what they mean."""
        return FIELDS[self.kind]

    @property
    def theirs(self) -> list[str]:
        """All columns that it names."""
        return list(dict.fromkeys(name for names in self.columns.values() for name in names))

    def fits(self, header: Collection[str]) -> bool:
        """Whether a file with these columns is one of this system."""
        return bool(self.columns) and set(self.header or self.theirs) <= set(header)

    def with_columns(self, columns: Mapping[str, str]) -> RecordMapping:
        """The mapping with some fields read from other columns.

        Raises:
            InvalidInput: no such field.
        """
        unknown = sorted(set(columns) - set(self.fields))
        if unknown:
            fix = f"map from these names: {', '.join(self.fields)}{did_you_mean(unknown[0], self.fields)}"
            raise InvalidInput("columns", unknown, fix)
        return replace(self, columns={**self.columns, **{ours: (name,) for ours, name in columns.items()}})

    def located(self, header: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """By field, those of its columns that a file with this header has; a plain field is also sought
        under its own name, and in the lines of nested records."""
        out: dict[str, tuple[str, ...]] = {}
        for ours in self.fields:
            names = self.columns.get(ours, (ours,) if self.name == "plain" else ())
            present = tuple(name for name in names if name in header)
            if not present and ours not in self.columns and names:
                inner = [name for name in header if name.rpartition(".")[2] == ours]
                present = tuple(inner) if len(inner) == 1 else ()
            if present:
                out[ours] = present
        return out


PLAIN = {kind: RecordMapping(kind=kind) for kind in FIELDS}
"""Tables with our own names of columns."""


def load_mapping(name: str) -> RecordMapping:
    """A shipped mapping by its name, or one from a YAML file by its path.

    Raises:
        InvalidInput: there is none, or it has an unknown setting.
    """
    shipped = {mapping.name: mapping for mapping in shipped_mappings()}
    if name in shipped:
        return shipped[name]
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            raise InvalidInput("mapping", name, "there is no such file") from None
        return parse_mapping(text, path.stem)
    one_of("mapping", name, [*shipped, "plain"])
    return PLAIN[LINES]


def parse_mapping(text: str, name: str) -> RecordMapping:
    """A mapping from YAML.

    Raises:
        InvalidInput: it is no YAML, or has an unknown setting or a wrong type.
    """
    from ...core.config import build
    from ...core.yaml_file import parse_yaml

    raw = parse_yaml(text, "mapping", name)
    if not isinstance(raw, dict):
        raise InvalidInput(f"mapping {name}", type(raw).__name__, "write settings such as columns:")
    one_of_each = {setting.name for setting in fields(RecordMapping)}
    unknown = sorted(set(map(str, raw)) - one_of_each)
    if unknown:
        fix = f"the settings are {', '.join(sorted(one_of_each))}{did_you_mean(unknown[0], one_of_each)}"
        raise InvalidInput(f"mapping {name}", unknown, fix)
    values: dict[str, Any] = {"name": name, **raw}
    columns = values.get("columns") or {}
    values["columns"] = {
        ours: [names] if isinstance(names, str) else names for ours, names in columns.items()
    }
    return build(RecordMapping, values, f"mapping {name}")


@cache
def shipped_mappings() -> tuple[RecordMapping, ...]:
    """The mappings of the package, by name."""
    folder = files(__package__) / "mappings"
    texts = {
        entry.name.removesuffix(".yaml"): entry for entry in folder.iterdir() if entry.name.endswith(".yaml")
    }
    return tuple(parse_mapping(texts[name].read_text(encoding="utf-8"), name) for name in sorted(texts))


def recognise_mapping(header: Sequence[str], kind: str | None = None) -> RecordMapping | None:
    """The shipped mapping that fits a header; of several, the one that names most of its columns."""
    candidates = [
        mapping
        for mapping in shipped_mappings()
        if not mapping.names and mapping.fits(header) and kind in (None, mapping.kind)
    ]
    return max(candidates, key=lambda mapping: len(set(mapping.theirs) & set(header)), default=None)


def recognise_headerless(row: Sequence[str], kind: str | None = None) -> RecordMapping | None:
    """The shipped mapping of files without a header whose cells look like those of ``row``."""
    import re

    for mapping in shipped_mappings():
        if len(mapping.first_row) != len(row) or not row or kind not in (None, mapping.kind):
            continue
        if all(re.fullmatch(pattern, cell.strip()) for pattern, cell in zip(mapping.first_row, row)):
            return mapping
    return None
