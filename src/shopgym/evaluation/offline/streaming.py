"""Estimates of a log that does not fit into memory: every part is reduced to sums, and sums merge.

A value is a function of column means, and its delta interval also needs their cross products
(:class:`..intervals.statistic.Statistic`). So a count, means and centred cross products of the columns are
all that is kept of a part. They merge exactly (Chan, Golub and LeVeque 1983, Algorithms for computing the
sample variance), in any order, on any machine. Diagnostics need sums of the weights and the largest
weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from ...core.errors import InvalidInput
from ...core.statistics import normal_quantile
from ...core.types import F64, I64
from ..errors import NoOverlap, NotEstimable
from ..intervals.base import check_level
from ..intervals.normal import student_quantile
from ..intervals.statistic import Statistic, gradient_at
from .accumulators import LargestValues, MeansAndScatter
from .agreement import disagreement, unchecked_model
from .diagnostics import HARMLESS, TAIL, Diagnostics, max_share, pair_products, pair_z
from .estimate import Estimate
from .estimator import Estimator, judged_estimate
from .estimators import estimator_named
from .influence import Influence
from .inputs import OpeInputs
from .pareto import tail_shape
from .slate.estimators import CascadeDR, PseudoInverse
from .smoothing import Clipped, Logarithmic, SubGaussian
from .verdict import REFUSE, Reason
from .weighted import SNIPS, Direct, Weighted

STREAMED_INTERVALS = ("delta", "student")
"""Intervals that need only means and cross products."""
EDGES = np.concatenate([[0.0], np.logspace(-3, 6, 46), [np.inf]])
"""Edges of the weights' histogram: the first bin is [0, 0.001), then five bins a decade."""


