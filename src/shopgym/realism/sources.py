"""Public data sets in the layout of the event table; what cannot be used is counted, by reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..core.types import Bool
from .shop_data import ShopData

CHINA = 8 * 3600
"""Seconds that Chinese time is ahead of UTC."""
VISIT_GAP = 1800.0
"""Seconds without an action after which a new visit begins, where the source knows of no visits."""


@dataclass(frozen=True, eq=False)
class Source:
    """A data set.

    Attributes:
        data: what could be used.
        rows: rows read.
        bad: rows left out, by reason.
    """

    data: ShopData
    rows: int
    bad: dict[str, int]


class _Sieve:
    """Leaves rows out, counting each under the first reason that applies."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table, self.rows = table, len(table)
        self.bad: dict[str, int] = {}

    def drop(self, bad: pd.Series | Bool, why: str) -> None:
        wrong = np.asarray(bad, np.bool_)
        if wrong.any():
            self.bad[why] = int(wrong.sum())
            self.table = self.table[~wrong]

    def source(self, events: pd.DataFrame) -> Source:
        if events.empty:
            raise InvalidInput("source", self.bad, f"none of {self.rows} rows can be used: see the reasons")
        return Source(ShopData.from_events(events), self.rows, self.bad)


def _columns(table: pd.DataFrame, path: Path, *wanted: str) -> None:
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise InvalidInput(str(path.name), list(table.columns)[:20], f"the columns {missing} are missing")


def _seconds(time: pd.Series) -> pd.Series:
    """Seconds since 1970 of times without a zone."""
    return (time - pd.Timestamp(0)) / pd.Timedelta(seconds=1)


def _events(table: pd.DataFrame, **columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {"user_id": pd.NA, "session_id": pd.NA, "item_id": pd.NA} | columns, index=table.index
    )


def online_retail(path: Path, *, products_only: bool = True) -> Source:
    """UCI Online Retail (Chen, Sain & Guo 2012), a Parquet file: a British gift shop's order lines, 2010-11.

    An invoice is an order; lines of invoices that start with C are returns. A customer who is not known is
    missing, as are visits.

    Args:
        path: columns InvoiceNo, StockCode, Quantity, InvoiceDate, UnitPrice, CustomerID.
        products_only: leave out postage, fees and vouchers: stock codes that do not start with 5 digits.
    """
    raw = pd.read_parquet(path)
    _columns(raw, path, "InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")
    sieve = _Sieve(raw)
    if products_only:
        sieve.drop(~raw["StockCode"].str.match(r"\d{5}"), "not a product")
    sieve.drop(~(sieve.table["UnitPrice"] > 0), "price is 0 or less")
    back = sieve.table["InvoiceNo"].str.startswith("C")
    sieve.drop((sieve.table["Quantity"] > 0) == back, "quantity has the wrong sign")
    t = sieve.table
    events = _events(
        t,
        user_id=t["CustomerID"].astype("Int64"),
        time=_seconds(pd.to_datetime(t["InvoiceDate"])),
        event=np.where(t["InvoiceNo"].str.startswith("C"), "return", "purchase"),
        item_id=t["StockCode"],
        quantity=t["Quantity"].abs(),
        price=t["UnitPrice"],
        order_id=t["InvoiceNo"],
    )
    return sieve.source(events)


def cdnow(path: Path) -> Source:
    """CDNOW (Fader & Hardie 2001), a text file: orders of a cohort of customers of 1997, to June 1998.

    Columns customer, yyyymmdd, CDs, dollars. There are neither order numbers nor times of day, so the rows of
    a customer's day are one order; items were not recorded, and the price is that of the mean CD.
    """
    raw = pd.read_csv(path, sep=r"\s+", dtype={"date": str})
    if raw.shape[1] != 4:
        raise InvalidInput(
            str(path.name), list(raw.columns), "4 columns: customer, date, number of CDs, dollars"
        )
    raw.columns = pd.Index(["user_id", "date", "quantity", "value"])
    sieve = _Sieve(raw)
    raw["time"] = pd.to_datetime(raw["date"], format="%Y%m%d", errors="coerce")
    sieve.drop(raw["time"].isna(), "date is not yyyymmdd")
    sieve.drop(~(sieve.table["quantity"] > 0), "no CDs")
    days = sieve.table.groupby(["user_id", "time"], as_index=False)[["quantity", "value"]].sum()
    events = _events(
        days,
        user_id=days["user_id"],
        time=_seconds(days["time"]),
        event="purchase",
        quantity=days["quantity"],
        price=days["value"] / days["quantity"],
        order_id=days.index,
    )
    return sieve.source(events)


