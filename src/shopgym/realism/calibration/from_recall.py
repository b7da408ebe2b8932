"""Strength of taste and of intent from sequences.

``choice.taste_weight`` and ``choice.intent_weight`` keep the ratio that the profile gives them, because
visits do not tell the two apart. Their common factor is that at which item-KNN and a Markov chain exceed
popularity as much in simulated visits as in the record.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.config import with_settings
from ...simulators import Catalog, MarketConfig, PeopleConfig, ShopConfig
from ..responses.personalisation import EXCESS, RECOMMENDERS, measure_personalisation
from ..responses.response import Response
from ..shop_events import Behaviour, simulate_season
from .from_lines import FittedParameter, UnidentifiedParameter
from .inversion import COARSE, invert

TASTE, INTENT = "choice.taste_weight", "choice.intent_weight"
MOST_WEIGHT = 12.0
"""Logits up to which the larger of the two is searched."""
DAYS = 7.0
SEEDS = 2
"""Simulations whose mean counts."""
VISITS_PER_USE = 2.5
"""Visits simulated for one that opens two items or more; more where that is not enough."""
MOST_VISITS = 40_000


def fit_recall(
    response: Response,
    catalog: Catalog,
    config: ShopConfig,
    *,
    seed: int,
    behaviour: Behaviour | None = None,
) -> tuple[list[FittedParameter], list[UnidentifiedParameter]]:
    """(fitted, unidentified): taste and intent at which the shop has this excess of recall.

    Args:
        response: ``recall_excess``; its ``rows`` are the visits behind it, and as many are simulated.
        catalog, config: the shop; the ratio of its two weights stays. Where both are 0 they are alike.
        seed: of the simulations.
        behaviour: what the shop shows.
    """
    weights = np.array([config.choice.taste_weight, config.choice.intent_weight])
    shares = weights / weights.max() if weights.max() > 0 else np.ones(2)

    def excess(largest: float) -> float:
        changed = with_settings(config, dict(zip((TASTE, INTENT), (shares * largest).tolist(), strict=True)))
        runs = [
            simulated_recall(catalog, changed, response.rows, seed=seed + i, behaviour=behaviour)[EXCESS]
            for i in range(SEEDS)
        ]
        return float(np.mean(runs))

    half = (response.high - response.low) / 2.0 * (1.0 + 1.0 / SEEDS) ** 0.5  # the simulations vary too
    wider = replace(response, low=response.value - half, high=response.value + half)
    inverse = invert(excess, wider, 0.0, MOST_WEIGHT, fine=COARSE)
    if isinstance(inverse, str):
        return [], [UnidentifiedParameter(name, inverse) for name in (TASTE, INTENT)]
    how = f"{inverse.how}; the ratio of taste to intent is the profile's"
    fitted = [
        FittedParameter(name, inverse.value * share, "logits", how, inverse.low * share, inverse.high * share)
        for name, share in zip((TASTE, INTENT), shares.tolist(), strict=True)
        if share > 0
    ]
    return fitted, []


def simulated_recall(
    catalog: Catalog, config: ShopConfig, visits: int, *, seed: int, behaviour: Behaviour | None = None
) -> dict[str, float]:
    """Recall of the next item in so many simulated visits of a calm shop, by name of response.

    NaN where the shop has too few visits that open two items.
    """
    calm = _calm(config)
    asked = VISITS_PER_USE * visits
    while True:
        arrivals = replace(calm.arrivals, per_day=asked / DAYS, established=0)
        shop = replace(calm, users=int(2 * asked), arrivals=arrivals)
        season = simulate_season(catalog, shop, days=DAYS, seed=seed, behaviour=behaviour, impressions=0.0)
        rng = np.random.default_rng(seed)
        measured = measure_personalisation(season.data, rng, visits=visits, resamples=0).measured
        enough = bool(measured) and measured[0].rows >= visits
        if enough or asked >= MOST_VISITS:
            nothing = dict.fromkeys((*RECOMMENDERS, EXCESS), float("nan"))
            return nothing | {r.name: r.value for r in measured}
        asked *= 2.0


def _calm(config: ShopConfig) -> ShopConfig:
    """The shop without what changes from day to day: the order of the items of a visit does not show it."""
    stock, dwell = replace(config.stock, enabled=False), replace(config.dwell, enabled=True)
    return replace(
        config,
        people=PeopleConfig(),
        market=MarketConfig(),
        campaigns=(),
        shocks=(),
        stock=stock,
        dwell=dwell,
    )
