"""What changes by the day: prices, campaigns, stock, replenishment, returns."""
