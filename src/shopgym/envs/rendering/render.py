"""Rendering: the page last shown, as text or as a picture."""

from __future__ import annotations

from typing import Any

from ...core.batches import SLOT_TERMS
from ...core.errors import InvalidInput
from ...simulators.page.surfaces import SEARCH, SURFACES
from ..page_env import PageEnv, RenderFrame

RENDER_MODES = ("ansi", "rgb_array")
OUTCOMES = ("examined", "clicked", "carted", "returned")
"""Fields of ``Tile`` that say what the visitor did, named as in ``Feedback``."""


def check_render_mode(mode: str | None) -> str | None:
    """Returns ``mode``; raises ``InvalidInput`` if it is unknown."""
    if mode is not None and mode not in RENDER_MODES:
        raise InvalidInput("render_mode", mode, f"choose one of {', '.join(RENDER_MODES)}, or None")
    return mode


def render(env: PageEnv, row: int, mode: str | None) -> Any:
    """The page last shown in a row: str, (H, W, 3) uint8, or None without a mode."""
    if mode is None:
        return None
    return storefront(env, row) if mode == "ansi" else picture(env, row)


def storefront(env: PageEnv, row: int) -> str:
    """As text: the visitor, the items with their prices, and the response."""
    shop, items, frame, feedback = env.shop, env.shop.catalog.items, env.frame, env.feedback
    if frame is None:
        return "(no page has been shown yet)"
    device = "a phone" if frame.mobile[row] else "a desktop"
    lines = [
        f"day {frame.time[row]:.2f} | visitor {frame.user[row]} on {device}"
        f" | page {frame.page[row] + 1}: {_where(env, frame, row)}"
    ]
    for slot, item in enumerate(env.slates[row][: shop.params.slots[frame.surface[row]]]):
        if item < 0:
            lines.append(f"  {slot + 1:>2}. (empty)")
            continue
        event = ""
        if feedback is not None:
            event = "" if feedback.examined[row, slot] else "(not looked at)"
            if feedback.clicked[row, slot]:
                event = "click"
            if feedback.carted[row, slot]:
                event = "cart"
            if feedback.quantity[row, slot]:
                event = f"BOUGHT {feedback.quantity[row, slot]} (margin {feedback.margin[row, slot]:.2f})"
            if feedback.returned[row, slot]:
                event += f", sent back after {feedback.return_delay[row, slot]:.0f} days"
        stock = "in stock" if shop.today.available[shop.visits.day_row[row], item] else "SOLD OUT"
        lines.append(
            f"  {slot + 1:>2}. {str(items.name[item])[:40]:<40} {frame.price[row, slot]:>8.2f}"
            f" {items.currency}  {stock:<8}  {event}"
        )
    return "\n".join(lines)


def picture(env: PageEnv, row: int) -> Any:
    """As a picture; see :func:`.picture.draw_page`."""
    from .picture import StorefrontPage, Tile, draw_page

    shop, items, frame, feedback = env.shop, env.shop.catalog.items, env.frame, env.feedback
    k = shop.config.slate_size
    if frame is None or feedback is None:
        return draw_page(
            StorefrontPage(tiles=(None,) * k, about="nothing has been shown yet", currency=items.currency)
        )
    tiles: list[Tile | None] = []
    for slot in range(k):
        item = int(env.slates[row, slot])
        if item < 0:
            tiles.append(None)
            continue
        tracked = shop.config.stock.enabled and shop.clock != "own"
        tiles.append(
            Tile(
                name=str(items.name[item]),
                price=float(frame.price[row, slot]),
                category=items.category_names[items.category[item]],
                list_price=float(items.price[item]),
                stock=int(shop.stock.on_hand[item]) if tracked else None,
                bought=int(feedback.quantity[row, slot]),
                **{name: bool(getattr(feedback, name)[row, slot]) for name in OUTCOMES},
            )
        )
    so_far = dict(zip(SLOT_TERMS, env.visit_so_far[row], strict=True))
    return draw_page(
        StorefrontPage(
            tiles=tuple(tiles),
            surface=SURFACES[frame.surface[row]],
            about=_about(env, frame, row),
            day=float(frame.time[row]),
            device="phone" if frame.mobile[row] else "desktop",
            currency=items.currency,
            page=int(frame.page[row]) + 1,
            revenue=float(so_far["revenue"]),
            margin=float(so_far["margin"]),
            clicks=int(so_far["click"]),
            basket=int(so_far["units"]),
        )
    )


def _about(env: PageEnv, frame: RenderFrame, row: int) -> str:
    items = env.shop.catalog.items
    if frame.surface[row] == SEARCH:
        return str(items.category_names[frame.query[row]])
    return str(items.name[frame.anchor[row]])


def _where(env: PageEnv, frame: RenderFrame, row: int) -> str:
    return f"{SURFACES[frame.surface[row]]} ({_about(env, frame, row)})"
