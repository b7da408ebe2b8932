"""Two worlds with the same visitors: sums, groups, known price effects, and intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.random import Generator
from scipy import stats

from shopgym.core import Decisions, InvalidInput, Requests
from shopgym.core.batches import EMPTY
from shopgym.simulators import Campaign, Catalog, ChoiceConfig, DeliveryConfig, PeopleConfig, Shop, ShopConfig
from shopgym.simulators.config import StockConfig, SurfacesConfig
from shopgym.simulators.paired_worlds import (
    TrialOutcomes,
    by_items,
    by_surface,
    by_users,
    by_visit,
    by_week,
    changes,
    compare_worlds,
    outcomes,
)
from shopgym.simulators.people import ArrivalConfig

CATALOG = Catalog.synthetic(80, seed=3)
CONFIG = ShopConfig(users=300, slate_size=3, num_candidates=10, stock=StockConfig(enabled=False))
CATEGORY = np.array(CATALOG.items.category_names)[CATALOG.items.category]


@dataclass(frozen=True)
class First:
    """The first candidates in their order."""

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        positions = np.tile(np.arange(3, dtype=np.int32), (len(requests), 1))
        filled = requests.in_stock[:, :3]
        slates = np.where(filled, requests.candidates[:, :3], EMPTY).astype(np.int32)
        return Decisions(np.where(filled, positions, EMPTY).astype(np.int32), slates, np.ones(slates.shape))


def shop(config: ShopConfig = CONFIG, **more: object) -> Shop:
    return Shop(CATALOG, config, **({"lanes": 100, "seed": 1} | more))  # type: ignore[arg-type]


def cut(category: int, off: float = 0.1, config: ShopConfig = CONFIG) -> ShopConfig:
    """A category at a lower price all the time."""
    campaign = Campaign(start=0, days=1e6, category=category, share=1.0, price_off=off, boost=0.0)
    return replace(config, campaigns=(campaign,))


def test_the_mean_is_that_of_the_value_of_a_policy() -> None:
    mine = outcomes(shop(), First(), trials=400, terms=("margin", "click"), seed=4)
    for term in ("margin", "click"):
        value = shop().value(First(), visits=400, term=term, seed=4)
        assert mine.values_of(term).mean() == pytest.approx(value.mean, rel=1e-12)


def test_groups_add_up_to_all() -> None:
    surfaces = replace(CONFIG, surfaces=SurfacesConfig(enabled=True))
    people = np.arange(300) % 3
    for by in (by_surface(), by_items(CATEGORY), by_users(people.astype(str)), by_visit()):
        counted = outcomes(shop(surfaces), First(), trials=200, by=by)
        parts = counted.values[:, :, :-1].sum(axis=2)
        np.testing.assert_allclose(parts, counted.values[:, :, -1])
        assert counted.groups == (*by.names, "all")


def test_every_trial_has_one_visit() -> None:
    counted = outcomes(shop(), First(), trials=200, terms=("visits", "pages"), by=by_surface())
    assert (counted.values_of("visits") == 1).all()
    assert counted.values_of("pages").min() >= 1
    assert (counted.values_of("visits", "home") == 1).all()


def test_a_price_cut_of_a_category_sells_more_there_and_leaves_the_others_alone() -> None:
    labels = np.where(CATALOG.items.category == 0, "cheaper", "others")
    change = compare_worlds(shop(), shop(cut(0)), First(), trials=1000, by=by_items(labels))
    assert change.row("units", "cheaper").difference.low > 0
    assert change.row("units", "others").difference.mean == 0.0  # nothing competes
    assert np.isnan(change.row("units", "others").relative.mean) == (change.row("units", "others").first == 0)


def test_items_that_compete_lose_to_the_cheaper_ones() -> None:
    config = replace(
        CONFIG, choice=ChoiceConfig(competition=1.0, click_base=-1.0, cart_base=0.0, buy_base=1.0)
    )
    labels = np.where(CATALOG.items.category == 0, "cheaper", "others")
    change = compare_worlds(
        shop(config), shop(cut(0, 0.3, config)), First(), trials=3000, by=by_items(labels), terms=("units",)
    )
    assert change.row("units", "cheaper").difference.low > 0
    assert change.row("units", "others").difference.mean < 0


def test_the_same_world_twice_has_no_change() -> None:
    change = compare_worlds(shop(), shop(), First(), trials=200, by=by_surface())
    assert {row.difference.mean for row in change.rows} == {0.0}


def test_the_interval_is_students_and_the_relative_one_that_of_a_ratio() -> None:
    rng = np.random.default_rng(0)
    values = 5.0 + rng.normal(size=(2, 12))
    first, second = (TrialOutcomes(("units",), ("all",), v[None, :, None], "season") for v in values)
    row = changes(first, second, level=0.9).row("units")
    half = stats.sem(values[1] - values[0]) * stats.t.ppf(0.95, 11)
    assert row.difference.high - row.difference.mean == pytest.approx(half)
    assert row.relative.mean == pytest.approx(values[1].mean() / values[0].mean() - 1)
    assert row.relative.low < row.relative.mean < row.relative.high


def test_relative_intervals_cover_as_often_as_they_say() -> None:
    rng, covered = np.random.default_rng(1), 0
    for _ in range(400):
        base = rng.gamma(4.0, size=60)
        other = 1.2 * base + rng.normal(scale=0.5, size=60)
        one, two = (TrialOutcomes(("units",), ("all",), v[None, :, None], "visit") for v in (base, other))
        relative = changes(one, two).row("units").relative
        covered += relative.low <= 0.2 <= relative.high
    assert stats.binomtest(covered, 400, 0.95).pvalue > 1e-4


def test_a_season_is_one_trial_and_weeks_part_it() -> None:
    config = replace(CONFIG, arrivals=ArrivalConfig(per_day=10.0), people=PeopleConfig(enabled=True))
    one = shop(config, clock="season", days=14.0, lanes=40)
    counted = outcomes(one, First(), trials=3, terms=("visits", "units"), by=by_week(2))
    assert counted.episode == "season"
    visits = counted.values_of("visits")
    assert visits.shape == (3,)
    assert visits.min() > 90
    assert (counted.values_of("visits", "week 0") + counted.values_of("visits", "week 1") <= visits).all()
    again = outcomes(one, First(), trials=3, terms=("visits", "units"), by=by_week(2))
    np.testing.assert_array_equal(counted.values, again.values)


def test_lives_are_parted_by_the_number_of_the_visit() -> None:
    config = replace(CONFIG, people=PeopleConfig(enabled=True))
    lives = shop(config, clock="own", days=100.0)
    counted = outcomes(lives, First(), trials=100, terms=("visits",), by=by_visit((1, 2)))
    assert counted.groups == ("visit 1", "visit 2 and later", "all")
    assert (counted.values_of("visits", "visit 1") == 1).all()
    assert counted.values_of("visits", "visit 2 and later").sum() > 0


def test_a_limited_budget_counts_what_happened() -> None:
    limited = replace(CONFIG, campaigns=(replace(cut(0).campaigns[0], budget=1e5),))
    counted = outcomes(shop(limited), First(), trials=300, terms=("units",))
    assert (counted.values_of("units") == np.rint(counted.values_of("units"))).all()


def test_before_a_campaign_begins_nothing_differs_with_any_budget() -> None:
    config = replace(CONFIG, arrivals=ArrivalConfig(per_day=10.0), people=PeopleConfig(enabled=True))
    campaign = Campaign(start=7.0, days=7.0, share=0.5, price_off=0.2, budget=50.0)
    season = {"clock": "season", "days": 14.0, "lanes": 40}
    one, other = (shop(c, **season) for c in (config, replace(config, campaigns=(campaign,))))
    change = compare_worlds(one, other, First(), trials=3, by=by_week(2), terms=("units",))
    assert change.row("units", "week 0").difference.mean == 0.0
    assert change.row("units", "week 1").difference.mean != 0.0


def test_worlds_that_were_not_counted_alike_are_refused() -> None:
    one = outcomes(shop(), First(), trials=100)
    with pytest.raises(InvalidInput, match=r"terms = .*count both worlds alike"):
        changes(one, outcomes(shop(), First(), trials=100, terms=("click",)))
    with pytest.raises(InvalidInput, match="trials = 300"):
        changes(one, outcomes(shop(), First(), trials=300))
    with pytest.raises(InvalidInput, match="same clock"):
        compare_worlds(shop(), shop(clock="own", days=7.0), First())


def test_other_people_are_refused() -> None:
    for config in (replace(CONFIG, users=301), replace(CONFIG, delivery=DeliveryConfig(weight=0.1))):
        with pytest.raises(InvalidInput, match="the same people"):
            compare_worlds(shop(), shop(config), First(), trials=100)
    sensitive = replace(CONFIG, choice=ChoiceConfig(price_sensitivity=2.0))  # the same people, changed
    assert compare_worlds(shop(), shop(sensitive), First(), trials=100).row("units").difference.mean != 0.0


def test_wrong_terms_and_labels_are_refused() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'margin'"):
        outcomes(shop(), First(), terms=("margins",))
    with pytest.raises(InvalidInput, match="part it by something else"):
        outcomes(shop(), First(), terms=("visits",), by=by_items(CATEGORY))
    with pytest.raises(InvalidInput, match="one for each item"):
        outcomes(shop(), First(), by=by_items(CATEGORY[:5]))
    with pytest.raises(InvalidInput, match="begin with 1"):
        by_visit((2, 3))


def test_an_ab_test_of_the_said_size_finds_the_gain_as_often_as_said() -> None:
    """1,000 tests of outcomes drawn with the variance and the gain found."""
    popular, random = First(), First()
    comparison = shop().compare(popular, random, visits=400, term="click")
    assert comparison.visits_for_test() == float("inf")  # the same policy
    assert comparison.variance > 0
    n = comparison.visits_for_test(gain=0.1, power=0.8)
    rng, sd = np.random.default_rng(2), (comparison.variance / 2) ** 0.5
    groups = rng.normal(size=(2, 1000, int(n))) * sd
    z = (0.1 + groups[1].mean(axis=1) - groups[0].mean(axis=1)) / (comparison.variance / n) ** 0.5
    shown = int((np.abs(z) > 1.959964).sum())
    assert stats.binomtest(shown, 1000, 0.8).pvalue > 1e-4
    assert comparison.visits_for_test(gain=0.05) == pytest.approx(4 * n, rel=0.01)