def complete_journey(path: Path) -> Source:
    """Complete Journey (dunnhumby), transactions as a Parquet file: a year of 2,469 households' groceries.

    A basket is an order. Prices are what was paid per unit, loyalty discounts taken off. Lines with a sales
    value but no quantity (weighed or keyed in) count as one unit; those that cost nothing stay, at price 0.
    """
    raw = pd.read_parquet(path)
    names = ("household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp")
    _columns(raw, path, *names)
    sieve = _Sieve(raw)
    sieve.drop(raw["quantity"] < 0, "quantity is below 0")
    sieve.drop(sieve.table["sales_value"] < 0, "value is below 0")
    t = sieve.table
    quantity = t["quantity"].clip(lower=1)
    events = _events(
        t,
        user_id=t["household_id"],
        time=_seconds(t["transaction_timestamp"]),
        event="purchase",
        item_id=t["product_id"],
        quantity=quantity,
        price=t["sales_value"] / quantity,
        order_id=t["basket_id"],
    )
    return sieve.source(events)


def yoochoose(path: Path) -> Source:
    """YooChoose clicks (RecSys challenge 2015), tab-separated SessionId, ItemId, Time (s), UTC.

    The prepared samples hold sessions of 2 clicks or more; facts of all sessions do not speak of the
    shop. Users are not known.
    """
    raw = pd.read_csv(path, sep="\t")
    _columns(raw, path, "SessionId", "ItemId", "Time")
    sieve = _Sieve(raw)
    sieve.drop(raw[["SessionId", "ItemId", "Time"]].isna().any(axis=1), "a value is missing")
    t = sieve.table
    return sieve.source(
        _events(t, session_id=t["SessionId"], time=t["Time"], event="click", item_id=t["ItemId"])
    )


def otto(path: Path) -> Source:
    """OTTO (2022), JSON lines: ``{"session": 0, "events": [{"aid": 1, "ts": 2, "type": ""}]}``.

    What OTTO calls a session is all that a visitor did in weeks, hence our user; visits are split at pauses
    of 30 minutes. Clicks open item pages. Orders come without number, units or price; ts is in ms, UTC.
    """
    kinds = {"clicks": "click", "carts": "cart", "orders": "purchase"}
    users, items, times, types = [], [], [], []
    broken = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            visit = json.loads(line)
            found = [(visit["session"], e["aid"], e["ts"] / 1000.0, e["type"]) for e in visit["events"]]
        except (json.JSONDecodeError, KeyError, TypeError):
            broken += 1
            continue
        for user, item, time, kind in found:
            users.append(user)
            items.append(item)
            times.append(time)
            types.append(kind)
    raw = pd.DataFrame({"user_id": users, "item_id": items, "time": times, "event": types})
    sieve = _Sieve(raw)
    sieve.drop(~raw["event"].isin(list(kinds)), "type is not clicks, carts or orders")
    if broken:
        sieve.bad["line is not a session"] = broken
        sieve.rows += broken
    t = sieve.table.assign(event=sieve.table["event"].map(kinds))
    return sieve.source(_events(t, **with_visits(t)))


def taobao(path: Path) -> Source:
    """Taobao UserBehavior (Zhu et al. 2018): user, item, category, behaviour (pv, fav, cart, buy), unix time.

    No header. Visits are split at pauses of 30 minutes; times become Chinese time. Purchases come without
    order number, units or price.
    """
    names = ["user_id", "item_id", "category", "event", "time"]
    raw = pd.read_csv(path, header=None, names=names)
    kinds = {"pv": "view", "fav": "favourite", "cart": "cart", "buy": "purchase"}
    sieve = _Sieve(raw)
    sieve.drop(~raw["event"].isin(list(kinds)), "behaviour is not pv, fav, cart or buy")
    t = sieve.table
    sieve.drop(pd.to_numeric(t["time"], errors="coerce").isna(), "time is not a number")
    t = sieve.table
    t = t.assign(event=t["event"].map(kinds), time=pd.to_numeric(t["time"]) + CHINA)
    return sieve.source(_events(t, **with_visits(t)))


