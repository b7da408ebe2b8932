"""A small online test in a shop, as a config."""

from __future__ import annotations

from typing import Any

from shopgym.core.config import build
from shopgym.experiments.studies.online_tests import AbtestConfig

SMALL_ABTEST: dict[str, Any] = {
    "kind": "abtest",
    "name": "small",
    "seed": 3,
    "catalog": {"source": "synthetic", "items": 40},
    "shop": {
        "users": 2000,
        "slate_size": 3,
        "num_candidates": 10,
        "max_pages": 5,
        "choice": {"click_base": -1.5, "cart_base": -0.5, "buy_base": 1.0},
        "arrivals": {"per_day": 40},
    },
    "days": 8,
    "visits": 40,
    "agents": {"control": {"agent": "random"}, "treatment": {"agent": "popularity"}},
    "training": {"rounds": 1, "batch": 50, "warm_up": 1},
    "planned": 300,
    "truth": 0,
}


def small_abtest(**changes: Any) -> AbtestConfig:
    """The small test with other settings."""
    return build(AbtestConfig, {**SMALL_ABTEST, **changes})
