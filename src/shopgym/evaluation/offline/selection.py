"""Choosing an estimator by the log itself, and measuring the quality of a choice among policies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput, in_range
from ...core.types import F64, I64, AnyArray
from ..errors import NotEstimable
from ..intervals.statistic import Statistic
from .checks import as_floats, checked_policies, checked_predictions, refuse
from .estimator import Estimator
from .inputs import OpeInputs
from .tuning import slope

EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Powers of the weight that the split of PAS-IF chooses from."""
_STEPS = 60


@dataclass(frozen=True)
class Slope(Estimator):
    """SLOPE++ over any estimators: that of Tucker and Lee 2021 (Improved estimator selection for off-policy
    evaluation), which drops from SLOPE (Su, Srinath and Krishnamurthy 2020, Adaptive estimator selection for
    off-policy evaluation) the need to know which candidate is more biased: they are ordered by how wide
    their intervals are, and :func:`.tuning.slope` picks.

    Attributes:
        candidates: among them should be one without bias, such as ips or dr.
        error: one-sided error of each candidate's interval.
    """

    candidates: tuple[Estimator, ...]
    name: str = "slope++"
    error: float = 0.1
    caveat: str = "the interval takes the chosen estimator as given"

    def __post_init__(self) -> None:
        if not self.candidates:
            raise InvalidInput("candidates", (), "give at least one estimator")
        in_range("error", self.error, 0.0, 1.0, open_low=True, open_high=True)

    @property
    def needs_model(self) -> bool:  # type: ignore[override]
        """Whether a candidate does."""
        return any(each.needs_model for each in self.candidates)

    def fitted(self, inputs: OpeInputs) -> Estimator:
        """The candidate that is picked."""
        fitted = [each.fitted(inputs) for each in self.candidates]
        if len(inputs) < 2:
            return fitted[0]
        return fitted[slope((each.statistic(inputs) for each in fitted), self.error)]

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """See :class:`.estimator.Estimator`."""
        return self.fitted(inputs).statistic(inputs)


@dataclass(frozen=True, eq=False)
class ActionLog:
    """n rounds of single actions of which the behaviour policy is known for all A actions.

    Attributes:
        reward, action: (n,).
        behaviour: (n, A) the behaviour policy's probabilities; rows sum to 1.
        target: (n, A) the target's.
        q: (n, A) predicted reward of every action, or None: then no estimator with a model can be chosen.

    Raises:
        InvalidInput: shapes that differ, rows that are no distributions, an action that could not be logged.
    """

    reward: F64
    action: I64
    behaviour: F64
    target: F64
    q: F64 | None = None

    def __post_init__(self) -> None:
        columns = (self.reward, self.action, self.behaviour, self.target)
        reward, action, _, behaviour, target = checked_policies(*columns)
        q = None if self.q is None else checked_predictions(self.q, target)
        checked = {"reward": reward, "action": action, "behaviour": behaviour, "target": target, "q": q}
        for name, values in checked.items():
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.reward)

    @property
    def logged(self) -> F64:
        """(n,) probability of the logged action."""
        return np.asarray(self.behaviour[np.arange(len(self.action)), self.action])

    def inputs(self) -> OpeInputs:
        """For any estimator."""
        return OpeInputs.from_actions(self.reward, self.action, self.logged, self.target, self.q)


@dataclass(frozen=True)
class PasIfChoice:
    """The result of PAS-IF.

    Attributes:
        errors: estimated mean squared error of each candidate, by name; NaN if it had no answer on any split.
        best: the name with the least.
    """

    errors: Mapping[str, float]
    best: str


