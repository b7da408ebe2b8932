"""Fit a profile to a shop's own records, and the simulated method of moments."""

from .fit import Calibration, calibrate
from .lines import OrderLines, check_order_lines
from .moments import Fit, FreeParameter, simulated_moments

__all__ = [
    "Calibration",
    "Fit",
    "FreeParameter",
    "OrderLines",
    "calibrate",
    "check_order_lines",
    "simulated_moments",
]