class SufficientStatistics:
    """Sums over rounds that estimates and diagnostics are made of; they merge over parts of a log.

    Args:
        estimators: those to estimate with (:func:`streamable`).
        slots: of a round.
        unit: of the reward.
    """

    def __init__(self, estimators: Sequence[Estimator], slots: int = 1, unit: str = "reward") -> None:
        self.estimators = tuple(estimators)
        if not any(each.weighted for each in self.estimators):
            self.estimators = (*self.estimators, SNIPS)  # nothing else would check the model
        self.unit = unit
        self.notes: dict[str, None] = {}
        self.propensity_p = self.propensity_excess = self.unsupported = math.nan
        """Of the whole log; the caller sets them from :class:`.support.Support`."""
        self.doubts: tuple[Reason, ...] = ()
        """As :attr:`.inputs.OpeInputs.doubts`; those of the parts, and what the caller adds."""
        lead = _lead_round(slots)
        self._columns = [MeansAndScatter(_columns(e, lead).shape[1]) for e in self.estimators]
        self._kind = _lead_round(slots)
        self._refused: dict[str, str] = {}
        self._weight, self._reward = MeansAndScatter(slots), MeansAndScatter(1)
        self._top = [LargestValues() for _ in range(slots)]
        self._correction, self._pairs = MeansAndScatter(1), MeansAndScatter(1)
        self._squared_error = 0.0
        self.histogram = np.zeros(len(EDGES) - 1, dtype=np.int64)

    def __len__(self) -> int:
        return self._weight.n

    @property
    def slots(self) -> int:
        """Of a round."""
        return len(self._top)

    @property
    def has_model(self) -> bool:
        """Whether there is a reward model: only estimators that need one make it worth its pass."""
        return any(each.needs_model for each in self.estimators)

    @property
    def logged_value(self) -> float:
        """Mean reward of a logged round."""
        return float(self._reward.mean[0])

    @property
    def logged_error(self) -> float:
        """Standard error of :attr:`logged_value`."""
        n = len(self)
        return math.sqrt(float(self._reward.scatter[0, 0]) / (n * (n - 1.0))) if n > 1 else math.inf

    def add(self, part: OpeInputs) -> None:
        """Add rounds.

        Raises:
            InvalidInput: another number of slots.
        """
        if part.reward.shape[1] != self.slots:
            raise InvalidInput("inputs.reward", part.reward.shape, f"the parts before had {self.slots} slots")
        led = _with_lead_round(part)
        for i, estimator in enumerate(self.estimators):
            try:
                self._columns[i].add(_columns(estimator, led)[1:])
            except NotEstimable as error:  # the others go on; this one raises when it is asked
                reason, _, _ = error.fix.partition(" (")  # how many rows of a part is of no interest
                self._refused[estimator.name] = reason
        self._kind = _common_kind(self._kind, part)
        self._weight.add(part.weight)
        self._pairs.add(pair_products(part.weight)[:, None])
        self._reward.add(part.reward.sum(axis=1, keepdims=True))
        for slot, top in enumerate(self._top):
            top.add(part.weight[:, slot])
        self.histogram += weight_histogram(part.weight)
        if part.q_logged is not None:
            residual = part.reward - part.q_logged
            self._squared_error += float(np.einsum("nk,nk->", residual, residual))
            self._correction.add(np.einsum("nk,nk->n", residual, part.weight)[:, None])
        self.notes |= dict.fromkeys(filter(None, [part.note]))
        self.doubt(part.doubts)

    def merge(self, other: SufficientStatistics) -> None:
        """Add the rounds of ``other``, made for the same estimators, slots and unit."""
        mine, others = (([e.name for e in t.estimators], t.slots, t.unit) for t in (self, other))
        if mine != others:
            raise InvalidInput("tally", others, f"merge what was made alike: {mine}")
        for one, two in zip(self._mergeable(), other._mergeable()):
            one.merge(two)
        self._kind = _common_kind(self._kind, other._kind)
        self._refused |= other._refused
        self._squared_error += other._squared_error
        self.histogram = self.histogram + other.histogram
        self.notes |= other.notes
        self.doubt(other.doubts)

    def doubt(self, doubts: Iterable[Reason]) -> None:
        """Add doubts, each once."""
        self.doubts = tuple(dict.fromkeys((*self.doubts, *doubts)))

    def _mergeable(self) -> list[Any]:
        return [*self._columns, *self._top, self._weight, self._reward, self._correction, self._pairs]

    def diagnostics(self) -> Diagnostics:
        """As :func:`.diagnostics.diagnose` of all rounds in one."""
        n, mean = len(self), self._weight.mean
        variance = np.diag(self._weight.scatter) / n
        square = variance + mean**2
        ess = n * np.divide(mean**2, square, out=np.zeros_like(mean), where=square > 0)
        error = np.sqrt(variance / n)
        away = np.abs(mean - 1.0) > HARMLESS
        z = np.where(away, np.copysign(np.inf, mean - 1.0), 0.0)
        np.divide(mean - 1.0, error, out=z, where=away & (error > 0))
        tops = [top.descending() for top in self._top]
        shapes = [shape for shape in (tail_shape(top[::-1], n) for top in tops) if not math.isnan(shape)]
        count = math.ceil(TAIL * n)
        tails = [float(top[:count].sum()) / (m * n) if m > 0 else 0.0 for top, m in zip(tops, mean)]
        pair_error = np.sqrt(self._pairs.scatter[:1, 0]) / n
        model_error = model_z = math.nan
        if self._correction.n:
            model_error = math.sqrt(self._squared_error / n)
            spread = math.sqrt(float(self._correction.scatter[0, 0]) / n) / math.sqrt(n)
            model_z = float(self._correction.mean[0]) / spread if spread > 0 else 0.0
        return Diagnostics(
            ess=float(ess.min()),
            max_weight=max(float(top[0]) for top in tops),
            max_share=max_share(np.array([top[0] for top in tops]), square * n),
            tail_mass=max(tails),
            pareto_k=max(shapes, default=math.nan),
            mean_weight=float(mean.mean()),
            weight_z=float(z[np.argmax(np.abs(z))]),
            pair_z=math.nan if self.slots == 1 else pair_z(self._pairs.mean, pair_error),
            unsupported=self.unsupported,
            propensity_p=self.propensity_p,
            propensity_excess=self.propensity_excess,
            model_error=model_error,
            model_z=model_z,
        )

    def estimate(self, name: str, *, level: float = 0.95, interval: str = "delta") -> Estimate:
        """The estimate of the estimator of that name.

        Raises:
            InvalidInput: an estimator that was not counted or refuses the rounds, an interval that
                needs every round, a level outside (0, 1), fewer than two rounds, no round the target
                could have made.
        """
        names = [each.name for each in self.estimators]
        if name not in names:
            streamable(estimator_named(name), len(self))
            raise NotEstimable("estimator", name, f"the parts were counted for {', '.join(names)}")
        if name in self._refused:
            raise NotEstimable("estimator", name, self._refused[name])
        if interval not in STREAMED_INTERVALS:
            fix = f"of a streamed log choose {' or '.join(STREAMED_INTERVALS)}"
            raise InvalidInput("interval", interval, fix)
        check_level(level)
        n = len(self)
        if n < 2:
            raise InvalidInput("rounds", n, "an interval needs at least two rounds")
        estimator, diagnostics = self.estimators[names.index(name)], self.diagnostics()
        if estimator.weighted and not diagnostics.ess > 0:
            fix = f"the target never shows what was logged in any of {n} rounds"
            raise NoOverlap("inputs.weight", 0.0, fix)
        value, error, influence = self._solved(name)
        half = (normal_quantile(level) if interval == "delta" else student_quantile(level, n - 1)) * error
        return judged_estimate(
            estimator,
            value,
            (value - half, value + half),
            diagnostics,
            influence,
            (*self.doubts, *self._agreement(name), *estimator.misfits(self._kind, diagnostics)),
            list(self.notes),
            level=level,
            interval=interval,
            n=n,
            unit=self.unit,
        )

    def _agreement(self, name: str) -> tuple[Reason, ...]:
        """What the counted estimators say of that one (:mod:`.agreement`).

        The error of their difference is not known: they are apart where their intervals at 95% are.
        """
        weighted = [each.name for each in self.estimators if each.weighted]
        reasons = () if name in weighted else unchecked_model(map(self._verdict, weighted))
        agreeing = ("snips", "ips") if self._kind.conditional_predictions else ("dr", "snips", "ips")
        said = {e: self._solved(e)[:2] for e in agreeing if e in weighted and e not in self._refused}
        pairs = ((pair, sum(said[each][1] for each in pair) / 2.0) for pair in combinations(said, 2))
        apart = (disagreement(pair, said, error) for pair, error in pairs)
        return reasons + tuple(filter(None, apart))[:1]

    def _solved(self, name: str) -> tuple[float, float, Influence]:
        i = [each.name for each in self.estimators].index(name)
        return _solve_statistic(self._columns[i], *_statistics(self.estimators[i], _lead_round(self.slots)))

    def _verdict(self, name: str) -> str:
        try:
            return self.estimate(name).verdict
        except NotEstimable:
            return REFUSE


