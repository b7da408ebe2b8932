"""Loaders of public data sets, as event tables. Rows that cannot be used are counted by reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..core.types import Bool
from ..tables import Dialect, read_table
from ..tables.nested import json_records
from ..tables.records import split_visits
from .own_records import split_in_time
from .shop_data import ShopData

CHINA = 8 * 3600
"""Seconds that Chinese time is ahead of UTC."""


@dataclass(frozen=True, eq=False)
class PublicDataset:
    """A public data set in the layout of the event table.

    Attributes:
        data: the rows that can be used.
        rows: number of rows of the file.
        dropped: number of rows left out, by reason.
    """

    data: ShopData
    rows: int
    dropped: dict[str, int]


class _RowFilter:
    """Drops rows and counts each under the first reason that applies."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table, self.rows = table, len(table)
        self.dropped: dict[str, int] = {}

    def drop(self, bad: pd.Series | Bool, reason: str) -> None:
        wrong = np.asarray(bad, np.bool_)
        if wrong.any():
            self.dropped[reason] = int(wrong.sum())
            self.table = self.table[~wrong]

    def dataset(self, events: pd.DataFrame, items: pd.DataFrame | None = None) -> PublicDataset:
        if events.empty:
            fix = f"none of {self.rows} rows can be used: see the reasons"
            raise InvalidInput("source", self.dropped, fix)
        return PublicDataset(ShopData.from_events(events, items=items), self.rows, self.dropped)


def _require_columns(table: pd.DataFrame, path: Path, *names: str) -> None:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InvalidInput(path.name, list(table.columns)[:20], f"the columns {missing} are missing")


def _seconds(time: pd.Series) -> pd.Series:
    """Seconds since 1970 of times without a zone."""
    return (time - pd.Timestamp(0)) / pd.Timedelta(seconds=1)


def _events(table: pd.DataFrame, **columns: object) -> pd.DataFrame:
    unknown = dict.fromkeys(("user_id", "session_id", "item_id"), pd.NA)
    return pd.DataFrame(unknown | columns, index=table.index)


def online_retail(path: Path, *, products_only: bool = True) -> PublicDataset:
    """UCI Online Retail (Chen, Sain & Guo 2012), a Parquet file: a British gift shop's order lines, 2010-11.

    An invoice is an order. Lines of invoices that start with C are returns. Unknown customers and all visits
    are missing.

    Args:
        path: columns InvoiceNo, StockCode, Quantity, InvoiceDate, UnitPrice, CustomerID.
        products_only: leave out postage, fees and vouchers: stock codes that do not start with 5 digits.
    """
    raw = read_table(path, path.name)
    names = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")
    _require_columns(raw, path, *names)
    rows = _RowFilter(raw)
    if products_only:
        rows.drop(~raw["StockCode"].str.match(r"\d{5}"), "not a product")
    rows.drop(~(rows.table["UnitPrice"] > 0), "price is 0 or less")
    back = rows.table["InvoiceNo"].str.startswith("C")
    rows.drop((rows.table["Quantity"] > 0) == back, "quantity has the wrong sign")
    t = rows.table
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
    items = None
    if "Description" in t.columns:
        items = t.groupby("StockCode")[["Description"]].first().rename(columns={"Description": "name"})
    return rows.dataset(events, items)


def cdnow(path: Path) -> PublicDataset:
    """CDNOW (Fader & Hardie 2001), a text file: orders of a cohort of customers of 1997, to June 1998.

    Columns customer, yyyymmdd, CDs, dollars. There are no order numbers and no times of day, so all rows of a
    customer on one day are one order. Items were not recorded; the price is the mean per CD.
    """
    raw = read_table(path, path.name, dialect=Dialect(separator=r"\s+"), text=["date"])
    if raw.shape[1] != 4:
        fix = "4 columns: customer, date, number of CDs, dollars"
        raise InvalidInput(str(path.name), list(raw.columns), fix)
    raw.columns = pd.Index(["user_id", "date", "quantity", "value"])
    rows = _RowFilter(raw)
    raw["time"] = pd.to_datetime(raw["date"], format="%Y%m%d", errors="coerce")
    rows.drop(raw["time"].isna(), "date is not yyyymmdd")
    rows.drop(~(rows.table["quantity"] > 0), "no CDs")
    days = rows.table.groupby(["user_id", "time"], as_index=False)[["quantity", "value"]].sum()
    events = _events(
        days,
        user_id=days["user_id"],
        time=_seconds(days["time"]),
        event="purchase",
        quantity=days["quantity"],
        price=days["value"] / days["quantity"],
        order_id=days.index,
    )
    return rows.dataset(events)


