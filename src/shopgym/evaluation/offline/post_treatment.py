"""Context columns that look like outcomes of the action (post-treatment variables).

A reward model that is told what came after the action predicts the reward of the logged action from it, and
nonsense for the others (Rosenbaum 1984, The consequences of adjustment for a concomitant variable that has
been affected by the treatment). Whether a column came before the action is not in the table, but this is:

- With logged propensities p a column f that was there before the choice is balanced: for each action a the
  mean of f (1[a logged] / p - 1) is 0 (Imai and Ratkovic 2014, Covariate balancing propensity score).
  Correlation with a cause of the choice does no harm. A column that is out of balance is an outcome, or the
  propensities are wrong.
- Without propensities a column that depends on the action is a cause of the choice or its effect. A column
  is named if it depends on the action both by itself and given the other columns (generalised covariance
  measure; Shah and Peters 2020, The hardness of conditional independence testing). So a column that is only
  correlated with a cause is not named, nor one that merely shares an effect with the action.

Numbers are tested by their ranks and by how far the ranks are from the middle, other columns by the
indicator of each frequent value. Means of inverse propensities are far from normal where some rounds weigh
much: each has the p-value of Bernstein's inequality. Where no round does, all means of a column are also
tested together (chi-squared, corrected for skewness; Petrov 1975, Sums of independent random variables,
chapter 8). The smallest p-value of all tests is multiplied by their number (Bonferroni); a column is named
below ``ALPHA``, so that of logs without an outcome among the columns at most one in a hundred names one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64, I64, AnyArray, Bool
from ..intervals.clusters import cluster_codes
from .verdict import CAUTION, REFUSE, Reason

if TYPE_CHECKING:
    import pandas as pd

ALPHA, SURE = 0.01, 1e-4
"""Share of right logs in which some column is named; below ``SURE`` there is no doubt that it is one. Without
propensities only these are named, as the regressions on the other columns are not exact."""
ENOUGH_ROUNDS = 3_000
"""The test finds the outcome of the benchmark's trial in 99 of 100 logs of so many rounds, in 45 of 100 logs
of 1,000 rounds (150 logs of each)."""
FEWEST = 30
"""An action or a value seen less often is not tested: its mean is too far from normal."""
FEWEST_CLUSTERS = 20
"""Fewer users tell nothing of the errors."""
FEW_VALUES, MOST_VALUES = 10, 20
"""A number with at most so many different values is tested value by value; of words the most frequent."""
MOST_ROWS = 50_000
"""Of a longer log every k-th row is tested: an effect that these do not show is of no weight."""
DETERMINED = 0.01
"""Share of a column's variance below which the other columns leave nothing of it to test."""
LIGHT, MOST_TOGETHER = 0.2, 60
"""Share of a standard error that the heaviest round may have where means are tested together; how many."""
EXTREME = 0.01
"""Share of the rows, those with the least exploration, that may be out of balance unseen: an action that is
almost never chosen there has not been logged there either."""
KNOTS = 10
"""Steps of a number's rank in the regressions on the other columns."""


@dataclass(frozen=True)
class SuspectColumn:
    """A column that depends on the action; ``p_value`` is of all tests together."""

    name: str
    p_value: float


@dataclass(frozen=True)
class Suspects:
    """The columns that look like outcomes.

    Attributes:
        columns: the surest first.
        logged: whether propensities were there to tell.
    """

    columns: tuple[SuspectColumn, ...] = ()
    logged: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def sentence(self) -> str:
        """What was seen; empty without suspects."""
        if not self.columns:
            return ""
        beyond = "more than their propensities explain" if self.logged else "also given the other columns"
        return f"{_listed(self.names)} {_verb(self.names)} between the actions {beyond} ({self._p})"

    def doubts(self, *, left_out: bool) -> tuple[Reason, ...]:
        """Reasons against an estimate, where propensities were logged.

        Args:
            left_out: whether the columns were left out of the context. Else they are part of it, and if that
                is sure every estimate is refused: the reward model, or the weights, are wrong.
        """
        if not self.columns or not self.logged:
            return ()
        either = "an outcome of the action, or the propensities are wrong"
        if left_out:
            remedy = "so left out of the context (name each context column to settle it)"
            return ((CAUTION, f"{self.sentence}: {either}, {remedy}"),)
        word = REFUSE if self.columns[0].p_value < SURE else CAUTION
        return ((word, f"in the context {self.sentence}: {either} (no outcome may be context)"),)

    def refuse_unclear(self, option: str = "--context-column") -> None:
        """Refuse to take suspects as context unasked where no propensities can tell causes from outcomes.

        Raises:
            InvalidInput: there are suspects; it names them and both remedies.
        """
        if self.columns and not self.logged:
            raise InvalidInput(
                option,
                "*",
                f"{self.sentence}, and without propensities the log cannot say whether that drove the choice "
                f"or came after it: name each that drove the choice with {option} NAME, and leave out each "
                "that came after",
            )

    @property
    def _p(self) -> str:
        p = self.columns[0].p_value
        return "p < 1e-12" if p < 1e-12 else f"p = {p:.1g}"


