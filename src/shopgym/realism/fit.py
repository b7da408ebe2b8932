"""Fit the parameters of a profile to its facts: ``python -m shopgym.realism.fit gift``.

This is the simulated method of moments (:mod:`.calibration.moments`). The moments are the facts and effect
sizes that apply to the profile. The miss of a fact is its distance from the middle of its interval, in half
widths.

Two limits apply. A half width counts as at least ``LEAST_HALF_WIDTH`` of the middle, because facts of huge
records would decide alone otherwise. A miss counts as at most about ``LARGEST_MISS``, so that a fact out of
reach does not draw the others away. All seasons have the same seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..core.types import F64
from ..simulators.profiles import profiles
from .applicability import FIT, applicable_facts, why_not_applicable
from .calibration.moments import Fit, simulated_moments
from .calibration.scales import ScaledParameter
from .effect_sizes import PUBLISHED, measure_effect_sizes
from .report import measured_facts, recorded_impressions
from .shop_events import Behaviour, simulate_season

LEAST_HALF_WIDTH, LARGEST_MISS = 0.07, 4.0


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
    ScaledParameter("behaviour.new_device", "logit", 0.3),
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


def fit(
    profile: str,
    *,
    visits: float | None = None,
    slope_visits: float | None = None,
    seed: int = 0,
    rounds: int = 6,
    parameters: tuple[ScaledParameter, ...] | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> tuple[dict[str, float], Fit]:
    """Fit a profile's parameters, starting from their present values.

    Args:
        profile: ``gift``, ``fashion`` or ``grocery``.
        visits: of the seasons that judge a step; None: as many as the profile has.
        slope_visits: of the seasons from whose differences the first slopes are taken, in which what the size
            of a season alone does to a fact cancels; None: as ``visits``.
        seed: of every season.
        rounds: steps that are accepted. Each takes one season or up to four.
        parameters: to fit; None: ``PARAMETERS`` of the profile.
        progress: called after every season with its number and loss.

    Returns:
        (the fitted values by name, the search).
    """
    chosen = PARAMETERS[profile] if parameters is None else parameters
    table = profiles.values(profile, "")

    def simulate(scaled: Mapping[str, float], visits: float | None) -> F64:
        changes = {p.name: p.value(scaled[p.name]) for p in chosen}
        return misses(evaluate(profile, changes, visits=visits, seed=seed))

    free = tuple(p.free(table[p.name]) for p in chosen)
    zero = np.zeros(count_facts(profile))
    slopes = None
    if slope_visits is not None:
        small = partial(simulate, visits=slope_visits)
        slopes = simulated_moments(small, zero, zero + 1.0, free, rounds=0, progress=progress).slopes
    search = simulated_moments(
        partial(simulate, visits=visits), zero, zero + 1.0, free,
        rounds=rounds, slopes=slopes, renew=slopes is None, progress=progress,
    )  # fmt: skip
    return {p.name: p.value(search.values[p.name]) for p in chosen}, search


def main() -> None:
    """Print the fitted values beside the profile's."""
    parser = argparse.ArgumentParser(description=fit.__doc__)
    parser.add_argument("profile", choices=list(PARAMETERS))
    parser.add_argument("--visits", type=float)
    parser.add_argument("--slope-visits", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    progress = partial(print, "season, loss:", flush=True)
    fitted, search = fit(
        options.profile,
        visits=options.visits,
        slope_visits=options.slope_visits,
        seed=options.seed,
        rounds=options.rounds,
        progress=progress,
    )
    print(
        f"loss {search.initial_loss:.1f} -> {search.loss:.1f}; "
        f"not identified: {', '.join(search.unidentified) or 'none'}"
    )
    for name, value in fitted.items():
        print(f"{name}: {profiles.values(options.profile, '')[name]:g} -> {value:.4g}")


if __name__ == "__main__":
    main()