def pas_if(
    log: ActionLog, candidates: Sequence[Estimator], *, rng: Generator, share: float = 0.2, splits: int = 10
) -> PasIfChoice:
    """Which estimator has the least error for this target: policy-adaptive estimator selection via importance
    fitting (Udagawa, Kiyohara, Narita, Saito and Tateno 2023).

    The log is split at random, round by round, with probability rho(x, a): what is taken is a log of a
    pseudo target, p rho / E[rho | x], and the rest one of a pseudo behaviour policy,
    p (1 - rho) / E[1 - rho | x], p being the behaviour policy. rho makes the weights between the two as close
    as can be to those of the real pair (their eq. 8), so that each candidate's error on the split tells of
    its error on the log. The mean reward of the first part is the yardstick.

    Here rho = sigmoid(c(x) + b log w(x, a)), with c(x) such that E[rho | x] = ``share`` in every context:
    both parts then have the contexts of the log, which the paper asks of its neural network by a penalty.
    b is the one of ``EXPONENTS`` whose weights fit best. Predictions of the reward are reused.

    Args:
        log: the rounds, with all probabilities of both policies.
        candidates: with different names.
        rng: decides the splits.
        share: of the rounds in the first part.
        splits: number of random splits over which squared errors are averaged.

    Raises:
        InvalidInput: no candidate, two of one name, or none that answers for any split.
    """
    in_range("share", share, 0.0, 1.0, open_low=True, open_high=True)
    in_range("splits", splits, 1, 10_000)
    names = [each.name for each in candidates]
    if not names or len(set(names)) < len(names):
        raise InvalidInput("candidates", names, "give at least one, each with a name of its own")
    weight = np.divide(log.target, log.behaviour, out=np.zeros_like(log.target), where=log.behaviour > 0)
    rows = np.arange(len(log))
    fits = [splitting(weight, log.behaviour, share, exponent) for exponent in EXPONENTS]
    at = weight[rows, log.action]
    logged = [rho[rows, log.action] for rho in fits]
    splits_at = [rho / (1.0 - rho) * (1.0 - share) / share for rho in logged]
    misfits = [float(np.mean((at - other) ** 2)) for other in splits_at]
    best = int(np.argmin(misfits))
    rho, chance = fits[best], logged[best]
    squares: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(splits):
        first = rng.random(len(log)) < chance
        if first.all() or first.sum() < 2 or (~first).sum() < 2:
            continue
        yardstick = float(log.reward[first].mean())
        target, behaviour = log.behaviour * rho / share, log.behaviour * (1.0 - rho) / (1.0 - share)
        columns = (log.reward, log.action, behaviour, target, log.q)
        second_part: list[Any] = [None if each is None else each[~first] for each in columns]
        rounds = ActionLog(*second_part).inputs()
        for each in candidates:
            try:
                value = each.fitted(rounds).statistic(rounds).value
                squares[each.name].append((value - yardstick) ** 2)
            except NotEstimable:
                continue  # this candidate has no answer on this split
    errors = {name: float(np.mean(squared)) if squared else math.nan for name, squared in squares.items()}
    answered = {name: error for name, error in errors.items() if math.isfinite(error)}
    if not answered:
        raise InvalidInput("candidates", names, "none of them answers for any split: give more rounds")
    return PasIfChoice(errors, min(answered, key=answered.__getitem__))


def splitting(weight: F64, behaviour: F64, share: float, exponent: float) -> F64:
    """(n, A) rho = sigmoid(c + exponent log weight) with sum_a behaviour rho = ``share`` in every row.

    Where the weight is 0 and the exponent is not, rho is 0. A row that cannot reach ``share``, because the
    target hardly shows what the behaviour policy does, is split evenly: rho = share.
    """
    with np.errstate(divide="ignore"):
        tilt = exponent * np.log(weight) if exponent else np.zeros_like(weight)
    reach = (behaviour * np.isfinite(tilt)).sum(axis=1) > share
    low, high = np.full(len(weight), -60.0), np.full(len(weight), 60.0)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        mass = (behaviour * _sigmoid(middle[:, None] + tilt)).sum(axis=1)
        low, high = np.where(mass < share, middle, low), np.where(mass < share, high, middle)
    rho = _sigmoid((0.5 * (low + high))[:, None] + tilt)
    return np.where(reach[:, None], rho, share)


def _sigmoid(x: AnyArray) -> F64:
    from scipy.special import expit

    return np.asarray(expit(x), dtype=np.float64)


@dataclass(frozen=True)
class TopK:
    """The true values of the k policies with the best estimates.

    Attributes:
        k: number of policies that are tried.
        best, worst, mean: of their true values.
        spread: standard deviation of them (over k, not k - 1).
        sharpe: (best - baseline) / spread, the SharpeRatio@k of Kiyohara, Kishimoto, Kawakami, Kobayashi,
            Nakata and Saito 2024 (Towards assessing and benchmarking risk-return tradeoff of off-policy
            evaluation): what is won over what is risked. Where the spread is 0 it is infinite, with the
            sign of the gain, or NaN for no gain.
        regret: best of all policies less ``best``, in units of the value.
    """

    k: int
    best: float
    worst: float
    mean: float
    spread: float
    sharpe: float
    regret: float


def top_k(estimated: AnyArray, true: AnyArray, baseline: float) -> list[TopK]:
    """For k = 1 ... P, the result of trying the k policies with the highest estimates.

    Args:
        estimated: (P,) estimated values; equal ones keep their order.
        true: (P,) true values.
        baseline: true value of what is deployed now, usually the behaviour policy.

    Raises:
        InvalidInput: shapes that differ, no policy, values that are not finite.
    """
    estimated, true = as_floats("estimated", estimated), as_floats("true", true)
    if estimated.ndim != 1 or estimated.shape != true.shape or not len(true):
        raise InvalidInput("estimated", (estimated.shape, true.shape), "give one of each per policy")
    refuse("estimated", estimated, ~(np.isfinite(estimated) & np.isfinite(true)), "give finite values")
    ranked = true[np.argsort(-estimated, kind="stable")]
    out = []
    for k in range(1, len(ranked) + 1):
        chosen = ranked[:k]
        best, spread = float(chosen.max()), float(chosen.std())
        gain = best - baseline
        sharpe = gain / spread if spread > 0 else (math.copysign(math.inf, gain) if gain else math.nan)
        worst, mean, regret = float(chosen.min()), float(chosen.mean()), float(true.max()) - best
        out.append(TopK(k, best, worst, mean, spread, sharpe, regret))
    return out
