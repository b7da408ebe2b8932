"""The shop itself: catalogue, users, market, stock, choice, people. No Gymnasium, no learner."""

from .arrivals import ArrivalConfig
from .catalog import Catalog
from .config import ChoiceConfig, DeliveryConfig, DwellConfig, ReturnConfig, ShopConfig
from .market import Campaign, MarketConfig, Shock
from .people import PeopleConfig
from .replenishment import StockConfig
from .retention import RetentionConfig
from .shop import Shop
from .stock import Stock
from .surfaces import SurfaceConfig, SurfacesConfig
from .users import Users
from .variants import variant

__all__ = [
    "ArrivalConfig",
    "Campaign",
    "Catalog",
    "ChoiceConfig",
    "DeliveryConfig",
    "DwellConfig",
    "MarketConfig",
    "PeopleConfig",
    "RetentionConfig",
    "ReturnConfig",
    "Shock",
    "Shop",
    "ShopConfig",
    "Stock",
    "StockConfig",
    "SurfaceConfig",
    "SurfacesConfig",
    "Users",
    "variant",
]
