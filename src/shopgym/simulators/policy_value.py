"""What a policy is worth in a shop, and two policies on the same luck.

Two devices make a small trial tell as much as a large one:

- *common random numbers*: both policies meet the same visitors, who meet the same item with the same
  luck, so most of the noise cancels in the difference (Glasserman & Yao 1992);
- *conditioning*: a page counts with its exact expectation given the visitor's state rather than with
  what happened (Rao-Blackwell).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator, Philox

from ..core.batches import SLOT_TERMS
from ..core.errors import InvalidInput, in_range, one_of
from ..core.protocols import Policy
from ..core.types import F64

if TYPE_CHECKING:
    from .shop import Shop


@dataclass(frozen=True)
class Value:
    """A mean per visit (per life, where every lane is one) with its interval.

    Attributes:
        mean, low, high: in units of the term (e.g. currency for ``margin``) per visit.
        level: coverage of the interval.
        visits: n.
    """

    mean: float
    low: float
    high: float
    level: float
    visits: int


@dataclass(frozen=True)
class Comparison:
    """Value of the first policy less that of the second.

    Attributes:
        gain: with its interval, from paired exact expectations.
        first, second: each policy's own value.
        sessions_saved: visits that two separate trials judged by what happened would need, per visit of
            this one, for an interval as narrow.
        from_pairing: the part of it that pairing alone gives, judged by what happened.
    """

    gain: Value
    first: Value
    second: Value
    sessions_saved: float
    from_pairing: float


@dataclass(frozen=True)
class Trial:
    """n visits under one policy: exact expectation and outcome of each, both (n,)."""

    expected: F64
    happened: F64


def trial(shop: Shop, policy: Policy, *, visits: int, term: str, seed: int) -> Trial:
    """Let ``policy`` serve ``visits`` visits (rounded up to whole lanes) of a newly opened ``shop``.

    Visit v of lane i is the same person with the same luck under any policy. Where every lane is the life of
    one customer, a whole life counts as one visit does elsewhere.

    Raises:
        InvalidInput: the shop is one season, whose visits are not independent of one another.
    """
    if shop.clock == "season":
        raise InvalidInput("shop.clock", shop.clock, "a season is one trial: compare several seeds")
    one_of("term", term, SLOT_TERMS)
    if visits < 2:
        raise InvalidInput("visits", visits, "an interval needs at least 2")
    each = -(-visits // shop.lanes)
    rng = Generator(Philox(key=seed))
    shop.reset(seed)
    lane = np.arange(shop.lanes)
    expected, happened = np.zeros((shop.lanes, each)), np.zeros((shop.lanes, each))
    while True:
        count = shop.visits.lives if shop.clock == "own" else shop.visits.number
        waiting = shop.visits.over & (count + 1 < each)
        shop.start_visits(waiting)
        active = ~shop.visits.over
        if not active.any():
            return Trial(expected.ravel(), happened.ravel())
        number = count.copy()
        decisions = policy.decide(shop.requests(), rng)
        slates = np.where(active[:, None], decisions.slates, -1).astype(np.int32)
        means = shop.expected(slates)[term]
        on_page = np.arange(slates.shape[1]) < shop.slots[:, None]
        attention = on_page if term == "stockout" else shop.attention(slates)
        feedback, left, cut = shop.serve(slates, active)
        np.add.at(expected, (lane[active], number[active]), (attention * means).sum(axis=1)[active])
        what = feedback.page[:, SLOT_TERMS.index(term)]
        np.add.at(happened, (lane[active], number[active]), what[active])
        if shop.clock == "own":
            shop.end_visits(left | cut)


def value(
    shop: Shop,
    policy: Policy,
    *,
    visits: int = 100_000,
    term: str = "margin",
    level: float = 0.95,
    seed: int = 0,
) -> Value:
    """Mean of a term of ``SLOT_TERMS`` per visit under ``policy``; opens ``shop`` anew."""
    in_range("level", level, 0.5, 1.0)
    return _value(trial(shop, policy, visits=visits, term=term, seed=seed).expected, level)


def compare(
    shop: Shop,
    first: Policy,
    second: Policy,
    *,
    visits: int = 100_000,
    term: str = "margin",
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """How much more ``first`` is worth than ``second``, on the same luck; opens ``shop`` anew twice."""
    in_range("level", level, 0.5, 1.0)
    a, b = (trial(shop, policy, visits=visits, term=term, seed=seed) for policy in (first, second))
    apart = float(a.happened.var(ddof=1) + b.happened.var(ddof=1))
    paired = float((a.happened - b.happened).var(ddof=1))
    exact = float((a.expected - b.expected).var(ddof=1))
    return Comparison(
        gain=_value(a.expected - b.expected, level),
        first=_value(a.expected, level),
        second=_value(b.expected, level),
        sessions_saved=apart / exact if exact else float("inf"),
        from_pairing=apart / paired if paired else float("inf"),
    )


def _value(values: F64, level: float) -> Value:
    mean = float(values.mean())
    half = NormalDist().inv_cdf((1 + level) / 2) * float(values.std(ddof=1)) / len(values) ** 0.5
    return Value(mean, mean - half, mean + half, level, len(values))
