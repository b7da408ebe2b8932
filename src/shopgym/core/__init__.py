"""The nouns and Protocols that every other room speaks; numpy and the standard library only."""

from .batches import Decisions, Feedback, Interactions, Requests
from .errors import InvalidInput
from .items import Items
from .protocols import Agent, Policy

__all__ = ["Agent", "Decisions", "Feedback", "Interactions", "InvalidInput", "Items", "Policy", "Requests"]
