"""Interleaving: each user sees items of two policies on the same pages and is compared with themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64
from ..intervals.normal import student_quantile
from .effects import SEQUENCE, Bounds, StopRule
from .outcomes import BETTER, UNCLEAR, WORSE
from .sequence import half_width, p_value
from .words import change


@dataclass(frozen=True)
class Preference:
    """What users did with the items of each policy, per user.

    Attributes:
        names: of the control and of the treatment.
        metric: what was credited, e.g. clicks.
        control, treatment: means per user.
        users: n.
        difference, relative: treatment less control, with interval; over the control.
        p: of no preference.
        outcome: ``better``, ``worse`` or ``not clear``: of the treatment.
    """

    names: tuple[str, str]
    metric: str
    control: float
    treatment: float
    users: int
    difference: Bounds
    relative: Bounds
    p: float
    outcome: str

    @property
    def sentence(self) -> str:
        """The preference in one sentence."""
        control, treatment = self.names
        said = {BETTER: "more", WORSE: "less", UNCLEAR: "not clearly more or less"}[self.outcome]
        size = change(self.difference, self.relative)
        return f"users give {treatment} {said} {self.metric} than {control} on the same pages: {size}"


def preference(
    names: tuple[str, str], metric: str, credit: F64, rule: StopRule, minimise: bool = False
) -> Preference:
    """Compare the credits (n, 2) of two policies, user by user.

    The interval is that of the mean of n differences: the sequence, or Student's t. The relative one follows
    from the ratio of two means of the same users (delta method).

    Raises:
        InvalidInput: fewer than two users, or no difference anywhere.
    """
    from scipy.stats import t

    n = len(credit)
    if n < 2 or np.ptp(credit) == 0:
        raise InvalidInput(metric, f"{n} users", "nothing differs: give two users and an event at the least")
    control, treatment = (float(mean) for mean in credit.mean(axis=0))
    gap = credit[:, 1] - credit[:, 0]
    error = float(gap.std(ddof=1)) / math.sqrt(n)
    ratio = treatment / control if control else float("nan")
    relative_error = float((credit[:, 1] - ratio * credit[:, 0]).std(ddof=1)) / math.sqrt(n)
    relative_error /= control if control else float("nan")
    mean = treatment - control
    if rule.stop == SEQUENCE:
        halves = [half_width(e, n, rule.level, rule.planned) for e in (error, relative_error)]
        p = p_value(mean, error, n, rule.level, rule.planned)
    else:
        halves = [student_quantile(rule.level, n - 1) * e for e in (error, relative_error)]
        p = float(2.0 * t.sf(abs(mean) / error, n - 1)) if error > 0 else float("nan")
    bounds = [Bounds(v, v - h, v + h) for v, h in zip((mean, ratio - 1.0), halves)]
    clear = p < 1.0 - rule.level
    better = (mean > 0) != minimise
    outcome = (BETTER if better else WORSE) if clear else UNCLEAR
    return Preference(names, metric, control, treatment, n, bounds[0], bounds[1], p, outcome)
