"""The numeric kernel of :func:`.plackett_luce.slot_marginals`; loaded only by evaluation."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..core.types import F64, Bool

STEP = 0.36
"""Largest grid step in log-time; see :func:`grid_step`."""
GRID_ERROR = 1e-10
"""Error of the trapezoid rule that the grid is made for."""
LEFT_TAIL = 26.0
"""The integral starts at e^-26 of the mean time of the first ring; it misses a mass of about 5e-12."""
DONE = 1e-12
"""The integral stops when the probability of fewer than k rings is at most this."""
ASLEEP = 1e-15
"""A clock whose probability of having rung is below this is ignored."""


def grid_step(k: int) -> float:
    """The step of the grid in log-time for k slots.

    With many candidates the k-th ring has a gamma density, x^k e^-x / (k - 1)! in log-time: the later the
    slot, the narrower. By Poisson's summation formula the trapezoid rule with step h errs by about twice its
    Fourier transform at 2 pi / h, which is |Gamma(k + 2 pi i / h)| / Gamma(k).
    """
    step = STEP
    while True:
        omega = 2.0 * math.pi / step
        # |Gamma(1 + i omega)|^2 = pi omega / sinh(pi omega), and Gamma(z + 1) = z Gamma(z)
        log_error = 0.5 * (math.log(2.0 * math.pi * omega) - math.pi * omega)
        log_error += sum(0.5 * math.log1p((omega / i) ** 2) for i in range(1, k))
        if log_error + math.log(2.0) <= math.log(GRID_ERROR):
            return step
        step *= 0.98


@njit(cache=True, nogil=True)
def _component(rates: F64, k: int, factor: float, step: float, out: F64, p: F64, count: F64) -> None:
    """Add ``factor`` x P(candidate at slot) of one Plackett-Luce model to ``out`` (k, a).

    ``rates`` (a,) fall, so that the clocks that may have rung by some time come first; ``step`` is that of
    the grid.
    """
    a = rates.shape[0]
    awake = 0
    slots = min(k, a)
    time = math.exp(-LEFT_TAIL) / rates.sum()
    growth = math.exp(step)
    while True:
        # count[c] = P(exactly c clocks have rung by now), c < slots, over all candidates
        count[:] = 0.0
        count[0] = 1.0
        while awake < a and rates[awake] * time > ASLEEP:
            awake += 1
        for i in range(awake):
            x = rates[i] * time
            p[i] = -math.expm1(-x)
            for c in range(slots - 1, 0, -1):
                count[c] += p[i] * (count[c - 1] - count[c])
            count[0] *= 1.0 - p[i]
        alive = 0.0
        for c in range(slots):
            alive += count[c]
        for i in range(awake):
            x = rates[i] * time
            q = 1.0 - p[i]
            density = factor * step * x * q
            if density < 1e-18:
                continue
            if p[i] < 0.5:  # take candidate i out again by division, stable on this side
                without_i = count[0] / q
                out[0, i] += density * without_i
                for c in range(1, slots):
                    without_i = (count[c] - p[i] * without_i) / q
                    out[c, i] += density * without_i
            else:  # rare: compute the count again without i
                _without(p[:awake], i, slots, density, out)
        if alive < DONE:
            return
        time *= growth


@njit(cache=True, nogil=True)
def _without(p: F64, skip: int, slots: int, density: float, out: F64) -> None:
    count = np.zeros(slots)
    count[0] = 1.0
    for i in range(p.shape[0]):
        if i != skip:
            for c in range(slots - 1, 0, -1):
                count[c] += p[i] * (count[c - 1] - count[c])
            count[0] *= 1.0 - p[i]
    for c in range(slots):
        out[c, skip] += density * count[c]


@njit(cache=True, nogil=True)
def mixture_marginals(log_rates: F64, weights: F64, allowed: Bool, k: int, step: float) -> F64:
    """(n, k, m) marginals of the mixture; see :func:`.plackett_luce.slot_marginals`."""
    n, components, m = log_rates.shape
    out = np.zeros((n, k, m))
    index = np.empty(m, np.int64)
    rates = np.empty(m)
    logs = np.empty(m)
    p = np.empty(m)
    count = np.empty(k)
    for row in range(n):
        a = 0
        for i in range(m):
            if allowed[row, i]:
                index[a] = i
                a += 1
        if a == 0:
            continue
        part = np.zeros((k, a))
        for b in range(components):
            top = -np.inf
            bottom = np.inf
            for i in range(a):
                top = max(top, log_rates[row, b, index[i]])
                bottom = min(bottom, log_rates[row, b, index[i]])
            if top - bottom < 1e-12:  # equal rates: every candidate is as likely at every slot
                for c in range(min(k, a)):
                    for i in range(a):
                        out[row, c, index[i]] += weights[b] / a
                continue
            part[:] = 0.0
            for i in range(a):
                logs[i] = top - log_rates[row, b, index[i]]
            order = np.argsort(logs[:a])
            for i in range(a):  # below e^-600 of the best rate nothing can be told apart
                rates[i] = math.exp(-min(logs[order[i]], 600.0))
            _component(rates[:a], k, weights[b], step, part, p[:a], count[: min(k, a)])
            for c in range(k):
                for i in range(a):
                    out[row, c, index[order[i]]] += part[c, i]
    return out