def with_visits(table: pd.DataFrame) -> dict[str, object]:
    """The columns of events with visits split at pauses longer than ``VISIT_GAP``."""
    t = table.sort_values(["user_id", "time"], kind="stable")
    pause = t["time"].diff()
    starts = (t["user_id"] != t["user_id"].shift()) | (pause > VISIT_GAP)
    names = ("user_id", "time", "event", "item_id")
    columns: dict[str, object] = {name: table[name] for name in names}
    return columns | {"session_id": starts.cumsum().reindex(table.index)}


def open_bandit(path: Path) -> Source:
    """Open Bandit data (Saito et al. 2021), one log as CSV: single impressions at positions, clicked or not.

    Neither users nor visits are known.
    """
    raw = pd.read_csv(path)
    _columns(raw, path, "timestamp", "item_id", "position", "click")
    sieve = _Sieve(raw)
    sieve.drop(~raw["click"].isin((0, 1)), "click is not 0 or 1")
    t = sieve.table
    time = pd.to_datetime(t["timestamp"], utc=True, format="ISO8601").dt.tz_localize(None)
    shown = _events(t, time=_seconds(time), event="impression", item_id=t["item_id"], position=t["position"])
    clicked = shown[t["click"].to_numpy() == 1].assign(event="click")
    return sieve.source(pd.concat([shown, clicked], ignore_index=True))


def eshop_clicks(path: Path) -> Source:
    """E-shop clothing (Lapczynski & Bialowas 2013), CSV with ``location`` of the photo clicked, 1 to 6.

    The copy at hand has neither session, date nor item: time is the row number, and nothing but its
    positions means anything.
    """
    raw = pd.read_csv(path)
    _columns(raw, path, "location", "colour", "price")
    sieve = _Sieve(raw)
    sieve.drop(~raw["location"].between(1, 6), "location is not 1 to 6")
    t = sieve.table
    return sieve.source(
        _events(t, time=t.index * 1.0, event="click", item_id="not known", position=t["location"])
    )


def eshop_sessions(path: Path) -> Source:
    """E-shop clothing, one row per session: ``Session_Length``, its clicks."""
    raw = pd.read_csv(path, encoding="latin-1")
    _columns(raw, path, "Session_Length")
    sieve = _Sieve(raw)
    sieve.drop(~(pd.to_numeric(raw["Session_Length"], errors="coerce") > 0), "no clicks")
    clicks = sieve.table["Session_Length"].astype("float64").reset_index(drop=True)
    sessions = pd.DataFrame({"session_id": clicks.index, "clicks": clicks})
    return Source(ShopData(None, sessions), sieve.rows, sieve.bad)


def online_shoppers(path: Path) -> Source:
    """Online Shoppers Purchasing Intention (Sakar et al. 2018), CSV: one row per session, no events.

    Clicks are product pages, ``dwell_mean`` their mean duration (missing where it is 0 or not recorded).
    Every session is of a user of its own; a sixth buys, more than in any shop, by the way it was collected.
    """
    raw = pd.read_csv(path)
    pages = ["Administrative", "Informational", "ProductRelated"]
    seconds = [f"{name}_Duration" for name in pages]
    _columns(raw, path, *pages, *seconds, "VisitorType", "Weekend", "Revenue")
    sieve = _Sieve(raw)
    sieve.drop(raw[pages + seconds].isna().any(axis=1), "a count or duration is missing")
    t = sieve.table.reset_index(drop=True)
    known = t[seconds].where(t[seconds] >= 0)
    dwell = known["ProductRelated_Duration"] / t["ProductRelated"]
    sessions = pd.DataFrame(
        {
            "session_id": t.index,
            "events": t[pages].sum(axis=1),
            "clicks": t["ProductRelated"],
            "duration": known.sum(axis=1, skipna=False),
            "dwell_mean": dwell.where((t["ProductRelated"] > 0) & (dwell > 0)),
            "weekend": t["Weekend"].astype(float),
            "converted": t["Revenue"].astype(float),
            "new_visitor": (t["VisitorType"] == "New_Visitor").astype(float),
        }
    )
    return Source(ShopData(None, sessions), sieve.rows, sieve.bad)


SOURCES: dict[str, Callable[[Path], Source]] = {
    "online_retail": online_retail,
    "cdnow": cdnow,
    "complete_journey": complete_journey,
    "yoochoose": yoochoose,
    "otto": otto,
    "taobao": taobao,
    "open_bandit": open_bandit,
    "eshop_clicks": eshop_clicks,
    "eshop_sessions": eshop_sessions,
    "online_shoppers": online_shoppers,
}
"""Loaders by name."""
