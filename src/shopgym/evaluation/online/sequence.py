"""Looking at a test every day: intervals and p-values that stay valid however often one looks.

The asymptotic confidence sequence of :mod:`..intervals.sequential`, for the difference of two arms: its n is
the number of units of both, its spread the standard error of the difference times the root of n.
"""

from __future__ import annotations

import math

from ...core.statistics import sequence_half_width, sequence_mixture

PLANNED = 10_000
"""Units of two arms at which the sequence is narrowest, unless a test says another number."""


def half_width(standard_error: float, n: int, level: float, planned: float) -> float:
    """Half width of the sequence around an effect with this standard error, from n units."""
    return sequence_half_width(n, standard_error * math.sqrt(n), 1.0 - level, planned)


def p_value(effect: float, standard_error: float, n: int, level: float, planned: float) -> float:
    """The least miss at which the sequence leaves out 0: always valid, as the sequence itself.

    1 / the mixture of likelihood ratios (Waudby-Smith et al. 2021, theorem 2.2, solved for alpha), with the
    mixture that ``level`` and ``planned`` fix.
    """
    if standard_error <= 0:
        return float("nan")
    mixture = sequence_mixture(n, 1.0 - level, planned)
    z = effect / standard_error
    log_evidence = 0.5 * z * z * mixture / (mixture + 1.0) - 0.5 * math.log(mixture + 1.0)
    return min(1.0, math.exp(-log_evidence))


def penalty(level: float) -> float:
    """Half width over standard error where n is as planned: what replaces the normal quantile."""
    return half_width(1.0, 1, level, 1.0)
