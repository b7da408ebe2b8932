"""The shop itself: catalogue, users, market, stock, choice, people. No Gymnasium, no learner."""

from .catalog import Catalog
from .config import ChoiceConfig, DeliveryConfig, DwellConfig, ReturnConfig, ShopConfig
from .market import Campaign, GoodsSeason, ItemStock, MarketConfig, Shock, Stock, StockConfig
from .page.surfaces import SurfaceConfig, SurfacesConfig
from .people import ArrivalConfig, PeopleConfig, RepurchaseConfig, RetentionConfig, Users
from .policy_value import compare, value
from .profiles.disturbances import variant
from .shop import Shop

__all__ = [
    "ArrivalConfig",
    "Campaign",
    "Catalog",
    "ChoiceConfig",
    "DeliveryConfig",
    "DwellConfig",
    "GoodsSeason",
    "ItemStock",
    "MarketConfig",
    "PeopleConfig",
    "RepurchaseConfig",
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

# methods that stand on top of the shop
Shop.value = value
Shop.compare = compare
