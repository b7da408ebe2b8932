"""Features of rankers: user, item, context, and the live price, stock and margin."""

from __future__ import annotations

from ...policies.features import FeatureMap, Term
from ..task import Task

LOG_COLUMNS = ("price", "stock")
"""Live values that range over orders of magnitude; the feature is log(1 + x)."""


def live_terms(task: Task) -> tuple[Term, ...]:
    """One term for each live value that the task's requests have."""
    return tuple((f"{'live_log' if name in LOG_COLUMNS else 'live'}.{name}",) for name in task.live_names)


def linear_features(task: Task) -> FeatureMap:
    """For linear models: the task's products, and the live price times the user's price sensitivity."""
    terms = task.features.terms + live_terms(task)
    if "price" in task.live_names and "price_sensitivity" in task.user_names:
        terms += (("user.price_sensitivity", "live_log.price"),)
    return FeatureMap(terms, task.user_names, task.context_names)


def deep_features(task: Task) -> FeatureMap:
    """For trees and networks: the same without the constant, and each column of user and context."""
    terms = task.network_features.terms + live_terms(task)
    return FeatureMap(terms, task.user_names, task.context_names)
