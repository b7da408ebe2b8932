"""Before a test: how many users and days it needs, by tea-tasting's power of a difference of means.

With a sequence as the stop rule one may look every day. That is paid for: where z bounds a fixed test, the
sequence has the larger :func:`.sequence.penalty`. The plan is for a sequence that is narrowest at the planned
end, and it is careful: a test whose effect is larger than planned ends earlier.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import InvalidInput, in_range, one_of
from .effects import FIXED, NO_ERROR, SEQUENCE, STOPS, aggregates, metric_sums, names_of, tea_metric
from .metrics import Metric, read_metrics
from .sequence import penalty
from .table import AssignedRows, TestColumns, read_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

MOST_USERS = 1e12
FEWEST = 5.0
"""Users of an arm in the smallest plan."""
LARGE = 2000
"""Users of an arm from which on the normal law stands for Student's t."""


@dataclass(frozen=True)
class Baseline:
    """What is known of a metric before the test, per user.

    Attributes:
        mean, sd: of one user; of a ratio its value and the standard deviation of one user's influence on it
            (delta method); after CUPED where there is a covariate.
        is_rate: whether it is a share of users, whose variance changes with the mean.
    """

    mean: float
    sd: float
    is_rate: bool = False

    def __post_init__(self) -> None:
        in_range("baseline.mean", self.mean, -math.inf, math.inf, open_low=True, open_high=True)
        if self.mean == 0:
            raise InvalidInput("baseline.mean", 0.0, "effects are shares of it: it must not be 0")
        if self.is_rate:
            in_range("baseline.rate", self.mean, 0.0, 1.0, open_low=True, open_high=True)
        in_range("baseline.sd", self.sd, 0.0, math.inf, open_low=True, open_high=True)

    @classmethod
    def rate(cls, share: float) -> Baseline:
        """A share of users, such as conversion."""
        in_range("--rate", share, 0.0, 1.0, open_low=True, open_high=True)
        return cls(share, math.sqrt(share * (1.0 - share)), True)

    def sd_at(self, effect: float) -> float:
        """Standard deviation in a test with this relative effect; of a rate from both arms' variances."""
        if not self.is_rate:
            return self.sd
        other = self.mean * (1.0 + effect)
        if not 0 < other < 1:
            fix = f"{effect:+.0%} of {self.mean:g} is no share of users: plan a smaller effect"
            raise InvalidInput("--effect", effect, fix)
        return math.sqrt((self.mean * (1 - self.mean) + other * (1 - other)) / 2.0)


def baseline_of(rows: AssignedRows, metric: Metric) -> Baseline:
    """The baseline in a table of users; several arms count as one.

    Raises:
        InvalidInput: fewer than two users, or a metric that is the same for all.
    """
    sums, metric = metric_sums(rows, metric)
    if len(sums) < 2:
        raise InvalidInput(metric.name, f"{len(sums)} users", "a spread needs two users at the least")
    names = names_of(metric)
    column: dict[str, Any] = dict(zip(names, sums.T))
    below = np.ones(len(sums)) if metric.denominator is None else column[metric.denominator]
    mean = float(column[metric.numerator].sum() / below.sum())
    of_user = (column[metric.numerator] - mean * below) / below.mean()
    if metric.covariate is not None:
        over, under = metric.covariate
        rest = np.ones(len(sums)) if under is None else column[under]
        before = (column[over] - column[over].sum() / rest.sum() * rest) / rest.mean()
        if before.var() > 0:
            of_user = of_user - float(np.cov(of_user, before)[0, 1] / before.var(ddof=1)) * before
    if not of_user.std() > NO_ERROR * np.abs(column[metric.numerator]).max() / abs(below.mean()):
        fix = "it, or what its covariate leaves of it, is the same for all users: there is nothing to plan"
        raise InvalidInput(metric.name, mean, fix)
    return Baseline(mean, float(of_user.std(ddof=1)))


def read_plan(
    source: Path | pd.DataFrame,
    metric: str,
    covariates: Sequence[str],
    columns: TestColumns,
    *,
    day_first: bool | None = None,
    repeats: bool = False,
) -> tuple[Baseline, float | None]:
    """(the baseline of a metric in a table of users, new users a day; None where there are no times).

    Raises:
        InvalidInput: as :func:`.table.read_test` and :func:`baseline_of`.
    """
    metrics = read_metrics([metric], (), covariates)
    rows = read_test(source, metrics, columns, day_first=day_first, repeats=repeats)
    per_day = None
    if rows.day is not None:
        per_day = len(rows.units[1]) / (int(rows.day.max()) + 1)
    return baseline_of(rows, metrics[0]), per_day


