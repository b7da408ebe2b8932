"""The value of an item in a slate: the probability that it is chosen, times the gain if it is (SlateQ)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.batches import EMPTY, Requests
from ...core.errors import InvalidInput, one_of
from ...core.types import F64, I32, Bool
from ..state import Stored
from .network import NetworkScorer

CHOICES = ("independent", "logit")
BEST = ("top_k", "greedy", "exact")
ROUNDS = 50
"""Most iterations of Dinkelbach's method, which needs about five."""


@dataclass(frozen=True, eq=False)
class SlateValueScorer(Stored):
    """Scores whose order is the best slate under a model of how users choose (Ie et al. 2019).

    The value of a slate A to a request s, less that of an empty one, is the sum over its slots of
    P(i_j chosen | s, A) x gain(s, i_j). With logits c of ``choice`` and attention w_j

    - ``independent``: P = w_j sigmoid(c_i), whatever else is shown; the best slate is the top k of
      sigmoid(c) x gain, and that is the score;
    - ``logit``: P = w_j e^c_i / (1 + sum over l of w_l e^c_l); at most one item is chosen, as in the paper.
      ``top_k`` scores e^c x gain. ``greedy`` fills slot by slot with the item that adds most. ``exact``
      scores e^c x (gain - v), where v is the value of the best slate: the paper's fractional programme,
      solved by Dinkelbach's method (1967).

    Attributes:
        choice, gain: one network each.
        attention: (k,) relative to the first slot, falling.
        model, best: see above.
    """

    kind: ClassVar[str] = "slate_value"
    choice: NetworkScorer
    gain: NetworkScorer
    attention: F64
    model: str = "independent"
    best: str = "top_k"

    def __post_init__(self) -> None:
        one_of("scorer.model", self.model, CHOICES)
        one_of("scorer.best", self.best, BEST)
        if self.attention.ndim != 1 or not (self.attention > 0).all():
            raise InvalidInput("scorer.attention", self.attention.tolist(), "give a positive number a slot")

    def scores(self, requests: Requests) -> F64:
        """(n, 1, m)"""
        logit, gain = self.choice.scores(requests)[:, 0], self.gain.scores(requests)[:, 0]
        allowed = requests.in_stock & (requests.candidates >= 0)
        return slate_scores(logit, gain, allowed, self.attention, self.model, self.best)[:, None, :]


def slate_scores(logit: F64, gain: F64, allowed: Bool, attention: F64, model: str, best: str) -> F64:
    """(n, m) scores whose k best allowed candidates, in order, are the slate; see the class.

    Args:
        logit, gain: (n, m).
        allowed: (n, m) candidates that may be shown.
        attention: (k,) falling.
        model, best: see :class:`SlateValueScorer`.
    """
    if model == "independent":
        value_if_shown: F64 = gain / (1.0 + np.exp(-np.clip(logit, -700.0, 700.0)))
        return value_if_shown
    rate = np.exp(np.clip(logit, -30.0, 30.0))
    if best == "top_k":
        return rate * gain
    if best == "greedy":
        return _greedy(rate, gain, allowed, attention)
    value = np.zeros(len(rate))
    for _ in range(ROUNDS):
        scores: F64 = rate * (gain - value[:, None])
        improved = slate_value(rate, gain, first_k(scores, allowed, len(attention)), attention)
        if np.array_equal(improved, value):
            break
        value = improved
    return scores


def slate_value(rate: F64, gain: F64, positions: I32, attention: F64) -> F64:
    """(n,) expected gain of slates ``positions`` (n, k) under a conditional logit; no choice has rate 1."""
    shown = attention * (positions >= 0)
    columns = np.maximum(positions, 0)
    weight = shown * np.take_along_axis(rate, columns, axis=1)
    total: F64 = (weight * np.take_along_axis(gain, columns, axis=1)).sum(axis=1) / (1.0 + weight.sum(axis=1))
    return total


def first_k(scores: F64, allowed: Bool, k: int) -> I32:
    """(n, k) positions of the best allowed candidates, best first; ``EMPTY`` where none is left."""
    keyed = np.where(allowed, -scores, np.inf)
    order = np.argsort(keyed, axis=1, kind="stable")[:, :k].astype(np.int32)
    order = np.pad(order, ((0, 0), (0, k - order.shape[1])), constant_values=EMPTY)
    left = np.arange(k) < allowed.sum(axis=1)[:, None]
    return np.where(left, order, EMPTY).astype(np.int32)


def _greedy(rate: F64, gain: F64, allowed: Bool, attention: F64) -> F64:
    """(n, m) minus the slot that each candidate was put into; all other candidates are behind."""
    (n, m), rows = rate.shape, np.arange(len(rate))
    free, over, under = allowed.copy(), np.zeros((n, 1)), np.ones((n, 1))
    scores = np.full((n, m), -float(len(attention)))
    for slot, attend in enumerate(attention[:m]):
        value = (over + attend * rate * gain) / (under + attend * rate)
        pick = np.where(free, value, -np.inf).argmax(axis=1)
        filled = free[rows, pick]
        row, picked = rows[filled], pick[filled]
        scores[row, picked] = -float(slot)
        free[row, picked] = False
        over[row, 0] += attend * (rate * gain)[row, picked]
        under[row, 0] += attend * rate[row, picked]
    return scores
