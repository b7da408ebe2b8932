"""How like a real shop: one event table, stylised facts, distances and a discriminator."""

from .compare import scorecard, session_distances
from .discriminator import Discrimination, discriminate
from .events import EVENTS, check_events
from .facts import FACTS, measure
from .reference import Stylised, stylised_facts
from .shop_data import ShopData

__all__ = [
    "EVENTS",
    "FACTS",
    "Discrimination",
    "ShopData",
    "Stylised",
    "check_events",
    "discriminate",
    "measure",
    "scorecard",
    "session_distances",
    "stylised_facts",
]
