"""Write the visits of a simulated shop as an event table.

A visit starts at the time of the shop's clock. Times within the visit come from the seconds of the feedback:
reading a page is spread evenly over its slots, the page of an item takes its dwell, and everything bought is
one order at the end of the visit. Day 0 of the shop is a Monday.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.random import Generator

from ..core.batches import (
    EVENT_QUANTITY,
    EVENT_REMOVED,
    EVENT_RETURN_DELAY,
    EVENT_RETURNED,
    EVENT_REVENUE,
    EVENT_SOLD,
    Feedback,
)
from ..core.errors import InvalidInput
from ..core.types import F32, F64, I32, I64, AnyArray, Bool
from ..simulators.config import DwellConfig
from ..simulators.page.surfaces import EMAIL, PRODUCT, SEARCH
from .events import EVENTS
from .order_facts import TRADES
from .shop_data import DAY

SEASON_START = 17_532 * DAY
"""Seconds from 1970 to day 0: Monday, 1 January 2018."""
DEVICES = 2**32
"""Times the number of a device, beside the user's row: the id of a visitor."""
COLUMNS = ("user_id", "session_id", "time", "item_id", "quantity", "price", "position")


@dataclass(frozen=True, eq=False)
class ServedPage:
    """One page of each of n visits under way.

    Attributes:
        slates, feedback: of the page.
        active: (n,) the rows that asked for a page; the others mean nothing.
        first: (n,) rows whose visit began with this page.
        ended: (n,) rows whose visit ended with it.
        user, visit: (n,) who, and the number of the visit among theirs, from 1.
        time: (n,) days since the shop opened at which the visit began.
        surface, query, anchor: (n,) of the page: kind, search query (-1: none), and the item of a product
            page.
        slots: (n,) slots of the page.
        day, out_of_stock: of the shop before the page: its day, and the share of the range that could not be
            bought when that day began.
    """

    slates: I32
    feedback: Feedback
    active: Bool
    first: Bool
    ended: Bool
    user: I32
    visit: I32
    time: F64
    surface: I32
    query: I32
    anchor: I32
    slots: I32
    day: float
    out_of_stock: float


