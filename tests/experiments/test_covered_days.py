"""A campaign that a run never gets to is refused, with the days that the run covers and the way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.experiments.config import ExperimentConfig, parse_config
from shopgym.experiments.stages.context import RunContext
from shopgym.simulators import Campaign, Catalog, Shop, ShopConfig

CAMPAIGN = {"start": 3, "days": 7, "share": 1.0, "price_off": 0.5}


def config(**shop: Any) -> ExperimentConfig:
    """60 pages of training one after the other, 100 of the log, 200 of the deployment."""
    return parse_config({"name": "x", "catalog": {"source": "synthetic", "items": 150}, "shop": shop})


@pytest.mark.parametrize(
    ("field", "event"),
    [
        ("campaigns[0].start", {"campaigns": [CAMPAIGN]}),
        ("shocks[0].start", {"shocks": [{"start": 3.0}]}),
        ("stock.deliveries_stop[0]", {"stock": {"deliveries_stop": [[3, 7]]}}),
    ],
)
def test_events_after_the_last_page_are_refused(field: str, event: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as error:
        config(**event)
    assert error.value.field == f"shop.{field}"
    for words in ("training.rounds: 0.208 days", "log.decisions: 0.347 days", "truth.decisions: 0.694 days"):
        assert words in str(error.value)


def test_the_fix_that_is_named_covers_the_campaign_whole() -> None:
    with pytest.raises(InvalidInput, match=r"set shop\.pages_per_day: 6, so") as error:
        config(campaigns=[CAMPAIGN])
    assert "one after the other" not in str(error.value)
    covered = config(campaigns=[CAMPAIGN], pages_per_day=6)
    shop = Shop(Catalog.synthetic(150, seed=1), covered.shop_config(), lanes=2, seed=1)
    on_offer = []
    for _ in range(covered.training.rounds):
        shop.start_visits()
        on_offer.append(bool((shop.today.price[0] < shop.catalog.items.price).any()))
        shop.serve(np.ascontiguousarray(shop.requests().candidates[:, :5]))
    assert np.flatnonzero(on_offer).tolist() == list(range(18, 60))


def test_where_days_cannot_pass_fast_enough_more_pages_are_asked_for() -> None:
    late = CAMPAIGN | {"start": 80}
    with pytest.raises(
        InvalidInput, match=r"pages_per_day: 1, .* give every stage 87 pages one after the other"
    ):
        config(campaigns=[late])


def test_the_first_page_of_the_campaign_decides() -> None:
    """The last of 60 pages is on day 2 where a day has 20 pages, and on day 3 where it has 19."""
    config(campaigns=[CAMPAIGN | {"start": 2}], pages_per_day=20)
    with pytest.raises(InvalidInput, match=r"campaigns\[0\]"):
        config(campaigns=[CAMPAIGN | {"start": 2.1}], pages_per_day=20)
    config(campaigns=[CAMPAIGN], pages_per_day=19)


def test_a_campaign_from_day_0_runs_and_is_met() -> None:
    experiment = config(campaigns=[CAMPAIGN | {"start": 0}])
    from rich.progress import Progress

    env = RunContext(experiment, Progress(disable=True)).open("train")
    assert (env.loop.shop.today.price[0] < env.loop.shop.catalog.items.price).any()


@pytest.mark.parametrize(
    ("clock", "start", "days"), [("pages", 0.25, 0.5), ("season", 2.5, 0.5), ("own", 3.0, 4.0)]
)
def test_a_campaign_between_two_changes_of_prices_is_refused(clock: str, start: float, days: float) -> None:
    offer = Campaign(start=start, days=days, share=1.0)
    shop = ShopConfig(users=50_000, campaigns=(offer,))
    with pytest.raises(InvalidInput, match=r"campaigns\[0\]\.days"):
        Shop(Catalog.synthetic(120, seed=1), shop, clock=clock, days=28.0)
