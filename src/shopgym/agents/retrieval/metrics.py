"""Metrics of a retrieval model: means over the users who have relevant items, as in trec_eval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.sparse import csr_array

from ...core.batches import EMPTY
from ...core.errors import InvalidInput
from ...core.metrics import coverage, per_ranking
from ...core.types import F64, I32
from ...policies.retrieval import Model, topk
from .data import Sequences, UserItems

BLOCK = 512
"""Users scored at a time."""


def ranking_metrics(ranked: I32, relevant: UserItems, ks: Iterable[int] = (10,)) -> dict[str, float]:
    """Metrics at each k of n rankings.

    Args:
        ranked: (n, w) item rows, the best first, none twice; ``EMPTY`` pads.
        relevant: (n, N) gains of the relevant items; users without any are left out.
        ks: cut-offs, at most w.

    Returns:
        ``recall@k``, ``ndcg@k`` and so on: the means of :data:`.core.metrics.RANKING_METRICS`.
        ``coverage@k``: share of the N items that are among the first k of any user.

    Raises:
        InvalidInput: shapes do not fit, an item is twice in a ranking, or no user has relevant items.
    """
    csr = relevant.csr
    if ranked.ndim != 2 or len(ranked) != csr.shape[0]:
        raise InvalidInput("ranked", ranked.shape, f"give one ranking for each of {csr.shape[0]} users")
    ordered = np.sort(ranked, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise InvalidInput("ranked", "an item stands twice in one ranking", "rank each item once")
    total = np.diff(csr.indptr)
    has_relevant = total > 0
    if not has_relevant.any():
        raise InvalidInput("relevant", "nothing", "nobody has anything to be found")
    gain = np.zeros(ranked.shape)
    row, place = np.nonzero(ranked >= 0)
    gain[row, place] = np.asarray(csr[row, ranked[row, place]]).ravel()
    ideal = _ideal(csr)
    out: dict[str, float] = {}
    for k in ks:
        values = per_ranking(gain[has_relevant], ideal[has_relevant], k)
        out |= {f"{name}@{k}": float(each.mean()) for name, each in values.items()}
        out[f"coverage@{k}"] = coverage(ranked[:, :k], csr.shape[1])
    return out


def _ideal(csr: csr_array) -> F64:
    """(n, r) the gains of all relevant items of each user, padded with 0."""
    total = np.diff(csr.indptr)
    owner = np.repeat(np.arange(csr.shape[0]), total)
    ideal = np.zeros((csr.shape[0], max(int(total.max()), 1)))
    ideal[owner, np.arange(len(owner)) - csr.indptr[owner]] = csr.data
    return ideal


def evaluate(
    model: Model, seen: Sequences, relevant: UserItems, k: int = 10, *, hide: Sequences | None = None
) -> Mapping[str, float]:
    """Metrics of the items that ``model`` ranks for users with the sequences ``seen``.

    Args:
        model: ranks the items.
        seen: one sequence per user, the input of the model.
        relevant: the items that it should rank first.
        k: cut-off.
        hide: one sequence per user, items that are not ranked; default: ``seen``.
    """
    hidden = (hide or seen).matrix().csr
    history, ranked = seen.histories(), np.full((len(seen), k), EMPTY, np.int32)
    for low in range(0, len(seen), BLOCK):
        block = slice(low, low + BLOCK)
        user = None if seen.user is None else seen.user[block]
        allowed = ~(hidden[block].toarray() > 0)
        ranked[block] = topk(model.scores(history[block], user), k, allowed)[0]
    return ranking_metrics(ranked, relevant, (k,))


def evaluate_next(
    model: Model, sequences: Sequences, k: int = 20, h: int = 50, *, again: bool = True
) -> Mapping[str, float]:
    """Metrics of predicting each entry of each sequence from the (at most h) entries before it.

    An item opened before may be the target, so nothing is hidden (Hidasi et al. 2016, sec. 4). With ``again``
    False such targets are left out, but the model may still rank items opened before.
    """
    history, target, owner = sequences.steps(h)
    if not again:
        new = ~(history == target[:, None]).any(axis=1)
        history, target, owner = history[new], target[new], owner[new]
    ranked = np.full((len(history), k), EMPTY, np.int32)
    for low in range(0, len(history), BLOCK):
        block = slice(low, low + BLOCK)
        user = None if sequences.user is None else sequences.user[owner[block]]
        ranked[block] = topk(model.scores(history[block], user), k)[0]
    users = np.arange(len(target))
    answer = UserItems.from_pairs(user=users, item=target, users=len(target), items=sequences.num_items)
    return ranking_metrics(ranked, answer, (k,))
