"""What a rule does, in one plain sentence that is computed from what it does."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .price import ProxyPrice

COUNTED = {
    "click": "clicks",
    "cart": "items in the cart",
    "purchase": "order lines",
    "units": "units sold",
    "revenue": "revenue",
    "return_cost": "cost of returns",
    "stockout": "sold-out slots",
}
NEARLY = 0.05
"""A change by less than this share is not worth a word."""
SAME = 0.001
"""A loss below this share counts as none."""


def what_it_does(price: ProxyPrice, star: str) -> str:
    """E.g. ``it takes 50% off every page: order lines x2.7, margin below zero``.

    Args:
        star: the north star in words.
    """
    changes = [
        change
        for term, words in COUNTED.items()
        if (change := _times(words, price.terms.get(term, 0.0), price.honest_terms.get(term, 0.0)))
    ]
    if price.share.value >= 1.0 - SAME and not changes:
        return f"it shows pages that are as good for {star} as the best"
    strongest = [text for text, _ in sorted(changes, key=lambda change: -change[1])[:2]]
    end = f"{star} {_left(price)}"
    return f"{_act(price)}: {', '.join([*strongest, end])}"


def _act(price: ProxyPrice) -> str:
    if price.price_off > 0.02:
        return f"it takes {price.price_off:.0%} off the prices of an average page"
    return "it shows other items"


def _left(price: ProxyPrice) -> str:
    if price.north_star < 0.0:
        return "below zero"
    share = price.share.value
    return "as before" if math.isnan(share) else f"{share:.0%} of what it could be"


def _times(words: str, value: float, before: float) -> tuple[str, float] | None:
    if not before > 0.0 or not value > 0.0:
        return None
    change = value / before
    return None if abs(change - 1.0) < NEARLY else (f"{words} x{change:.2g}", abs(math.log(change)))


def weights_text(weights: Mapping[str, float]) -> str:
    """``margin + 0.01 click``."""
    text = ""
    for number, (name, weight) in enumerate(weights.items()):
        sign = ("- " if weight < 0 else "") if number == 0 else (" - " if weight < 0 else " + ")
        factor = "" if abs(weight) == 1 else f"{abs(weight):g} "
        text += f"{sign}{factor}{name}"
    return text


def share_text(value: float) -> str:
    """``12.3%``; ``-`` where there is no value."""
    return "-" if math.isnan(value) else f"{value:.1%}"
