"""Offline policy evaluation: what a target policy would have earned, from another policy's log."""

from .compare import compare
from .estimate import Estimate
from .estimators import ESTIMATORS, Estimator
from .inputs import OpeInputs
from .intervals import INTERVALS
from .terms import Terms

__all__ = ["ESTIMATORS", "INTERVALS", "Estimate", "Estimator", "OpeInputs", "Terms", "compare"]