def complete_journey(path: Path) -> PublicDataset:
    """Complete Journey (dunnhumby), transactions as a Parquet file: a year of 2,469 households' groceries.

    A basket is an order. Prices are what was paid per unit, after loyalty discounts. Lines with a sales value
    but no quantity (weighed or keyed in) count as one unit. Lines that cost nothing stay, at price 0.
    """
    raw = read_table(path, path.name)
    names = ("household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp")
    _require_columns(raw, path, *names)
    rows = _RowFilter(raw)
    rows.drop(raw["quantity"] < 0, "quantity is below 0")
    rows.drop(rows.table["sales_value"] < 0, "value is below 0")
    t = rows.table
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
    return rows.dataset(events)


def yoochoose(path: Path) -> PublicDataset:
    """YooChoose clicks (RecSys challenge 2015), tab-separated SessionId, ItemId, Time (s), UTC.

    The prepared samples hold only sessions of 2 clicks or more, so facts of all sessions cannot be measured.
    Users are not known.
    """
    raw = read_table(path, path.name, dialect=Dialect(separator="\t"))
    _require_columns(raw, path, "SessionId", "ItemId", "Time")
    rows = _RowFilter(raw)
    rows.drop(raw[["SessionId", "ItemId", "Time"]].isna().any(axis=1), "a value is missing")
    t = rows.table
    clicks = _events(t, session_id=t["SessionId"], time=t["Time"], event="click", item_id=t["ItemId"])
    return rows.dataset(clicks)


def otto(path: Path) -> PublicDataset:
    """OTTO (2022), JSON lines: ``{"session": 0, "events": [{"aid": 1, "ts": 2, "type": ""}]}``.

    A session of OTTO is all that a visitor did in weeks, so it is our user. Visits are split at pauses of 30
    minutes. Clicks open item pages. Orders have no number, units or price; ts is in ms, UTC.
    """
    kinds = {"clicks": "click", "carts": "cart", "orders": "purchase"}
    events: list[tuple[Any, Any, float, str]] = []
    broken = 0
    for visit in json_records(path)[0]:
        try:
            events += [(visit["session"], e["aid"], e["ts"] / 1000.0, e["type"]) for e in visit["events"]]
        except (KeyError, TypeError):
            broken += 1
    raw = pd.DataFrame(events, columns=["user_id", "item_id", "time", "event"])
    rows = _RowFilter(raw)
    rows.drop(~raw["event"].isin(list(kinds)), "type is not clicks, carts or orders")
    if broken:
        rows.dropped["line is not a session"] = broken
        rows.rows += broken
    t = rows.table.assign(event=rows.table["event"].map(kinds))
    return rows.dataset(_events(t, **with_visits(t)))


def taobao(path: Path) -> PublicDataset:
    """Taobao UserBehavior (Zhu et al. 2018): user, item, category, behaviour (pv, fav, cart, buy), unix time.

    The file has no header. Visits are split at pauses of 30 minutes. Times become Chinese time. Purchases
    have no order number, units or price.
    """
    names = ["user_id", "item_id", "category", "event", "time"]
    raw = read_table(path, path.name, names=names)
    kinds = {"pv": "view", "fav": "favourite", "cart": "cart", "buy": "purchase"}
    rows = _RowFilter(raw)
    rows.drop(~raw["event"].isin(list(kinds)), "behaviour is not pv, fav, cart or buy")
    t = rows.table
    rows.drop(pd.to_numeric(t["time"], errors="coerce").isna(), "time is not a number")
    t = rows.table
    t = t.assign(event=t["event"].map(kinds), time=pd.to_numeric(t["time"]) + CHINA)
    return rows.dataset(_events(t, **with_visits(t)))


def with_visits(table: pd.DataFrame) -> dict[str, object]:
    """The columns of an event table whose visits are split at pauses of half an hour."""
    names = ("user_id", "time", "event", "item_id")
    columns: dict[str, object] = {name: table[name] for name in names}
    return columns | {"session_id": split_visits(table)}


def open_bandit(path: Path) -> PublicDataset:
    """Open Bandit data (Saito et al. 2021), one log as CSV: single impressions at positions, clicked or not.

    Neither users nor visits are known.
    """
    raw = read_table(path, path.name)
    _require_columns(raw, path, "timestamp", "item_id", "position", "click")
    rows = _RowFilter(raw)
    rows.drop(~raw["click"].isin((0, 1)), "click is not 0 or 1")
    t = rows.table
    time = pd.to_datetime(t["timestamp"], utc=True, format="ISO8601").dt.tz_localize(None)
    shown = _events(t, time=_seconds(time), event="impression", item_id=t["item_id"], position=t["position"])
    clicked = shown[t["click"].to_numpy() == 1].assign(event="click")
    return rows.dataset(pd.concat([shown, clicked], ignore_index=True))


