"""How good a ranking is: recall, NDCG, hit rate, MRR, and how much of the catalogue it ever shows.

Averages are over the users who have something to be found, as in trec_eval; the others have no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ...core.batches import EMPTY
from ...core.errors import InvalidInput
from ...core.types import F64, I32
from ...policies.retrieval import Model, topk
from .data import Sequences, UserItems

BLOCK = 512
"""Users scored at a time."""


def ranking_metrics(ranked: I32, relevant: UserItems, ks: Iterable[int] = (10,)) -> dict[str, float]:
    """Metrics at each k of n rankings.

    Args:
        ranked: (n, w) item rows, the best first, none twice; ``EMPTY`` pads.
        relevant: (n, N) what was to be found, values are gains; a user without any is left out.
        ks: cut-offs, at most w.

    Returns:
        ``recall@k``: found / to be found. ``ndcg@k``: gain / log2(1 + rank), over the best possible
        (Järvelin & Kekäläinen 2002, with linear gains). ``hit@k``: any found. ``mrr@k``: 1 / rank of the
        first found, 0 below k. ``coverage@k``: share of the N items that stand in anyone's first k.

    Raises:
        InvalidInput: shapes do not fit, an item stands twice in a ranking, or nobody has anything to find.
    """
    csr = relevant.csr
    if ranked.ndim != 2 or len(ranked) != csr.shape[0]:
        raise InvalidInput("ranked", ranked.shape, f"give one ranking for each of {csr.shape[0]} users")
    ordered = np.sort(ranked, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise InvalidInput("ranked", "an item stands twice in one ranking", "rank each item once")
    total = np.diff(csr.indptr)
    asked = total > 0
    if not asked.any():
        raise InvalidInput("relevant", "nothing", "nobody has anything to be found")
    gain = np.zeros(ranked.shape)
    row, place = np.nonzero(ranked >= 0)
    gain[row, place] = np.asarray(csr[row, ranked[row, place]]).ravel()
    out = {}
    for k in ks:
        if not 1 <= k <= ranked.shape[1]:
            raise InvalidInput("k", k, f"the rankings are {ranked.shape[1]} long")
        found = gain[asked, :k] > 0
        discount = 1.0 / np.log2(np.arange(2, k + 2))
        first = np.where(found.any(axis=1), 1.0 / (1 + found.argmax(axis=1)), 0.0)
        out[f"recall@{k}"] = float((found.sum(axis=1) / total[asked]).mean())
        out[f"ndcg@{k}"] = float((gain[asked, :k] @ discount / _ideal(relevant, k)[asked]).mean())
        out[f"hit@{k}"] = float(found.any(axis=1).mean())
        out[f"mrr@{k}"] = float(first.mean())
        shown = np.unique(ranked[:, :k])
        out[f"coverage@{k}"] = float((shown >= 0).sum() / csr.shape[1])
    return out


def _ideal(relevant: UserItems, k: int) -> F64:
    """(n,) the discounted gain of the best ranking."""
    csr = relevant.csr
    owner = np.repeat(np.arange(csr.shape[0]), np.diff(csr.indptr))
    order = np.lexsort((-csr.data, owner))
    rank = np.arange(len(owner)) - csr.indptr[owner]
    worth = np.where(rank < k, csr.data[order] / np.log2(rank + 2), 0.0)
    return np.bincount(owner, worth, minlength=csr.shape[0]).astype(np.float64)


def evaluate(
    model: Model, seen: Sequences, relevant: UserItems, k: int = 10, *, hide: Sequences | None = None
) -> Mapping[str, float]:
    """Metrics of what ``model`` ranks for users of whom ``seen`` is known.

    Args:
        model: what ranks.
        seen: one sequence per user, what the model is told.
        relevant: what was to be found.
        k: cut-off.
        hide: one sequence per user, items never to rank; default: ``seen``.
    """
    hidden = (hide or seen).matrix().csr
    history, ranked = seen.histories(), np.full((len(seen), k), EMPTY, np.int32)
    for low in range(0, len(seen), BLOCK):
        some = slice(low, low + BLOCK)
        user = None if seen.user is None else seen.user[some]
        allowed = ~(hidden[some].toarray() > 0)
        ranked[some] = topk(model.scores(history[some], user), k, allowed)[0]
    return ranking_metrics(ranked, relevant, (k,))


def evaluate_next(
    model: Model, sequences: Sequences, k: int = 20, h: int = 50, *, again: bool = True
) -> Mapping[str, float]:
    """Metrics of predicting each entry of each sequence from the (at most h) entries before it.

    An item opened before may be the answer again, so nothing is hidden (Hidasi et al. 2016, sec. 4);
    with ``again`` False such answers are left out, though the model may still rank what was opened.
    """
    history, target, owner = sequences.steps(h)
    if not again:
        new = ~(history == target[:, None]).any(axis=1)
        history, target, owner = history[new], target[new], owner[new]
    ranked = np.full((len(history), k), EMPTY, np.int32)
    for low in range(0, len(history), BLOCK):
        some = slice(low, low + BLOCK)
        user = None if sequences.user is None else sequences.user[owner[some]]
        ranked[some] = topk(model.scores(history[some], user), k)[0]
    each = np.arange(len(target))
    answer = UserItems.from_pairs(user=each, item=target, users=len(target), items=sequences.num_items)
    return ranking_metrics(ranked, answer, (k,))
