"""What a person sees of an environment: the page last shown, as text or as a picture."""

from __future__ import annotations

from typing import Any

from ...core.batches import SLOT_TERMS
from ...core.errors import InvalidInput
from ...simulators.page.surfaces import SEARCH, SURFACES
from ..page_env import PageEnv, RenderFrame

RENDER_MODES = ("ansi", "rgb_array")


def check_render_mode(mode: str | None) -> str | None:
    """``mode``, if it is one."""
    if mode is not None and mode not in RENDER_MODES:
        raise InvalidInput("render_mode", mode, f"choose one of {', '.join(RENDER_MODES)}, or None")
    return mode


def render(loop: PageEnv, lane: int, mode: str | None) -> Any:
    """The page last shown on a lane: a str, (H, W, 3) uint8, or None without a mode."""
    if mode is None:
        return None
    return storefront(loop, lane) if mode == "ansi" else picture(loop, lane)


def storefront(loop: PageEnv, lane: int) -> str:
    """As text: who is there, what is shown at what price, and what came of it."""
    shop, items, scene, feedback = loop.shop, loop.shop.catalog.items, loop.watched, loop.feedback
    if scene is None:
        return "(no page has been shown yet)"
    device = "a phone" if scene.mobile[lane] else "a desktop"
    lines = [
        f"day {scene.time[lane]:.2f} | visitor {scene.user[lane]} on {device}"
        f" | page {scene.page[lane] + 1}: {_where(loop, scene, lane)}"
    ]
    for slot, item in enumerate(loop.slates[lane][: shop.params.slots[scene.surface[lane]]]):
        if item < 0:
            lines.append(f"  {slot + 1:>2}. (empty)")
            continue
        event = ""
        if feedback is not None:
            event = "" if feedback.examined[lane, slot] else "(not looked at)"
            if feedback.clicked[lane, slot]:
                event = "click"
            if feedback.carted[lane, slot]:
                event = "cart"
            if feedback.quantity[lane, slot]:
                event = f"BOUGHT {feedback.quantity[lane, slot]} (margin {feedback.margin[lane, slot]:.2f})"
            if feedback.returned[lane, slot]:
                event += f", sent back after {feedback.return_delay[lane, slot]:.0f} days"
        stock = "in stock" if shop.today.available[shop.visits.row[lane], item] else "SOLD OUT"
        lines.append(
            f"  {slot + 1:>2}. {str(items.name[item])[:40]:<40} {scene.price[lane, slot]:>8.2f}"
            f" {items.currency}  {stock:<8}  {event}"
        )
    return "\n".join(lines)


def picture(loop: PageEnv, lane: int) -> Any:
    """As a picture; see :func:`.picture.draw_page`."""
    from .picture import Page, Tile, draw_page

    shop, items, scene, feedback = loop.shop, loop.shop.catalog.items, loop.watched, loop.feedback
    k = shop.config.slate_size
    if scene is None or feedback is None:
        return draw_page(Page(tiles=(None,) * k, about="nothing has been shown yet", currency=items.currency))
    tiles: list[Tile | None] = []
    for slot in range(k):
        item = int(loop.slates[lane, slot])
        if item < 0:
            tiles.append(None)
            continue
        tracked = shop.config.stock.enabled and shop.clock != "own"
        tiles.append(
            Tile(
                name=str(items.name[item]),
                price=float(scene.price[lane, slot]),
                category=items.category_names[items.category[item]],
                list_price=float(items.price[item]),
                stock=int(shop.stock.on_hand[item]) if tracked else None,
                examined=bool(feedback.examined[lane, slot]),
                clicked=bool(feedback.clicked[lane, slot]),
                carted=bool(feedback.carted[lane, slot]),
                bought=int(feedback.quantity[lane, slot]),
                returned=bool(feedback.returned[lane, slot]),
            )
        )
    so_far = dict(zip(SLOT_TERMS, loop.visit_so_far[lane], strict=True))
    return draw_page(
        Page(
            tiles=tuple(tiles),
            surface=SURFACES[scene.surface[lane]],
            about=_about(loop, scene, lane),
            day=float(scene.time[lane]),
            device="phone" if scene.mobile[lane] else "desktop",
            currency=items.currency,
            page=int(scene.page[lane]) + 1,
            revenue=float(so_far["revenue"]),
            margin=float(so_far["margin"]),
            clicks=int(so_far["click"]),
            basket=int(so_far["units"]),
        )
    )


def _about(loop: PageEnv, scene: RenderFrame, lane: int) -> str:
    items = loop.shop.catalog.items
    if scene.surface[lane] == SEARCH:
        return str(items.category_names[scene.query[lane]])
    return str(items.name[scene.anchor[lane]])


def _where(loop: PageEnv, scene: RenderFrame, lane: int) -> str:
    return f"{SURFACES[scene.surface[lane]]} ({_about(loop, scene, lane)})"
