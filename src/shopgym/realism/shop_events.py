"""A season of a simulated shop, written down as real shops write theirs: one event table.

A visit's time within the day comes from the shop's clock, the time within the visit from what the shop says
of seconds: reading a page is spread evenly over its slots, the page of an item lasts its dwell, and whatever
is bought is one order at the end of the visit. Day 0 of the shop is a Monday.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.random import Generator

from ..core.batches import EMPTY, Feedback, Requests
from ..core.errors import InvalidInput, in_range
from ..core.types import F64, I32, I64, AnyArray, Bool
from ..simulators import Catalog, Shop, ShopConfig
from ..simulators.catalog.catalog import OBSERVED
from ..simulators.page.surfaces import EMAIL, PRODUCT, SEARCH
from .events import EVENTS
from .shop_data import DAY, ShopData

OPENING = 17_532 * DAY
"""Seconds of day 0: Monday, 1 January 2018."""
LEAST_LANES, MOST_LANES = 192, 4096
"""With fewer a season takes long; with more the clock runs far ahead of long visits."""


@dataclass(frozen=True)
class Behaviour:
    """What the shop shows: a plain rule, so that the records tell of shoppers and not of a clever shop.

    Of the candidates in stock the k with the highest score are shown, where the score is
    ``popularity`` x log popularity (standardised) + ``relevance`` x likeness to what was last looked at +
    ``noise`` x a Gumbel variable. When all of a page has been looked at, every item opened from it is opened
    once more with probability ``again``, and again with the same probability (reloads, the way back): that
    costs time and changes nothing else.
    """

    popularity: float = 1.0
    relevance: float = 2.0
    noise: float = 1.0
    again: float = 0.3

    def __post_init__(self) -> None:
        for name in ("popularity", "relevance", "noise"):
            in_range(f"behaviour.{name}", getattr(self, name), 0.0, 100.0)
        in_range("behaviour.again", self.again, 0.0, 1.0, open_high=True)

    def slates(
        self, requests: Requests, catalog: Catalog, size: int, rng: Generator, active: Bool | None = None
    ) -> I32:
        """(n, size) item rows for the requests; where fewer are in stock, the last slots are empty.

        ``active`` (n,) bool says which requests count; the slates of the others are empty.
        """
        slates = np.full((len(requests.candidates), size), EMPTY, np.int32)
        asked = np.flatnonzero(np.ones(len(slates), np.bool_) if active is None else active)
        rows, in_stock = requests.candidates[asked], requests.in_stock[asked]
        features = catalog.items.features[rows]
        score = self.popularity * features[:, :, -1].astype(np.float64)
        wanted = requests.context[asked, :OBSERVED, None]
        score += self.relevance * (features[:, :, :OBSERVED] @ wanted)[:, :, 0]
        score -= self.noise * np.log(rng.standard_exponential(score.shape))
        score[~in_stock] = -np.inf
        best = np.argsort(-score, axis=1, kind="stable")[:, :size]
        here = np.arange(len(rows))[:, None]
        slates[asked] = np.where(in_stock[here, best], rows[here, best], EMPTY)
        return slates


@dataclass(frozen=True, eq=False)
class Season:
    """What a season leaves.

    Attributes:
        data: the event table and its sessions.
        days: its length.
        visits, pages: how many there were; visits without any action are not in the event table.
        out_of_stock: mean share of the range that could not be bought, over the days.
        returning: share of visits by people who have been there before.
    """

    data: ShopData
    days: float
    visits: int
    pages: int
    out_of_stock: float
    returning: float


class _Notes:
    """Columns of events, gathered in pieces and joined once."""

    def __init__(self) -> None:
        self.pieces: dict[str, list[AnyArray]] = {}
        self.kinds: list[tuple[int, int]] = []  # number of the kind, how many

    def add(self, kind: str, count: int, **columns: AnyArray) -> None:
        if not count:
            return
        self.kinds.append((EVENTS.index(kind), count))
        missing = np.broadcast_to(np.nan, count)
        for name in ("user_id", "session_id", "time", "item_id", "quantity", "price", "position"):
            self.pieces.setdefault(name, []).append(columns.get(name, missing))

    def table(self) -> pd.DataFrame:
        if not self.kinds:
            raise InvalidInput("season", 0, "nobody came: give more sessions or days")
        columns = {name: np.concatenate(pieces).astype(np.float64) for name, pieces in self.pieces.items()}
        kinds, counts = np.array(self.kinds).T
        codes = np.repeat(kinds, counts)
        table = pd.DataFrame(columns)
        table["event"] = pd.Categorical.from_codes(
            codes.astype(np.intp), dtype=pd.CategoricalDtype(list(EVENTS))
        )
        table["session_id"] = table["session_id"].astype("Int64")
        table["user_id"] = table["user_id"].astype("Int64")
        # one order per visit
        traded = table["event"].isin(("purchase", "return"))
        table["order_id"] = table["session_id"].where(traded)
        table.loc[table["event"] == "return", "session_id"] = pd.NA
        return table


@dataclass
class _Visit:
    """What is remembered of the visits under way, one lane each."""

    number: I64
    elapsed: F64
    noted: Bool  # whether impressions are kept
    cart: list[list[AnyArray]] = field(default_factory=list)


def simulate_season(
    catalog: Catalog,
    config: ShopConfig,
    *,
    days: float,
    seed: int,
    behaviour: Behaviour | None = None,
    impressions: float = 0.1,
    lanes: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Season:
    """Open the shop for a season and write down what happens.

    Args:
        catalog, config: the shop; dwell must be on, or all of a page happens at once.
        days: length; the shop's own visitors come as ``config.arrivals`` says.
        seed: of the shop and of what it shows.
        behaviour: what is shown.
        impressions: share of visits of which impressions and clicks with their positions are kept; of all
            visits the views, carts, removals, purchases, returns, searches and e-mails are.
        lanes: visits at a time; more is faster and blurs the order of visits within a day.
        progress: called now and then with the day reached.
    """
    if not config.dwell.enabled:
        raise InvalidInput("shop.dwell.enabled", False, "switch it on: events need a time within the visit")
    in_range("impressions", impressions, 0.0, 1.0)
    behaviour = behaviour or Behaviour()
    n = lanes or _lanes(config)
    shop = Shop(catalog, config, lanes=n, seed=seed, clock="season", days=days)
    # what is shown, and what is only written down: the one has no part in the other
    rng, pen = (np.random.default_rng([seed, part]) for part in range(2))
    notes, k = _Notes(), config.slate_size
    visit = _Visit(np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.bool_))
    count = pages = back = 0
    out: dict[int, float] = {}
    bought: list[tuple[AnyArray, ...]] = []
    while True:
        free = shop.visits.over.copy()
        shop.start_visits()
        begun = np.flatnonzero(free & ~shop.visits.over)
        if len(begun):
            visit.number[begun] = count + np.arange(len(begun))
            count += len(begun)
            back += int((shop.visits.visit[begun] > 1).sum())
            visit.elapsed[begun] = 0.0
            visit.noted[begun] = pen.random(len(begun)) < impressions
            _land(shop, visit, begun, notes, behaviour.again, pen)
        active = ~shop.visits.over
        if not active.any():
            break
        requests = shop.requests(active)
        slates = behaviour.slates(requests, catalog, k, rng, active)
        surface, query = shop.visits.surface.copy(), shop.visits.query.copy()
        first = shop.visits.page == 0
        feedback, left, cut = shop.serve(slates)
        _note_page(
            notes, visit, requests, slates, feedback, active, surface, query, shop.slots, first, bought
        )
        opened, slot = np.nonzero(feedback.clicked)
        _open_again(shop, visit, opened, slates[opened, slot], notes, behaviour.again, pen)
        pages += int(np.count_nonzero(active))
        ended = left | cut
        _note_orders(notes, visit, shop, np.flatnonzero(ended), bought)
        shop.end_visits(ended)
        if int(shop.day) not in out:
            out[int(shop.day)] = 1.0 - float(shop.today.available[0].mean())
            if progress is not None:
                progress(shop.day)
    table = notes.table()
    end = OPENING + days * DAY
    data = ShopData.from_events(table[table["time"] < end])
    return Season(data, days, count, pages, float(np.mean(list(out.values()))), back / max(count, 1))


def _lanes(config: ShopConfig) -> int:
    """As many as there are visits in six hours, within limits."""
    return int(np.clip(config.visits_per_day / 4, LEAST_LANES, MOST_LANES))


def _land(shop: Shop, visit: _Visit, begun: AnyArray, notes: _Notes, again: float, rng: Generator) -> None:
    """Who comes from a search engine or an advert lands on an item's page and looks at it."""
    on = begun[shop.visits.surface[begun] == PRODUCT]
    _look(shop, visit, on, shop.visits.anchor[on], notes, rng)
    _open_again(shop, visit, on, shop.visits.anchor[on], notes, again, rng)


