"""The effect of one arm on one metric, by tea-tasting: means, ratios (delta method) and CUPED.

A relative effect is the treatment's mean over the control's, less 1, both means adjusted by the covariate,
with an interval on the log scale. That is tea-tasting's convention; gbstats divides the adjusted difference
by the control's plain mean (0.57438 and 0.58679 on the same data).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import InvalidInput
from ...core.statistics import normal_quantile
from ...core.types import F64
from .metrics import ROWS, Metric
from .sequence import PLANNED, half_width, p_value
from .table import AssignedRows

if TYPE_CHECKING:
    from collections.abc import Sequence

SEQUENCE, FIXED = "sequence", "fixed"
STOPS = (SEQUENCE, FIXED)
"""Stop rules: look as often as you like, or once, at the end that was planned."""


LARGEST = 1e100
"""A value whose square, and sums of squares, are still numbers."""
NO_ERROR = 1e-9
"""Of the largest value of a unit: a smaller spread is rounding."""


@dataclass(frozen=True)
class Bounds:
    """A number with its interval; NaN where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Effect:
    """One treatment arm against the control.

    Attributes:
        control, treatment: means of the two arms, adjusted where there is a covariate.
        units: of the control and of the treatment.
        difference, relative: treatment less control, and that over the control.
        p: of the hypothesis that the difference is 0.
        standard_error: of the difference.
    """

    control: float
    treatment: float
    units: tuple[int, int]
    difference: Bounds
    relative: Bounds
    p: float
    standard_error: float


@dataclass(frozen=True)
class StopRule:
    """How intervals are made.

    Attributes:
        stop: ``sequence`` = valid at every look; ``fixed`` = valid at the planned end alone.
        level: coverage.
        planned: units of two arms at which a sequence is narrowest.
    """

    stop: str = SEQUENCE
    level: float = 0.95
    planned: float = PLANNED


def unit_sums(rows: AssignedRows, names: Sequence[str]) -> F64:
    """(n, p) sums of columns over the rows of each (arm, unit), in the order of ``rows.units``."""
    of_row, arm, _ = rows.units
    if len(arm) == len(rows):
        sums = np.empty((len(rows), len(names)))
        sums[of_row] = np.stack([rows.column(name) for name in names], axis=1)
        return sums
    return np.stack([np.bincount(of_row, rows.column(name), len(arm)) for name in names], axis=1)


def metric_sums(rows: AssignedRows, metric: Metric) -> tuple[F64, Metric]:
    """((n, p) sums of the metric's columns over units, the metric: a ratio where clusters were assigned)."""
    if rows.clustered and metric.denominator is None:
        covariate = None if metric.covariate is None else (metric.covariate[0], ROWS)
        metric = Metric(metric.numerator, ROWS, covariate, metric.minimise, metric.margin)
    return unit_sums(rows, names_of(metric)), metric


def names_of(metric: Metric) -> list[str]:
    """The columns in the order of :func:`metric_sums`, each once."""
    names = [metric.numerator, metric.denominator, *(metric.covariate or ())]
    return list(dict.fromkeys(name for name in names if name is not None))


def effect_of(rows: AssignedRows, metric: Metric, treatment: int, rule: StopRule) -> Effect:
    """The effect of arm number ``treatment`` on a metric.

    Raises:
        InvalidInput: as :func:`compare_arms`.
    """
    sums, metric = metric_sums(rows, metric)
    arm = rows.units[1]
    return compare_arms(sums[arm == 0], sums[arm == treatment], metric, rule)


def compare_arms(control: F64, treatment: F64, metric: Metric, rule: StopRule) -> Effect:
    """The effect between two arms of units with the columns of :func:`names_of`.

    Raises:
        InvalidInput: fewer than two units in an arm; or no error can be told: a metric that does not vary
            within the arms, a ratio to nothing, or numbers too large to be squared.
    """
    fewest = min(len(control), len(treatment))
    if fewest < 2:
        raise InvalidInput(metric.name, f"{fewest} units", "an arm needs two units at the least")
    both = np.concatenate([control, treatment])
    if (np.ptp(both, axis=0) == 0).all():
        fix = "it is the same everywhere, so there is nothing to compare: look at how it is logged"
        raise InvalidInput(metric.name, float(both[0, 0]), fix)
    _require_numbers(control, treatment, metric)
    normal, chosen = _by_tea_tasting(control, treatment, metric, rule)
    z = normal_quantile(rule.level)
    error = (normal.effect_size_ci_upper - normal.effect_size) / z
    _require_error(error, both, metric)
    n, change = len(both), float(chosen.effect_size)
    logs = _log_error(normal, z)
    if rule.stop == SEQUENCE:
        half = half_width(error, n, rule.level, rule.planned)
        difference = Bounds(change, change - half, change + half)
        relative = _relative(normal, half_width(logs, n, rule.level, rule.planned))
        p = p_value(change, error, n, rule.level, rule.planned)
    else:
        difference = Bounds(change, chosen.effect_size_ci_lower, chosen.effect_size_ci_upper)
        ratio = (chosen.rel_effect_size_ci_lower, chosen.rel_effect_size_ci_upper)
        relative = Bounds(chosen.rel_effect_size, *ratio) if math.isfinite(logs) else _relative(normal, logs)
        p = chosen.pvalue
    units = (len(control), len(treatment))
    return Effect(normal.control, normal.treatment, units, difference, relative, float(p), error)


