"""Offline policy evaluation: what a target policy would have earned, from another policy's log."""

from typing import Any

from ..intervals import INTERVALS, Interval
from ..intervals.statistic import Statistic, Terms
from . import estimators
from .compare import compare_inputs
from .diagnostics import Diagnostics
from .estimate import Estimate
from .estimators import DEFAULT_ESTIMATORS, ESTIMATORS, Estimator
from .inputs import OpeInputs
from .tuning import Tuned
from .verdict import Thresholds, judge
from .weighted import Weighted

__all__ = [
    "DEFAULT_ESTIMATORS",
    "ESTIMATORS",
    "INTERVALS",
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
    "compare_inputs",
    "judge",
]


def __getattr__(name: str) -> Any:
    return estimators.__getattr__(name)  # the deprecated names of the registry
