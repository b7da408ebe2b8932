"""What a visitor would see: typical pages of two policies for the same visitors, as HTML."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.random import Generator, Philox

from ...core.batches import Requests
from ...core.items import Items
from ...policies.policy import SlatePolicy
from ...simulators.catalog.catalog import OBSERVED
from ..results import Results

VISITORS = 3


def storefronts(results: Results) -> str:
    """The most likely first page of the baseline and of the candidate for a few visitors."""
    rows = []
    names = (results.chosen.baseline, results.chosen.candidate)
    for visitor in range(VISITORS):
        request = results.showcase.take(slice(visitor, visitor + 1))
        pages = "".join(_page(results.policies[name], request, name) for name in names)
        rows.append(f'<div class="visitor"><h4>{_visitor(results, request)}</h4>{pages}</div>')
    return "".join(rows)


def _visitor(results: Results, request: Requests) -> str:
    """Who it is, by the item last looked at: the one whose observable embedding the request carries."""
    items = results.catalog.items
    intent = request.context[0, :OBSERVED]
    looked_at = int(np.argmax(items.features[:, :OBSERVED] @ intent))
    return f"A visitor who came in on {escape(str(items.name[looked_at]))}"


def _page(policy: SlatePolicy, request: Requests, name: str) -> str:
    slate = policy.decide(request, Generator(Philox(key=int(request.request_id[0])))).slates[0]
    cards = "".join(_card(policy.items, int(item)) for item in slate if item >= 0)
    return f'<div class="page"><span class="who">{escape(name)}</span><div class="cards">{cards}</div></div>'


def _card(items: Items, item: int) -> str:
    category = items.category_names[int(items.category[item])]
    margin = float(items.margin[item])
    return (
        f'<div class="card"><b>{escape(str(items.name[item]))}</b>'
        f"<small>{escape(category)}</small>"
        f"<span>{items.price[item]:.2f} {escape(items.currency)}</span>"
        f"<small>margin {margin:.2f}</small></div>"
    )
