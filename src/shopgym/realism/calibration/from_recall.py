"""Strength of taste and of intent from sequences, by simulated moments.

``choice.taste_weight`` and ``choice.intent_weight`` are those at which popularity, item-KNN and a Markov
chain name the next item of simulated visits as often as in the record. Three figures, two parameters: the
third says how well the form of the shop fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...core.config import with_settings
from ...core.types import F64
from ...simulators import Catalog, ShopConfig
from ..responses.personalisation import RECOMMENDERS, measure_personalisation
from ..responses.response import Response
from ..shop_events import Behaviour, simulate_season
from .from_lines import FittedParameter, UnidentifiedParameter, Z
from .from_sessions import without_dynamics
from .moments import FreeParameter, simulated_moments

PARAMETERS = ("choice.taste_weight", "choice.intent_weight")
LOW, HIGH, STEP = 0.0, 10.0, 0.5
DAYS = 7.0
VISITS_PER_USE = 2.5
"""Visits simulated for one that opens two items or more; more where that is not enough."""
MOST_VISITS = 40_000
LEAST_MISS = 0.01
ROUNDS = 3


def fit_recall(
    responses: Mapping[str, Response],
    catalog: Catalog,
    config: ShopConfig,
    *,
    seed: int,
    behaviour: Behaviour | None = None,
    rounds: int = ROUNDS,
) -> tuple[list[FittedParameter], list[UnidentifiedParameter]]:
    """(fitted, unidentified) strengths of taste and intent, where the responses hold the three recalls."""
    if not set(RECOMMENDERS) <= set(responses):
        return [], []
    chosen = [responses[name] for name in RECOMMENDERS]
    target = np.array([response.value for response in chosen])
    error = np.array([(response.high - response.low) / (2.0 * Z) for response in chosen])
    scale = np.maximum(error * 2.0**0.5, LEAST_MISS)  # the simulation has as many visits as the record

    def simulate(values: Mapping[str, float]) -> F64:
        shares = simulated_recall(
            catalog, with_settings(config, values), chosen[0].rows, seed=seed, behaviour=behaviour
        )
        return np.array([shares[name] for name in RECOMMENDERS])

    start = {
        "choice.taste_weight": config.choice.taste_weight,
        "choice.intent_weight": config.choice.intent_weight,
    }
    free = tuple(FreeParameter(name, min(start[name], HIGH), LOW, HIGH, STEP) for name in PARAMETERS)
    fit = simulated_moments(simulate, target, scale, free, rounds=rounds)
    reached = ", ".join(
        f"{name} {value:.3f} for {goal:.3f}"
        for name, value, goal in zip(RECOMMENDERS.values(), fit.moments, target, strict=True)
    )
    fitted, unidentified = [], []
    for name in PARAMETERS:
        value, half = fit.values[name], Z * fit.standard_errors[name]
        if name in fit.unidentified:
            unidentified.append(UnidentifiedParameter(name, "the next item hardly depends on it"))
        elif value <= LOW or value >= HIGH:
            why = f"the search ends at the end of its range, {value:g}: recall@20 {reached}"
            unidentified.append(UnidentifiedParameter(name, why))
        else:
            how = f"next-item recall@20 by simulated moments: {reached}"
            fitted.append(
                FittedParameter(name, value, "logits", how, max(value - half, LOW), min(value + half, HIGH))
            )
    return fitted, unidentified


def simulated_recall(
    catalog: Catalog, config: ShopConfig, visits: int, *, seed: int, behaviour: Behaviour | None = None
) -> dict[str, float]:
    """Recall of the next item in so many simulated visits of a calm shop, by name of the response.

    NaN where the shop has too few visits that open two items.
    """
    calm = with_settings(without_dynamics(config), {"dwell.enabled": True})
    asked = VISITS_PER_USE * visits
    while True:
        arrivals = replace(calm.arrivals, per_day=asked / DAYS, established=0)
        shop = replace(calm, users=int(2 * asked), arrivals=arrivals)
        season = simulate_season(catalog, shop, days=DAYS, seed=seed, behaviour=behaviour, impressions=0.0)
        rng = np.random.default_rng(seed)
        measured = measure_personalisation(season.data, rng, visits=visits, resamples=0).measured
        enough = bool(measured) and measured[0].rows >= visits
        if enough or asked >= MOST_VISITS:
            return {name: float("nan") for name in RECOMMENDERS} | {r.name: r.value for r in measured}
        asked *= 2.0
