"""The shop itself: catalogue, users, stock, choice. No Gymnasium, no learner."""

from .catalog import Catalog
from .config import ChoiceConfig, ShopConfig, StockConfig
from .shop import Shop
from .stock import Stock
from .users import Users

__all__ = ["Catalog", "ChoiceConfig", "Shop", "ShopConfig", "Stock", "StockConfig", "Users"]
