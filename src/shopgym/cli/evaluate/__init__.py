"""``shopgym evaluate``: what a policy would have earned, from a log of another."""

from .command import evaluate

__all__ = ["evaluate"]
