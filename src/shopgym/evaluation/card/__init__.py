"""The card: one HTML file for people who decide, about one policy or several on one log."""

from .page import card

__all__ = ["card"]
