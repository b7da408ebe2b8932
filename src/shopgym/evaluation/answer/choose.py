"""Which estimates a log allows, and which of them is quoted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.random import Generator

from ...core.errors import InvalidInput
from ..errors import NoOverlap, NotEstimable
from ..offline.estimate import Estimate
from ..offline.estimators import ESTIMATORS
from ..offline.formats.weighed_log import WeighedLog
from ..offline.verdict import CAUTION, REFUSE, TRUST

PREFERRED = ("dr", "snips", "ips", "dm")
"""Which estimate is quoted among those with the best verdict."""
WITH_ONE_SLOT = {"cascade-dr": "dr", "pi": "ips", "snpi": "snips"}
NO_MODEL = "needs a reward model"


@dataclass(frozen=True)
class Estimates:
    """What the estimators say of one policy on one log.

    Attributes:
        made: the estimates, also those that are refused but have a value.
        refused: reasons by estimator.
        skipped: reasons by estimator that this log has nothing for.
        error: the first error of an estimator without an answer, or None.
    """

    made: list[Estimate] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    error: InvalidInput | None = None

    @property
    def best(self) -> Estimate | None:
        """The one to quote."""
        return best_estimate(self.made)

    def named(self, estimator: str) -> Estimate | None:
        """The estimate of that estimator, None where it has none."""
        return next((each for each in self.made if each.estimator == estimator), None)


def estimates_of(
    weighed: WeighedLog, names: Sequence[str], *, chosen: bool, level: float, interval: str, rng: Generator
) -> Estimates:
    """What the estimators ``names`` say; the arguments are those of :func:`answer_of`.

    Raises:
        InvalidInput: a wrong option; with ``chosen``, an estimator that cannot be had.
    """
    made: list[Estimate] = []
    refused: dict[str, str] = {}
    skipped: dict[str, str] = {}
    first_error: InvalidInput | None = None
    for name in names:
        if not chosen and (reason := _reason_to_skip(weighed, name)):
            skipped[name] = reason
            continue
        try:
            estimate = weighed.estimate(name, level=level, interval=interval, rng=rng)
        except NoOverlap as error:
            refused[name] = error.fix
            first_error = first_error or error
        except NotEstimable as error:
            if chosen:
                raise
            skipped[name] = error.fix
            first_error = first_error or error
        else:
            if not math.isfinite(estimate.value):
                refused[name] = "it has no value on this log"
                continue
            made.append(estimate)
            if estimate.verdict == REFUSE:
                refused[name] = estimate.reason
    return Estimates(made, refused, skipped, first_error)


def answer_of(
    weighed: WeighedLog, names: Sequence[str], *, chosen: bool, level: float, interval: str, rng: Generator
) -> tuple[dict[str, Any], list[Estimate]]:
    """The answer, and its estimates as objects.

    Keys: ``verdict``; ``refused``, reasons by estimator; ``headline``, the estimator that is quoted, or None;
    ``rounds``, the rows of the log; ``rounds_represented``, how many they stand for; ``slots``, ``unit``,
    ``logged_value``; the facts of the log; ``estimates``; ``skipped``, reasons by estimator.

    Args:
        weighed: the log, weighed for the target policy.
        names: of the estimators.
        chosen: whether these were asked for by name: then one that cannot be had is an error. Otherwise it is
            skipped and the reason given.
        level, interval, rng: of the intervals.

    Raises:
        InvalidInput: a wrong option; an estimator that was asked for cannot be had, or none can.
    """
    result = estimates_of(weighed, names, chosen=chosen, level=level, interval=interval, rng=rng)
    if result.error and not result.made and not result.refused:
        raise result.error
    best = result.best
    answer = {
        "verdict": best.verdict if best else REFUSE,
        "refused": result.refused,
        "headline": best.estimator if best else None,
        "rounds": len(weighed),
        "rounds_represented": weighed.represented,
        "slots": weighed.slots,
        "unit": weighed.unit,
        "logged_value": weighed.logged_value,
        **weighed.facts,
        "estimates": [estimate.as_dict() for estimate in result.made],
        "skipped": result.skipped,
    }
    return answer, result.made


def best_estimate(estimates: Sequence[Estimate]) -> Estimate | None:
    """The one to quote: of the best verdict, then the preferred estimator; None if all are refused."""
    usable = [estimate for estimate in estimates if estimate.verdict != REFUSE]
    rank = [TRUST, CAUTION].index
    return min(usable, key=lambda e: (rank(e.verdict), preference(e.estimator)), default=None)


def preference(estimator: str) -> int:
    """The lower, the rather is the estimator quoted."""
    order = [*PREFERRED, *(name for name in ESTIMATORS if name not in PREFERRED)]
    return order.index(estimator)


def _reason_to_skip(weighed: WeighedLog, name: str) -> str:
    if ESTIMATORS[name].needs_model and not weighed.has_model:
        return NO_MODEL
    if weighed.slots == 1 and name in WITH_ONE_SLOT:
        return f"with one slot it is {WITH_ONE_SLOT[name]}"
    return ""
