"""How a visit begins and ends, in plain Python: this part of the model in :mod:`..page.reference`.

Equations and names are explained there. ``tests/simulators/test_page_reference.py`` holds the kernels equal
to it.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np

from ...core import statistics
from ...core.batches import EMPTY
from ...core.types import F32
from ..engine import hash_rng as kinds
from ..engine.hash_rng import below, key, normal, unit
from ..params import ShopParams
from .satisfaction import HABIT_RATE
from .visits import NO_QUERY, Visits

HOME, SEARCH = 0, 3
"""Numbers of the homepage and of the page of a search among the surfaces."""
Visit = SimpleNamespace
"""One visit: a row of :class:`~shopgym.simulators.people.visits.Visits`, by the same names."""


def copy_visit(visits: Visits, i: int) -> Visit:
    """Row ``i`` of ``visits``, by the same names: Python numbers and copies of vectors."""
    row = {name: getattr(visits, name)[i] for name in Visits._fields}
    return SimpleNamespace(**{name: v.copy() if v.ndim else v.item() for name, v in row.items()})


def child(parent: np.uint64, field: int | np.uint64) -> np.uint64:
    """The key of ``field`` under the key ``parent``."""
    return np.uint64(key(np.uint64(parent), np.uint64(field)))


def uniform(parent: np.uint64, kind: np.uint64) -> float:
    """The number in [0, 1) that belongs to ``kind`` under the key ``parent``."""
    return float(unit(child(parent, kind)))


def sigmoid(x: float) -> float:
    return float(statistics.sigmoid(x))


def start_visit(params: ShopParams, visit: Visit) -> None:
    """Begin the visit whose ``key`` and person (``user``, ``taste``, ``seen`` ...) are set."""
    visit.visit += 1
    visit.mobile = uniform(visit.key, kinds.DRAW_MOBILE) < params.mobile_share
    visit.purpose = uniform(visit.key, kinds.DRAW_MISSION) < float(params.mission[visit.user])
    size_noise = params.mission_spread * normal(child(visit.key, kinds.DRAW_MISSION_SIZE))
    visit.size = float(np.float32(float(params.size[visit.user]) + size_noise)) if visit.purpose else 0.0
    visit.channel = 0
    if params.surfaces_on:  # channels are cumulative shares
        visit.channel = int((uniform(visit.key, kinds.DRAW_CHANNEL) >= params.channels[:-1]).sum())
    visit.surface, visit.query = int(params.entries[visit.channel]), NO_QUERY
    coin, word = child(visit.key, kinds.DRAW_ENTRY), child(visit.key, kinds.DRAW_ENTRY_ITEM)
    visit.anchor = wanted_item(params, visit, unit(coin), word)
    to_home = params.surfaces_on and visit.surface == HOME
    if to_home and uniform(visit.key, kinds.DRAW_SEARCH_FIRST) < params.search_first:
        visit.surface, visit.query = SEARCH, int(params.category[visit.anchor])
    visit.intent = params.embedding[visit.anchor].copy()
    visit.pull = pull_of(params, visit)
    visit.page = visit.clicks = visit.bought = visit.fresh = 0
    visit.joy = visit.weight = visit.mood = 0.0
    visit.over = False


def wanted_item(params: ShopParams, visit: Visit, coin: float, word: np.uint64) -> int:
    """Half the time a neighbour of one of the user's favourites, else an item by popularity."""
    if coin >= 0.5:  # alias method (Walker 1977)
        item = below(word, len(params.alias_share))
        stays = uniform(word, kinds.DRAW_ALIAS) < params.alias_share[item]
        return int(item if stays else params.alias_item[item])
    favourite = int(params.favourites[visit.user, below(word, params.favourites.shape[1])])
    width = params.neighbours.shape[1]
    return (
        int(params.neighbours[favourite, below(child(word, kinds.DRAW_COIN), width)]) if width else favourite
    )


def pull_of(params: ShopParams, visit: Visit) -> F32:
    """(d,) q."""
    taste_weight, intent_weight = np.float32(params.taste_weight), np.float32(params.intent_weight)
    pull: F32 = taste_weight * visit.taste + intent_weight * visit.intent
    return pull - np.float32(params.boredom) * visit.seen


def towards(vector: F32, goal: F32, share: float) -> F32:
    return vector + np.float32(share) * (goal - vector)


def remember_purchase(visit: Visit, item: int) -> None:
    """``item`` becomes the first of the items bought last. Nobody remembers it twice."""
    before = visit.purchases.tolist()
    visit.fresh = min(visit.fresh + (item not in before[: visit.fresh]), len(before))
    others = [other for other in before if other != item]
    visit.purchases = np.array([item, *others, EMPTY][: len(before)], np.int32)


def end_visit(params: ShopParams, visit: Visit) -> bool:
    """Settle satisfaction and habit and draw ``gap``, the days to the next visit.

    Returns:
        Whether the person remains a customer.
    """
    worth = visit.joy / visit.weight if visit.weight > 0.0 else 0.0
    bought = float(visit.bought > 0)
    experience = params.worth_weight * worth + params.purchase_bonus * bought + visit.mood
    visit.satisfaction += (1.0 - params.inertia) * (math.tanh(experience) - visit.satisfaction)
    visit.habit += HABIT_RATE * (bought - visit.habit)
    faster = params.rate_effect * visit.satisfaction + params.habit_effect * visit.habit
    rate = float(params.rate[visit.user]) * math.exp(faster)
    visit.gap = -math.log1p(-uniform(visit.key, kinds.DRAW_GAP)) / rate
    visit.seen = np.float32(math.exp(-visit.gap / params.boredom_days)) * visit.seen
    if visit.visit <= 1:  # BG/NBD counts drop-outs from the first return on
        return True
    p = float(params.dropout[visit.user])
    logit = math.log(p / (1.0 - p)) - params.churn_effect * visit.satisfaction
    return uniform(visit.key, kinds.DRAW_DROPOUT) >= sigmoid(logit)
