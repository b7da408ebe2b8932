"""What a user can say about the records that are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...core.errors import InvalidInput, in_range
from ..dialect import AUTO, Dialect
from .mapping import EVENTS, ITEMS, LINES, PLAIN, RecordMapping, load_mapping, recognise_mapping


@dataclass(frozen=True)
class RecordOptions:
    """How records are read. What is None is recognised, or asked for where it cannot be.

    Attributes:
        mapping: a shipped one by name, the path of one in YAML, or one itself; None: that which fits the
            header, else our own names.
        columns: from our fields to columns of the file, before those of the mapping.
        dialect: of a text file.
        day_first: whether dates such as 03/04/2024 begin with the day.
        time_zone: of the shop, for times in UTC.
        currency: the one whose lines are used; None: that of most lines.
        price_unit: 1, or 0.01 where prices are in cents.
        guests: more values of the customer that stand for everybody without an account.
        item_pattern: regular expression that the whole id of an item must match; None: that of the mapping.
        min_orders: items in fewer orders are set aside.
    """

    mapping: str | RecordMapping | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    dialect: Dialect = AUTO
    day_first: bool | None = None
    time_zone: str | None = None
    currency: str | None = None
    price_unit: float | None = None
    guests: tuple[str, ...] = ()
    item_pattern: str | None = None
    min_orders: int = 1

    def __post_init__(self) -> None:
        in_range("min_orders", self.min_orders, 1, float("inf"))
        if self.price_unit is not None:
            in_range("price_unit", self.price_unit, 0.0, 1.0, open_low=True)
        if self.item_pattern is not None:
            try:
                re.compile(self.item_pattern)
            except re.error as error:
                fix = f"give a regular expression ({error})"
                raise InvalidInput("item_pattern", self.item_pattern, fix) from error

    def for_another_file(self) -> RecordOptions:
        """What holds for another file of the same system too: its dialect, dates and time zone."""
        return RecordOptions(dialect=self.dialect, day_first=self.day_first, time_zone=self.time_zone)

    def mapping_of(self, header: list[str], kind: str | None = None) -> RecordMapping:
        """The mapping of a table with this header: the one that was said, that which fits, or the plain one.

        Raises:
            InvalidInput: there is no such mapping or field, or it is of another kind.
        """
        if isinstance(self.mapping, RecordMapping):
            mapping: RecordMapping | None = self.mapping
        elif self.mapping is not None and self.mapping != "plain":
            mapping = load_mapping(self.mapping)
        elif self.mapping == "plain":
            mapping = None
        else:
            mapping = recognise_mapping(header, kind)
        if mapping is None:
            mapping = PLAIN[kind or _plain_kind(header)]
        if kind is not None and mapping.kind != kind:
            raise InvalidInput("mapping", mapping.name, f"it reads {mapping.kind}: give one of {kind}")
        return mapping.with_columns(self.columns) if self.columns else mapping


def _plain_kind(header: list[str]) -> str:
    """What a table with our own names of columns holds."""
    names = set(header)
    if names & {"event", "session_id", "user_id"}:
        return EVENTS
    return ITEMS if "item" in names and not names & {"order", "customer", "time", "quantity"} else LINES
