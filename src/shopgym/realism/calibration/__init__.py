"""A profile fitted to a shop's own records, and simulated moments."""

from .fit import Calibration, calibrate
from .lines import Lines, order_lines
from .moments import Fit, Free, simulated_moments

__all__ = ["Calibration", "Fit", "Free", "Lines", "calibrate", "order_lines", "simulated_moments"]
