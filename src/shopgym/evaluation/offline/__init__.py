"""Offline policy evaluation: what a target policy would have earned, from another policy's log."""

from ..intervals import INTERVALS, Interval
from ..intervals.statistic import Statistic, Terms
from .compare import compare
from .diagnostics import Diagnostics
from .estimate import Estimate
from .estimators import ESTIMATORS, ZOO, Estimator
from .inputs import OpeInputs
from .tuning import Tuned
from .verdict import Thresholds, judge
from .weighted import Weighted

__all__ = [
    "ESTIMATORS",
    "INTERVALS",
    "ZOO",
    "Diagnostics",
    "Estimate",
    "Estimator",
    "Interval",
    "OpeInputs",
    "Statistic",
    "Terms",
    "Thresholds",
    "Tuned",
    "Weighted",
    "compare",
    "judge",
]
