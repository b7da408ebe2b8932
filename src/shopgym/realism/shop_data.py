"""What is measured: events, and the sessions and orders they make up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from .events import ACTIONS, check_events

DAY = 86_400.0


@dataclass(frozen=True, eq=False)
class ShopData:
    """A shop's records. Session tables without events come from sources that publish nothing finer.

    Attributes:
        events: an event table, or None.
        sessions: one row per session, see :func:`session_table`; no rows where nothing is known of them.
    """

    events: pd.DataFrame | None
    sessions: pd.DataFrame

    @classmethod
    def from_events(cls, events: pd.DataFrame) -> ShopData:
        """Check the events and gather the sessions.

        Raises:
            InvalidInput: from :func:`check_events`.
        """
        checked = check_events(events)
        return cls(checked, session_table(checked))

    def of(self, *kinds: str) -> pd.DataFrame:
        """The events of these kinds."""
        if self.events is None:
            raise InvalidInput("events", None, "these records have sessions only")
        return self.events[self.events["event"].isin(kinds)]

    @cached_property
    def actions(self) -> pd.DataFrame:
        """The actions of known sessions, in order of session and time."""
        if self.events is None:
            raise InvalidInput("events", None, "these records have sessions only")
        return _actions(self.events)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of event that occur."""
        return frozenset() if self.events is None else frozenset(self.events["event"].unique())

    @cached_property
    def look(self) -> str:
        """The event that opens an item's page: ``view`` where views are recorded, else ``click``."""
        return _look(self.kinds)

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row per order, by time: order_id, user_id, time, and where recorded items, units, value."""
        lines = self.of("purchase").copy()
        parts = {"user_id": ("user_id", "first"), "time": ("time", "min")}
        if lines["item_id"].notna().all():
            parts["items"] = ("item_id", "nunique")
        if "quantity" in lines.columns:
            parts["units"] = ("quantity", "sum")
            if "price" in lines.columns:
                lines["value"] = lines["quantity"] * lines["price"]
                parts["value"] = ("value", "sum")
        found = lines.groupby("order_id", sort=False).agg(**parts)
        return found.reset_index().sort_values("time", kind="stable", ignore_index=True)

    @cached_property
    def days(self) -> float:
        """Days from the first to the last event."""
        if self.events is None:
            return float("nan")
        return float(self.events["time"].iloc[-1] - self.events["time"].iloc[0]) / DAY


def _look(kinds: frozenset[str]) -> str:
    return "view" if "view" in kinds else "click"


def _actions(events: pd.DataFrame) -> pd.DataFrame:
    counted = set(ACTIONS) - ({"click"} if (events["event"] == "view").any() else set())
    acts = events[events["event"].isin(counted) & events["session_id"].notna()]
    return acts.sort_values(["session_id", "time"], kind="stable")


def session_table(events: pd.DataFrame) -> pd.DataFrame:
    """One row per session with at least one action; columns only for what the shop records at all.

    ``session_id``, ``user_id``, ``start`` (s), ``hour`` (0-24), ``weekend`` (Saturday, Sunday), ``events``
    (actions), ``duration`` (s from first to last action), ``dwell_mean`` (mean positive gap between actions,
    s; missing if there is none), ``clicks`` (item pages opened), ``distinct_items`` and ``repeat_views``
    (pages of an item already opened), ``carts``, ``carted``, ``purchases``, ``converted``, ``searched``,
    ``new_visitor`` (the user's first session in the table; missing for unknown users).
    """
    acts = _actions(events)
    if acts.empty:
        return pd.DataFrame()
    by = acts.groupby("session_id", sort=False)
    table = by.agg(user_id=("user_id", "first"), start=("time", "first"), end=("time", "last"))
    table["events"] = by.size()
    table["duration"] = table.pop("end") - table["start"]
    gap = by["time"].diff()
    table["dwell_mean"] = gap[gap > 0].groupby(acts["session_id"], sort=False).mean()
    table["hour"] = table["start"] % DAY / 3600.0
    table["weekend"] = ((table["start"] // DAY + 3) % 7 >= 5).astype(float)  # day 0 was a Thursday

    kinds = frozenset(events["event"].unique())
    look = _look(kinds)
    if look in kinds:
        looks = acts[acts["event"] == look].groupby("session_id", sort=False)["item_id"]
        table["clicks"] = looks.size()
        table["distinct_items"] = looks.nunique()
        table[["clicks", "distinct_items"]] = table[["clicks", "distinct_items"]].fillna(0)
        table["repeat_views"] = table["clicks"] - table["distinct_items"]
    for kind, count, flag in (("cart", "carts", "carted"), ("purchase", "purchases", "converted")):
        if kind in kinds:
            table[count] = acts[acts["event"] == kind].groupby("session_id").size()
            table[count] = table[count].fillna(0)
            table[flag] = (table[count] > 0).astype(float)
    if "search" in kinds:
        table["searched"] = table.index.isin(acts.loc[acts["event"] == "search", "session_id"]).astype(float)
    table = table.sort_values("start", kind="stable").reset_index()
    new = ~table["user_id"].duplicated()
    table["new_visitor"] = np.where(table["user_id"].notna(), new, np.nan)
    return table
