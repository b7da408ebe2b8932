"""Several comparisons at once: p-values that allow for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ...core.types import F64


def holm(p: F64) -> F64:
    """(m,) adjusted p-values: the chance of any false alarm is bounded (Holm 1979, A simple sequentially
    rejective multiple test procedure)."""
    order = np.argsort(p, kind="stable")
    steps = (len(p) - np.arange(len(p))) * p[order]
    out = np.empty(len(p))
    out[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return out


def benjamini_hochberg(p: F64) -> F64:
    """(m,) adjusted p-values: the share of false alarms among alarms is bounded (Benjamini and Hochberg
    1995, Controlling the false discovery rate)."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p), np.float64)


CORRECTIONS: Mapping[str, Callable[[F64], F64]] = {
    "holm": holm,
    "benjamini-hochberg": benjamini_hochberg,
    "none": lambda p: p,
}