def _open_again(
    shop: Shop, visit: _Visit, lanes: AnyArray, items: AnyArray, notes: _Notes, again: float, rng: Generator
) -> None:
    """Pages of items, (l,) of lanes in order, that are opened once more, after all of the page."""
    if again:
        times = rng.geometric(1.0 - again, len(lanes)) - 1
        _look(shop, visit, np.repeat(lanes, times), np.repeat(items, times), notes, rng)


def _look(shop: Shop, visit: _Visit, lanes: AnyArray, items: AnyArray, notes: _Notes, rng: Generator) -> None:
    """Pages of items, (l,) of lanes in order, are looked at one after the other."""
    dwell = shop.config.dwell
    seconds = dwell.median * np.exp(dwell.log_sd * rng.standard_normal(len(lanes)))
    before = np.cumsum(seconds) - seconds
    before -= before[np.searchsorted(lanes, lanes)]
    notes.add(
        "view",
        len(lanes),
        user_id=shop.visits.user[lanes],
        session_id=visit.number[lanes],
        time=OPENING + shop.visits.time[lanes] * DAY + visit.elapsed[lanes] + before,
        item_id=items,
    )
    np.add.at(visit.elapsed, lanes, seconds)


def _note_page(
    notes: _Notes,
    visit: _Visit,
    requests: Requests,
    slates: I32,
    feedback: Feedback,
    active: Bool,
    surface: I32,
    query: I32,
    slots: I32,
    first: Bool,
    bought: list[tuple[AnyArray, ...]],
) -> None:
    k, asked, start = slates.shape[1], np.flatnonzero(active), np.zeros(len(active))
    start[asked] = OPENING + requests.time[asked] * DAY + visit.elapsed[asked]

    def who(lanes: AnyArray) -> dict[str, AnyArray]:
        return {"user_id": requests.user_id[lanes], "session_id": visit.number[lanes]}

    searched = np.flatnonzero(active & (surface == SEARCH) & (query >= 0))
    notes.add("search", len(searched), time=start[searched], **who(searched))
    mail = np.flatnonzero(active & (surface == EMAIL) & first)
    if len(mail):
        opened = mail[feedback.seconds[mail] > 0]
        clicked = mail[feedback.clicked[mail].any(axis=1)]
        for kind, lanes in (("email_sent", mail), ("email_open", opened), ("email_click", clicked)):
            notes.add(kind, len(lanes), time=start[lanes], **who(lanes))
    kept = asked[visit.noted[asked]]
    row, slot = np.nonzero((slates[kept] >= 0) & (np.arange(k) < slots[kept, None]))
    lanes = kept[row]
    notes.add(
        "impression",
        len(lanes),
        time=start[lanes],
        item_id=slates[lanes, slot],
        position=slot + 1,
        **who(lanes),
    )

    # reading goes on evenly over the slots; the pages of items come in between
    dwell = feedback.dwell[asked].astype(np.float64)
    reading = np.maximum(feedback.seconds[asked] - dwell.sum(axis=1), 0.0)
    at = reading[:, None] * (np.arange(k) + 0.5) / k + np.cumsum(dwell, axis=1) - dwell
    row, slot = np.nonzero(feedback.clicked[asked])
    if len(row):
        lanes = asked[row]
        time, item = start[lanes] + at[row, slot], slates[lanes, slot]
        notes.add("view", len(lanes), time=time, item_id=item, **who(lanes))
        noted = visit.noted[lanes]
        notes.add(
            "click",
            int(noted.sum()),
            time=time[noted],
            item_id=item[noted],
            position=slot[noted] + 1,
            **who(lanes[noted]),
        )
    row, slot = np.nonzero(feedback.carted[asked])
    if len(row):
        lanes = asked[row]
        after = start[lanes] + at[row, slot] + dwell[row, slot]
        sold = feedback.sold[lanes, slot]
        held = np.where(sold >= 0, sold, slates[lanes, slot])
        notes.add("cart", len(lanes), time=after, item_id=held, **who(lanes))
        gone = feedback.removed[lanes, slot]
        quantity = feedback.quantity[lanes, slot]
        bought.append(
            (
                lanes,
                visit.number[lanes],
                held,
                quantity,
                feedback.revenue[lanes, slot] / np.maximum(quantity, 1),
                gone,
                np.where(feedback.returned[lanes, slot], feedback.return_delay[lanes, slot], np.nan),
            )
        )
    visit.elapsed[asked] += feedback.seconds[asked]


