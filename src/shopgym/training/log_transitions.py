"""Transitions out of a decision log: each decision with what the same user asked for next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..core.batches import Interactions
from ..core.errors import InvalidInput
from ..core.types import Bool
from ..policies.decision_log.log import DecisionLog


def transitions_of_log(log: DecisionLog, ended: Bool | None = None) -> Interactions:
    """The decisions of a log that are known to be followed by another of the same user, or to be the last.

    A user's decisions are put in order of time, those of one moment as they stand in the log. The last of
    each is left out unless it is known to have ended everything: what came after it was not logged.

    Args:
        log: decisions without a reward are left out. Its user ids must tell people apart.
        ended: (n,) bool, for each decision of ``log`` whether nothing could come after it; None = never.

    Raises:
        InvalidInput: nothing is left, or ``ended`` has another shape.
    """
    if ended is None:
        ended = np.zeros(len(log), np.bool_)
    if ended.shape != (len(log),):
        raise InvalidInput("ended", ended.shape, f"give shape ({len(log)},)")
    over, log = ended[log.rewarded], log.rewarded_only()
    order = np.lexsort((log.time, log.user_id))
    user = log.user_id[order]
    following = np.append(order[1:], 0)
    goes_on = np.append(user[1:] == user[:-1], False) & ~over[order]
    keep = goes_on | over[order]
    if not keep.any():
        raise InvalidInput("log", len(log), "no user has two decisions with a reward: nothing came next")
    rows, following_rows = order[keep], following[keep]
    past = log.interactions().take(rows)
    return replace(past, next=log.requests().take(following_rows), terminated=~goes_on[keep])
