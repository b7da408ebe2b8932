"""What a reader asks next: could a hidden cause turn the result, and how many more decisions settle it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from numpy.random import Generator

from ..errors import NotEstimable
from ..offline.estimate import Estimate, without_infinity
from ..offline.estimators import ESTIMATORS
from ..offline.formats.weighed_log import WeighedLog
from ..offline.gain import gain_over_log
from ..offline.inputs import OpeInputs
from ..offline.sample_size import sample_size
from ..offline.sensitivity import sensitivity
from ..offline.verdict import REFUSE
from .contrasts import DIFFERENCE
from .rows import JointTable, Logs, Options


def beside_what_was_earned(estimate: Estimate, log: WeighedLog, rng: Generator) -> dict[str, Any]:
    """What is said of a policy beside what was earned, JSON-able.

    Keys: ``difference_from_logged``, the value less what was earned, with ``low`` and ``high``;
    ``sample_size``, see :func:`further_draws`. Both are None of a model's value, whose error is not known.
    """
    if not ESTIMATORS[estimate.estimator].weighted:
        return {"difference_from_logged": None, "sample_size": None}
    gain = gain_over_log(log.rounds, estimate, rng)
    ends = without_infinity({"value": gain.value, "low": gain.low, "high": gain.high})
    return {"difference_from_logged": ends, "sample_size": further_draws(gain, 0.0, log)}


def further_draws(estimate: Estimate, reference: float, log: WeighedLog) -> dict[str, Any]:
    """How many more decisions, or users, would tell an estimate from a reference, JSON-able.

    Keys: those of :class:`..offline.sample_size.SampleSize` and ``sentence``, which is empty where the
    interval leaves out the reference already.
    """
    cluster = log.rounds.cluster if isinstance(log.rounds, OpeInputs) else None
    size = sample_size(estimate, reference, users=None if cluster is None else int(cluster.max()) + 1)
    return without_infinity({**asdict(size), "sentence": size.sentence})


def further_draws_of_differences(table: JointTable, logs: Logs) -> list[dict[str, Any]]:
    """For each difference on all rounds that its joint interval does not tell from 0.

    Keys: ``reward``, ``policy`` and those of :func:`further_draws`.
    """
    levels = {family.kind: family.each_level for family in table.families if not family.by}
    out = []
    for row in table.rows:
        if row.group.by or row.verdict(DIFFERENCE) == REFUSE:
            continue
        estimate = replace(row.estimates[DIFFERENCE], level=levels[DIFFERENCE])
        size = further_draws(estimate, 0.0, logs[row.reward][row.policy])
        if size["sentence"]:
            out.append({"reward": row.reward, "policy": row.policy, **size})
    return out


def hidden_causes(table: JointTable, logs: Logs, options: Options) -> list[dict[str, Any]]:
    """How strong a hidden cause would turn each difference on all rounds of a log without propensities.

    Keys: ``reward``, ``policy`` and those of :class:`..offline.sensitivity.Sensitivity`.
    """
    out = []
    for row in table.rows:
        if row.group.by or row.verdict(DIFFERENCE) == REFUSE or options.baseline is None:
            continue
        one, two = (logs[row.reward][name] for name in (row.policy, options.baseline))
        if "propensities" not in one.facts:  # they were logged: no hidden cause is possible
            continue
        if not (isinstance(one.rounds, OpeInputs) and isinstance(two.rounds, OpeInputs)):
            continue
        try:
            result = sensitivity(one.rounds, two.rounds, estimator=row.estimator, level=options.level)
        except NotEstimable:
            continue
        out.append({"reward": row.reward, "policy": row.policy, **result.as_dict()})
    return out
