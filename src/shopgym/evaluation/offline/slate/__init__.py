"""Slates: weights under a model of what a slot's reward depends on, and estimators for slates only."""

from .estimators import CascadeDR, PseudoInverse
from .weights import (
    SLATE_MODELS,
    plackett_luce_weights,
    pseudo_inverse_weights,
    slate_inputs,
    slate_weights,
    uniform_slate_weights,
)

__all__ = [
    "SLATE_MODELS",
    "CascadeDR",
    "PseudoInverse",
    "plackett_luce_weights",
    "pseudo_inverse_weights",
    "slate_inputs",
    "slate_weights",
    "uniform_slate_weights",
]
