"""Facts of sequences: how often the next item is among the 20 that a simple recommender names.

The recommenders learn from the first 80% of the sessions (or orders) in time and are judged on the others, so
nothing is judged on what it was learnt from. Popularity names the items that were opened most. The Markov
chain names those that were opened most often right after the last one. Item-KNN names those that share most
sessions with the last one (cosine; Sarwar et al. 2001). Where a list is shorter than 20, popular items fill
it. Only the last ``MOST_VISITS`` sessions or ``MOST_ORDERS`` orders count, because recall grows with the
number of examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..core.types import F64, I64, Bool
from .registry import fact
from .resampling import ClusterBootstrap, Measurement, units
from .shop_data import PAGE_VIEW, ShopData

K = 20
TRAIN_SHARE = 0.8
MOST_VISITS, MOST_ORDERS = 20_000, 10_000
LEAST_TESTS = 200
MOST_ITEMS = 50
"""Item-KNN counts pairs among at most this many different items of a session or order."""


@dataclass(frozen=True, eq=False)
class Steps:
    """Rows of sessions in order: each item and the one before it.

    Attributes:
        session, item: (n,) codes from 0; a session's rows follow one another.
        unit: (n,) who drew it, for the bootstrap.
        train: (n,) the rows to learn from.
        later: (n,) rows that have a row before them in their session.
    """

    session: I64
    item: I64
    unit: I64
    train: Bool
    later: Bool


def _steps(table: pd.DataFrame, most: int) -> Steps:
    """From session_id, user_id, time, item_id, in the order of the steps; of the last ``most`` sessions."""
    table = table.reset_index(drop=True)
    start = table.groupby("session_id", sort=False)["time"].transform("min")
    sessions = start.groupby(table["session_id"], sort=False).first().sort_values(kind="stable")
    if len(sessions) > most:
        kept = table["session_id"].isin(sessions.index[-most:])
        table, start, sessions = table[kept].reset_index(drop=True), start[kept], sessions.iloc[-most:]
    cut = float(sessions.iloc[int(TRAIN_SHARE * len(sessions))])
    session = pd.factorize(table["session_id"])[0].astype(np.int64)
    later = np.r_[False, session[1:] == session[:-1]]
    steps = Steps(
        session,
        pd.factorize(table["item_id"])[0].astype(np.int64),
        units(table["user_id"], table["session_id"]),
        np.asarray(start < cut),
        later,
    )
    tests = int((steps.later & ~steps.train).sum())
    if tests < LEAST_TESTS or not (steps.later & steps.train).any():
        raise InvalidInput("steps", tests, f"give {LEAST_TESTS} steps or more in the last fifth of the time")
    return steps


_VISITS: tuple[WeakKeyDictionary[ShopData, Steps], ...] = (WeakKeyDictionary(), WeakKeyDictionary())
_BASKETS: WeakKeyDictionary[ShopData, Steps] = WeakKeyDictionary()


def visit_steps(data: ShopData, *, repeats: bool) -> Steps:
    """The item pages opened in sessions; without ``repeats``, no item right after itself."""
    kept = _VISITS[repeats]
    if data not in kept:
        views = data.actions[data.actions["event"] == data.page_view_kind]
        if not repeats:
            before = views[["session_id", "item_id"]].shift()
            same = (views[["session_id", "item_id"]] == before).all(axis=1)
            views = views[~same]
        kept[data] = _steps(views[["session_id", "user_id", "time", "item_id"]], MOST_VISITS)
    return kept[data]


def basket_steps(data: ShopData) -> Steps:
    """The different items of each order, in a random order that does not depend on the bootstrap."""
    if data not in _BASKETS:
        lines = data.select("purchase").dropna(subset="item_id")
        lines = lines.drop_duplicates(["order_id", "item_id"])
        shuffled = lines.iloc[np.random.default_rng(0).permutation(len(lines))]
        shuffled = shuffled.assign(session_id=shuffled["order_id"]).sort_values("order_id", kind="stable")
        _BASKETS[data] = _steps(shuffled[["session_id", "user_id", "time", "item_id"]], MOST_ORDERS)
    return _BASKETS[data]


def recall(steps: Steps, recommender: str, boot: ClusterBootstrap) -> Measurement:
    """Share of the test steps whose item is among the 20 that the recommender names."""
    counts = np.bincount(steps.item[steps.train], minlength=int(steps.item.max()) + 1)
    rank = np.empty(len(counts), np.int64)  # by popularity, from 0
    rank[np.lexsort((np.arange(len(counts)), -counts))] = np.arange(len(counts))
    test = np.flatnonzero(steps.later & ~steps.train)
    last, item = steps.item[test - 1], steps.item[test]
    if recommender == "popularity":
        hit = rank[item] < K
    else:
        pairs = _markov(steps) if recommender == "markov" else _knn(steps)
        hit = _among_listed(last, item, _strongest(pairs, rank), rank)
    return boot.mean(hit, pd.factorize(steps.unit[test])[0].astype(np.int64))


Pairs = tuple[I64, I64, F64]
"""Items, the items that they recommend, and how strongly."""


def _markov(steps: Steps) -> Pairs:
    row = np.flatnonzero(steps.later & steps.train)
    pair, count = np.unique(np.stack([steps.item[row - 1], steps.item[row]]), axis=1, return_counts=True)
    return pair[0], pair[1], count.astype(np.float64)


def _knn(steps: Steps) -> Pairs:
    from scipy import sparse

    rows = pd.DataFrame({"session": steps.session, "item": steps.item})[steps.train].drop_duplicates()
    rows = rows[rows.groupby("session").cumcount() < MOST_ITEMS]
    shape = (int(steps.session.max()) + 1, int(steps.item.max()) + 1)
    opened = sparse.csr_matrix((np.ones(len(rows)), (rows["session"], rows["item"])), shape)
    together = sparse.coo_matrix(opened.T @ opened)
    norm = np.sqrt(np.asarray(opened.sum(axis=0)).ravel())
    a, b = (np.asarray(side, np.int64) for side in (together.row, together.col))
    other = a != b
    return a[other], b[other], together.data[other] / (norm[a] * norm[b])[other]


def _strongest(pairs: Pairs, rank: I64) -> Pairs:
    """The ``K`` strongest pairs of each item, strongest first; ties go to the more popular item."""
    a, b, strength = pairs
    order = np.lexsort((rank[b], -np.round(strength, 12), a))
    a, b, strength = a[order], b[order], strength[order]
    place = np.arange(len(a)) - np.searchsorted(a, a)
    return a[place < K], b[place < K], strength[place < K]


def _among_listed(last: I64, item: I64, listed: Pairs, rank: I64) -> Bool:
    """(t,) whether the item is on the list of the last one, or among the popular items that fill it."""
    a, b, _ = listed
    n = len(rank)
    hit = np.isin(last * n + item, a * n + b)
    begin, end = np.searchsorted(a, last), np.searchsorted(a, last, side="right")
    open_places = K - (end - begin)
    for row in np.flatnonzero(~hit & (rank[item] < K) & (open_places > 0)):
        ahead = (rank[b[begin[row] : end[row]]] < rank[item[row]]).sum()
        hit[row] = rank[item[row]] - ahead < open_places[row]
    return np.asarray(hit, np.bool_)


WORDS = {"popularity": "popularity", "markov": "a Markov chain", "knn": "item-KNN"}


def _register_visits(recommender: str, repeats: bool) -> None:
    def measure(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        return recall(visit_steps(data, repeats=repeats), recommender, boot)

    without = "" if repeats else " No item counts right after itself."
    measure.__doc__ = (
        f"Share of the item pages opened after another in a session that {WORDS[recommender]} names among 20 "
        f"items; learnt from the first 80% of sessions, judged on the others.{without}"
    )
    name = f"next_item_recall20_{recommender}" + ("" if repeats else "_no_repeat")
    fact(name, "share", "sequence", events=(PAGE_VIEW,), columns=("session_id",))(measure)


def _register_baskets(recommender: str) -> None:
    def measure(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        return recall(basket_steps(data), recommender, boot)

    measure.__doc__ = (
        f"Share of the items of orders that {WORDS[recommender]} names among 20 from another item of the "
        "order, drawn at random; learnt from the first 80% of orders, judged on the others."
    )
    columns = ("order_id", "item_id")
    fact(f"basket_recall20_{recommender}", "share", "sequence", events=("purchase",), columns=columns)(
        measure
    )


for _recommender in WORDS:
    for _repeats in (True, False):
        _register_visits(_recommender, _repeats)
for _recommender in ("popularity", "knn"):
    _register_baskets(_recommender)
