"""The mechanism of the estimators: each turns inputs into a smooth function of column means over rounds.

One mechanism makes most of them (:class:`Weighted`): the importance weights, smoothed or not, times the
reward or what a model left of it, plus the model's prediction. What is special about a setting (several
loggers, continuous or embedded actions, slates) is in the weights of its inputs: see the builders in
:mod:`.bandit` and :mod:`.slate`. Every estimator here can be had on each of them.

With k > 1 slots each slot has its own weight and the slots are added up: the item-position model of Li
et al. 2018 (Offline evaluation of ranking policies with click models), unbiased when the
reward of a slot depends on the request and on that slot's item only. With k = 1 they are the textbook
forms. Notation: w weight, r reward, q predicted reward of the logged action, v predicted reward under
the target policy, sums over slots j, means over rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.random import Generator

from ...core.types import F64, I64, AnyArray
from ..errors import NoOverlap, NotEstimable
from ..intervals import Interval, interval_named, require_clusters
from ..intervals.statistic import Clustered, Smooth, Statistic, Terms
from .diagnostics import Diagnostics
from .estimate import Estimate
from .influence import Influence
from .inputs import OpeInputs
from .smoothing import Smoothing, Unchanged
from .verdict import REFUSE, Reason, judge


class Estimator(Protocol):
    """Estimates the value of a target policy from inputs."""

    @property
    def name(self) -> str:
        """Short name, e.g. ``snips``."""
        ...

    @property
    def needs_model(self) -> bool:
        """Whether inputs have to come with a reward model's predictions."""
        ...

    @property
    def weighted(self) -> bool:
        """Whether it uses the importance weights; else it is as right as its model only."""
        ...

    @property
    def caveat(self) -> str:
        """What its interval leaves out; goes into the note."""
        ...

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """The value as a function of column means.

        Raises:
            NotEstimable: no reward model where one is needed, or no round the target could have made.
        """
        ...

    def raw(self, inputs: OpeInputs) -> Statistic | None:
        """The value with the weights as they are, to tell what smoothing does; None: it does not smooth."""
        ...

    def misfits(self, inputs: OpeInputs, diagnostics: Diagnostics) -> tuple[Reason, ...]:
        """What speaks against this estimator on inputs of this kind with these diagnostics."""
        ...

    def fitted(self, inputs: OpeInputs) -> Estimator:
        """This estimator with what it learns from the log, such as how much to smooth."""
        ...

    def estimate(
        self,
        inputs: OpeInputs,
        *,
        level: float = 0.95,
        interval: str | Interval = "delta",
        rng: Generator | None = None,
    ) -> Estimate:
        """The value with its interval; ``rng`` is needed by intervals that resample."""
        ...


class StatisticEstimator:
    """What estimators share: an estimate from :meth:`Estimator.statistic`."""

    name: str
    needs_model: bool = False
    weighted: bool = True
    caveat: str = ""

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """See :class:`Estimator`."""
        raise NotImplementedError

    def raw(self, inputs: OpeInputs) -> Statistic | None:
        """See :class:`Estimator`."""
        return None

    def misfits(self, inputs: OpeInputs, diagnostics: Diagnostics) -> tuple[Reason, ...]:
        """See :class:`Estimator`."""
        assumption_reasons = tuple(inputs.assumption_reasons()) if self.weighted else ()
        if not (self.needs_model and inputs.conditional_predictions):
            return assumption_reasons
        return (
            *assumption_reasons,
            (
                REFUSE,
                "its predictions are given the slots that the log shows before, and the weights of these are "
                "left out: use cascade-dr",
            ),
        )

    def fitted(self, inputs: OpeInputs) -> Estimator:
        """See :class:`Estimator`."""
        return self

    def estimate(
        self,
        inputs: OpeInputs,
        *,
        level: float = 0.95,
        interval: str | Interval = "delta",
        rng: Generator | None = None,
    ) -> Estimate:
        """See :class:`Estimator`.

        Raises:
            NotEstimable: no reward model where one is needed, no round the target could have made, or what
                the interval cannot do.
            InvalidInput: an unknown interval, a level outside (0, 1), fewer than two rounds.
        """
        fitted = self.fitted(inputs)
        return make_estimate(
            fitted,
            fitted.statistic(inputs),
            inputs.diagnostics,
            raw=fitted.raw(inputs),
            reasons=fitted.misfits(inputs, inputs.diagnostics),
            cluster=inputs.cluster,
            level=level,
            interval=interval_named(interval),
            rng=rng,
            unit=inputs.unit,
            notes=[inputs.note, inputs.weight_warning],
        )


def make_estimate(
    estimator: Estimator,
    statistic: Statistic,
    diagnostics: Diagnostics,
    *,
    level: float,
    interval: Interval,
    rng: Generator | None,
    unit: str,
    notes: list[str],
    raw: Statistic | None = None,
    reasons: Sequence[Reason] = (),
    cluster: I64 | None = None,
) -> Estimate:
    """The estimate of ``statistic`` with its interval, the diagnostics ``found`` and the verdict.

    ``raw`` is the same with weights as they are; rounds with equal ``cluster`` are no more than one draw.
    """
    rounds = len(statistic)
    if cluster is not None:
        require_clusters(interval)
        statistic = Clustered(statistic, cluster)
        raw = None if raw is None else Clustered(raw, cluster)
        notes = [*notes, f"the interval takes {len(statistic)} users as independent, not {rounds} rounds"]
    low, high = interval(statistic, level, rng)
    influence = Influence.from_statistic(statistic, raw)
    verdict, reason = judge(diagnostics, weighted=estimator.weighted, influence=influence, reasons=reasons)
    return Estimate(
        value=statistic.value,
        low=low,
        high=high,
        level=level,
        interval=interval.name,
        estimator=estimator.name,
        n=rounds,
        unit=unit,
        note="; ".join(dict.fromkeys(filter(None, (estimator.caveat, *notes)))),
        verdict=verdict,
        reason=reason,
        **vars(diagnostics),
        **vars(influence),
    )


