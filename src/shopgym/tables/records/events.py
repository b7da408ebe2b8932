"""Events of any shop system, as one event table: who did what with which item, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..numbers import to_numbers
from .columns import RecordTable
from .mapping import EVENT_KINDS
from .options import RecordOptions
from .people import without_personal
from .set_aside import Refusals, reasons_of, shown
from .times import read_times

if TYPE_CHECKING:
    import pandas as pd

VISIT_GAP = 1800.0
"""A new visit begins after this many seconds without an action, if the records have no visits."""
ON_AN_ITEM = ("impression", "view", "click", "favourite", "cart", "cart_remove")
"""Events that need an item."""
OTHER_WORD = "another word: no event that is used"
MOST_WORDS = 50
"""Kinds of event that are not used and are counted by name."""
TRADED = ("purchase", "return")
KEPT = ("user_id", "session_id", "time", "event", "item_id", "quantity", "price", "order_id", "position")


@dataclass(frozen=True, eq=False)
class EventRecords:
    """Events of a shop.

    Attributes:
        events: the event table: user_id, session_id, time, event, item_id, and what the records have of
            quantity, price, order_id and position.
        set_aside: ``row`` (position in the file, from 0), ``column``, ``value``, ``reason``.
        rows: number of rows that were read.
        remarks: what was recognised or assumed, in words.
        mapping: name of the mapping.
    """

    events: pd.DataFrame
    set_aside: pd.DataFrame
    rows: int
    remarks: tuple[str, ...] = ()
    mapping: str = "plain"

    def reasons(self) -> dict[str, int]:
        """Number of rows set aside by column and reason, the most frequent first."""
        return reasons_of(self.set_aside)

    def purchases(self) -> pd.DataFrame | None:
        """The purchases as order lines; None where orders or prices were not recorded."""
        bought = self.events[self.events["event"] == "purchase"]
        if bought.empty or not {"order_id", "price"} <= set(bought.columns) or bought["price"].isna().all():
            return None
        names = {"order_id": "order", "item_id": "item", "user_id": "customer"}
        columns = ["order", "item", "customer", "time", "quantity", "price"]
        lines = bought.rename(columns=names)
        return lines[[name for name in columns if name in lines]]


def event_records(record: RecordTable, options: RecordOptions) -> EventRecords:
    """Separate the events that can be used from the rows that cannot.

    Kinds of event get our names, visits are split at pauses where the records have none, and times are those
    of the shop's clock.

    Args:
        record: the rows.
        options: how they are read.

    Raises:
        InvalidInput: there is no column for the time or the kind of event, or no row can be used.
    """
    from ...core.errors import InvalidInput

    mapping = record.mapping
    record.require(["time"] if mapping.event_is else ["time", "event"])
    table, remarks = record.table.copy(), [*mapping.remarks, *record.remarks]
    refusals = Refusals(len(table))
    _read_kinds(table, mapping.kinds, mapping.event_is, refusals)
    times = read_times(
        table["time"], "time", day_first=options.day_first, time_zone=options.time_zone or mapping.time_zone
    )
    table["time"] = times.seconds
    remarks += times.remarks
    refusals.refuse(table["time"].isna(), "time", "missing or no time")
    for name in ("user_id", "session_id", "item_id"):
        if name not in table:
            table[name] = None
    refusals.refuse(table["event"].isin(ON_AN_ITEM) & table["item_id"].isna(), "item_id", "missing")
    _read_trade(table, refusals, remarks)
    if table["user_id"].notna().any():
        table["user_id"], said = without_personal(table["user_id"])
        remarks += said
    if table["session_id"].isna().all():
        table["session_id"] = split_visits(table, refusals.good)
        if table["session_id"].notna().any():
            remarks.append(f"visits are split at pauses of {VISIT_GAP / 60:.0f} minutes")
    elif mapping.session_per_user:
        joined = table["user_id"].astype("string") + "|" + table["session_id"].astype("string")
        table["session_id"] = joined.astype(object).where(joined.notna(), None)
    for name in ("session_id", "order_id"):
        if name in table:
            owner = table.groupby(name)["user_id"].transform("first")
            stranger = table["user_id"].notna() & owner.notna() & (table["user_id"] != owner)
            refusals.refuse(stranger, name, "this id is another user's too")
    events = table[refusals.good]
    set_aside = record.set_aside(refusals)
    if events.empty:
        raise InvalidInput(
            "events", reasons_of(set_aside), f"none of {len(table)} rows can be used: see the reasons"
        )
    kept = [name for name in KEPT if name in events]
    return EventRecords(
        events[kept].sort_values("time", kind="stable", ignore_index=True),
        set_aside,
        record.rows,
        tuple(dict.fromkeys(remarks)),
        mapping.name,
    )


def split_visits(table: pd.DataFrame, usable: Any = None) -> pd.Series:
    """(r,) number of the visit of each row: a user's actions without a pause longer than ``VISIT_GAP``.

    Args:
        table: user_id and time (s).
        usable: (r,) bool, rows that count; the others, and those of unknown users, have none.
    """
    counted = table["user_id"].notna() & table["time"].notna()
    if usable is not None:
        counted &= usable
    rows = table[counted].sort_values(["user_id", "time"], kind="stable")
    starts = (rows["user_id"] != rows["user_id"].shift()) | (rows["time"].diff() > VISIT_GAP)
    visit = starts.cumsum().reindex(table.index)
    return visit if counted.all() else visit.astype("Int64").astype(object).where(counted, None)


def _read_kinds(table: pd.DataFrame, kinds: dict[str, str], event_is: str, refusals: Refusals) -> None:
    if event_is:
        table["event"] = event_is
        return
    theirs = table["event"].fillna("")
    if kinds:
        table["event"] = theirs.map(kinds)
    refusals.refuse(theirs == "", "event", "missing")
    unknown = ~table["event"].isin(EVENT_KINDS)
    words = theirs[unknown].value_counts().index[:MOST_WORDS]
    reasons = {word: f"{shown('event', word)}: no event that is used" for word in words}
    refusals.refuse(unknown, "event", [reasons.get(word, OTHER_WORD) for word in theirs])


def _read_trade(table: pd.DataFrame, refusals: Refusals, remarks: list[str]) -> None:
    """Numbers in place; units, prices and orders of purchases and returns are checked."""
    traded = table["event"].isin(TRADED)
    for name in ("quantity", "price", "position"):
        if name in table:
            table[name] = to_numbers(table[name], name)
            if table[name].isna().all():
                del table[name]
    if "quantity" in table:
        unsaid = traded & table["quantity"].isna()
        if unsaid.any():
            table.loc[unsaid, "quantity"] = 1.0
            remarks.append(f"{int(unsaid.sum()):,} purchases and returns without a quantity are of one unit")
        refusals.refuse(traded & ~(table["quantity"] > 0), "quantity", "0 or less")
    elif "price" in table:
        table["quantity"] = np.where(traded, 1.0, np.nan)
        remarks.append("no column of quantities: every purchase is one unit")
    if "price" in table:
        refusals.refuse(traded & ~(table["price"] >= 0), "price", "missing, no number or below 0")
    if "position" in table:
        refusals.refuse(table["position"] < 1, "position", "below 1: positions count from 1")
    if "order_id" in table:
        if table["order_id"].isna().all():
            del table["order_id"]
        else:
            missing = (table["event"] == "purchase") & table["order_id"].isna()
            refusals.refuse(missing, "order_id", "missing")
