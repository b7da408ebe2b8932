"""Mixtures of Plackett-Luce models: slates drawn without replacement, with exact probabilities.

A component b gives candidate i the rate exp(l_bi). A slate is drawn by choosing a component, then
slot by slot a candidate with probability proportional to its rate among those still allowed
(Plackett 1975; Luce 1959). Adding Gumbel noise to the log-rates and taking the best allowed
candidate at each slot draws from exactly this model (Yellott 1977; Kool et al. 2019).

Every policy here is such a mixture: an exploration floor is one more component with equal rates, Thompson
sampling has one component per posterior draw. So every propensity has a closed form.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.random import Generator

from ..core.batches import EMPTY
from ..core.types import F64, I32, Bool

ROWS = 256
"""Requests that one thread takes at a time; results do not depend on it."""

CELLS = 1 << 16
"""Numbers of a block of propensities (half a MB): rows x slots x candidates. Results do not depend on it."""

THIN = 1e-200
"""A sum of the remaining rates below this share of the best rate is computed again on its own scale."""

Between = Callable[[I32], Bool]
"""From the positions of the slots so far (n, j) to the candidates that a rule allows at slot j, (n, m)."""


def draw(
    log_rates: F64,
    weights: F64,
    allowed: Bool,
    slate_size: int,
    rng: Generator,
    between: Between | None = None,
) -> I32:
    """Draw one slate per request.

    Args:
        log_rates: (n, B, m) log-rate of each candidate under each component.
        weights: (B,) probability of each component, summing to 1.
        allowed: (n, m) candidates that may be shown at all.
        slate_size: k.
        rng: source of the component and of the Gumbel noise.
        between: what is allowed after the slots so far; None = everything not yet shown.

    Returns:
        (n, k) positions among the candidates; ``EMPTY`` where no candidate was left.
    """
    n, _, m = log_rates.shape
    component = np.searchsorted(np.cumsum(weights)[:-1], rng.random(n), side="right")
    keys = log_rates[np.arange(n), component] + rng.gumbel(size=(n, m))
    keys = np.where(allowed, keys, -np.inf)
    positions = np.full((n, slate_size), EMPTY, dtype=np.int32)
    rows = np.arange(n)
    for slot in range(min(slate_size, m)):
        slot_keys = keys
        if between is not None:
            slot_keys = np.where(between(positions[:, :slot]), keys, -np.inf)
        best = np.argmax(slot_keys, axis=1)
        filled = slot_keys[rows, best] > -np.inf
        positions[filled, slot] = best[filled]
        keys[rows[filled], best[filled]] = -np.inf
    return positions


def slot_propensities(
    log_rates: F64, weights: F64, allowed: Bool, positions: I32, between: Between | None = None
) -> F64:
    """(n, k) probability of each slot's candidate given the slots before it.

    0 for a candidate that could not be shown; 1 for an empty slot that could not be filled.
    """
    available = _available(allowed, positions, between)
    rows = max(1, CELLS // max(1, available[:1].size))
    parts = [slice(low, low + rows) for low in range(0, max(1, len(positions)), rows)]
    done = [_propensities(log_rates[i], weights, allowed[i], positions[i], available[i]) for i in parts]
    return done[0] if len(done) == 1 else np.concatenate(done)


def _available(allowed: Bool, positions: I32, between: Between | None) -> Bool:
    """(n, k, m) what may be shown at a slot: what is allowed less what the slots before it show."""
    (n, m), k = allowed.shape, positions.shape[1]
    rows, slots = np.arange(n), np.arange(k)
    available = np.empty((n, k, m + 1), np.bool_)  # the last column takes the empty slots
    available[:, :, :m] = allowed[:, None, :]
    if between is None:
        later, earlier = np.nonzero(slots[:, None] > slots)
        available[rows[:, None], later, positions[:, earlier]] = False
        return available[:, :, :m]
    for slot in range(k):
        if slot:
            last = positions[:, slot - 1]
            legal = (last >= 0) & available[rows, slot - 1, last]  # what could not be shown is still there
            available[rows[legal], slot:, last[legal]] = False
        available[:, slot, :m] &= between(positions[:, :slot])
    return available[:, :, :m]


def _propensities(log_rates: F64, weights: F64, allowed: Bool, positions: I32, available: Bool) -> F64:
    """(n, k) as :func:`slot_propensities`, all slots at once."""
    seen = np.where(allowed[:, None, :], log_rates, -np.inf)
    top = seen.max(axis=2, keepdims=True)
    top[~np.isfinite(top)] = 0.0  # nothing is allowed in that row
    rates = np.exp(seen - top)
    filled, possible = positions >= 0, available.any(axis=2)
    row, slot = np.ogrid[: len(positions), : positions.shape[1]]
    legal = filled & available[row, slot, positions]
    mass = available.astype(np.float64) @ rates.swapaxes(1, 2)  # (n, k, B)
    mass[~possible] = 1.0
    thin = (mass < THIN).any(axis=2)
    some_thin = thin.any()
    if some_thin:
        mass[thin] = 1.0
    total = top.swapaxes(1, 2) + np.log(mass)
    if some_thin:
        alone = np.where(available[thin][:, None, :], log_rates[np.nonzero(thin)[0]], -np.inf)
        total[thin] = log_sum(alone)
    step = np.where(legal[:, :, None], log_rates[row, :, positions] - total, 0.0)
    # log of (component weight x probability of the slots so far), up to a factor per request
    joint = np.empty_like(step)
    joint[:, :1] = np.log(weights)
    joint[:, 1:] = step[:, :-1]
    np.cumsum(joint, axis=1, out=joint)
    before = np.exp(joint - joint.max(axis=2, keepdims=True))
    share = (before * np.exp(step)).sum(axis=2) / before.sum(axis=2)
    return np.where(legal, share, ~filled & ~possible)


def log_sum(values: F64) -> F64:
    """(n, B) log of the sum of exp over the last axis, whatever the scale."""
    top = values.max(axis=2)
    total: F64 = top + np.log(np.exp(values - top[:, :, None]).sum(axis=2))
    return total


def slot_marginals(log_rates: F64, weights: F64, allowed: Bool, slate_size: int) -> F64:
    """(n, k, m) probability that a candidate stands at a slot, over all slates.

    Give each candidate an exponential clock with its rate. Candidate i stands at slot j when exactly j - 1
    other clocks ring before its own. So the probability is one integral of a Poisson-binomial term over the
    time of i's ring. The trapezoid rule in log-time converges exponentially for such integrands; the
    absolute error is below 1e-9 at every slot.
    """
    from ._marginals import grid_step, mixture_marginals

    step = grid_step(slate_size)

    def marginals(rows: slice) -> F64:
        out = mixture_marginals(
            np.ascontiguousarray(log_rates[rows], dtype=np.float64),
            np.ascontiguousarray(weights, dtype=np.float64),
            np.ascontiguousarray(allowed[rows]),
            slate_size,
            step,
        )
        return np.clip(out, 0.0, 1.0, out=out)  # rounding may leave -2e-18, or 1 + 2e-10

    n = len(log_rates)
    if n <= ROWS:
        return marginals(slice(0, n))
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the kernel releases the GIL
        parts = list(pool.map(marginals, (slice(low, low + ROWS) for low in range(0, n, ROWS))))
    return np.concatenate(parts)
