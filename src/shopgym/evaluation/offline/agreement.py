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

from ..errors import NotEstimable
from ..intervals.clusters import independent_draws
from .estimator import Estimator
from .estimators import ESTIMATORS
from .inputs import OpeInputs
from .verdict import CAUTION, REFUSE, THRESHOLDS, Reason

IPS, SNIPS, DR = (ESTIMATORS[name] for name in ("ips", "snips", "dr"))
UNCHECKED_MODEL = "every estimate that uses the weights is refused: nothing on this log checks its model"
Said = tuple[float, float]
"""What an estimator says: the value and its standard error."""


def disagreements(inputs: OpeInputs) -> tuple[Reason, ...]:
    """Reasons against every estimate of these inputs: dr, snips and ips apart by over 4 standard errors of
    their difference, and by as much as shifts the narrower interval (``Thresholds.shift_caution``)."""
    if inputs.assumptions or not inputs.ess > 0:
        return ()  # under an assumption weights alone may be off where dr is not
    estimators = [SNIPS, IPS]
    if inputs.has_model and not inputs.conditional_predictions:
        estimators.insert(0, DR)
    draws = (inputs.cluster, inputs.sample_weight)
    statistics = {e.name: independent_draws(e.statistic(inputs), *draws) for e in estimators}
    said = {name: (each.value, each.standard_error) for name, each in statistics.items()}
    reasons = (
        disagreement(pair, said, (statistics[pair[0]] - statistics[pair[1]]).standard_error)
        for pair in combinations(statistics, 2)
    )
    return tuple(filter(None, reasons))[:1]


def disagreement(pair: tuple[str, str], said: Mapping[str, Said], error: float) -> Reason | None:
    """Why two estimators that ought to agree do not, or None.

    Args:
        pair: their names.
        said: what each says.
        error: standard error of their difference.
    """
    (one, one_error), (two, two_error) = said[pair[0]], said[pair[1]]
    apart = abs(one - two)
    if apart <= THRESHOLDS.z * error or apart <= THRESHOLDS.shift_caution * min(one_error, two_error):
        return None
    causes = "the propensities are wrong"
    if "dr" in pair:
        causes += ", or a context column of the reward model is itself an outcome of the action"
    words = f"{pair[0]} says {one:.4g} and {pair[1]} {two:.4g}, which is further apart than chance allows"
    return CAUTION, f"{words}: {causes}"


def unchecked_model(verdicts: Iterable[str]) -> tuple[Reason, ...]:
    """The reason against a model's estimate, from the verdicts on those that use the weights."""
    return ((REFUSE, UNCHECKED_MODEL),) if all(verdict == REFUSE for verdict in verdicts) else ()


def unchecked(inputs: OpeInputs) -> tuple[Reason, ...]:
    """:func:`unchecked_model` of these inputs."""
    return unchecked_model(_verdict(each, inputs) for each in (SNIPS, IPS, DR) if _fits(each, inputs))


def _fits(estimator: Estimator, inputs: OpeInputs) -> bool:
    return inputs.has_model or not estimator.needs_model


def _verdict(estimator: Estimator, inputs: OpeInputs) -> str:
    try:
        return estimator.estimate(inputs).verdict
    except NotEstimable:
        return REFUSE
