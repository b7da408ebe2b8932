"""One's own records as facts are measured of them, and a simulated season reduced to the same form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput, in_range
from ..tables.records import EventRecords, OrderLines
from .events import OPTIONAL, REQUIRED
from .order_facts import TRADES
from .shop_data import DAY, PAGE_VIEW, ShopData, first_sessions, session_table

LINE_NAMES = {"order": "order_id", "item": "item_id", "customer": "user_id"}
ITEM_NAMES = {"description": "name", "category": "category"}
SAME_ORDERS = 0.99
"""If purchases among the events hold this share of the orders of the lines, they are the same orders."""
LEAST_SESSIONS = 100
"""From this many sessions on, the shortest of them says from which length on the record holds them."""


def record_data(lines: OrderLines | None, events: EventRecords | None) -> ShopData:
    """Order lines and events as one shop's records.

    Order lines are purchases without a visit. Where events hold the same orders, their purchases count,
    because they have a visit; where they hold others, purchases are those of the order lines and visits those
    of the events. Lines that came back are returns.

    Args:
        lines: what was sold and came back, or None.
        events: of visits, or None.

    Raises:
        InvalidInput: there is neither, or the lines have no times.
    """
    if events is None and lines is None:
        raise InvalidInput("records", None, "give order lines, events or both")
    of_events = None if events is None else events.events[_columns(events.events)]
    if lines is None:
        assert of_events is not None
        return ShopData.from_events(of_events)
    if "time" not in lines.sold:
        raise InvalidInput(
            "records", "no times", "order lines need times: nothing can be said of days or gaps"
        )
    parts = [_trades(lines.returned, "return")]
    if of_events is None:
        parts.append(_trades(lines.sold, "purchase"))
    elif _holds_orders(of_events, lines.sold):
        parts.append(of_events)
    else:
        parts += [_trades(lines.sold, "purchase"), of_events[~of_events["event"].isin(TRADES)]]
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    data = ShopData.from_events(table)
    sessions = (
        data.sessions if of_events is None else session_table(of_events.sort_values("time", kind="stable"))
    )
    return replace(data, sessions=sessions, items=_known_items(lines.sold))


def _columns(events: pd.DataFrame) -> list[str]:
    return [name for name in REQUIRED + OPTIONAL if name in events]


def _trades(lines: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Order lines as events of this kind."""
    table = lines.rename(columns=LINE_NAMES).assign(event=kind, session_id=None)
    for name in ("user_id", "item_id"):
        if name not in table:
            table[name] = None
    if "time" not in table or table["time"].isna().all():
        return table.iloc[:0]
    table = table[table["time"].notna()]
    if table["user_id"].isna().any():
        table["user_id"] = table["user_id"].where(table["user_id"].notna(), None)
    return table[_columns(table)]


def _holds_orders(events: pd.DataFrame, sold: pd.DataFrame) -> bool:
    if "order_id" not in events or "price" not in events:
        return False
    bought = events[events["event"] == "purchase"]
    orders = pd.Series(sold["order"].astype(str).unique())
    return bool(len(bought) and orders.isin(set(bought["order_id"].astype(str))).mean() >= SAME_ORDERS)


def _known_items(sold: pd.DataFrame) -> pd.DataFrame | None:
    """Name and category of each item: the first that is said of it."""
    names = [name for name in ITEM_NAMES if name in sold and sold[name].notna().any()]
    if "item" not in sold or not names:
        return None
    return sold.groupby("item")[names].first().rename(columns=ITEM_NAMES)


def split_in_time(data: ShopData, share: float) -> tuple[ShopData, ShopData]:
    """The first ``share`` of the days, and the rest, each as if the shop had been watched only then.

    A session belongs to the part in which it begins. The cut is at midnight.

    Args:
        data: records with events.
        share: of the days in the first part, above 0 and below 1; each part has a day at least.

    Raises:
        InvalidInput: the share is out of range, or there are no two days or no events in one of the parts.
    """
    in_range("share", share, 0.0, 1.0, open_low=True, open_high=True)
    events = data.required_events()
    times = events["time"]
    start, end = data.watched or (times.iloc[0] // DAY * DAY, (times.iloc[-1] // DAY + 1) * DAY)
    days = round((end - start) / DAY)
    if days < 2:
        raise InvalidInput("records", f"{days} days", "give two days or more to split them in time")
    cut = start + DAY * int(np.clip(round(share * days), 1, days - 1))
    sessions, begun = data.sessions, times
    if len(sessions):
        begins = events["session_id"].map(sessions.set_index("session_id")["start"])
        begun = times.where(begins.isna(), begins)
    parts = []
    for first, last in ((start, cut), (cut, end)):
        inside = (begun >= first) & (begun < last)
        if not inside.any():
            raise InvalidInput("share", share, "one part has no events: give a share nearer to one half")
        part = ShopData.from_events(events[inside], items=data.items, watched=(float(first), float(last)))
        if len(sessions):
            part = replace(part, sessions=_sessions_between(sessions, first, last))
        parts.append(part)
    return parts[0], parts[1]


def _sessions_between(sessions: pd.DataFrame, first: float, last: float) -> pd.DataFrame:
    """The sessions that begin in this time; a user's first one in it is that of a new visitor."""
    part = sessions[(sessions["start"] >= first) & (sessions["start"] < last)].reset_index(drop=True)
    if "new_visitor" in part:
        part["new_visitor"] = first_sessions(part)
    return part


def as_recorded(simulated: ShopData, real: ShopData) -> ShopData:
    """A simulated season reduced to what the real record holds, so that facts have one definition.

    Only the kinds of event of the record stay, with visits only if the record has them, none that are shorter
    than the shortest of the record, and hours only if the record has hours.
    """
    events = simulated.required_events()
    kinds = set(real.kinds) | ({"view"} if PAGE_VIEW in real.measurable_kinds else set())
    if "impression" not in kinds:
        kinds -= {"click"}  # each click is a view too
    events = events[events["event"].isin(kinds)]
    if events.empty:
        raise InvalidInput("season", sorted(kinds), "the simulated season has none of these events")
    visits = len(real.sessions) > 0 and "events" in real.sessions
    if not visits:
        events = events.assign(session_id=None)
    if _whole_days(real):
        trade = events["event"].isin(TRADES)
        events = events.assign(time=events["time"].where(~trade, events["time"] // DAY * DAY))
    reduced = ShopData.from_events(events, items=simulated.items, watched=simulated.watched)
    least = real.sessions["events"].min() if visits and len(real.sessions) >= LEAST_SESSIONS else 0
    return _without_short(reduced, least) if least > 1 else reduced


def _without_short(data: ShopData, least: float) -> ShopData:
    events, sessions = data.required_events(), data.sessions
    short = set(sessions.loc[sessions["events"] < least, "session_id"])
    kept = events[~events["session_id"].isin(short) | events["event"].isin(TRADES)]
    long = sessions[sessions["events"] >= least].reset_index(drop=True)
    return replace(ShopData.from_events(kept, items=data.items, watched=data.watched), sessions=long)


def _whole_days(data: ShopData) -> bool:
    """Whether orders were recorded by day only."""
    if "purchase" not in data.kinds:
        return False
    return bool((data.orders["time"] % DAY == 0).all())