def _note_orders(
    notes: _Notes, visit: _Visit, shop: Shop, ended: AnyArray, bought: list[tuple[AnyArray, ...]]
) -> None:
    """What was in the carts of the visits that have ended is ordered or taken out, at their end."""
    if not len(ended) or not bought:
        return
    joined = [np.concatenate(part) for part in zip(*bought, strict=True)]
    over = np.zeros(shop.lanes, np.bool_)
    over[ended] = True
    now = over[joined[0]]
    bought[:] = [tuple(part[~now] for part in joined)] if not now.all() else []
    lanes, number, item, quantity, price, gone, delay = (part[now] for part in joined)
    if not len(lanes):
        return
    time = OPENING + shop.visits.time[lanes] * DAY + visit.elapsed[lanes]
    user = shop.visits.user[lanes]
    for kind, rows, when in (
        ("cart_remove", gone, time),
        ("purchase", quantity > 0, time),
        ("return", np.isfinite(delay), time + np.nan_to_num(delay) * DAY),
    ):
        columns = {"user_id": user, "session_id": number, "time": when, "item_id": item}
        if kind != "cart_remove":
            columns |= {"quantity": quantity, "price": price}
        notes.add(kind, int(rows.sum()), **{name: values[rows] for name, values in columns.items()})


def last_days(data: ShopData, days: float) -> ShopData:
    """The records of the last ``days`` days only, as a shop that was watched from then on."""
    if data.events is None:
        raise InvalidInput("events", None, "these records have sessions only")
    end = float(data.events["time"].iloc[-1])
    return replace(ShopData.from_events(data.events[data.events["time"] >= end - days * DAY]))
