"""What changes by the day: prices, campaigns, shocks, stock, replenishment, returns."""

from .campaigns import Campaign
from .item_stock import ItemStock
from .market import Market, MarketConfig, Shock
from .replenishment import StockConfig
from .returns import Returns
from .seasons import GoodsSeason
from .stock import Stock

__all__ = [
    "Campaign",
    "GoodsSeason",
    "ItemStock",
    "Market",
    "MarketConfig",
    "Returns",
    "Shock",
    "Stock",
    "StockConfig",
]
