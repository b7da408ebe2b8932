"""The storefront as text: who is there, what is shown, what came of it."""

from __future__ import annotations

from .page_loop import PageLoop


def storefront(loop: PageLoop, lane: int) -> str:
    """The last page of one lane with prices, stock and what the visitor did, and the visitor now."""
    shop, items = loop.shop, loop.shop.catalog.items
    visits = shop.visits
    lines = [
        f"day {shop.day:.2f} | visitor {visits.user[lane]}"
        f" on {'a phone' if visits.mobile[lane] else 'a desktop'}"
        f" | page {visits.page[lane]} | {visits.clicks[lane]} clicks"
        f" | looked at: {items.name[visits.anchor[lane]]}"
    ]
    feedback = loop.feedback
    if feedback is None:
        return "\n".join([*lines, "  (no page shown in this step)"])
    for slot, item in enumerate(loop.slates[lane]):
        if item < 0:
            lines.append(f"  {slot + 1:>2}. (empty)")
            continue
        event = "click" if feedback.clicked[lane, slot] else ""
        if feedback.carted[lane, slot]:
            event = "cart"
        if feedback.quantity[lane, slot]:
            event = f"BOUGHT {feedback.quantity[lane, slot]} (margin {feedback.margin[lane, slot]:.2f})"
        stock = "in stock" if shop.stock.available[item] else "SOLD OUT"
        lines.append(
            f"  {slot + 1:>2}. {str(items.name[item])[:40]:<40} {items.price[item]:>8.2f} {items.currency}"
            f"  {stock:<8}  {event}"
        )
    return "\n".join(lines)
