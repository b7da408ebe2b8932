"""What the estimators of one log say of one another.

Two rules stand here, for logs in memory and streamed ones alike:

- importance weighting (ips), its normalised form (snips) and doubly robust (dr) have one expectation where
  the propensities are right. Where they differ by more than chance allows, none of them is trusted;
- an estimate of a reward model alone (dm) is checked by nothing but the weights. Where every estimate that
  uses them is refused, so is the model's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from ...core.types import F64, I64
from ..intervals.clusters import independent_draws
from ..intervals.statistic import Statistic, Terms
from .verdict import CAUTION, REFUSE, THRESHOLDS, Reason

UNCHECKED_MODEL = "every estimate that uses the weights is refused: nothing on this log checks its model"
ROUNDING = 1e-9
"""Share of a value below which a difference is one of rounding."""
Said = tuple[float, float]
"""What an estimator says: the value and its standard error."""


def disagreements(
    reward: F64,
    weight: F64,
    model: tuple[F64, F64] | None,
    cluster: I64 | None = None,
    sample_weight: F64 | None = None,
) -> tuple[Reason, ...]:
    """A reason against every estimate of one log, if dr, snips and ips do not agree.

    They are apart where they differ by over 4 standard errors of their difference, and by as much as shifts
    the narrower interval (``Thresholds.shift_caution``).

    Args:
        reward, weight: (n, k) as in :class:`.inputs.OpeInputs`; every slot has a weight.
        model: (n, k) predictions of what was logged and of the target, or None: then dr is left out.
        cluster, sample_weight: (n,) as there.
    """
    product = weight * reward
    statistics: dict[str, Statistic] = {"snips": Terms(product, weight), "ips": Terms(product)}
    if model is not None:
        corrected = (weight * (reward - model[0]) + model[1]).sum(axis=1, keepdims=True)
        statistics = {"dr": Terms(corrected), **statistics}
    draws = {name: independent_draws(each, cluster, sample_weight) for name, each in statistics.items()}
    said = {name: (each.value, each.standard_error) for name, each in draws.items()}
    apart = (
        disagreement(pair, said, (draws[pair[0]] - draws[pair[1]]).standard_error)
        for pair in combinations(draws, 2)
    )
    return tuple(filter(None, apart))[:1]


def disagreement(pair: tuple[str, str], said: Mapping[str, Said], error: float) -> Reason | None:
    """Why two estimators that ought to agree are not trusted, or None.

    Args:
        pair: their names.
        said: what each says.
        error: standard error of their difference.
    """
    (one, one_error), (two, two_error) = said[pair[0]], said[pair[1]]
    apart = abs(one - two)
    if apart <= THRESHOLDS.z * error or apart <= THRESHOLDS.shift_caution * min(one_error, two_error):
        return None
    if apart <= ROUNDING * max(abs(one), abs(two)):
        return None
    causes = "the propensities are wrong"
    if "dr" in pair:
        causes += ", or a context column of the reward model is itself an outcome of the action"
    words = f"{pair[0]} says {one:.4g} and {pair[1]} {two:.4g}, which is further apart than chance allows"
    return CAUTION, f"{words}: {causes}"


def unchecked_model(verdicts: Iterable[str]) -> tuple[Reason, ...]:
    """The reason against a model's estimate, from the verdicts on those that use the weights."""
    return ((REFUSE, UNCHECKED_MODEL),) if all(verdict == REFUSE for verdict in verdicts) else ()
