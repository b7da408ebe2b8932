"""Closed forms of the BG/NBD model (Fader, Hardie & Lee 2005)."""

from __future__ import annotations

from scipy.special import hyp2f1

from shopgym.core import InvalidInput
from shopgym.simulators.people.retention import RetentionConfig


def expected_returns(days: float, config: RetentionConfig) -> float:
    """Mean number of returns of a new customer in ``days`` days, effects off (eq. 9).

    Raises:
        InvalidInput: ``a`` is 1, where the formula is not defined; use a value next to it.
    """
    r, alpha, a, b = config.r, config.alpha, config.a, config.b
    if a == 1.0:
        raise InvalidInput("shop.retention.a", a, "the closed form is not defined at exactly 1")
    share = days / (alpha + days)
    shrink = (alpha / (alpha + days)) ** r
    return float((a + b - 1) / (a - 1) * (1 - shrink * hyp2f1(r, b, a + b - 1, share)))
