"""``shopgym watch``: a shop that is open, in the browser."""
