"""Limits on what a policy may cost: what is the best that keeps them, and whether anything does."""

from .oracle import ConstrainedOptimum, constrained_optimum

__all__ = ["ConstrainedOptimum", "constrained_optimum"]
