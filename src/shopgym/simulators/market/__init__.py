"""What changes by the day: prices, campaigns, shocks, stock, replenishment, returns."""

from .campaigns import Campaign
from .market import Market, MarketConfig, Shock
from .replenishment import StockConfig
from .returns import Returns
from .stock import Stock

__all__ = ["Campaign", "Market", "MarketConfig", "Returns", "Shock", "Stock", "StockConfig"]
