"""Decisions without a reward: whether those that have one stand for all.

A decision whose reward has not arrived is left out of an estimate. That does no harm if rewards are only
late: then the latest decisions wait. It biases the value if a reward is sent only when something happened:
then the decisions that are left out are those whose reward was 0, and the value is too high by their share.
The sign of that: early decisions wait too, and hardly any reward that arrived is one of nothing.
"""

from __future__ import annotations

import numpy as np

from ...core.types import Bool
from ...policies.decision_log.log import DecisionLog
from .verdict import CAUTION, REFUSE, Reason

MISSING_CAUTION, MISSING_REFUSE = 0.01, 0.1
"""Share of the early decisions without a reward: as much may be missing from a value as of an unsupported
target, see :class:`.verdict.Thresholds`."""
FEW_WITHOUT_OUTCOME = 0.01
"""Share of rewards of nothing up to which rewards seem to be sent only when something happened."""


def missing_reward_doubts(log: DecisionLog) -> tuple[Reason, ...]:
    """What the decisions without a reward have against every number made of the others.

    Early decisions are those of the first half of the log's time, in which a reward that is only late has
    arrived.

    Args:
        log: all decisions, with those that have no reward yet.

    Returns:
        A refusal if rewards seem to be sent only when something happened; a caution if rewards of early
        decisions are missing otherwise; nothing if only late decisions wait.
    """
    if log.rewarded.all() or not log.rewarded.any():
        return ()
    early = log.time <= (log.time.min() + log.time.max()) / 2.0
    missing = float((~log.rewarded[early]).mean())
    if missing <= MISSING_CAUTION:
        return ()
    without_outcome = float((~_outcomes(log))[log.rewarded].mean())
    remedy = "send a reward of 0 for decisions without an outcome, or compact the log with --close-after"
    if missing > MISSING_REFUSE and without_outcome <= FEW_WITHOUT_OUTCOME:
        rewards = "every reward" if without_outcome == 0.0 else f"{1.0 - without_outcome:.1%} of the rewards"
        said = (
            f"{missing:.0%} of the early decisions have no reward, and {rewards} that arrived had an outcome"
        )
        return ((REFUSE, f"{said}: rewards seem to be sent only when something happened ({remedy})"),)
    return ((CAUTION, f"{missing:.0%} of the early decisions have no reward and are left out: {remedy}"),)


def _outcomes(log: DecisionLog) -> Bool:
    """(n,) whether a reward or an event of the decision is not 0."""
    out = (np.nan_to_num(log.reward) != 0).any(axis=1)
    for values in log.events.values():
        out |= (np.nan_to_num(values) != 0).any(axis=1)
    return np.asarray(out, dtype=np.bool_)
