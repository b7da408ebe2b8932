"""The pages of a step as plain values: who looks at what, and what they did."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.batches import SLOT_TERMS, Feedback
from ...core.types import I32, I64
from ...simulators import Shop
from ...simulators.page.surfaces import SEARCH, SURFACES
from ...simulators.rollout import Step
from .interventions import LeftOut

View = dict[str, Any]
"""One page of one visitor, ready for JSON."""


def clock(day: float) -> str:
    """The time of day, ``14:05``."""
    minute = int(day % 1 * 24 * 60)
    return f"{minute // 60:02d}:{minute % 60:02d}"


def pages_before(shop: Shop, rows: I64, slates: I32) -> list[View]:
    """What the visitors in ``rows`` (r,) are about to see: the slates (n, k) of all rows."""
    items, visits = shop.catalog.items, shop.visits
    remembers = shop.config.people.enabled
    views = []
    for row in rows.tolist():
        surface, anchor = int(visits.surface[row]), int(visits.anchor[row])
        searched = surface == SEARCH
        about = items.category_names[visits.query[row]] if searched else str(items.name[anchor])
        views.append(
            {
                "row": row,
                "customer": int(visits.user[row]),
                "visit": int(visits.visit[row]),
                "page": int(visits.page[row]) + 1,
                "device": "phone" if visits.mobile[row] else "desktop",
                "surface": SURFACES[surface],
                "about": about,
                "day": round(float(visits.time[row]), 4),
                "clock": clock(float(visits.time[row])),
                "satisfaction": round(float(visits.satisfaction[row]), 3) if remembers else None,
                "slots": [_slot(shop, row, int(item)) for item in slates[row, : shop.slots[row]]],
                "left_out": [],
            }
        )
    return views


def _slot(shop: Shop, row: int, item: int) -> View | None:
    if item < 0:
        return None
    items, today = shop.catalog.items, shop.today
    at = int(shop.visits.day_row[row]), item
    return {
        "item": str(items.item_id[item]),
        "name": str(items.name[item]),
        "category": items.category_names[items.category[item]],
        "price": round(float(today.price[at]), 2),
        "list_price": round(float(items.price[item]), 2),
        "stock": int(shop.stock.on_hand[item]) if shop.config.stock.enabled else None,
        "available": bool(today.available[at]),
    }


def with_response(shop: Shop, view: View, step: Step, at: int, left_out: list[LeftOut]) -> View:
    """The same page after the visitor has responded: row ``at`` of the step."""
    row, feedback, items = view["row"], step.feedback, shop.catalog.items
    slots = [
        slot and {**slot, **_response(feedback, row, number)} for number, slot in enumerate(view["slots"])
    ]
    totals = dict(zip(SLOT_TERMS, feedback.page[row].tolist(), strict=True))
    changes = [
        {
            "guard": change.guard.label,
            "slot": change.slot + 1,
            "item": str(items.item_id[change.item]),
            "name": str(items.name[change.item]),
            "why": change.guard.why,
        }
        for change in left_out
        if change.row == at
    ]
    return {
        **view,
        "slots": slots,
        "left_out": changes,
        "left": bool(step.visit_over[at]),
        "revenue": round(totals["revenue"], 2),
        "margin": round(totals["margin"], 2),
    }


def _response(feedback: Feedback, row: int, slot: int) -> View:
    return {
        "looked": bool(feedback.examined[row, slot]),
        "clicked": bool(feedback.clicked[row, slot]),
        "carted": bool(feedback.carted[row, slot]),
        "bought": int(feedback.quantity[row, slot]),
        "margin": round(float(feedback.margin[row, slot]), 2),
        "sent_back": bool(feedback.returned[row, slot]),
    }


def stock_rows(shop: Shop, rows: I64) -> list[View]:
    """Units of the item ``rows`` (r,), for the bars."""
    items, stock = shop.catalog.items, shop.stock
    return [
        {
            "item": str(items.item_id[row]),
            "name": str(items.name[row]),
            "on_hand": int(np.maximum(stock.on_hand[row], 0)),
            "up_to": int(stock.order_up_to[row]),
            "on_order": int(stock.on_order[row]),
            "price": round(float(shop.today.price[0, row]), 2),
            "on_offer": bool(shop.today.price[0, row] < items.price[row] - 0.005),
        }
        for row in rows.tolist()
    ]
