"""Is the offline evaluation right? Estimators and intervals against a shop whose truth is known."""

from .cells import BenchmarkCell, Totals, totals
from .config import OpeBenchmarkConfig
from .run import STUDY
from .scenarios import QUICK, SCENARIOS, Scenario

__all__ = [
    "QUICK",
    "SCENARIOS",
    "STUDY",
    "BenchmarkCell",
    "OpeBenchmarkConfig",
    "Scenario",
    "Totals",
    "totals",
]
