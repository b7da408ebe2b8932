"""The value of a policy in a shop, and the difference between two policies.

Two methods make the intervals narrow:

- *common random numbers*: both policies serve the same visitors, who respond to the same item with the
  same random draws, so most of the noise cancels in the difference (Glasserman & Yao 1992);
- *conditioning*: a page counts with its exact expectation given the visitor's state, not with what
  happened (Rao-Blackwell).

Where items of a page compete (``choice.competition``) there is no exact expectation of a page: what happened
counts instead, and only the pairing makes intervals narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.random import Generator, Philox

from ..core.batches import SLOT_TERMS, Requests
from ..core.errors import InvalidInput, in_range, one_of
from ..core.protocols import Policy
from ..core.statistics import mean_interval
from ..core.types import F64, I32, I64
from .page.exact_means import COMPETED
from .rollout import Episode, EpisodicShop, rollout
from .shop import Shop


@dataclass(frozen=True)
class Value:
    """A mean per visit (per life, where every row is the life of one customer) with its interval.

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
    """Value of the first policy minus that of the second.

    Attributes:
        gain: with its interval, from paired exact expectations (outcomes where items compete).
        first, second: each policy's own value.
        sessions_saved: visits that two independent trials of outcomes would need per visit of this one, for
            an interval as narrow.
        from_pairing: the same for paired trials of outcomes, without exact expectations.
        variance: of what happened in a visit, the sum of both policies': what an A/B test has to do with.
    """

    gain: Value
    first: Value
    second: Value
    sessions_saved: float
    from_pairing: float
    variance: float

    def visits_for_test(self, *, gain: float | None = None, power: float = 0.8, level: float = 0.95) -> float:
        """Visits of each policy that an A/B test would need to show the gain; infinite where there is none.

        (z of ``level`` + z of ``power``)^2 x variance / gain^2, as for two independent groups of equal size
        with a two-sided test (Cohen 1988, *Statistical Power Analysis*, sec. 2.4).

        Args:
            gain: per visit; default: the gain found. Give ``self.gain.low`` for the careful answer.
            power: probability that the test shows it.
            level: 1 - the error that the test allows.
        """
        in_range("power", power, 0.0, 1.0, open_low=True, open_high=True)
        in_range("level", level, 0.0, 1.0, open_low=True, open_high=True)
        effect = self.gain.mean if gain is None else gain
        if effect == 0.0:
            return float("inf")
        z = NormalDist().inv_cdf((1.0 + level) / 2.0) + NormalDist().inv_cdf(power)
        return float(np.ceil(z**2 * self.variance / effect**2))


@dataclass(frozen=True)
class Trial:
    """n visits under one policy: exact expectation and outcome of each, both (n,).

    Where items compete for the term, ``expected`` is the outcome too.
    """

    expected: F64
    happened: F64


def trial(shop: Shop, policy: Policy, *, visits: int, term: str, seed: int) -> Trial:
    """Let ``policy`` serve ``visits`` visits (rounded up to a multiple of n) of a newly opened ``shop``.

    Visit v of row i is the same person with the same random draws under any policy. Where every row is the
    life of one customer, a whole life counts as one visit.

    Raises:
        InvalidInput: the shop is one season, whose visits are not independent of one another.
    """
    if shop.clock == "season":
        raise InvalidInput("shop.clock", shop.clock, "a season is one trial: compare several seeds")
    one_of("term", term, SLOT_TERMS)
    if visits < 2:
        raise InvalidInput("visits", visits, "an interval needs at least 2")
    each = -(-visits // shop.lanes)
    world = EpisodicShop(shop, Episode.LIFE if shop.clock == "own" else Episode.VISIT)
    world.open(seed)
    expected, outcome = np.zeros((shop.lanes, each)), np.zeros((shop.lanes, each))

    def exact(rows: I64, _: Requests, slates: I32) -> F64:
        on_page = np.arange(slates.shape[1]) < shop.slots[:, None]
        attention = on_page if term == "stockout" else shop.attention(slates)
        means: F64 = (attention * shop.expected(slates)[term]).sum(axis=1)[rows]
        return means

    rng = Generator(Philox(key=seed))
    for step in rollout(
        world, policy, rng, episodes=each, before=exact, look_ahead=False, decide_for_all=True
    ):
        expected[step.rows, step.episode] += step.before
        outcome[step.rows, step.episode] += step.feedback.page[step.rows, SLOT_TERMS.index(term)]
    is_exact = not shop.params.competition or term not in COMPETED
    return Trial((expected if is_exact else outcome).ravel(), outcome.ravel())


def value(
    shop: Shop,
    policy: Policy,
    *,
    visits: int = 100_000,
    term: str = "margin",
    level: float = 0.95,
    seed: int = 0,
) -> Value:
    """Mean of a term of ``SLOT_TERMS`` per visit under ``policy``. Resets ``shop``."""
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
    """Value of ``first`` minus value of ``second`` under common random numbers. Resets ``shop`` twice."""
    in_range("level", level, 0.5, 1.0)
    a, b = (trial(shop, policy, visits=visits, term=term, seed=seed) for policy in (first, second))
    independent = float(a.happened.var(ddof=1) + b.happened.var(ddof=1))
    paired = float((a.happened - b.happened).var(ddof=1))
    exact = float((a.expected - b.expected).var(ddof=1))
    return Comparison(
        gain=_value(a.expected - b.expected, level),
        first=_value(a.expected, level),
        second=_value(b.expected, level),
        sessions_saved=independent / exact if exact else float("inf"),
        from_pairing=independent / paired if paired else float("inf"),
        variance=independent,
    )


def _value(values: F64, level: float) -> Value:
    return Value(*mean_interval(values, level), level, len(values))
