"""The days of the shop that a run covers, and events that no page of it would meet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ..core.errors import InvalidInput
from ..simulators.config import ShopConfig


def check_events(shop: ShopConfig, pages: Mapping[str, int], field: str = "shop") -> None:
    """Refuse campaigns, shocks and stops of supply that begin after the last page of any stage.

    Prices, appeal and supply change with whole days, and every stage begins on day 0. With ``pages_per_day``
    pages one after the other in a day, a stage of some hours never gets to a campaign that starts on day 3:
    its numbers would be those without the campaign.

    Args:
        shop: the shop of all stages.
        pages: by the setting that decides on it, how many pages one after the other a stage shows.
        field: where the shop stands in the config.

    Raises:
        InvalidInput: naming the event, the days that are covered and the settings that would cover it.
    """
    shortest = min(pages, key=lambda name: pages[name])
    for name, start, days in _events(shop):
        if (pages[shortest] - 1) // shop.pages_per_day >= math.ceil(start):
            continue
        covered = "; ".join(
            f"{stage}: {count / shop.pages_per_day:.3g} days" for stage, count in pages.items()
        )
        end = math.ceil(start + days)
        per_day = max(pages[shortest] // end, 1)
        fix = (
            f"no page would meet it, for the run covers {covered}, each from day 0: let it start on day 0, or"
        )
        fix += f" set {field}.pages_per_day: {per_day}, so that days pass faster"
        if end > pages[shortest]:
            fix += f", and give every stage {end} pages one after the other"
        raise InvalidInput(f"{field}.{name}", start, fix)


def check_calendar(shop: ShopConfig, days: float, field: str = "shop") -> None:
    """Refuse what begins after the last day of episodes on a calendar of their own.

    Raises:
        InvalidInput: naming the event and the days that are covered.
    """
    for name, start, _ in _events(shop):
        if start >= days:
            fix = f"no page would meet it, for an episode covers {days:g} days: let it start earlier, or"
            fix += " give more days"
            raise InvalidInput(f"{field}.{name}", start, fix)


def _events(shop: ShopConfig) -> Iterator[tuple[str, float, float]]:
    """(setting, first day, days) of everything that happens at a time."""
    for number, campaign in enumerate(shop.campaigns):
        yield f"campaigns[{number}].start", campaign.start, campaign.days
    for number, shock in enumerate(shop.shocks):
        yield f"shocks[{number}].start", shock.start, shock.days
    for number, (start, days) in enumerate(shop.stock.deliveries_stop):
        yield f"stock.deliveries_stop[{number}]", start, days
