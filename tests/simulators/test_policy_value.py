"""The worth of a policy: expectation against outcome, pairing, and how many sessions it saves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.policies.explorers import PlackettLuceRanking, Softmax
from shopgym.policies.guards import InStock
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import TableScorer
from shopgym.simulators import Catalog, ChoiceConfig, Shop, ShopConfig, StockConfig
from shopgym.simulators.policy_value import compare, trial, value

pytestmark = pytest.mark.slow

ALARM = 1e-6
"""False-alarm rate of each statistical check here."""


@pytest.fixture
def shop(catalog: Catalog) -> Shop:
    lively = ChoiceConfig(click_base=-2.0, cart_base=-0.5, buy_base=0.0)
    # without stock, so that visits are independent and the value does not change over the days
    still = StockConfig(enabled=False)
    config = ShopConfig(users=300, slate_size=3, num_candidates=8, choice=lively, stock=still)
    return Shop(catalog, config, lanes=200)


def by_table(
    catalog: Catalog, values: np.ndarray[tuple[int], np.dtype[np.float64]], floor: float
) -> SlatePolicy:
    return SlatePolicy(
        "p", catalog.items, TableScorer(values), PlackettLuceRanking(2.0, floor), (InStock(),), 3
    )


def test_expectation_agrees_with_outcomes(shop: Shop, catalog: Catalog) -> None:
    policy = by_table(catalog, catalog.items.margin, 0.2)
    for term in ("click", "purchase", "margin"):
        run = trial(shop, policy, visits=20_000, term=term, seed=3)
        difference = run.happened - run.expected
        z = difference.mean() / difference.std() * math.sqrt(len(difference))
        assert 2 * stats.norm.sf(abs(z)) > ALARM, term
        assert run.expected.std() < run.happened.std()


def test_a_policy_compared_with_itself_gains_nothing(shop: Shop, catalog: Catalog) -> None:
    policy = by_table(catalog, catalog.items.margin, 0.2)
    same = compare(shop, policy, policy, visits=1000)
    assert (same.gain.mean, same.gain.low, same.gain.high) == (0.0, 0.0, 0.0)
    assert same.sessions_saved == math.inf


def test_common_random_numbers_save_sessions(shop: Shop, catalog: Catalog) -> None:
    better = by_table(catalog, catalog.quality.astype(np.float64), 0.1)
    worse = by_table(catalog, -catalog.quality.astype(np.float64), 0.1)
    found = shop.compare(better, worse, visits=10_000)
    assert found.gain.low > 0
    assert found.gain.mean == pytest.approx(found.first.mean - found.second.mean, abs=1e-12)
    assert found.sessions_saved > 10
    assert found.from_pairing > 1


def test_intervals_cover_at_their_level(shop: Shop, catalog: Catalog) -> None:
    policy = SlatePolicy("u", catalog.items, TableScorer(np.zeros(120)), Softmax(), (InStock(),), 3)
    truth = shop.value(policy, visits=40_000, term="click", seed=10_000).mean
    inside = 0
    for seed in range(120):
        found = value(shop, policy, visits=200, term="click", seed=1000 * seed, level=0.9)
        inside += found.low <= truth <= found.high
    # exact binomial test against 90%, false-alarm rate 1e-6; the truth's own error is 14 times smaller
    assert stats.binomtest(inside, 120, 0.9).pvalue > ALARM


def test_visits_are_rounded_up_to_a_multiple_of_the_rows(catalog: Catalog, shop: Shop) -> None:
    run = trial(shop, by_table(catalog, catalog.items.margin, 0.2), visits=401, term="margin", seed=0)
    assert len(run.happened) == len(run.expected) == 600


def test_bad_arguments_are_refused(shop: Shop, catalog: Catalog) -> None:
    policy = by_table(catalog, catalog.items.margin, 0.2)
    for options, field in (({"term": "joy"}, "term"), ({"visits": 1}, "visits"), ({"level": 2.0}, "level")):
        with pytest.raises(InvalidInput, match=field):
            value(shop, policy, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("clock", ["pages", "own"])
def test_expectation_agrees_with_outcomes_with_every_mechanism_on(catalog: Catalog, clock: str) -> None:
    """All click models, substitutes, campaigns, returns, people who come back."""
    lively = ChoiceConfig(click_base=-1.5, cart_base=0.0, buy_base=0.5, substitution=0.5, mission_share=0.3)
    config = ShopConfig.full(users=2000, slate_size=3, num_candidates=8, choice=lively, max_pages=8)
    shop = Shop(catalog, config, lanes=500, clock=clock, days=60.0)
    policy = by_table(catalog, catalog.items.margin, 0.2)
    for term in ("click", "margin", "dwell", "return_cost", "stockout"):
        run = trial(shop, policy, visits=1500, term=term, seed=3)
        residual = run.happened - run.expected
        z = residual.mean() / max(residual.std(), 1e-12) * math.sqrt(len(residual))
        assert 2 * stats.norm.sf(abs(z)) > ALARM, (term, z)
    gain = compare(shop, policy, by_table(catalog, -catalog.items.margin, 0.2), visits=1500, seed=3)
    assert gain.gain.low > 0


def test_where_items_compete_outcomes_are_compared(catalog: Catalog) -> None:
    """No exact mean of an order is known; clicks are not competed for."""
    rivals = ChoiceConfig(click_base=-1.5, cart_base=0.0, buy_base=0.5, competition=1.0)
    config = ShopConfig(
        users=300, slate_size=3, num_candidates=8, choice=rivals, stock=StockConfig(enabled=False)
    )
    shop = Shop(catalog, config, lanes=200)
    policy = by_table(catalog, catalog.items.margin, 0.2)
    run = trial(shop, policy, visits=2000, term="margin", seed=3)
    np.testing.assert_array_equal(run.expected, run.happened)
    assert (trial(shop, policy, visits=2000, term="click", seed=3).expected != run.happened).any()
    compared = compare(shop, policy, by_table(catalog, -catalog.items.margin, 0.2), visits=4000)
    assert compared.sessions_saved == compared.from_pairing
    assert compared.gain.low > 0


def test_a_season_is_refused(catalog: Catalog) -> None:
    shop = Shop(catalog, ShopConfig.full(users=5000), clock="season", days=5.0)
    with pytest.raises(InvalidInput, match="season"):
        value(shop, by_table(catalog, catalog.items.margin, 0.2))
