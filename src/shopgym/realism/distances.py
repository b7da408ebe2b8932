"""Wasserstein distances between the sessions of two shops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..core.types import F64
from .shop_data import ShopData

VISIT = ("events", "duration", "dwell_mean", "clicks", "distinct_items", "repeat_views")
FUNNEL = ("carts", "carted", "purchases", "converted", "searched")
SESSION_FEATURES = (*VISIT, *FUNNEL, "hour", "weekend")
"""Columns of the session table that are compared, if both shops record them."""


def shared_features(real: ShopData, simulated: ShopData) -> list[str]:
    """Those of ``SESSION_FEATURES`` that both session tables record.

    Raises:
        InvalidInput: there is none.
    """
    features = [
        name
        for name in SESSION_FEATURES
        if all(name in data.sessions and data.sessions[name].notna().any() for data in (real, simulated))
    ]
    if not features:
        raise InvalidInput("sessions", list(real.sessions.columns), "the two shops record nothing in common")
    return features


def session_distances(
    real: ShopData, simulated: ShopData, features: Sequence[str] | None = None
) -> pd.DataFrame:
    """Wasserstein-1 distance of each session feature, in standard deviations of the real one.

    The distance is the area between the two distribution functions (Vallender 1974). If all sessions shift by
    one real standard deviation, it is 1. Missing values are ignored (a session of one action has no dwell).

    Args:
        real, simulated: the shops.
        features: columns of both session tables; None: those of ``SESSION_FEATURES`` that both record.

    Returns:
        One row per feature: feature, distance (missing if the real feature is constant), real_mean, real_sd,
        simulated_mean, real_n, simulated_n.

    Raises:
        InvalidInput: the shops record nothing in common.
    """
    from scipy.stats import wasserstein_distance

    rows = []
    for name in shared_features(real, simulated) if features is None else features:
        a, b = _values(real, name), _values(simulated, name)
        sd = float(a.std())
        distance = wasserstein_distance(a, b) / sd if sd > 0 else np.nan
        row = {"feature": name, "distance": distance, "real_mean": a.mean(), "real_sd": sd}
        rows.append(row | {"simulated_mean": b.mean(), "real_n": len(a), "simulated_n": len(b)})
    return pd.DataFrame(rows)


def _values(data: ShopData, name: str) -> F64:
    return data.sessions[name].dropna().to_numpy(np.float64)
