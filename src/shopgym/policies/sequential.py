"""Slates drawn slot by slot where every slot has rates of its own, with exact probabilities.

A component b is drawn once per slate; then slot j shows candidate i with probability
exp(l_bij) / sum over allowed c of exp(l_bcj), where the log-rates l of slot j may depend on the slots
before it. In Plackett-Luce models they do not, and :mod:`.plackett_luce` is faster: it draws its noise once
per slate. Here the earlier slots condition the noise, so each slot draws its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from ..core.batches import EMPTY
from ..core.types import F64, I32, AnyArray, Bool
from .explorers import Explorer, with_floor
from .plackett_luce import Between, log_sum
from .rerankers.reranker import SlotScores


class SlotRates:
    """The rates of n pages by re-ranker, guards and explorer, slot after slot.

    Args:
        explorer: from scores to rates.
        slots: gives the re-ranker's scores from the first slot on.
        allowed: (n, m) candidates that may be shown at all.
        between: what is allowed after the slots so far; None = everything not yet shown.
    """

    def __init__(
        self, explorer: Explorer, slots: Callable[[], SlotScores], allowed: Bool, between: Between | None
    ) -> None:
        self.explorer, self.slots, self.between = explorer, slots(), between
        self.free, self.positions = allowed.copy(), np.empty((len(allowed), 0), np.int32)

    def rates(self) -> tuple[F64, Bool]:
        """Log-rates (n, B, m) of the next slot and what is allowed there (n, m)."""
        allowed = self.free
        if self.between is not None:
            allowed = allowed & self.between(self.positions)
        scores = self.slots.scores()
        return with_floor(self.explorer.log_rates(scores, allowed), self.explorer.floor)[0], allowed

    def take(self, positions: I32) -> None:
        """The slot shows the candidates at ``positions`` (n,); ``EMPTY`` = nothing."""
        row = np.flatnonzero(positions >= 0)
        self.free[row, positions[row]] = False
        self.positions = np.concatenate([self.positions, positions[:, None]], axis=1)
        self.slots.take(positions)


def draw(begin: Callable[[], SlotRates], weights: F64, slate_size: int, rng: Generator) -> I32:
    """(n, k) positions among the candidates; ``EMPTY`` where nothing was allowed any more.

    Args:
        begin: gives the rates from the first slot on.
        weights: (B,) probability of each component, summing to 1.
        slate_size: k.
        rng: source of the component and of the Gumbel noise.
    """
    slots = begin()
    chosen: list[I32] = []
    component: AnyArray = np.empty(0, np.intp)
    for _ in range(slate_size):
        log_rates, allowed = slots.rates()
        n, _, m = log_rates.shape
        rows = np.arange(n)
        if not chosen:
            component = np.asarray(np.searchsorted(np.cumsum(weights)[:-1], rng.random(n), side="right"))
        keys = np.where(allowed, log_rates[rows, component] + rng.gumbel(size=(n, m)), -np.inf)
        best = np.argmax(keys, axis=1)
        shown = np.where(allowed[rows, best], best, EMPTY).astype(np.int32)
        slots.take(shown)
        chosen.append(shown)
    return np.stack(chosen, axis=1)


def slot_propensities(begin: Callable[[], SlotRates], weights: F64, positions: I32) -> F64:
    """(n, k) probability of each slot's candidate given the slots before it.

    0 for a candidate that could not be shown; 1 for an empty slot that could not be filled.
    """
    slots, (n, k) = begin(), positions.shape
    rows, out = np.arange(n), np.empty((n, k))
    # log of (component weight x probability of the slots so far)
    joint = np.broadcast_to(np.log(weights), (n, len(weights))).copy()
    for slot in range(k):
        log_rates, allowed = slots.rates()
        filled = positions[:, slot] >= 0
        position = np.where(filled, positions[:, slot], 0)
        possible = allowed.any(axis=1)
        legal = filled & allowed[rows, position]
        seen = np.where(allowed[:, None, :], log_rates, -np.inf)
        seen[~possible] = 0.0
        step = np.where(legal[:, None], log_rates[rows, :, position] - log_sum(seen), 0.0)
        before = np.exp(joint - joint.max(axis=1, keepdims=True))
        out[:, slot] = np.where(
            legal, (before * np.exp(step)).sum(axis=1) / before.sum(axis=1), ~filled & ~possible
        )
        joint = joint + step
        slots.take(np.where(legal, position, EMPTY).astype(np.int32))
    return out