class EventRecorder:
    """Collects the events of visits, page by page.

    Args:
        n: visits at a time.
        dwell: how long the page of an item is looked at.
        again, new_device: see :class:`~.shop_events.Behaviour`.
        impressions: share of visits whose impressions and clicks are recorded.
        kinds: of event that are recorded. The others take their time too.
        rng: draws these visits, new devices, the pages opened again, and the dwell of item pages that are not
            clicks.

    Attributes:
        visits: number of visits that have begun.
    """

    def __init__(
        self,
        n: int,
        dwell: DwellConfig,
        *,
        again: float,
        impressions: float,
        rng: Generator,
        new_device: float = 0.0,
        kinds: Collection[str] = EVENTS,
    ) -> None:
        self.visits = 0
        self._recorded = frozenset(kinds)
        self._new_device = new_device
        self._devices = np.zeros(0, np.int64)  # by user, how many before this one
        self._dwell, self._again, self._impressions, self._rng = dwell, again, impressions, rng
        self._number, self._user = np.zeros((2, n), np.int64)
        self._start, self._elapsed = np.zeros((2, n))
        self._records_impressions = np.zeros(n, np.bool_)
        self._cart_lines: list[tuple[AnyArray, ...]] = []
        self._device = np.zeros(n, np.int64)
        names = (*COLUMNS, "visitor_id") if new_device else COLUMNS
        self._columns: dict[str, list[AnyArray]] = {name: [] for name in names}
        self._kinds: list[tuple[int, int]] = []  # (index in EVENTS, number of rows)

    def record(self, page: ServedPage) -> None:
        """Add the events of a page."""
        self._begin(page)
        row, slot = np.nonzero(page.feedback.clicked)
        carted = self._fill_carts(page)
        if not self._recorded <= set(TRADES):  # orders and returns have no time within a page
            self._page(page, row, slot, *carted)
        asked = np.flatnonzero(page.active)
        self._elapsed[asked] += page.feedback.seconds[asked]
        self._view_again(row, page.slates[row, slot])
        self._order(page.ended)

    def table(self) -> pd.DataFrame:
        """The event table. All purchases of a visit are one order.

        Raises:
            InvalidInput: there is no event.
        """
        if not self._kinds:
            fix = f"none of {sorted(self._recorded)} happened: give more visits or days"
            raise InvalidInput("season", f"{self.visits} visits", fix)
        table = pd.DataFrame(
            {name: np.concatenate(parts).astype(np.float64) for name, parts in self._columns.items()}
        )
        kinds, counts = np.array(self._kinds).T
        codes = np.repeat(kinds, counts).astype(np.intp)
        table["event"] = pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(EVENTS)))
        for name in ("session_id", "user_id", *(["visitor_id"] if self._new_device else [])):
            table[name] = table[name].astype("Int64")
        table["order_id"] = table["session_id"].where(table["event"].isin(("purchase", "return")))
        table.loc[table["event"] == "return", "session_id"] = pd.NA
        return table

    def _add(self, kind: str, rows: AnyArray, **columns: AnyArray) -> None:
        """Add one event per entry of ``rows``, which are rows of the visits under way."""
        if not len(rows) or kind not in self._recorded:
            return
        self._kinds.append((EVENTS.index(kind), len(rows)))
        missing = np.full(len(rows), np.nan)
        columns = {"user_id": self._user[rows], "session_id": self._number[rows]} | columns
        if self._new_device:
            columns["visitor_id"] = self._user[rows] + DEVICES * self._device[rows]
        for name in self._columns:
            self._columns[name].append(columns.get(name, missing))

    def _begin(self, page: ServedPage) -> None:
        """Reset the rows of new visits. A visit that begins on an item's page views that item."""
        begun = np.flatnonzero(page.first)
        if not len(begun):
            return
        self._number[begun] = self.visits + np.arange(len(begun))
        self.visits += len(begun)
        self._user[begun] = page.user[begun]
        if self._new_device:
            self._choose_devices(begun)
        self._start[begun] = SEASON_START + page.time[begun] * DAY
        self._elapsed[begun] = 0.0
        self._records_impressions[begun] = self._rng.random(len(begun)) < self._impressions
        landed = begun[page.surface[begun] == PRODUCT]
        self._view(landed, page.anchor[landed])
        self._view_again(landed, page.anchor[landed])

    def _choose_devices(self, begun: I64) -> None:
        """Visitors come with their last device or, with probability ``new_device``, with a new one."""
        users = self._user[begun]
        missing = int(users.max()) + 1 - len(self._devices)
        if missing > 0:
            self._devices = np.append(self._devices, np.zeros(missing, np.int64))
        np.add.at(self._devices, users, self._rng.random(len(users)) < self._new_device)
        self._device[begun] = self._devices[users]

    def _view(self, rows: AnyArray, items: AnyArray) -> None:
        """View the pages of items (l,) one after the other; ``rows`` (l,) are sorted."""
        if not len(rows):
            return
        seconds = self._dwell.median * np.exp(self._dwell.log_sd * self._rng.standard_normal(len(rows)))
        before = np.cumsum(seconds) - seconds
        before -= before[np.searchsorted(rows, rows)]
        self._add("view", rows, time=self._start[rows] + self._elapsed[rows] + before, item_id=items)
        np.add.at(self._elapsed, rows, seconds)

    def _view_again(self, rows: AnyArray, items: AnyArray) -> None:
        """View each of the item pages (l,) again a geometric number of times, after all else on the page."""
        if self._again:
            times = self._rng.geometric(1.0 - self._again, len(rows)) - 1
            self._view(np.repeat(rows, times), np.repeat(items, times))

    def _fill_carts(self, page: ServedPage) -> tuple[I64, I64, I32]:
        """Keep what was put in carts until the visit ends; its rows, slots and items, each (l,)."""
        row, slot, at = page.feedback.rows
        put = page.feedback.carted[row, slot]
        row, slot, events = row[put], slot[put], page.feedback.events[at[put]]
        sold, quantity = events[:, EVENT_SOLD].astype(np.int32), events[:, EVENT_QUANTITY]
        item = np.where(sold >= 0, sold, page.slates[row, slot])
        if not len(row):
            return row, slot, item
        price = events[:, EVENT_REVENUE] / np.maximum(quantity, 1)
        delay = np.where(events[:, EVENT_RETURNED] > 0, events[:, EVENT_RETURN_DELAY], np.nan)
        removed = events[:, EVENT_REMOVED] > 0
        self._cart_lines.append((row, item, quantity, price, removed, delay.astype(np.float32)))
        return row, slot, item

    def _page(
        self,
        page: ServedPage,
        clicked_row: I64,
        clicked_slot: I64,
        carted_row: I64,
        carted_slot: I64,
        carted_item: I32,
    ) -> None:
        """Record searches, e-mails, impressions, and the clicks and carts at these rows and slots."""
        feedback, slates, seconds = page.feedback, page.slates, page.feedback.seconds
        asked, start = np.flatnonzero(page.active), self._start + self._elapsed
        searched = np.flatnonzero(page.active & (page.surface == SEARCH) & (page.query >= 0))
        self._add("search", searched, time=start[searched])
        mail = np.flatnonzero((page.surface == EMAIL) & page.first)
        if len(mail):
            opened = mail[seconds[mail] > 0]
            clicked = mail[feedback.clicked[mail].any(axis=1)]
            for kind, rows in (("email_sent", mail), ("email_open", opened), ("email_click", clicked)):
                self._add(kind, rows, time=start[rows])

        recorded = asked[self._records_impressions[asked]]
        shown = (slates[recorded] >= 0) & (np.arange(slates.shape[1]) < page.slots[recorded, None])
        row, slot = np.nonzero(shown)
        rows = recorded[row]
        self._add("impression", rows, time=start[rows], item_id=slates[rows, slot], position=slot + 1)

        row, slot = clicked_row, clicked_slot
        dwell = feedback.dwell.astype(np.float64)
        time = start[:, None] + _offsets(dwell, seconds)
        self._add("view", row, time=time[row, slot], item_id=slates[row, slot])
        kept = self._records_impressions[row]
        row, slot = row[kept], slot[kept]
        self._add("click", row, time=time[row, slot], item_id=slates[row, slot], position=slot + 1)
        row, slot = carted_row, carted_slot
        self._add("cart", row, time=time[row, slot] + dwell[row, slot], item_id=carted_item)

    def _order(self, ended: Bool) -> None:
        """At the end of visits their cart lines are ordered or removed, and returns follow later."""
        if not ended.any() or not self._cart_lines:
            return
        lines = [np.concatenate(parts) for parts in zip(*self._cart_lines, strict=True)]
        over = ended[lines[0]]
        if not over.any():
            return
        self._cart_lines = [] if over.all() else [tuple(values[~over] for values in lines)]
        rows, item, quantity, price, removed, delay = (values[over] for values in lines)
        time = self._start[rows] + self._elapsed[rows]
        self._add("cart_remove", rows[removed], time=time[removed], item_id=item[removed])
        for kind, chosen, when in (
            ("purchase", quantity > 0, time),
            ("return", np.isfinite(delay), time + np.nan_to_num(delay) * DAY),
        ):
            columns = {"time": when, "item_id": item, "quantity": quantity, "price": price}
            self._add(kind, rows[chosen], **{name: values[chosen] for name, values in columns.items()})


def _offsets(dwell: F64, seconds: F32) -> F64:
    """(n, k) seconds into the page at which the item of each slot is opened.

    Reading goes on evenly over the slots; the pages of opened items come in between.

    Args:
        dwell: (n, k) seconds on the page of each item.
        seconds: (n,) spent on the page and on the items opened from it.
    """
    k = dwell.shape[1]
    reading = np.maximum(seconds - dwell.sum(axis=1), 0.0)
    return np.asarray(reading[:, None] * (np.arange(k) + 0.5) / k + np.cumsum(dwell, axis=1) - dwell)
