"""What changes by the day: prices, campaigns, shocks, stock, replenishment, returns."""

from .market import Campaign, Market, MarketConfig, Shock
from .replenishment import StockConfig
from .returns import Returns
from .stock import Stock

__all__ = ["Campaign", "Market", "MarketConfig", "Returns", "Shock", "Stock", "StockConfig"]
