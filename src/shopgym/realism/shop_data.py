"""A shop's records: events, and the sessions and orders that they make up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..core.types import F64
from .events import ACTIONS, check_events

DAY = 86_400.0
PAGE_VIEW = "page view"
"""Opened item pages, in the needs of facts: events ``view`` where views are recorded, else ``click``."""


@dataclass(frozen=True, eq=False)
class ShopData:
    """A shop's records. Sources that publish no events have a session table only.

    Attributes:
        events: an event table, or None.
        sessions: one row per session, see :func:`session_table`; no rows if no session is known.
        items: what is known of the items, one row per ``item_id``: ``name``, ``category``; None: nothing.
        watched: (start, end) in seconds of the time watched; None: from the first to the last event.
    """

    events: pd.DataFrame | None
    sessions: pd.DataFrame
    items: pd.DataFrame | None = None
    watched: tuple[float, float] | None = None

    @classmethod
    def from_events(
        cls,
        events: pd.DataFrame,
        *,
        items: pd.DataFrame | None = None,
        watched: tuple[float, float] | None = None,
    ) -> ShopData:
        """Check the events and derive the session table; ``items`` and ``watched`` are kept.

        Raises:
            InvalidInput: from :func:`check_events`.
        """
        checked = check_events(events)
        return cls(checked, session_table(checked), items, watched)

    def required_events(self) -> pd.DataFrame:
        """The event table.

        Raises:
            InvalidInput: these records have none.
        """
        if self.events is None:
            raise InvalidInput("events", None, "these records have sessions only")
        return self.events

    def select(self, *kinds: str) -> pd.DataFrame:
        """The events of these kinds."""
        events = self.required_events()
        return events[events["event"].isin(kinds)]

    @cached_property
    def actions(self) -> pd.DataFrame:
        """The actions of known sessions, sorted by session and time."""
        return _actions(self.required_events())

    @cached_property
    def gaps(self) -> pd.Series:
        """Positive seconds since the session's previous action; the index is that of ``actions``."""
        actions = self.actions
        gaps = actions["time"].diff()[actions["session_id"] == actions["session_id"].shift()]
        return gaps[gaps > 0]

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of event that occur."""
        return frozenset() if self.events is None else frozenset(self.events["event"].unique())

    @cached_property
    def measurable_kinds(self) -> frozenset[str]:
        """``kinds``, and ``PAGE_VIEW`` if views or clicks occur."""
        return self.kinds | ({PAGE_VIEW} if self.page_view_kind in self.kinds else frozenset())

    @cached_property
    def page_view_kind(self) -> str:
        """The event that opens an item's page: ``view`` where views are recorded, else ``click``."""
        return _page_view_kind(self.kinds)

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row per order, sorted by time: order_id, user_id, time, and if recorded items, units, value."""
        lines = self.select("purchase").copy()
        columns = {"user_id": ("user_id", "first"), "time": ("time", "min")}
        if lines["item_id"].notna().all():
            columns["items"] = ("item_id", "nunique")
        if "quantity" in lines.columns:
            columns["units"] = ("quantity", "sum")
            if "price" in lines.columns:
                lines["value"] = lines["quantity"] * lines["price"]
                columns["value"] = ("value", "sum")
        orders = lines.groupby("order_id", sort=False).agg(**columns)
        return orders.reset_index().sort_values("time", kind="stable", ignore_index=True)

    @cached_property
    def days(self) -> float:
        """Days watched, by default from the first to the last event; NaN without events."""
        if self.watched is not None:
            return (self.watched[1] - self.watched[0]) / DAY
        if self.events is None:
            return float("nan")
        return float(self.events["time"].iloc[-1] - self.events["time"].iloc[0]) / DAY


def weekday(time: pd.Series) -> pd.Series:
    """0 = Monday, of seconds since 1970-01-01, a Thursday."""
    return (time // DAY + 3) % 7


def _page_view_kind(kinds: frozenset[str]) -> str:
    return "view" if "view" in kinds else "click"


def _actions(events: pd.DataFrame) -> pd.DataFrame:
    counted = set(ACTIONS) - ({"click"} if (events["event"] == "view").any() else set())
    actions = events[events["event"].isin(counted) & events["session_id"].notna()]
    return actions.sort_values(["session_id", "time"], kind="stable")


def session_table(events: pd.DataFrame) -> pd.DataFrame:
    """One row per session with at least one action. Columns exist only for what the shop records.

    ``session_id``, ``user_id``, ``start`` (s), ``hour`` (0-24), ``weekend`` (Saturday, Sunday), ``events``
    (actions), ``duration`` (s from first to last action), ``dwell_mean`` (mean positive gap between actions,
    s; missing if there is none), ``clicks`` (item pages opened), ``distinct_items`` and ``repeat_views``
    (pages of an item that the session opened before), ``carts``, ``carted``, ``purchases``, ``converted``,
    ``searched``, ``new_visitor`` (the first session in the table of the ``visitor_id`` if there is one, else
    of the user; missing for unknown ones).
    """
    actions = _actions(events)
    if actions.empty:
        return pd.DataFrame()
    by_session = actions.groupby("session_id", sort=False)
    table = by_session.agg(user_id=("user_id", "first"), start=("time", "first"), end=("time", "last"))
    if "visitor_id" in actions:
        table["visitor_id"] = by_session["visitor_id"].first()
    table["events"] = by_session.size()
    table["duration"] = table.pop("end") - table["start"]
    gap = by_session["time"].diff()
    table["dwell_mean"] = gap[gap > 0].groupby(actions["session_id"], sort=False).mean()
    table["hour"] = table["start"] % DAY / 3600.0
    table["weekend"] = (weekday(table["start"]) >= 5).astype(float)

    kinds = frozenset(events["event"].unique())
    page_view = _page_view_kind(kinds)
    if page_view in kinds:
        items = actions[actions["event"] == page_view].groupby("session_id", sort=False)["item_id"]
        table["clicks"] = items.size()
        table["distinct_items"] = items.nunique()
        table[["clicks", "distinct_items"]] = table[["clicks", "distinct_items"]].fillna(0)
        table["repeat_views"] = table["clicks"] - table["distinct_items"]
    for kind, count, flag in (("cart", "carts", "carted"), ("purchase", "purchases", "converted")):
        if kind in kinds:
            table[count] = actions[actions["event"] == kind].groupby("session_id").size()
            table[count] = table[count].fillna(0)
            table[flag] = (table[count] > 0).astype(float)
    if "search" in kinds:
        searched = actions.loc[actions["event"] == "search", "session_id"]
        table["searched"] = table.index.isin(searched).astype(float)
    table = table.sort_values("start", kind="stable").reset_index()
    table["new_visitor"] = first_sessions(table)
    return table


def first_sessions(table: pd.DataFrame) -> F64:
    """(n,) 1 for the first session of each visitor in the table, 0 for later ones, NaN for unknown ones."""
    who = table["visitor_id" if "visitor_id" in table else "user_id"]
    return np.where(who.notna(), (~who.duplicated()).astype(np.float64), np.nan)
