"""Named disturbances of a shop, for tests of how an agent handles change."""

from __future__ import annotations

from dataclasses import replace

from ...core.errors import one_of
from ..config import ShopConfig
from ..market.market import Shock

VARIANTS = ("drift", "price_shock", "supply_shock", "viral_item", "new_tastes")


def variant(
    name: str, config: ShopConfig | None = None, *, start: float = 7.0, days: float = 14.0
) -> ShopConfig:
    """``config`` with one disturbance from day ``start`` on, for ``days`` days.

    - ``drift``: the appeal of every category walks at random, 0.05 logits a day, all the time;
    - ``price_shock``: 30% of the range costs 25% more;
    - ``supply_shock``: nothing is delivered;
    - ``viral_item``: 1% of the range gets 2 logits of click, fading;
    - ``new_tastes``: the appeal of every category moves by a standard normal logit, for good.
    """
    one_of("variant", name, VARIANTS)
    base = config or ShopConfig()
    if name == "drift":
        return replace(base, market=replace(base.market, drift=0.05))
    if name == "supply_shock":
        stops = (*base.stock.deliveries_stop, (start, days))
        return replace(base, stock=replace(base.stock, deliveries_stop=stops))
    shocks = {
        "price_shock": Shock("price", start, days, size=0.25, share=0.3),
        "viral_item": Shock("viral", start, days, size=2.0, share=0.01),
        "new_tastes": Shock("taste", start, days, size=1.0),
    }
    return replace(base, shocks=(*base.shocks, shocks[name]))
