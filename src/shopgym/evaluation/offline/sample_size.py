"""How many more decisions of the same kind would settle whether a value is another than a reference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from ...core.errors import in_range
from ...core.statistics import normal_quantile
from .estimate import Estimate

POWER = 0.8
"""Probability with which an interval of the longer log leaves out the reference."""
MOST = 1_000_000
"""More further draws than this are out of reach, unless the log has as many already."""


@dataclass(frozen=True)
class SampleSize:
    """The further draws that would settle an estimate, if the effect is as large as it looks.

    Attributes:
        effect: estimate less reference.
        reference: what it is held against.
        further: draws to add; 0 if the interval leaves out the reference already, infinite if none would do.
        draws: there are now.
        noun: ``decisions``, or ``users`` where these are the independent draws.
        power: probability with which the longer log then settles it.
    """

    effect: float
    reference: float
    further: float
    draws: int
    noun: str
    power: float

    @property
    def settled(self) -> bool:
        """Whether the interval leaves out the reference already."""
        return self.further == 0

    @property
    def sentence(self) -> str:
        """One line to print under a wide interval; empty if it is settled, or there is nothing to show."""
        if self.settled or self.effect == 0:
            return ""
        against = f" from {self.reference:.4g}" if self.reference else ""
        most, power = max(MOST, self.draws), f"({100 * self.power:.0f}% power)"
        if self.further > most:
            shown = f"even {most:,} more {self.noun} would not show it {power}"
        else:
            shown = f"about {_rounded(self.further):,} more {self.noun} would show it {power}"
        return f"if the true difference{against} is {abs(self.effect):.2g}, {shown}"


def sample_size(
    estimate: Estimate, reference: float = 0.0, *, users: int | None = None, power: float = POWER
) -> SampleSize:
    """How many more draws would tell an estimate from a reference.

    The half-width h of the interval shrinks with the square root of the draws n. A two-sided test at its
    level finds an effect d with the power if d = (z_level + z_power) h / z_level, so that

        n' = n (h (1 + z_power / z_level) / d)^2

    (Chow, Shao, Wang and Lokhnygina 2017, Sample size calculations in clinical research, section 3.1). The
    effect is taken to be the one that was estimated. It is uncertain, and so is n'.

    Args:
        estimate: a value or a difference with its interval.
        reference: 0 for a difference; for a policy the mean logged reward.
        users: how many there are, where the interval takes users as independent; None: decisions.
        power: in [0.5, 1).
    """
    in_range("power", power, 0.5, 1.0, open_high=True)
    effect = estimate.value - reference
    draws = estimate.n if users is None else users
    further = 0.0
    if estimate.low <= reference <= estimate.high:
        nearer = estimate.low if effect > 0 else estimate.high  # the end on the side of the reference
        ratio = 1.0 + NormalDist().inv_cdf(power) / normal_quantile(estimate.level)
        needed = math.inf if effect == 0 else draws * ((estimate.value - nearer) * ratio / effect) ** 2
        further = max(1.0, needed - draws)
    noun = "decisions" if users is None else "users"
    return SampleSize(effect, reference, further, draws, noun, power)


def _rounded(number: float) -> int:
    """Up to two digits, as the number is no surer than that."""
    step = int(10 ** max(0, math.floor(math.log10(number)) - 1))
    return math.ceil(number / step) * step
