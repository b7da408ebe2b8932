"""Numbers of a profile, fitted to its facts: ``python -m shopgym.realism.fit gift``.

The simulated method of moments (:mod:`..calibration.moments`) with the facts and responses that speak of the
profile as moments. A fact's miss is its distance from the middle of its interval in half widths. A half width
counts as no less than ``LEAST`` of the middle, or facts of huge records would decide alone, and a miss as no
more than about ``MOST``, so that a fact out of reach does not draw the others away. The seed stays the same.
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

from ..core.types import F64
from ..simulators.profiles import profiles as known
from .applicability import applicable, applies
from .calibration.moments import Fit, Free, simulated_moments
from .effect_sizes import PUBLISHED, responses
from .report import impressions, measured_facts
from .shop_events import Behaviour, simulate_season

LEAST, MOST = 0.02, 4.0
SCALES: Mapping[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "plain": (float, float),
    "log": (math.log, math.exp),
    "logit": (lambda share: math.log(share / (1.0 - share)), lambda x: 1.0 / (1.0 + math.exp(-x))),
}
"""There and back."""


@dataclass(frozen=True)
class Knob:
    """A number that may move: in logits (``plain``), as its logarithm or as the logit of a share.

    Attributes:
        name: dotted, as in the profile's table.
        scale: ``plain``, ``log`` or ``logit``.
        step: on that scale, for differences; no step of the search is much longer.
    """

    name: str
    scale: str
    step: float

    def free(self, value: float) -> Free:
        """The number on its scale, free to move by ten steps."""
        start = SCALES[self.scale][0](value)
        return Free(self.name, start, start - 10 * self.step, start + 10 * self.step, self.step)

    def value(self, at: float) -> float:
        """Back from the scale."""
        return SCALES[self.scale][1](at)


VISITS = (
    Knob("choice.click_base", "plain", 0.2),
    Knob("choice.leave_base", "plain", 0.2),
    Knob("choice.mission_stay", "plain", 0.2),
    Knob("choice.mission_share", "logit", 0.3),
    Knob("choice.buy_base", "plain", 0.15),
)
"""What moves the facts of visits."""
SECONDS = (
    Knob("behaviour.again", "logit", 0.2),
    Knob("dwell.median", "log", 0.1),
    Knob("dwell.log_sd", "log", 0.05),
)
"""What moves the facts of times between looks, where a record has them."""
CUSTOMERS = (
    Knob("people.retention.alpha", "log", 0.15),
    Knob("people.retention.passing", "logit", 0.2),
    Knob("scale.established", "log", 0.15),
)
"""What moves the facts of customers, where most visitors pass by."""
PURPOSES = (
    Knob("choice.mission_spread", "log", 0.15),
    Knob("choice.mission_units", "log", 0.15),
    Knob("choice.fatigue", "log", 0.3),
)
"""What moves the facts of orders, where purposes differ in size."""
KNOBS: Mapping[str, tuple[Knob, ...]] = {
    "gift": (
        *VISITS,
        *SECONDS,
        *CUSTOMERS,
        *PURPOSES,
        Knob("choice.mission_lift", "plain", 0.3),
        Knob("choice.price_sensitivity", "log", 0.15),
        Knob("people.retention.r", "log", 0.12),
        Knob("catalog.units_scale", "log", 0.1),
        Knob("choice.bulk_sd", "log", 0.08),
        Knob("dwell.reading", "log", 0.2),
        Knob("behaviour.popularity", "log", 0.1),
        Knob("returns.rate", "log", 0.2),
        Knob("returns.spread", "log", 0.1),
    ),
    "fashion": (
        *VISITS,
        *SECONDS,
        Knob("choice.engagement", "plain", 0.2),
        Knob("choice.cart_base", "plain", 0.15),
        Knob("scale.per_day", "log", 0.15),
    ),
    "grocery": (
        *VISITS,
        *CUSTOMERS,
        *PURPOSES,
        Knob("choice.mission_lift", "plain", 0.3),
        Knob("choice.price_sensitivity", "log", 0.15),
        Knob("catalog.units_mean", "log", 0.05),
        Knob("catalog.price_median", "log", 0.05),
        Knob("catalog.tail", "log", 0.1),
        Knob("catalog.zipf_exponent", "log", 0.05),
        Knob("behaviour.popularity", "log", 0.1),
    ),
}
"""What is fitted, by profile."""


def judged(
    profile: str, changes: Mapping[str, Any], *, visits: float | None = None, seed: int = 0
) -> pd.DataFrame:
    """name, value, low, high of every fact and response that speaks of the profile, with ``changes``."""
    config = known.profile(profile, visits=visits, changes=changes)
    catalog = known.profile_catalog(profile, changes=changes)
    behaviour = Behaviour(**known.values(profile, known.BEHAVIOUR, changes))
    days = known.size(profile, changes).days
    season = simulate_season(
        catalog, config, days=days, seed=seed, behaviour=behaviour, impressions=impressions(profile)
    )
    facts = measured_facts(profile, season, seed=seed, resamples=0)
    answers = responses(profile, catalog, config, season, seed=seed, behaviour=behaviour, resamples=0)
    table = pd.concat([facts, answers[answers["why"] == ""]], ignore_index=True)
    table = table[["name", "value", "real_low", "real_high"]]
    return table.set_axis(["name", "value", "low", "high"], axis=1)


def count(profile: str) -> int:
    """How many facts and responses speak of the profile."""
    answered = {published.fact for published in PUBLISHED.values()}
    facts = sum(fact.name not in answered for fact in applicable(profile))
    return facts + sum(not applies(name, profile) for name in answered)


def misses(table: pd.DataFrame) -> F64:
    """(m,) misses of :func:`judged`; what could not be measured is missing."""
    low, high, value = (table[name].to_numpy(np.float64) for name in ("low", "high", "value"))
    middle = (low + high) / 2
    half = np.maximum((high - low) / 2, LEAST * np.abs(middle))
    found: F64 = MOST * np.tanh((value - middle) / half / MOST)
    return found


def fit(
    profile: str,
    *,
    visits: float | None = None,
    seed: int = 0,
    rounds: int = 2,
    knobs: tuple[Knob, ...] | None = None,
    told: Callable[[int, float], None] | None = None,
) -> tuple[dict[str, float], Fit]:
    """Fit a profile's numbers, from those it has.

    Args:
        profile: ``gift``, ``fashion`` or ``grocery``.
        visits: of every simulated season; None = as many as the profile has.
        seed: of every season.
        rounds: of one season per knob and up to four tries of a step.
        knobs: what may move; None = ``KNOBS`` of the profile.
        told: called after every season with its number and loss.

    Returns:
        (the fitted numbers by name, the search).
    """
    chosen = KNOBS[profile] if knobs is None else knobs
    table = known.values(profile, "")

    def simulate(at: Mapping[str, float]) -> F64:
        changes = {knob.name: knob.value(at[knob.name]) for knob in chosen}
        return misses(judged(profile, changes, visits=visits, seed=seed))

    free = tuple(knob.free(table[knob.name]) for knob in chosen)
    zero = np.zeros(count(profile))
    found = simulated_moments(simulate, zero, zero + 1.0, free, rounds=rounds, told=told)
    return {knob.name: knob.value(found.values[knob.name]) for knob in chosen}, found


def main() -> None:
    """Print the fitted numbers beside the profile's."""
    parser = argparse.ArgumentParser(description=fit.__doc__)
    parser.add_argument("profile", choices=list(KNOBS))
    parser.add_argument("--visits", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    told = partial(print, "season, loss:", flush=True)
    found, search = fit(given.profile, visits=given.visits, seed=given.seed, rounds=given.rounds, told=told)
    print(
        f"loss {search.before:.1f} -> {search.loss:.1f}; not identified: {', '.join(search.weak) or 'none'}"
    )
    for name, value in found.items():
        print(f"{name}: {known.values(given.profile, '')[name]:g} -> {value:.4g}")


if __name__ == "__main__":
    main()
