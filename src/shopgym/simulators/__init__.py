"""The shop itself: catalogue, users, market, stock, choice, people. No Gymnasium, no learner."""

from .catalog.catalog import Catalog
from .config import ChoiceConfig, DeliveryConfig, DwellConfig, ReturnConfig, ShopConfig
from .market.market import Campaign, MarketConfig, Shock
from .market.replenishment import StockConfig
from .market.stock import Stock
from .page.surfaces import SurfaceConfig, SurfacesConfig
from .people.arrivals import ArrivalConfig
from .people.retention import RetentionConfig
from .people.satisfaction import PeopleConfig
from .people.users import Users
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

# methods that stand on top of the shop
Shop.value = value
Shop.compare = compare
