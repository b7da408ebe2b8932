"""Which interaction follows which, and generalised advantages."""

from __future__ import annotations

import numpy as np

from ...core.batches import Interactions
from ...core.errors import InvalidInput, in_range
from ...core.types import F64, I64
from .batch_tensors import next_state


def successors(batch: Interactions) -> I64:
    """(n,) the row of the interaction with the request ``next``; -1 where the episode or the batch ends.

    Raises:
        InvalidInput: no ``next``, or two interactions with one request id.
    """
    following, terminated = next_state(batch)
    ids = batch.requests.request_id
    order = np.argsort(ids, kind="stable")
    if (np.diff(ids[order]) == 0).any():
        raise InvalidInput("interactions.requests.request_id", "twice the same", "give each an id of its own")
    index = np.minimum(np.searchsorted(ids[order], following.request_id), max(len(ids) - 1, 0))
    out = order[index].astype(np.int64)
    exists = (ids[out] == following.request_id) & ~terminated & (out != np.arange(len(ids)))
    return np.where(exists, out, -1)


def advantages(
    batch: Interactions, reward: F64, discounts: F64, value: F64, next_value: F64, trace: float
) -> F64:
    """(n,) generalised advantages: sum over later pages of (discount x trace)^l x temporal difference.

    The temporal difference of a page is reward + discount x next_value - value (Schulman et al. 2016, eq.
    16). With ``trace`` 1 the result is the discounted return up to the last known page, plus the value there,
    less ``value``.

    Args:
        batch: n interactions; request ids say which follows which.
        reward, value, next_value: (n,) reward of the page, value of its request and of the next request.
        discounts: (n,) of the next request, 0 where there is none (:meth:`.Discount.factors`); there
            ``next_value`` may be any number.
        trace: lambda, in [0, 1].
    """
    in_range("advantages.trace", trace, 0.0, 1.0)
    following = successors(batch)
    out: F64 = reward - value
    continues = discounts > 0
    out[continues] += (discounts * next_value)[continues]
    depth, rows = np.full(len(out), -1), np.flatnonzero(following < 0)
    predecessors = _predecessors(following)
    level = 0
    while len(rows):  # from the last page of every episode to its first
        depth[rows] = level
        successor = following[rows]
        inner = rows[successor >= 0]
        out[inner] += discounts[inner] * trace * out[following[inner]]
        rows, level = predecessors[rows], level + 1
        rows = rows[rows >= 0]
    if (depth < 0).any():
        row = int(np.flatnonzero(depth < 0)[0])
        fix = "an episode comes back to an earlier page"
        raise InvalidInput(f"interactions.next[{row}]", "a circle", fix)
    return out


def _predecessors(following: I64) -> I64:
    """(n,) the row that each row follows, or -1.

    Raises:
        InvalidInput: two interactions are followed by the same one.
    """
    predecessors = np.full(len(following), -1, np.int64)
    rows = np.flatnonzero(following >= 0)
    if len(np.unique(following[rows])) < len(rows):
        raise InvalidInput("interactions.next", "shared", "two interactions are followed by the same request")
    predecessors[following[rows]] = rows
    return predecessors
