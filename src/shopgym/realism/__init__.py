"""How like a real shop: one event table, stylised facts, responses, distances, a discriminator."""

from .applicability import applicable
from .compare import scorecard, session_distances
from .discriminator import Discrimination, discriminate
from .effect_sizes import responses
from .events import EVENTS, check_events
from .facts import FACTS, measure
from .reference import Stylised, stylised_facts
from .report import Realism, realism
from .shop_data import ShopData
from .shop_events import Behaviour, Season, simulate_season

__all__ = [
    "EVENTS",
    "FACTS",
    "Behaviour",
    "Discrimination",
    "Realism",
    "Season",
    "ShopData",
    "Stylised",
    "applicable",
    "check_events",
    "discriminate",
    "measure",
    "realism",
    "responses",
    "scorecard",
    "session_distances",
    "simulate_season",
    "stylised_facts",
]
