"""The report of a run: plots as PNG, and one HTML page that needs nothing else."""

from .page import write_report

__all__ = ["write_report"]