def can_stream(estimator: Estimator) -> bool:
    """Whether it looks at one round at a time; one that tunes itself looks at all rounds at once."""
    if isinstance(estimator, Weighted):
        return estimator.smoothing != SubGaussian(None)
    return isinstance(estimator, (Direct, CascadeDR, PseudoInverse))


def streamable(estimator: Estimator, n: int) -> Estimator:
    """The estimator with what it takes from the number of rounds ``n`` written down.

    Raises:
        NotEstimable: it looks at all rounds at once.
    """
    if not can_stream(estimator):
        fix = "it looks at all rounds at once and cannot be streamed: take a sample"
        raise NotEstimable("estimator", estimator.name, fix)
    if isinstance(estimator, Weighted) and estimator.smoothing == Clipped(None):
        return replace(estimator, smoothing=Clipped(math.sqrt(n)))
    if isinstance(estimator, Weighted) and estimator.smoothing == Logarithmic(None):
        return replace(estimator, smoothing=Logarithmic(1.0 / math.sqrt(n)))
    return estimator


def weight_histogram(weight: F64) -> I64:
    """Weights in each bin between ``EDGES``."""
    return np.asarray(np.histogram(weight, EDGES)[0], dtype=np.int64)


def _lead_round(slots: int) -> OpeInputs:
    """One round of weight 1 whose reward and prediction are 0."""
    one, zero = np.ones((1, slots)), np.zeros((1, slots))
    return OpeInputs(zero, one, zero, zero, propensity=one, slate_weight=np.ones(1))


