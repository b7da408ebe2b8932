"""What a reader of a comparison asks next: could a hidden cause turn it, and are more decisions needed."""

from __future__ import annotations

from typing import Any

from ..errors import NotEstimable
from ..offline.inputs import OpeInputs
from ..offline.sensitivity import sensitivity
from ..offline.verdict import REFUSE
from .contrasts import DIFFERENCE
from .rows import JointTable, Logs, Options


def hidden_causes(table: JointTable, logs: Logs, options: Options) -> list[dict[str, Any]]:
    """For each difference on all rounds of a log without propensities: how strong a cause would turn it.

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
