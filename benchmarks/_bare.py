"""The yardstick: what a page costs if nothing is kept of it.

One kernel call answers a page on every lane: ten gathers of embeddings and dot products with the lane's
intent, one multinomial logit choice (one exponential each, one uniform), one update of the intent. No
outputs, no observation, no stock, no checks, no ends of visits: the least that a simulator of this kind
can do.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from shopgym.core.types import F32, I32, U64
from shopgym.simulators.engine.hash_rng import mix, unit
from shopgym.simulators.engine.jit import OPTIONS

PAGES, SLATES = 1_000_000, 32_768
NOTHING = 20.0
"""Weight of clicking nothing, so that most pages end without a click, as in the shop."""


@njit(**OPTIONS, fastmath=True)
def _page(embedding: F32, intent: F32, luck: U64, slates: I32, weights: F32) -> None:
    lanes, slots = slates.shape
    for i in range(lanes):
        total = np.float32(NOTHING)
        for slot in range(slots):
            appeal = np.float32(0.0)
            for c in range(intent.shape[1]):
                appeal += intent[i, c] * embedding[slates[i, slot], c]
            weights[slot] = math.exp(appeal)
            total += weights[slot]
        luck[i] = mix(luck[i] + np.uint64(i))
        left = unit(luck[i]) * total - np.float32(NOTHING)
        slot = -1
        while left >= 0.0 and slot + 1 < slots:
            slot += 1
            left -= weights[slot]
        if slot >= 0:
            for c in range(intent.shape[1]):
                intent[i, c] += np.float32(0.5) * (embedding[slates[i, slot], c] - intent[i, c])


def bare(embedding: F32, lanes: int, slots: int, *, among: int | None = None) -> Callable[[], int]:
    """Work, in pages. The slates hold any of the first ``among`` items, by default of all."""
    rng = np.random.default_rng(0)
    batches = rng.integers(among or len(embedding), size=(SLATES // lanes, lanes, slots), dtype=np.int32)
    intent = embedding[rng.integers(len(embedding), size=lanes)].copy()
    luck = rng.integers(2**63, size=lanes, dtype=np.uint64)
    weights = np.empty(slots, np.float32)
    _page(embedding, intent, luck, batches[0], weights)

    def work() -> int:
        steps = PAGES // lanes
        for step in range(steps):
            _page(embedding, intent, luck, batches[step % len(batches)], weights)
        return steps * lanes

    return work
