"""Storefronts side by side: the same visitors under the rule that games a reward and under the honest one."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.random import Generator, Philox

from ...core.types import I32
from ...simulators import Shop
from .linted_shop import LintedShop
from .page_rules import PageChoice, PageRule

VISITORS = 3
STYLE = (
    "display:inline-block;width:9.5rem;vertical-align:top;margin:.3rem;padding:.5rem;"
    "border:1px solid #d8dee4;border-radius:6px;font-size:.8rem"
)


def storefronts(shop: LintedShop, gaming: PageRule, honest: PageRule, *, visitors: int = VISITORS) -> str:
    """The first pages of a few visitors under both rules, as HTML."""
    world = shop.open(max(visitors, 16))
    world.reset(shop.seed)
    world.start_visits(np.ones(world.lanes, np.bool_))
    requests = world.requests()
    pages = {
        "paid by the reward": gaming.choose(world, requests, Generator(Philox(key=0))),
        "paid by the north star": honest.choose(world, requests, Generator(Philox(key=0))),
    }
    parts = []
    for visitor in range(visitors):
        shown = "".join(f"<p><b>{name}</b></p>{_page(world, page, visitor)}" for name, page in pages.items())
        parts.append(f"<h3>Visitor {visitor + 1}</h3>{shown}")
    return "".join(parts)


def _page(world: Shop, choice: PageChoice, visitor: int) -> str:
    slate: I32 = choice.slates[visitor]
    off = float(choice.price_off[visitor])
    cards = "".join(_card(world, int(item), off, visitor) for item in slate if item >= 0)
    return f"<div>{cards or '<p>an empty page</p>'}</div>"


def _card(world: Shop, item: int, off: float, visitor: int) -> str:
    items, row = world.catalog.items, int(world.visits.day_row[visitor])
    price, margin = float(world.today.price[row, item]), float(world.today.margin[row, item])
    less = off * price
    if not world.config.allow_losses:
        less = min(less, max(margin, 0.0))
    old = f"<s>{price:.2f}</s> " if less > 0.0 else ""
    colour = "#b42318" if margin - less < 0.0 else "#1c2733"
    return (
        f'<div style="{STYLE}"><b>{escape(str(items.name[item]))}</b><br>{old}{price - less:.2f} '
        f'{escape(items.currency)}<br><span style="color:{colour}">margin {margin - less:.2f}</span></div>'
    )
