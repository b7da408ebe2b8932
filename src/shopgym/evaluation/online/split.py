"""Whether users were split as planned: sample-ratio mismatch, and units that were in several arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...core.types import I64, AnyArray
from .table import AssignedRows

BROKEN_SPLIT = 0.001
"""A split with a lower p-value is broken: one sound test in a thousand looks so (Fabijan et al. 2019,
Diagnosing sample ratio mismatch in online controlled experiments, take 0.0005 to 0.01)."""


@dataclass(frozen=True)
class Split:
    """How units fell into arms.

    Attributes:
        arms, units: names and counts.
        planned: share of each arm.
        p: of the counts, if the plan was followed.
        overlapping: units that were in more than one arm.
        total: different units.
    """

    arms: tuple[str, ...]
    units: tuple[int, ...]
    planned: tuple[float, ...]
    p: float
    overlapping: int
    total: int

    def reasons(self, noun: str) -> list[str]:
        """Why no number of the test can be trusted, in words; empty where the split is sound."""
        out = []
        if self.overlapping:
            share = self.overlapping / self.total
            out.append(f"{self.overlapping:,} {noun}s ({share:.1%}) were in more than one arm")
        if self.p < BROKEN_SPLIT:
            counted = ", ".join(f"{n:,} in {arm}" for n, arm in zip(self.units, self.arms))
            plan = ", ".join(f"{share:.3g}" for share in self.planned)
            out.append(
                f"the split is broken: {counted}, where shares of {plan} were planned (p = {self.p:.1g})"
            )
        return out


def check_split(rows: AssignedRows, planned: Mapping[str, float]) -> Split:
    """Count the units of each arm and compare with the plan; equal shares where there is none."""
    _, arm, unit = rows.units
    counts = np.bincount(arm, minlength=len(rows.arms))
    weight = np.array([planned.get(name, 1.0) for name in rows.arms])
    shares = weight / weight.sum()
    arms_of_unit = np.bincount(unit)
    several = int((arms_of_unit > 1).sum())
    total = int((arms_of_unit > 0).sum())
    p = sample_ratio(counts, shares)
    return Split(rows.arms, tuple(counts.tolist()), tuple(shares.tolist()), p, several, total)


def sample_ratio(counts: I64, shares: AnyArray) -> float:
    """p-value of counts (A,) under these shares.

    Of two arms tea-tasting's: exact below 1,000 units, else normal with a continuity correction. Of more arms
    the chi-squared test (as gbstats does for two as well: 0.514 for 0.540 on the same counts).
    """
    if len(counts) > 2:
        return chi_squared(counts, shares)
    from tea_tasting.aggr import Aggregates
    from tea_tasting.metrics import SampleRatio

    both = {number: Aggregates(int(count)) for number, count in enumerate(counts)}
    return float(SampleRatio(float(shares[1] / shares[0])).analyze(both, 0, 1).pvalue)


def chi_squared(counts: Sequence[int] | I64, shares: AnyArray) -> float:
    """p-value of Pearson's test of counts (A,) against shares."""
    from scipy.stats import chisquare

    counts = np.asarray(counts, np.float64)
    return float(chisquare(counts, np.asarray(shares) * counts.sum()).pvalue)