UNCHANGED = Unchanged()


@dataclass(frozen=True)
class Weighted(StatisticEstimator):
    """mean(b) + mean(g (r - q)), with q = b = 0 without a model and b = v with one.

    Attributes:
        name: short name.
        smoothing: from inputs to the weights g.
        needs_model: whether the model's predictions are used (doubly robust).
        normalised: divide the second mean by mean(g), slot by slot.
        caveat: what the interval leaves out.
    """

    name: str
    smoothing: Smoothing = UNCHANGED
    needs_model: bool = False
    normalised: bool = False
    caveat: str = ""

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """See :class:`Estimator`."""
        require_overlap(inputs)
        weight = self.smoothing(inputs)
        if not self.needs_model:
            product = weight * inputs.reward
            if self.normalised:
                require_weight(weight, len(inputs))
                return Terms(product, weight, inputs.control)
            return Terms(product, None, inputs.control)
        q_logged, v_target = require_model(self.name, inputs)
        product = inputs.reward - q_logged
        product *= weight
        if self.normalised:
            require_weight(weight, len(inputs))
            base = v_target.sum(axis=1, keepdims=True)
            numerator = np.concatenate([base.T, product.T]).T
            denominator = np.concatenate([np.ones_like(base.T), weight.T]).T
            return Terms(numerator, denominator, inputs.control)
        product += v_target
        return Terms(product, None, inputs.control)

    def raw(self, inputs: OpeInputs) -> Statistic | None:
        """See :class:`Estimator`."""
        return None if self.smoothing == UNCHANGED else replace(self, smoothing=UNCHANGED).statistic(inputs)


@dataclass(frozen=True)
class Direct(StatisticEstimator):
    """mean(v), the direct method (Dudik, Langford and Li 2011)."""

    name: str = "dm"
    needs_model: bool = True
    weighted: bool = False
    caveat: str = "the interval of dm leaves out the error of its reward model"

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """See :class:`Estimator`."""
        _, v_target = require_model(self.name, inputs)
        return Terms(v_target, None, inputs.control)


@dataclass(frozen=True)
class EmpiricalLikelihood(StatisticEstimator):
    """The mean of w r under the rounds' most likely probabilities with mean weight 1, for single actions.

    Likelihood in the sense of Cressie and Read's divergence of order -2, and what probability the rounds
    leave over earns the mean logged reward (Karampatziakis, Langford and Mineiro 2020, Empirical likelihood
    for contextual bandits). Weights may lie in [0, ``most``]; one more round of an extreme weight is
    reckoned with, which is what makes mean weights below and above 1 different.

    Attributes:
        most: largest possible weight.
    """

    name: str = "cressie-read"
    most: float = np.inf

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """See :class:`Estimator`."""
        require_overlap(inputs)
        if inputs.reward.shape[1] > 1:
            raise NotEstimable("inputs.reward", inputs.reward.shape, "it is for one slot: use snips")
        weight, n = inputs.weight[:, 0], len(inputs)
        product = weight * inputs.reward[:, 0]
        columns = np.stack([weight, weight**2, product, weight * product, inputs.reward[:, 0]]).T
        most = max(self.most, float(weight.max()))

        def value(means: AnyArray) -> AnyArray:
            w, ww, wr, wwr, r = np.moveaxis(means, -1, 0)
            few = w.real < 1
            boundless = few & np.isinf(most)  # a boundless weight needs no probability to lift the mean to 1
            fake = np.where(few & ~boundless, most, 0.0)
            a, b = (fake + n * w) / (1 + n), (fake**2 + n * ww) / (1 + n)
            spread = b - a * a
            solvable = ~boundless & (spread.real > 0)
            spread = np.where(solvable, spread, 1.0)
            # the rounds' probabilities are (first + second w) / n
            first = np.where(solvable, (b - a) / spread * n / (1 + n), 1.0)
            second = np.where(solvable, (1 - a) / spread * n / (1 + n), 0.0)
            left = 1 - first * w - second * ww
            return np.asarray(first * wr + second * wwr + np.where(left.real > 0, left, 0.0) * r)

        return Smooth(columns, value, inputs.control)


def require_overlap(inputs: OpeInputs) -> None:
    """Refuse a slot without any weight: a weighted mean would be 0 whatever the truth is."""
    if inputs.ess > 0:
        return
    slot = np.flatnonzero(~(inputs.weight > 0).any(axis=0))[0]
    raise NoOverlap(
        "inputs.weight",
        0.0,
        f"at slot {slot} the target never shows what was logged in any of {len(inputs)} rounds: "
        "this log cannot weigh it; evaluate a target that overlaps with the log",
    )


def require_weight(weight: F64, n: int) -> None:
    """Refuse to normalise smoothed weights that are all 0 at a slot."""
    if not (weight.sum(axis=0) > 0).all():
        raise NotEstimable("smoothing", 0.0, f"it leaves no weight in any of {n} rounds: smooth less")


def require_model(name: str, inputs: OpeInputs) -> tuple[F64, F64]:
    """Predictions for the logged action and for the target policy, each (n, k)."""
    if inputs.q_logged is None or inputs.v_target is None:
        raise NotEstimable("estimator", name, "it needs a reward model: use ips or snips for this input")
    return inputs.q_logged, inputs.v_target