def suspects(
    frame: pd.DataFrame,
    context: Sequence[str],
    action: AnyArray,
    propensity: F64 | None = None,
    users: AnyArray | None = None,
    sample_weight: F64 | None = None,
) -> Suspects:
    """The columns of the context that depend on the action as only an outcome, or a cause, does.

    Args:
        frame: n rows, one per round.
        context: names of columns without missing values.
        action: (n,) labels or codes of the logged actions.
        propensity: (n,) their logged probabilities; None: not logged.
        users: (n,) or None; the rounds of a user are one draw.
        sample_weight: (n,) > 0, how many rounds each row stands for, or None.
    """
    step = max(1, -(-len(frame) // MOST_ROWS))
    rows = slice(None, None, step)
    code = np.unique(np.asarray(action)[rows], return_inverse=True)[1]
    frequent = np.flatnonzero(np.bincount(code) >= FEWEST)
    shown = (code[:, None] == frequent).astype(np.float64)
    cluster = np.arange(len(code)) if users is None else cluster_codes(np.asarray(users)[rows])
    if len(frequent) == 0 or cluster.max() + 1 < FEWEST_CLUSTERS or len(frequent) < 2:
        return Suspects(logged=propensity is not None)
    size = np.ones(len(code)) if sample_weight is None else sample_weight[rows] / sample_weight[rows].mean()
    tested = {name: _centred(_features(frame[name].to_numpy()[rows]), size) for name in context}
    if propensity is not None:
        logged = np.asarray(propensity, dtype=np.float64)[rows]
        excess = shown / logged[:, None] - 1.0
        extremes = _extremes(logged, int(code.max()) + 1, size)
        excess *= size[:, None]
        p_values = {
            name: _unbalanced(features, excess, cluster, extremes) for name, features in tested.items()
        }
    else:
        bases = {name: _basis(frame[name].to_numpy()[rows]) for name in tested}
        p_values = dict(_dependent(tested, bases, shown, cluster, size))
    columns = [SuspectColumn(name, min(1.0, len(tested) * p)) for name, p in p_values.items()]
    limit = SURE if propensity is None else ALPHA
    suspected = sorted((each for each in columns if each.p_value < limit), key=lambda each: each.p_value)
    return Suspects(tuple(suspected), propensity is not None)


def _dependent(
    tested: dict[str, F64], bases: dict[str, F64], shown: F64, cluster: I64, size: F64
) -> Iterator[tuple[str, float]]:
    """For each column the greater p-value of two tests: by itself, and given the other columns."""
    centred = _centred(shown, size)
    root = np.sqrt(size)[:, None]
    for name, features in tested.items():
        p = _smallest_p(features, size[:, None] * centred, cluster)
        others = [basis for other, basis in bases.items() if other != name]
        if p < SURE and others:
            design = np.hstack([np.ones((len(centred), 1)), *others])
            both = np.hstack([features, centred])
            both = both - design @ np.linalg.lstsq(root * design, root * both, rcond=None)[0]
            left, left_of_shown = both[:, : features.shape[1]], both[:, features.shape[1] :]
            free = left.var(axis=0) > DETERMINED * features.var(axis=0)
            if free.any():
                p = max(p, _smallest_p(left[:, free], size[:, None] * left_of_shown, cluster))
        yield name, p


def _centred(columns: F64, size: F64) -> F64:
    """The columns less their means, weighted by ``size`` (n,) of mean 1."""
    return np.asarray(columns - size @ columns / len(size))


def _smallest_p(
    features: F64, excess: F64, cluster: I64, extremes: tuple[float, float] | None = None
) -> float:
    """The smallest two-sided p-value of the means of feature x excess, 0 in expectation, times their number.

    Args:
        features: (n, f) centred, in [-1, 1].
        excess: (n, A) of mean 0.
        cluster: (n,) whole numbers; equal ones are one draw.
        extremes: for Bernstein's inequality, as of :func:`_extremes`; None: the means are close to normal.
    """
    from scipy.special import stdtr

    n, groups, smallest = len(excess), int(cluster.max()) + 1, 1.0
    for feature in features.T:
        product = feature[:, None] * excess
        total = np.abs(product.sum(axis=0))
        if groups < n:
            product = np.stack([np.bincount(cluster, column, groups) for column in product.T], axis=1)
        error = np.sqrt(np.square(product).sum(axis=0) * groups / (groups - 1))
        if extremes is not None:
            beyond = np.maximum(total - extremes[1], 0.0)
            largest = extremes[0] * n / groups  # of a user whose rounds were decided at once
            smallest = min(smallest, _tail(beyond, error, largest))
        else:
            defined = error > 1e-9 * math.sqrt(n)
            z = float((total[defined] / error[defined]).max(initial=0.0))
            smallest = min(smallest, 2.0 * float(stdtr(groups - 1, -z)))
    return float(min(1.0, smallest * max(1, features.shape[1] * excess.shape[1])))


def _unbalanced(features: F64, excess: F64, cluster: I64, extremes: tuple[float, float]) -> float:
    """The p-value of a column: of its single means, or of all of them together where no round weighs much."""
    single = _smallest_p(features, excess, cluster, extremes)
    if extremes[1] or not 0 < features.shape[1] * excess.shape[1] <= MOST_TOGETHER:
        return single
    products = (features[:, :, None] * excess[:, None, :]).reshape(len(excess), -1)
    products = np.stack([np.bincount(cluster, column) for column in products.T], axis=1)
    return min(1.0, 2.0 * min(single, _together(products, extremes[0] * len(excess) / len(products))))


def _together(products: F64, largest: float) -> float:
    """The p-value of all sums over the rows of ``products``, terms of at most ``largest``; 1 if some may be
    far from normal."""
    from scipy.special import chdtrc

    value, vector = np.linalg.eigh(products.T @ products)
    kept = value > 1e-9 * value.max(initial=0.0)
    if not kept.any() or largest > LIGHT * math.sqrt(float(value[kept].mean())):
        return 1.0
    sums = vector[:, kept].T @ products.sum(axis=0)
    square = float((sums**2 / value[kept]).sum())
    if square == 0.0:
        return 1.0
    share = products @ (vector[:, kept] @ (sums / value[kept])) / math.sqrt(square)  # squares sum to 1
    if np.abs(share).max() > LIGHT:
        return 1.0
    skewness = abs(float((share**3).sum()))
    corrected = float(chdtrc(int(kept.sum()), square)) * math.exp(min(50.0, skewness * square**1.5 / 6.0))
    return min(1.0, corrected)


def _tail(beyond: F64, error: F64, largest: float) -> float:
    """The smallest two-sided p-value of sums ``beyond`` (A,) with these standard errors, of terms of at most
    ``largest`` (Bernstein)."""
    bernstein: F64 = beyond**2 / (2.0 * (error**2 + largest * beyond / 3.0) + 1e-300)
    return 2.0 * math.exp(-float(bernstein.max(initial=0.0)))


def _extremes(logged: F64, actions: int, size: F64) -> tuple[float, float]:
    """The largest inverse propensity of an action, logged or not, and how many rounds are beyond it.

    All actions but the logged one share 1 - p. The largest is the quantile 1 - ``EXTREME`` over rows.
    """
    unlogged = np.divide(actions - 1, 1.0 - logged, out=np.full(len(logged), np.inf), where=logged < 1)
    weight = np.maximum(1.0 / logged, unlogged)
    largest = float(np.quantile(weight, 1.0 - EXTREME, method="lower"))
    return largest * float(size.max()), float(size[weight > largest * (1.0 + 1e-9)].sum())


def _features(values: AnyArray) -> F64:
    """(n, f) what is tested of a column, in [-1, 1]; f = 0 if it is constant."""
    rank = _rank(values)
    if rank is not None:
        return np.stack([rank, np.abs(rank)], axis=1)
    levels, code, count = np.unique(values.astype(str), return_inverse=True, return_counts=True)
    if len(levels) < 2:
        return np.empty((len(values), 0))
    kept = np.argsort(-count, kind="stable")[:MOST_VALUES]
    kept = kept[count[kept] >= FEWEST]
    if len(levels) == 2:
        kept = kept[:1]  # the other says the same
    return np.asarray(code[:, None] == kept, dtype=np.float64)


def _basis(values: AnyArray) -> F64:
    """(n, b) what the regressions on a column know of it."""
    rank = _rank(values)
    if rank is None:
        return _features(values)
    steps: Bool = np.floor((rank[:, None] + 1.0) / 2.0 * KNOTS) == np.arange(1, KNOTS)
    return np.hstack([rank[:, None], rank[:, None] ** 2, _standardised(values)[:, None], steps])


def _rank(values: AnyArray) -> F64 | None:
    """(n,) mid-ranks from -1 to 1 of a number with many values; None for other columns."""
    if values.dtype.kind not in "iuf":
        return None
    from scipy.stats import rankdata

    if len(np.unique(values)) <= FEW_VALUES:
        return None
    return np.asarray(2.0 * (rankdata(values) - 0.5) / len(values) - 1.0)


def _standardised(values: AnyArray) -> F64:
    """(n,) to mean 0 and variance 1, at most 4 from 0."""
    numbers = values.astype(np.float64)
    return np.asarray(np.clip((numbers - numbers.mean()) / numbers.std(), -4.0, 4.0))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _verb(names: Sequence[str]) -> str:
    return "differs" if len(names) == 1 else "differ"