@dataclass(frozen=True)
class TestPlan:
    """One line of a plan.

    Attributes:
        effect: relative, of the metric's mean.
        users: of all arms together; ``per_arm`` of each.
        days: until so many users have come.
        fixed_users: that a test with one look would need.
        power: to show the effect.
    """

    __test__ = False

    effect: float
    users: int
    per_arm: int
    days: int
    fixed_users: int
    power: float


@dataclass(frozen=True)
class PlanOptions:
    """What a plan is for.

    Attributes:
        users_per_day: new users that enter the test each day, all arms together.
        arms: the control and the others, in equal shares; comparisons with the control share the error.
        power: probability to show the effect.
        level: coverage of the interval.
        stop: ``sequence`` or ``fixed``.
    """

    users_per_day: float
    arms: int = 2
    power: float = 0.8
    level: float = 0.95
    stop: str = SEQUENCE

    def __post_init__(self) -> None:
        in_range("--users-per-day", self.users_per_day, 0.0, MOST_USERS, open_low=True)
        in_range("--arms", self.arms, 2, 20)
        in_range("--power", self.power, 0.5, 1.0, open_high=True)
        in_range("--level", self.level, 0.5, 1.0, open_low=True, open_high=True)
        one_of("--stop", self.stop, STOPS)

    @property
    def miss(self) -> float:
        """Error of one comparison with the control: Bonferroni's share."""
        return (1.0 - self.level) / (self.arms - 1)


def plan_test(baseline: Baseline, effects: list[float], options: PlanOptions) -> list[TestPlan]:
    """Users and days for each relative effect.

    Raises:
        InvalidInput: an effect of 0, or one for which more users are needed than there are people.
    """
    return [_plan(baseline, effect, options) for effect in effects]


def _plan(baseline: Baseline, effect: float, options: PlanOptions) -> TestPlan:
    in_range("--effect", effect, -1.0, 100.0)
    if effect == 0:
        raise InvalidInput("--effect", effect, "an effect of 0 cannot be shown: give the least that matters")
    fixed = users_per_arm(baseline, effect, options)
    factor = 1.0 if options.stop == FIXED else sequence_factor(options)
    per_arm = math.ceil(fixed * factor)
    users = per_arm * options.arms
    if users > MOST_USERS:
        raise InvalidInput("--effect", effect, f"it would take {users:.1e} users: plan a larger effect")
    days = math.ceil(users / options.users_per_day)
    return TestPlan(effect, users, per_arm, days, math.ceil(fixed) * options.arms, options.power)


def users_per_arm(baseline: Baseline, effect: float, options: PlanOptions) -> float:
    """Users of each of two arms for one look, by tea-tasting."""
    sd = baseline.sd_at(effect)
    normal = NormalDist()
    quantiles = normal.inv_cdf(1.0 - options.miss / 2.0) + normal.inv_cdf(options.power)
    about = 2.0 * (quantiles * (sd / abs(effect) / abs(baseline.mean))) ** 2
    if not about < MOST_USERS:
        raise InvalidInput("--effect", effect, f"it would take {about:.1e} users: plan a larger effect")
    if about < FEWEST:
        return FEWEST  # the power of fewer has no solution by t, and nobody plans such a test
    two = aggregates(np.array([[-1.0], [1.0]]) * sd / math.sqrt(2.0) + baseline.mean, ["value"])
    asked = {"alpha": options.miss, "power": options.power, "effect_size": abs(effect * baseline.mean)}

    def users(use_t: bool) -> float:
        (size,) = tea_metric(Metric("value"), use_t=use_t, **asked).solve_power_from_aggregates(two, "n_obs")
        return float(size.n_obs) / 2.0

    # with many users t and the normal law agree, and scipy's noncentral t has no value any more
    return users(use_t=about <= LARGE)


def sequence_factor(options: PlanOptions) -> float:
    """How many times the users of a fixed test a sequence needs that is narrowest at the planned end."""
    normal = NormalDist()
    power = normal.inv_cdf(options.power)
    fixed = normal.inv_cdf(1.0 - options.miss / 2.0)
    return ((penalty(1.0 - options.miss) + power) / (fixed + power)) ** 2


def plan_sentence(plan: TestPlan, name: str, options: PlanOptions) -> str:
    """``so many users, so many days``, in one sentence."""
    looks = "look as often as you like" if options.stop == SEQUENCE else "look once, at the end"
    days = f"{plan.days:,} day{'' if plan.days == 1 else 's'}"
    weeks = f" ({math.ceil(plan.days / 7):,} whole weeks)" if plan.days > 7 else ""
    return (
        f"to show {plan.effect:+.1%} of {name} with a chance of {options.power:.0%}: "
        f"{plan.users:,} users ({plan.per_arm:,} in each of {options.arms} arms), {days}{weeks}; {looks}"
    )
