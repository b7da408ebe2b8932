"""Fit a profile to a shop's own records, and the simulated method of moments."""

from .fit import Calibration, calibrate
from .moments import Fit, FreeParameter, simulated_moments

__all__ = [
    "Calibration",
    "Fit",
    "FreeParameter",
    "calibrate",
    "simulated_moments",
]