def eshop_clicks(path: Path) -> PublicDataset:
    """E-shop clothing (Lapczynski & Bialowas 2013), CSV with ``location`` of the photo clicked, 1 to 6.

    The file has no session, date or item: time is the row number, and only the positions have a meaning.
    """
    raw = read_table(path, path.name)
    _require_columns(raw, path, "location", "colour", "price")
    rows = _RowFilter(raw)
    rows.drop(~raw["location"].between(1, 6), "location is not 1 to 6")
    t = rows.table
    time = t.index * 1.0
    return rows.dataset(_events(t, time=time, event="click", item_id="not known", position=t["location"]))


def eshop_sessions(path: Path) -> PublicDataset:
    """E-shop clothing, one row per session: ``Session_Length``, its clicks."""
    raw = read_table(path, path.name, dialect=Dialect(encoding="latin-1"))
    _require_columns(raw, path, "Session_Length")
    rows = _RowFilter(raw)
    rows.drop(~(pd.to_numeric(raw["Session_Length"], errors="coerce") > 0), "no clicks")
    clicks = rows.table["Session_Length"].astype("float64").reset_index(drop=True)
    sessions = pd.DataFrame({"session_id": clicks.index, "clicks": clicks})
    return PublicDataset(ShopData(None, sessions), rows.rows, rows.dropped)


def online_shoppers(path: Path) -> PublicDataset:
    """Online Shoppers Purchasing Intention (Sakar et al. 2018), CSV: one row per session, no events.

    Clicks are product pages; ``dwell_mean`` is their mean duration (missing where it is 0 or not recorded).
    Every session is of another user. A sixth of them buys, more than in any shop, because of the way in which
    the data were collected.
    """
    raw = read_table(path, path.name)
    pages = ["Administrative", "Informational", "ProductRelated"]
    seconds = [f"{name}_Duration" for name in pages]
    _require_columns(raw, path, *pages, *seconds, "VisitorType", "Weekend", "Revenue")
    rows = _RowFilter(raw)
    rows.drop(raw[pages + seconds].isna().any(axis=1), "a count or duration is missing")
    t = rows.table.reset_index(drop=True)
    durations = t[seconds].where(t[seconds] >= 0)
    dwell = durations["ProductRelated_Duration"] / t["ProductRelated"]
    sessions = pd.DataFrame(
        {
            "session_id": t.index,
            "events": t[pages].sum(axis=1),
            "clicks": t["ProductRelated"],
            "duration": durations.sum(axis=1, skipna=False),
            "dwell_mean": dwell.where((t["ProductRelated"] > 0) & (dwell > 0)),
            "weekend": t["Weekend"].astype(float),
            "converted": t["Revenue"].astype(float),
            "new_visitor": (t["VisitorType"] == "New_Visitor").astype(float),
        }
    )
    return PublicDataset(ShopData(None, sessions), rows.rows, rows.dropped)


HELD_OUT = 0.3
"""Share of the days at the end of a record of orders that no parameter is fitted to."""
TAOBAO_LATER = pd.Timestamp("2017-12-01")
"""From this day on, Taobao's record is held out: its last three days of nine."""


def later_orders(load: Callable[[Path], PublicDataset]) -> Callable[[Path], PublicDataset]:
    """The last 30% of the days of a record, as if the shop had been watched only then."""

    def loader(path: Path) -> PublicDataset:
        whole = load(path)
        return replace(whole, data=split_in_time(whole.data, 1.0 - HELD_OUT)[1])

    loader.__doc__ = f"{(load.__doc__ or '').splitlines()[0]} The last 30% of the days."
    return loader


def taobao_later(path: Path) -> PublicDataset:
    """Taobao UserBehavior from 1 December 2017 on."""
    whole = taobao(path)
    events = whole.data.required_events()
    later = events[events["time"] >= TAOBAO_LATER.timestamp()]
    return replace(whole, data=ShopData.from_events(later))


SOURCES: dict[str, Callable[[Path], PublicDataset]] = {
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
    "online_retail_later": later_orders(online_retail),
    "complete_journey_later": later_orders(complete_journey),
    "yoochoose_later": yoochoose,
    "taobao_later": taobao_later,
}
"""Loaders by name of the data set. YooChoose has its later sessions in a file of their own."""
