"""What rankers look at: user, item, context, and price, stock and margin of the moment."""

from __future__ import annotations

from ...policies.features import FeatureMap, Term
from ..task import Task

AMOUNTS = ("price", "stock")
"""Live values that range over orders of magnitude; they are looked at through log(1 + x)."""


def live_terms(task: Task) -> tuple[Term, ...]:
    """One term for each live value that the task's requests have."""
    return tuple((f"{'live_log' if name in AMOUNTS else 'live'}.{name}",) for name in task.live_names)


def linear_features(task: Task) -> FeatureMap:
    """For lines: products that people thought of, and the price of the moment by who minds prices."""
    terms = task.features.terms + live_terms(task)
    if "price" in task.live_names and "price_sensitivity" in task.user_names:
        terms += (("user.price_sensitivity", "live_log.price"),)
    return FeatureMap(terms, task.user_names, task.context_names)


def deep_features(task: Task) -> FeatureMap:
    """For trees and networks: the same without the constant, and every column of user and context alone."""
    terms = task.network_features.terms + live_terms(task)
    return FeatureMap(terms, task.user_names, task.context_names)
