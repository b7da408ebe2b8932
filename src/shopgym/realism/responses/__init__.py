"""Responses of demand, measured from a shop's own data: price, personalisation, e-mail, stock, promotions."""
