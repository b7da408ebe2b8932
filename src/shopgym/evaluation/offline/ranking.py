"""How a policy would have ranked what users of a log then clicked or bought.

A ranking metric on a log is a gate, not a proxy: it favours policies like the one that logged, because nobody
clicks what was not shown (missing not at random: Marlin and Zemel 2009, Collaborative prediction and ranking
with non-random missing data). A policy far below the baseline is suspicious; one above it is not yet better.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput, one_of
from ...core.metrics import per_ranking
from ...core.protocols import Policy
from ...core.types import F64
from ...policies.decision_log.log import DecisionLog
from .checks import chunks


def logged_ranking(
    log: DecisionLog, policy: Policy, *, rng: Generator, outcome: str = "click"
) -> dict[str, F64]:
    """Ranking metrics of the page that ``policy`` would show, for each decision of a log.

    An item is relevant to a request if the log's page of that request showed it and ``outcome`` followed.
    The cut-off is the number of slots; every relevant item counts once, whatever its amount.

    Args:
        log: n decisions.
        policy: ranks the candidates of each request; a random one is drawn once.
        rng: of that draw.
        outcome: an event of the log (``click``, ``cart``, ``purchase``).

    Returns:
        (n,) values by the names of :data:`.core.metrics.RANKING_METRICS`; NaN where nothing was relevant.

    Raises:
        InvalidInput: the log has no such event, or it never happened.
    """
    one_of("outcome", outcome, log.events)
    relevant = (np.nan_to_num(log.events[outcome]) > 0) & (log.slates >= 0)
    if not relevant.any():
        raise InvalidInput(
            "outcome", outcome, "it never followed a page of this log: choose a commoner event"
        )
    requests, gain = log.requests(), np.zeros(log.slates.shape)
    for rows in chunks(len(log), log.num_candidates * log.slate_size):
        ranked = policy.decide(requests.take(rows), rng).slates
        same = ranked[:, :, None] == np.where(relevant[rows], log.slates[rows], -2)[:, None, :]
        gain[rows] = same.any(axis=2)
    return per_ranking(gain, relevant.astype(np.float64), log.slate_size)
