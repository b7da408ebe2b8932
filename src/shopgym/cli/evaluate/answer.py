"""What the command says, as one JSON-able object."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from numpy.random import Generator

from ...core.errors import InvalidInput, one_of
from ...evaluation.intervals import interval_named
from ...evaluation.offline import ESTIMATORS
from ...evaluation.offline.estimate import Estimate
from ...evaluation.offline.formats import WeighedLog
from ...evaluation.offline.verdict import CAUTION, REFUSE, TRUST

ALONE = "every estimate that uses the weights was refused: nothing on this log checks its model"
PREFERRED = ("dr", "snips", "ips", "dm")
"""Which estimate stands at the top among those with the best verdict."""
WITH_ONE_SLOT = {"cascade-dr": "dr", "pi": "ips", "snpi": "snips"}
NO_MODEL = "needs a reward model"


def checked(estimators: Sequence[str], every: bool, level: float, interval: str) -> None:
    """Refuse options that no log could satisfy, before a log is read."""
    if estimators and every:
        raise InvalidInput("--estimator", list(estimators), "leave it out with --all")
    for name in estimators:
        one_of("--estimator", name, ESTIMATORS)
    if not 0.0 < level < 1.0:
        raise InvalidInput("level", level, "give a coverage between 0 and 1, e.g. 0.95")
    interval_named(interval)


def answer_of(
    source: WeighedLog,
    names: Sequence[str],
    *,
    chosen: bool,
    level: float,
    interval: str,
    rng: Generator,
) -> dict[str, Any]:
    """Estimates, and before them which are refused and why.

    Args:
        source: the weighed log.
        names: of the estimators.
        chosen: whether these were asked for by name: then one that cannot be had is an error. Otherwise
            it is skipped and the reason given.
        level, interval, rng: of the intervals.

    Raises:
        InvalidInput: an estimator asked for cannot be had, or none can.
    """
    estimates: list[Estimate] = []
    refused: dict[str, str] = {}
    skipped: dict[str, str] = {}
    first: InvalidInput | None = None
    for name in names:
        if not chosen and (why := _left_out(source, name)):
            skipped[name] = why
            continue
        try:
            made = source.estimate(name, level=level, interval=interval, rng=rng)
        except InvalidInput as error:
            if error.field == "inputs.weight":  # no round of the log could have come from the target
                refused[name] = error.fix
            elif chosen:
                raise
            else:
                skipped[name] = error.fix
            first = first or error
            continue
        if not math.isfinite(made.value):
            refused[name] = "it has no value on this log"
            continue
        estimates.append(made)
        if made.verdict == REFUSE:
            refused[name] = made.reason
    if first and not estimates and not refused:
        raise first
    estimates = alone(estimates, refused)
    best = headline(estimates)
    return {
        "verdict": best.verdict if best else REFUSE,
        "refused": refused,
        "headline": best.estimator if best else None,
        "rounds": len(source),
        "slots": source.slots,
        "unit": source.unit,
        "logged_value": source.logged_value,
        **source.facts,
        "estimates": [estimate.as_dict() for estimate in estimates],
        "skipped": skipped,
    }


def alone(estimates: Sequence[Estimate], refused: Mapping[str, str]) -> list[Estimate]:
    """The estimates, those of a model alone with ``ALONE`` among their reasons if all others are refused."""
    if not refused or any(ESTIMATORS[e.estimator].weighted and e.estimator not in refused for e in estimates):
        return list(estimates)
    return [replace(e, reason=f"{ALONE}; {e.reason}") if e.verdict == CAUTION else e for e in estimates]


def headline(estimates: Sequence[Estimate]) -> Estimate | None:
    """The one to quote: of the best verdict, then the preferred; None if all are refused."""
    order = [*PREFERRED, *(name for name in ESTIMATORS if name not in PREFERRED)]
    usable = [estimate for estimate in estimates if estimate.verdict != REFUSE]
    rank = [TRUST, CAUTION].index
    return min(usable, key=lambda e: (rank(e.verdict), order.index(e.estimator)), default=None)


def _left_out(source: WeighedLog, name: str) -> str:
    if ESTIMATORS[name].needs_model and not source.has_model:
        return NO_MODEL
    if source.slots == 1 and name in WITH_ONE_SLOT:
        return f"with one slot it is {WITH_ONE_SLOT[name]}"
    return ""
