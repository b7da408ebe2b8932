"""A shop beside real ones: inside the interval or not, and how far its sessions are from theirs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..core.types import F64
from .reference import Stylised
from .shop_data import ShopData

SESSION_FEATURES = (
    "events",
    "duration",
    "dwell_mean",
    "clicks",
    "distinct_items",
    "repeat_views",
    "carts",
    "carted",
    "purchases",
    "converted",
    "searched",
    "hour",
    "weekend",
)
"""What is compared of sessions, where both shops record it."""

SPAN_TOLERANCE = 0.1
"""Facts that grow with time are compared if the times watched differ by no more than this share."""


def scorecard(values: pd.DataFrame, facts: Sequence[Stylised], *, days: float | None = None) -> pd.DataFrame:
    """Set measured values against stylised facts.

    Args:
        values: table of :func:`~.facts.measure`.
        facts: the stylised facts, several of which may ask for the same measure.
        days: for how long the shop was watched; None = do not ask.

    Returns:
        One row per fact: name, group, unit, measure, real, real_low, real_high, value, low, high, inside
        (value in [real_low, real_high]; missing if not comparable), overlaps (the two intervals meet), why
        (why not comparable, else ""), source.

    Raises:
        InvalidInput: if ``values`` lacks a column or names a fact twice.
    """
    missing = [name for name in ("name", "value", "low", "high") if name not in values.columns]
    if missing:
        raise InvalidInput("values", list(values.columns), f"add the columns {missing}")
    if values["name"].duplicated().any():
        raise InvalidInput("values", values["name"][values["name"].duplicated()].tolist(), "name facts once")
    measured = {str(row["name"]): row for row in values.to_dict("records")}
    rows = []
    for fact in facts:
        row: dict[str, object] = {"name": fact.name, "group": fact.group, "unit": fact.unit}
        row |= {"measure": fact.measure, "real": fact.value, "real_low": fact.low, "real_high": fact.high}
        row |= {"inside": pd.NA, "overlaps": pd.NA, "why": "", "source": fact.source}
        found = measured.get(fact.measure)
        value, low, high = (float(found[end]) if found else np.nan for end in ("value", "low", "high"))
        row |= {"value": value, "low": low, "high": high}
        if found is None:
            row["why"] = "not measured"
        elif np.isnan(value):
            row["why"] = str(found.get("lacks", "")) or "no value"
        elif days is not None and fact.days is not None and _differ(days, fact.days):
            row["why"] = f"watched for {days:.0f} days, the real shop for {fact.days:.0f}"
        else:
            row["inside"] = bool(fact.low <= value <= fact.high)
            row["overlaps"] = bool(low <= fact.high and high >= fact.low)
        rows.append(row)
    columns = ["name", "group", "unit", "measure", "real", "real_low", "real_high"]
    columns += ["value", "low", "high", "inside", "overlaps", "why", "source"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"inside": "boolean", "overlaps": "boolean"})


def _differ(days: float, real: float) -> bool:
    return abs(days - real) > SPAN_TOLERANCE * real


def shared_features(real: ShopData, simulated: ShopData) -> list[str]:
    """Those of ``SESSION_FEATURES`` that both session tables record.

    Raises:
        InvalidInput: if there is none.
    """
    found = [
        name
        for name in SESSION_FEATURES
        if all(name in data.sessions and data.sessions[name].notna().any() for data in (real, simulated))
    ]
    if not found:
        raise InvalidInput("sessions", list(real.sessions.columns), "the two shops record nothing in common")
    return found


def session_distances(
    real: ShopData, simulated: ShopData, features: Sequence[str] | None = None
) -> pd.DataFrame:
    """Wasserstein-1 distance of each session feature, in standard deviations of the real one.

    The distance is the area between the two distribution functions (Vallender 1974), so a shift of all
    sessions by one real sd is 1. Missing values (a session of one action has no dwell) are left out.

    Args:
        real, simulated: the shops.
        features: columns of both session tables; None = those of ``SESSION_FEATURES`` that both record.

    Returns:
        One row per feature: feature, distance (missing if the real feature is constant), real_mean, real_sd,
        simulated_mean, real_n, simulated_n.

    Raises:
        InvalidInput: if the shops record nothing in common.
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