def _with_lead_round(part: OpeInputs) -> OpeInputs:
    """The part after a round of weight 1, so that a part without any weight is not refused."""
    lead = _lead_round(part.slots)
    columns: dict[str, Any] = {}
    for name in ("reward", "weight", "q_logged", "v_target", "propensity", "slate_weight"):
        values = getattr(part, name)
        columns[name] = None if values is None else np.concatenate([getattr(lead, name), values])
    return _Led(**columns)


def _common_kind(one: OpeInputs, other: OpeInputs) -> OpeInputs:
    """``one`` with the flags that hold for both: what an estimator must know of its inputs."""
    return replace(
        one,
        slate_weight=None if other.slate_weight is None else one.slate_weight,
        chained=one.chained or other.chained,
        conditional_predictions=one.conditional_predictions or other.conditional_predictions,
    )


class _Led(OpeInputs):
    """Inputs whose overlap is not checked: only that of the whole log matters."""

    @property
    def ess(self) -> float:
        """Infinite: see the class."""
        return math.inf


def _statistics(estimator: Estimator, inputs: OpeInputs) -> tuple[Statistic, Statistic | None]:
    return estimator.statistic(inputs), estimator.raw(inputs)


def _columns(estimator: Estimator, led: OpeInputs) -> F64:
    """The columns that are summed: those of the statistic, those of the same without smoothing, and the
    products of pairs of the former, which give the sums of psi^3 and psi^4."""
    statistic, raw = _statistics(estimator, led)
    x = statistic.columns
    one, two = np.triu_indices(x.shape[1])
    return np.concatenate([x.T, *([] if raw is None else [raw.columns.T]), x.T[one] * x.T[two]]).T


def _solve_statistic(
    columns: MeansAndScatter, statistic: Statistic, raw: Statistic | None
) -> tuple[float, float, Influence]:
    """Value, standard error and influence of what :func:`_columns` counted.

    psi = g'(x - m), with g the gradient at the means m, and psi^2 = (g'x)^2 - 2 (g'm) (g'x) + (g'm)^2 are
    both linear in the counted columns, so that sums of psi^2, psi^3 and psi^4 are cross products of these.
    """
    n, width = columns.n, statistic.columns.shape[1]
    mean = columns.mean[:width]
    gradient = gradient_at(statistic, mean)
    one, two = np.triu_indices(width)
    psi, square = (np.zeros(len(columns.mean)) for _ in range(2))
    psi[:width] = gradient
    square[:width] = -2.0 * float(gradient @ mean) * gradient
    square[-len(one) :] = np.where(one == two, 1.0, 2.0) * gradient[one] * gradient[two]
    second, third = (float(psi @ columns.scatter @ other) for other in (psi, square))
    second = max(second, 0.0)
    fourth = max(float(square @ columns.scatter @ square), 0.0) + second**2 / n
    value, moved, moved_second = float(statistic.of_means(mean)), 0.0, 0.0
    if raw is not None:
        as_is = slice(width, len(columns.mean) - len(one))
        moved = value - float(raw.of_means(columns.mean[as_is]))
        difference = psi.copy()
        difference[as_is] = -gradient_at(raw, columns.mean[as_is])
        moved_second = max(float(difference @ columns.scatter @ difference), 0.0)
    influence = Influence.from_sums(n, value, second, third, fourth, moved, moved_second)
    return value, math.sqrt(second / (n * (n - 1.0))), influence
