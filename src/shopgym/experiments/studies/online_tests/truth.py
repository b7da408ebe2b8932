"""The truth that a test asks for: all users in one arm, and the same users in the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ....core.batches import SLOT_TERMS
from ....core.types import F64
from ....evaluation.online import Bounds, Metric
from ....policies.policy import SlatePolicy
from ....simulators.paired_worlds import COUNTS, TrialOutcomes, outcomes
from ....simulators.shop import Shop


@dataclass(frozen=True)
class TotalEffect:
    """One arm given to all users, against the control given to all.

    Attributes:
        arm, metric: which.
        control, treatment: of the metric; a sum is one of a whole season.
        relative: treatment over control, less 1, with its 95% interval over seasons.
    """

    arm: str
    metric: str
    control: float
    treatment: float
    relative: Bounds


def total_effects(
    shop: Shop,
    names: Sequence[str],
    policies: Sequence[SlatePolicy],
    metrics: Sequence[Metric],
    seasons: int,
    seed: int,
    on_arm: Callable[[str], None] = lambda name: None,
) -> list[TotalEffect]:
    """The effect of each arm but the control, from seasons of paired worlds.

    What happened counts, not its mean: a test sees the same.
    """
    columns = {part for metric in metrics for part in (metric.numerator, metric.denominator)}
    terms = [name for name in (*SLOT_TERMS, *COUNTS) if name in columns]
    worlds = []
    for name, policy in zip(names, policies):
        on_arm(name)
        worlds.append(outcomes(shop, policy, trials=seasons, terms=terms, seed=seed, exact=False))
    return [
        _effect(name, metric, worlds[0], world)
        for name, world in zip(names[1:], worlds[1:])
        for metric in metrics
    ]


def _effect(arm: str, metric: Metric, first: TrialOutcomes, second: TrialOutcomes) -> TotalEffect:
    value, influence = _log_ratio(second, metric)
    base, influence_of_base = _log_ratio(first, metric)
    change = influence - influence_of_base
    half = 1.96 * float(change.std(ddof=1)) / len(change) ** 0.5
    ratio = value / base if base else float("nan")
    bounds = Bounds(ratio - 1.0, ratio * float(np.exp(-half)) - 1.0, ratio * float(np.exp(half)) - 1.0)
    return TotalEffect(arm, metric.name, base, value, bounds)


def _log_ratio(world: TrialOutcomes, metric: Metric) -> tuple[float, F64]:
    """(ratio of two means over seasons, influence of each season on its log); a sum counts per season."""
    x = world.values_of(metric.numerator)
    y = world.values_of(metric.denominator) if metric.denominator in world.terms else np.ones(len(x))
    if not x.mean() or not y.mean():
        return 0.0, np.zeros(len(x))
    return float(x.mean() / y.mean()), x / x.mean() - y / y.mean()
