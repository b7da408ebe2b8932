"""Is the offline evaluation right? Estimators and intervals against a shop whose truth is known."""

from .cells import BenchmarkCell, Totals, totals
from .scenarios import QUICK, SCENARIOS, Scenario
from .study import study

__all__ = ["QUICK", "SCENARIOS", "BenchmarkCell", "Scenario", "Totals", "study", "totals"]
