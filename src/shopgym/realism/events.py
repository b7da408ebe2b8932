"""The event table: one layout for the events of any shop, real or simulated.

One row per event. Columns:

- ``user_id``: missing if unknown (the order of a guest).
- ``session_id``: the visit; missing if it was not recorded (till receipts, returns).
- ``time``: seconds of the shop's own clock since 1970-01-01 00:00 local time, so that hours and weekdays are
  local ones.
- ``event``: one of :data:`EVENTS`.
- ``item_id``: missing if there is none (a search) or it was not recorded (CDNOW).
- ``quantity``, ``price``: units and price of one unit, of carts, purchases and returns (optional).
- ``order_id``: groups the lines of an order; of purchases, and of returns if known (optional).
- ``position``: place on the page from 1, of impressions and clicks (optional).
- ``visitor_id``: the browser, where it is told apart from the person, as ``user_pseudo_id`` is from
  ``user_id`` in GA4 (optional). Who comes with a new browser counts as a new visitor.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..core.types import Bool
from ..tables import to_numbers
from ..tables.records.mapping import EVENT_KINDS

EVENTS = EVENT_KINDS
"""Kinds of event. A shop that records views and clicks has one view for every item page opened."""

ACTIONS = ("view", "click", "favourite", "cart", "cart_remove", "purchase", "search")
"""The events that make up a session. If views are recorded, clicks do not count: each is also a view."""

REQUIRED = ("user_id", "session_id", "time", "event", "item_id")
OPTIONAL = ("quantity", "price", "order_id", "position", "visitor_id")
NAMES = ("user_id", "session_id", "event", "item_id", "order_id", "visitor_id")
"""Columns that are text in a file, whatever they look like."""
ON_AN_ITEM = ("impression", "view", "click", "favourite", "cart", "cart_remove")


def check_events(table: pd.DataFrame) -> pd.DataFrame:
    """The table with columns in order and ``event`` as a category, sorted by time (ties keep their order).

    Raises:
        InvalidInput: names the column, the number of wrong rows, and the first of them (from 0).
    """
    missing = [name for name in REQUIRED if name not in table.columns]
    if missing:
        raise InvalidInput("events", list(table.columns), f"add the columns {missing}")
    unknown = [name for name in table.columns if name not in REQUIRED + OPTIONAL]
    if unknown:
        raise InvalidInput("events", unknown, f"rename or drop: columns are {REQUIRED + OPTIONAL}")
    if table.empty:
        raise InvalidInput("events", 0, "the table has no rows")
    table = table[[name for name in REQUIRED + OPTIONAL if name in table.columns]].reset_index(drop=True)

    valid = np.asarray(table["event"].isin(EVENTS))
    _refuse("event", table["event"], ~valid, f"is not one of {EVENTS}")
    table["event"] = pd.Categorical(table["event"], categories=EVENTS)
    for name in ("time", "quantity", "price", "position"):
        if name in table.columns:
            number = to_numbers(table[name], f"events.{name}")
            _refuse(name, table[name], np.isnan(number) & table[name].notna().to_numpy(), "is not a number")
            table[name] = number
    _refuse("time", table["time"], ~np.isfinite(table["time"].to_numpy()), "is missing or not finite")

    def rows(*kinds: str) -> Bool:
        return np.asarray(table["event"].isin(kinds))

    _refuse("item_id", table["item_id"], rows(*ON_AN_ITEM) & table["item_id"].isna().to_numpy(), "is missing")
    traded = rows("purchase", "return")
    if "quantity" in table.columns:
        bad = traded & ~(table["quantity"] > 0).to_numpy()
        _refuse("quantity", table["quantity"], bad, "of a purchase or return must be above 0")
    if "price" in table.columns:
        bad = traded & ~(table["price"] >= 0).to_numpy()
        _refuse("price", table["price"], bad, "of a purchase or return must be 0 or more")
    if "position" in table.columns:
        _refuse("position", table["position"], (table["position"] < 1).to_numpy(), "counts from 1")
    if "order_id" in table.columns:
        bad = rows("purchase") & table["order_id"].isna().to_numpy()
        _refuse("order_id", table["order_id"], bad, "of a purchase is missing")
        _one_user(table[rows("purchase")], "order_id")
    _one_user(table, "session_id")
    return table.sort_values("time", kind="stable", ignore_index=True)


def _refuse(column: str, values: pd.Series, bad: Bool, why: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        fix = f"{why}: {int(bad.sum())} rows, first row {row} (from 0)"
        raise InvalidInput(f"events.{column}", values.tolist()[row], fix)


def _one_user(table: pd.DataFrame, column: str) -> None:
    """Raise unless every order or session belongs to one user at most."""
    pairs = table[[column, "user_id"]].dropna().drop_duplicates()
    shared = pairs[column].duplicated(keep=False)
    if shared.any():
        ids = pairs.loc[shared, column]
        fix = f"belongs to several users ({ids.nunique()} such): make the ids unique"
        raise InvalidInput(f"events.{column}", ids.tolist()[0], fix)
