"""Intervals that hold together: how much wider each has to be, so that all are right at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from ...core.types import F64
from .base import check_level

DRAWS = 50_000
"""Normal vectors drawn for a quantile: at 95% its error is then about 0.01."""


def joint_level(influences: Sequence[F64 | None], level: float, rng: Generator) -> float:
    """The level of each of m intervals with which all m hold together with probability ``level``.

    It is 2 Phi(c) - 1, c the quantile of the largest of m standardised errors. The Gaussian multiplier
    bootstrap (Chernozhukov, Chetverikov and Kato 2013, Gaussian approximations and multiplier bootstrap for
    maxima of sums of high-dimensional random vectors) multiplies each draw's influences by a normal number
    and adds them up. Given the log, these sums are a normal vector with the correlations of the influences;
    it is drawn directly. So contrasts that move together, such as two lifts over the same baseline, widen
    each other little. An interval of any kind is then made at that level: it keeps its own way of finding
    its ends.

    Where influences are unknown or of different draws, the level is that of Sidak (1967, Rectangular
    confidence regions for the means of multivariate normal distributions), ``level ** (1 / m)``: right for
    every correlation, and the upper end of what is returned.

    Args:
        influences: (n,) of each contrast, on the same n independent draws; None where they are unknown.
        level: of all together, in (0, 1).
        rng: draws the normal vectors.

    Raises:
        InvalidInput: ``level`` outside (0, 1).
    """
    check_level(level)
    m = len(influences)
    if m <= 1:
        return level
    sidak = float(level ** (1.0 / m))
    columns = [psi for psi in influences if psi is not None]
    if len(columns) < m or len({len(psi) for psi in columns}) > 1:
        return sidak
    psi = np.stack(columns, axis=1)
    psi = psi - psi.mean(axis=0)
    size = np.sqrt(np.einsum("nm,nm->m", psi, psi))
    if not (np.isfinite(size) & (size > 0)).all():
        return sidak
    psi = psi / size
    values, vectors = np.linalg.eigh(psi.T @ psi)
    factor = vectors * np.sqrt(np.clip(values, 0.0, None))
    largest = np.abs(rng.standard_normal((DRAWS, m)) @ factor.T).max(axis=1)
    return float(np.clip(_two_sided(float(np.quantile(largest, level))), level, sidak))


def _two_sided(z: float) -> float:
    from scipy.special import ndtr

    return float(2.0 * ndtr(z) - 1.0)
