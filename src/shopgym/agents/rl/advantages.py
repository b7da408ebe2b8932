"""Which interaction follows which, and how much better a page was than expected."""

from __future__ import annotations

import numpy as np

from ...core.batches import Interactions
from ...core.errors import InvalidInput, in_range
from ...core.types import F64, I64
from .batch_tensors import what_came_next


def successors(batch: Interactions) -> I64:
    """(n,) the row in which ``next`` was answered, or -1: the episode ended there, or the batch did.

    Raises:
        InvalidInput: no ``next``, or two interactions with one request id.
    """
    following, terminated = what_came_next(batch)
    ids = batch.requests.request_id
    order = np.argsort(ids, kind="stable")
    if (np.diff(ids[order]) == 0).any():
        raise InvalidInput("interactions.requests.request_id", "twice the same", "give each an id of its own")
    at = np.minimum(np.searchsorted(ids[order], following.request_id), max(len(ids) - 1, 0))
    out = order[at].astype(np.int64)
    found = (ids[out] == following.request_id) & ~terminated & (out != np.arange(len(ids)))
    return np.where(found, out, -1)


def advantages(
    batch: Interactions, reward: F64, ahead: F64, value: F64, next_value: F64, trace: float
) -> F64:
    """(n,) generalised advantages: sum over later pages of (discount x trace)^l x surprise.

    The surprise of a page is reward + ahead x next_value - value (Schulman et al. 2016, eq. 16). With
    ``trace`` 1 it is the discounted return to the end of what is known, and the value there, less ``value``.

    Args:
        batch: n interactions; who follows whom is found by request id.
        reward, value, next_value: (n,) of each page, its request, and what came next.
        ahead: (n,) discount of what came next, 0 where nothing did (:meth:`.Discount.of`); there
            ``next_value`` may be anything.
        trace: in [0, 1].
    """
    in_range("advantages.trace", trace, 0.0, 1.0)
    following = successors(batch)
    out: F64 = reward - value
    goes_on = ahead > 0
    out[goes_on] += (ahead * next_value)[goes_on]
    depth, turn = np.full(len(out), -1), np.flatnonzero(following < 0)
    before = _before(following)
    level = 0
    while len(turn):  # from the last page of every episode to its first
        depth[turn] = level
        later = following[turn]
        inner = turn[later >= 0]
        out[inner] += ahead[inner] * trace * out[following[inner]]
        turn, level = before[turn], level + 1
        turn = turn[turn >= 0]
    if (depth < 0).any():
        row = int(np.flatnonzero(depth < 0)[0])
        raise InvalidInput(
            f"interactions.next[{row}]", "a circle", "an episode comes back to an earlier page"
        )
    return out


def _before(following: I64) -> I64:
    """(n,) the row before each, or -1.

    Raises:
        InvalidInput: two interactions are followed by the same one.
    """
    before = np.full(len(following), -1, np.int64)
    rows = np.flatnonzero(following >= 0)
    if len(np.unique(following[rows])) < len(rows):
        raise InvalidInput("interactions.next", "shared", "two interactions are followed by the same request")
    before[following[rows]] = rows
    return before
