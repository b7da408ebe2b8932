"""How realistic is a shop: event tables, stylised facts, effect sizes, distances, a discriminator."""

from .applicability import applicable_facts
from .discriminator import Discrimination, discriminate
from .distances import session_distances
from .effect_sizes import measure_effect_sizes
from .events import EVENTS, check_events
from .facts import FACTS, measure
from .reference import StylisedFact, stylised_facts
from .report import Realism, realism
from .scorecard import scorecard
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
    "StylisedFact",
    "applicable_facts",
    "check_events",
    "discriminate",
    "measure",
    "measure_effect_sizes",
    "realism",
    "scorecard",
    "session_distances",
    "simulate_season",
    "stylised_facts",
]