def _require_numbers(control: F64, treatment: F64, metric: Metric) -> None:
    """Raise unless the columns can be squared, and a ratio has something below it in each arm."""
    names = names_of(metric)
    largest = float(np.abs(np.concatenate([control, treatment])).max())
    if largest > LARGEST:
        raise InvalidInput(metric.name, largest, f"give numbers up to {LARGEST:g}: look at how it is logged")
    below = [metric.denominator, None if metric.covariate is None else metric.covariate[1]]
    for name in (part for part in below if part is not None):
        if any(sums[:, names.index(name)].sum() == 0 for sums in (control, treatment)):
            raise InvalidInput(metric.name, f"{name} adds up to 0 in an arm", "a ratio needs more than that")


def _require_error(error: float, both: F64, metric: Metric) -> None:
    """Raise unless the difference has an error, beyond that of rounding."""
    below = 1.0
    if metric.denominator is not None:
        below = float(np.abs(both[:, names_of(metric).index(metric.denominator)]).mean())
    size = float(np.abs(both[:, 0]).max()) / below
    if math.isfinite(error) and error > NO_ERROR * size / len(both) ** 0.5:
        return
    fix = "it does not vary within the arms"
    if metric.covariate is not None:
        fix += f", or {metric.covariate[0]} says all of it"
    told = f"standard error {error:.3g}" if math.isfinite(error) else "no standard error"
    raise InvalidInput(metric.name, told, f"{fix}: look at how it is logged")


def aggregates(columns: F64, names: Sequence[str]) -> Any:
    """Means, variances and covariances of the columns (n, p), as tea-tasting takes them."""
    from tea_tasting.aggr import Aggregates

    means, cov = columns.mean(axis=0), np.atleast_2d(np.cov(columns, rowvar=False))
    pairs = [(i, j) for i in range(len(names)) for j in range(i)]
    return Aggregates(
        len(columns),
        dict(zip(names, means.tolist())),
        dict(zip(names, np.diag(cov).tolist())),
        {(names[i], names[j]): float(cov[i, j]) for i, j in pairs},
    )


def tea_metric(metric: Metric, **options: Any) -> Any:
    """The metric as one of tea-tasting's.

    Raises:
        InvalidInput: tea-tasting is not installed.
    """
    try:
        from tea_tasting.metrics import RatioOfMeans
    except ImportError:
        fix = "install it: pip install 'shopgym[online]'"
        raise InvalidInput("tea-tasting", "not installed", fix) from None
    return RatioOfMeans(metric.numerator, metric.denominator, *(metric.covariate or (None, None)), **options)


def _by_tea_tasting(control: F64, treatment: F64, metric: Metric, rule: StopRule) -> tuple[Any, Any]:
    """(results with normal quantiles, results with Student's t by Welch)."""
    names = names_of(metric)
    arms = aggregates(control, names), aggregates(treatment, names)
    with np.errstate(all="ignore"):  # without a spread there is no error: the caller refuses that
        normal = tea_metric(metric, confidence_level=rule.level, use_t=False).analyze_aggregates(*arms)
        if rule.stop == SEQUENCE:
            return normal, normal
        return normal, tea_metric(metric, confidence_level=rule.level).analyze_aggregates(*arms)


def _log_error(normal: Any, z: float) -> float:
    """Standard error of the log of the ratio of means; NaN unless both are above 0."""
    if not (normal.control > 0 and normal.treatment > 0):
        return float("nan")
    return math.log((1.0 + normal.rel_effect_size_ci_upper) / (1.0 + normal.rel_effect_size)) / z


def _relative(normal: Any, half: float) -> Bounds:
    if not math.isfinite(half):
        nan = float("nan")
        return Bounds(nan, nan, nan)
    ratio = 1.0 + normal.rel_effect_size
    return Bounds(ratio - 1.0, ratio / math.exp(half) - 1.0, ratio * math.exp(half) - 1.0)
