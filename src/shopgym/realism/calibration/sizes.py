"""Numbers with which a shop has orders and visits of about the record's size: a search begins near them."""

from __future__ import annotations

import numpy as np

from ...core.types import F64
from .parts import Part
from .simulated_shop import SimulatedShop

UNITS_FACTOR, MOST_LONGER, MOST_AGAIN, AGAIN_LIFT = (0.1, 10.0), 2.0, 0.5, 1.0
TIRED = 0.1
"""Logits by which visitors click less after as many pages as an order has items."""


def without_fatigue(shop: SimulatedShop, part: Part) -> SimulatedShop:
    """The shop in which fatigue alone does not end a visit before it has an order of the mean size.

    Where it does, visits are all about as long and orders about as large, and the search does not leave that.
    """
    items = {fact.name: fact.value for fact in part.facts}.get("basket_items_mean", 0.0)
    if items * shop.value("choice.fatigue") <= TIRED:
        return shop
    return shop.with_values({"choice.fatigue": TIRED / items})


def sized_baskets(shop: SimulatedShop, part: Part, figures: F64) -> SimulatedShop:
    """The shop with about as many pages a visit, items an order and units a line as the record.

    A visit goes on for about exp(-``leave_base``) pages, one with a purpose for about exp(``mission_stay``).
    Units beyond the first are in proportion to ``units_scale``. If a share of the candidates were bought
    before, about that share of the other lines is of items bought again.

    Args:
        figures: (m,) the facts of ``part`` in a season of ``shop``.
    """
    real = {fact.name: fact.value for fact in part.facts}
    mine = dict(zip(real, figures, strict=True))
    values = {}
    items, units = "basket_items_mean", "units_per_line_mean"
    if items in real and mine[items] > 0:
        longer = np.log(max(real[items], 1.05) / mine[items])
        values["choice.mission_stay"] = max(shop.value("choice.mission_stay") + float(longer), 0.0)
    if units in real and mine[units] > 1 and real[units] > 1:
        factor = float(np.clip((real[units] - 1) / (mine[units] - 1), *UNITS_FACTOR))
        values["catalog.units_scale"] = shop.units_scale * factor
    again, share = "repeat_item_line_share", "people.repurchase.share"
    if again in real and mine[again] < min(real[again], 1.0):
        more = (real[again] - mine[again]) / (1.0 - mine[again])
        values[share] = min(shop.value(share) + float(more), MOST_AGAIN)
        values["people.repurchase.lift"] = max(shop.value("people.repurchase.lift"), AGAIN_LIFT)
    pages = "session_pages_mean"
    if pages in real and mine[pages] > 0:
        longer = float(np.clip(np.log(mine[pages] / real[pages]), -MOST_LONGER, MOST_LONGER))
        values["choice.leave_base"] = shop.value("choice.leave_base") + longer
    return shop.with_values(values)
