"""Fit the parameters of a profile to its facts: ``python -m shopgym.realism.fit gift``.

This is the simulated method of moments (McFadden 1989) with the search of :mod:`.secant_search`. The moments
are the facts of the profile's fitting half and its effect sizes; the judging half is never read. The miss of
a fact is its distance from the middle of its interval, in half widths.

Two limits apply. A half width counts as at least ``LEAST_HALF_WIDTH`` of the middle, because facts of huge
records would decide alone otherwise. A miss counts as at most about ``LARGEST_MISS``, so that a fact out of
reach does not draw the others away. All seasons have the same seed.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..core.statistics import sigmoid
from ..core.types import F64
from ..simulators.profiles import profiles
from .applicability import FIT, applicable_facts, why_not_applicable
from .calibration.moments import FreeParameter
from .effect_sizes import PUBLISHED, measure_effect_sizes
from .report import measured_facts, recorded_impressions
from .secant_search import advance, begin
from .shop_events import Behaviour, simulate_season

LEAST_HALF_WIDTH, LARGEST_MISS = 0.07, 4.0
SCALES: Mapping[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "plain": (float, float),
    "log": (math.log, math.exp),
    "logit": (lambda share: math.log(share / (1.0 - share)), lambda x: float(sigmoid(x))),
}
"""By name of the scale: from a value to the scale, and back."""


@dataclass(frozen=True)
class ScaledParameter:
    """A parameter to fit, and the scale on which it is searched.

    Attributes:
        name: dotted, as in the profile's table.
        scale: ``plain``, ``log`` or ``logit`` (of a share).
        step: on that scale; differences are taken over it, and steps of the search are hardly longer.
    """

    name: str
    scale: str
    step: float

    def free(self, value: float) -> FreeParameter:
        """The parameter on its scale, free to move by ten steps."""
        start = SCALES[self.scale][0](value)
        return FreeParameter(self.name, start, start - 10 * self.step, start + 10 * self.step, self.step)

    def value(self, scaled: float) -> float:
        """The value, from its place on the scale."""
        return SCALES[self.scale][1](scaled)


OF_VISITS = (
    ScaledParameter("choice.click_base", "plain", 0.2),
    ScaledParameter("choice.leave_base", "plain", 0.2),
    ScaledParameter("choice.engagement", "plain", 0.2),
    ScaledParameter("choice.mission_stay", "plain", 0.2),
    ScaledParameter("choice.mission_share", "logit", 0.3),
    ScaledParameter("choice.buy_base", "plain", 0.15),
    ScaledParameter("surfaces.search_first", "logit", 0.3),
    ScaledParameter("surfaces.search_mission", "logit", 0.4),
    ScaledParameter("people.retention.passing_missions", "logit", 0.4),
    ScaledParameter("behaviour.new_device", "logit", 0.3),
    ScaledParameter("choice.price_sensitivity", "log", 0.1),
)
"""These move the facts of visits and of who converts."""
OF_TIMES = (
    ScaledParameter("behaviour.again", "logit", 0.2),
    ScaledParameter("dwell.median", "log", 0.1),
    ScaledParameter("dwell.log_sd", "log", 0.05),
)
"""These move the facts of times between page views, where a record has them."""
OF_CUSTOMERS = (
    ScaledParameter("people.retention.alpha", "log", 0.15),
    ScaledParameter("people.retention.passing", "logit", 0.2),
    ScaledParameter("scale.established", "log", 0.15),
)
"""These move the facts of customers, where most visitors pass by."""
OF_ORDERS = (
    ScaledParameter("choice.mission_spread", "log", 0.15),
    ScaledParameter("choice.mission_units", "log", 0.15),
    ScaledParameter("choice.bulk_sd", "log", 0.1),
    ScaledParameter("behaviour.popularity", "log", 0.1),
)
"""These move the facts of orders, where missions differ in size."""
PARAMETERS: Mapping[str, tuple[ScaledParameter, ...]] = {
    "gift": (
        *OF_VISITS,
        *OF_TIMES,
        *OF_CUSTOMERS,
        *OF_ORDERS,
        ScaledParameter("people.retention.r", "log", 0.12),
        ScaledParameter("choice.order_sd", "log", 0.2),
        ScaledParameter("catalog.units_scale", "log", 0.1),
        ScaledParameter("dwell.reading", "log", 0.2),
        ScaledParameter("behaviour.relevance", "log", 0.2),
        ScaledParameter("returns.rate", "log", 0.2),
        ScaledParameter("returns.spread", "log", 0.1),
    ),
    "fashion": (
        *OF_VISITS,
        *OF_TIMES,
        ScaledParameter("choice.cart_base", "plain", 0.15),
        ScaledParameter("scale.per_day", "log", 0.15),
        ScaledParameter("people.retention.passing", "logit", 0.2),
    ),
    "grocery": (
        *OF_VISITS,
        *OF_CUSTOMERS,
        *OF_ORDERS,
        ScaledParameter("choice.size_alike", "logit", 0.3),
        ScaledParameter("choice.fatigue", "log", 0.3),
        ScaledParameter("catalog.units_mean", "log", 0.05),
        ScaledParameter("catalog.price_median", "log", 0.05),
        ScaledParameter("catalog.price_log_sd", "log", 0.05),
        ScaledParameter("catalog.tail", "log", 0.1),
        ScaledParameter("catalog.zipf_exponent", "log", 0.05),
    ),
}
"""The fitted parameters, by profile."""


def evaluate(
    profile: str, changes: Mapping[str, Any], *, visits: float | None = None, seed: int = 0
) -> pd.DataFrame:
    """name, value, low, high of every fact and effect size that applies to the profile, with ``changes``."""
    config = profiles.profile(profile, visits=visits, changes=changes)
    catalog = profiles.profile_catalog(profile, changes=changes)
    behaviour = Behaviour(**profiles.values(profile, profiles.BEHAVIOUR, changes))
    days = profiles.size(profile, changes).days
    season = simulate_season(
        catalog, config, days=days, seed=seed, behaviour=behaviour, impressions=recorded_impressions(profile)
    )
    facts = measured_facts(profile, season, seed=seed, resamples=0, half=FIT)
    effects = measure_effect_sizes(
        profile, catalog, config, season, seed=seed, behaviour=behaviour, resamples=0
    )
    table = pd.concat([facts, effects[effects["why"] == ""]], ignore_index=True)
    table = table[["name", "value", "real_low", "real_high"]]
    return table.set_axis(["name", "value", "low", "high"], axis=1)


def count_facts(profile: str) -> int:
    """How many facts and effect sizes apply to the profile."""
    effects = {published.fact for published in PUBLISHED.values()}
    facts = sum(fact.name not in effects for fact in applicable_facts(profile, FIT))
    return facts + sum(not why_not_applicable(name, profile) for name in effects)


def misses(table: pd.DataFrame) -> F64:
    """(m,) misses of a table of :func:`evaluate`; NaN for what could not be measured."""
    low, high, value = (table[name].to_numpy(np.float64) for name in ("low", "high", "value"))
    middle = (low + high) / 2
    half = np.maximum((high - low) / 2, LEAST_HALF_WIDTH * np.abs(middle))
    miss: F64 = LARGEST_MISS * np.tanh((value - middle) / half / LARGEST_MISS)
    return miss


@dataclass(frozen=True)
class ProfileFit:
    """What a search found.

    Attributes:
        values: of the free parameters, by name.
        initial_loss, loss: sum of squared misses of the large seasons.
        facts: the table of :func:`evaluate` at ``values``, with a column ``miss``.
        unidentified: names of the parameters on which no fact depends.
    """

    values: Mapping[str, float]
    initial_loss: float
    loss: float
    facts: pd.DataFrame
    unidentified: tuple[str, ...]


def fit(
    profile: str,
    *,
    visits: float | None = None,
    slope_visits: float | None = None,
    seed: int = 0,
    rounds: int = 6,
    parameters: tuple[ScaledParameter, ...] | None = None,
    changes: Mapping[str, Any] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> ProfileFit:
    """Fit a profile's parameters, starting from their present values.

    Args:
        profile: ``gift``, ``fashion`` or ``grocery``.
        visits: of the seasons that judge a move; None: as many as the profile has.
        slope_visits: of the seasons from whose differences the slopes are taken; None: as ``visits``.
        seed: of every season.
        rounds: moves; each takes one season of ``visits``.
        parameters: to fit; None: ``PARAMETERS`` of the profile.
        changes: numbers to put in place of the profile's before the search, by dotted name.
        progress: called after every season with its size (``small`` or ``large``) and loss.
    """
    chosen = PARAMETERS[profile] if parameters is None else parameters
    table = profiles.values(profile, "", changes)
    tables: dict[bytes, pd.DataFrame] = {}

    def misses_of(x: F64, size: str, count: float | None) -> F64:
        values = {p.name: p.value(float(v)) for p, v in zip(chosen, x, strict=True)}
        facts = evaluate(profile, {**(changes or {}), **values}, visits=count, seed=seed)
        if size == "large":
            tables[x.tobytes()] = facts
        miss = np.nan_to_num(misses(facts), nan=LARGEST_MISS)
        if progress is not None:
            progress(size, float(miss @ miss))
        return miss

    free = tuple(p.free(table[p.name]) for p in chosen)
    large = partial(misses_of, size="large", count=visits)
    small = partial(misses_of, size="small", count=slope_visits or visits)
    state = first = begin(free, large, small)
    for _ in range(rounds):
        state = advance(state, free, large)
    return ProfileFit(
        {p.name: p.value(float(v)) for p, v in zip(chosen, state.x, strict=True)},
        first.loss,
        state.loss,
        tables[state.x.tobytes()].assign(miss=state.misses),
        state.unidentified(free),
    )


def main() -> None:
    """Print the fitted values beside the profile's."""
    parser = argparse.ArgumentParser(description=fit.__doc__)
    parser.add_argument("profile", choices=list(PARAMETERS))
    parser.add_argument("--visits", type=float)
    parser.add_argument("--slope-visits", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    found = fit(
        options.profile,
        visits=options.visits,
        slope_visits=options.slope_visits,
        seed=options.seed,
        rounds=options.rounds,
        progress=partial(print, "season, loss:", flush=True),
    )
    print(
        f"loss {found.initial_loss:.1f} -> {found.loss:.1f}; "
        f"not identified: {', '.join(found.unidentified) or 'none'}"
    )
    print(found.facts.to_string())
    for name, value in found.values.items():
        print(f"{name}: {profiles.values(options.profile, '')[name]:g} -> {value:.4g}")


if __name__ == "__main__":
    main()
