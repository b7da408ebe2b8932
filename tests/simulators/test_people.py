"""What a visit leaves behind, when people come back, and the environments of lives and seasons."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
import pytest
from builders.bgnbd import expected_returns
from gymnasium.utils.env_checker import check_env
from scipy import stats

import shopgym
from shopgym.core import InvalidInput
from shopgym.simulators import (
    ArrivalConfig,
    Catalog,
    ChoiceConfig,
    PeopleConfig,
    RetentionConfig,
    Shop,
    ShopConfig,
    StockConfig,
)
from shopgym.simulators.people.retention import expected_visits

ALARM = 1e-6
"""False-alarm rate of each statistical check here."""
NEUTRAL = RetentionConfig(r=1.5, alpha=20.0, a=1.2, b=4.0)


def lives(
    catalog: Catalog, lanes: int, people: PeopleConfig, *, days: float = 120.0, **settings: Any
) -> Shop:
    plain: dict[str, Any] = {"users": 20_000, "slate_size": 3, "num_candidates": 8, "people": people}
    shop = Shop(catalog, ShopConfig(**{**plain, **settings}), lanes=lanes, seed=4, clock="own", days=days)
    shop.start_visits()
    return shop


def live(shop: Shop, steps: int = 10_000) -> np.ndarray[Any, Any]:
    """(n,) returns of the first person of each row, if the shop shows the first candidates."""
    returns, alive = np.zeros(shop.lanes, int), np.ones(shop.lanes, bool)
    for _ in range(steps):
        if not alive.any():
            return returns
        candidates = shop.requests().candidates
        _, left, cut = shop.serve(np.ascontiguousarray(candidates[:, :3]), alive)
        ended = (left | cut) & alive
        gone, late = shop.end_visits(ended)
        returns += ended & ~gone & ~late
        alive &= ~(gone | late)
    raise AssertionError("a customer never leaves")


def test_with_effects_off_it_is_bgnbd(catalog: Catalog) -> None:
    """Fader, Hardie & Lee (2005), eq. 9, whatever happens during the visits."""
    people = PeopleConfig(enabled=True, retention=NEUTRAL, learning=0.3, boredom=1.0)
    lanes = 6000
    returns = live(lives(catalog, lanes, people))
    want = expected_returns(120.0, NEUTRAL)
    z = (returns.mean() - want) / returns.std() * math.sqrt(lanes)
    assert 2 * stats.norm.sf(abs(z)) > ALARM, (returns.mean(), want)


def test_satisfied_customers_come_back_more(catalog: Catalog) -> None:
    strong = RetentionConfig(r=1.5, alpha=20.0, a=1.2, b=4.0, rate_effect=1.0, churn_effect=2.0)
    content, delighted = (
        PeopleConfig(enabled=True, retention=strong, worth_weight=0.0, purchase_bonus=bonus, inertia=0.0)
        for bonus in (0.0, 5.0)
    )
    choice = ChoiceConfig(click_base=1.0, cart_base=2.0, buy_base=2.0)
    same: dict[str, Any] = {"choice": choice, "stock": StockConfig(enabled=False)}
    unhappy, happy = (live(lives(catalog, 1500, people, **same)) for people in (content, delighted))
    assert happy.mean() > 1.5 * unhappy.mean(), (happy.mean(), unhappy.mean())


def test_satisfaction_habit_taste_and_boredom_by_hand(catalog: Catalog) -> None:
    people = PeopleConfig(
        enabled=True, learning=0.1, boredom=0.5, inertia=0.6, worth_weight=0.8, retention=NEUTRAL
    )
    choice = ChoiceConfig(click_base=1.0, cart_base=1.0, buy_base=1.0, leave_base=20.0)
    shop = lives(catalog, 300, people, choice=choice, stock=StockConfig(out_at_start=0.3, lead_time=90))
    slates = np.ascontiguousarray(shop.requests().candidates[:, :3])
    taste, seen = shop.visits.taste.copy(), shop.visits.seen.copy()
    expected: dict[int, Any] = {}
    feedback, left, _ = shop.serve(slates)
    assert left.all()
    for lane in range(300):
        joy = weight = mood = 0.0
        for slot in range(3):
            if not feedback.clicked[lane, slot]:
                continue
            item, sold = slates[lane, slot], feedback.sold[lane, slot]
            taste[lane] += np.float32(0.1) * (catalog.embedding[item] - taste[lane])
            seen[lane] += np.float32(0.2) * (catalog.embedding[item] - seen[lane])
            joy, weight = joy + float(catalog.details.worth[item]), weight + 1
            if sold >= 0:
                joy, weight = joy + 2 * float(catalog.details.worth[sold]), weight + 2
                mood -= 0.1 * max(float(catalog.details.shipping_days[sold]) - 3, 0)
            elif feedback.unavailable[lane, slot]:
                mood -= 0.3
        bought = bool((feedback.quantity[lane] > 0).any())
        x = mood + (0.8 * joy / weight if weight else 0.0) + (0.3 if bought else 0.0)
        before = shop.visits.satisfaction[lane]
        assert before == 0.0
        satisfaction = 0.4 * math.tanh(x)
        want = (satisfaction, 0.2 if bought else 0.0)
        expected[lane] = want, seen[lane]
    np.testing.assert_allclose(shop.visits.taste, taste, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(shop.visits.seen, seen, rtol=1e-5, atol=1e-6)
    shop.end_visits(np.ones(300, bool))
    came_back = shop.visits.visit == 2
    assert came_back.any()
    for lane in np.flatnonzero(came_back).tolist():
        (satisfaction, habit), looked_at = expected[lane]
        assert shop.visits.satisfaction[lane] == pytest.approx(satisfaction, abs=1e-6)
        assert shop.visits.habit[lane] == pytest.approx(habit)
        faded = looked_at * math.exp(-shop.visits.gap[lane] / 30.0)
        np.testing.assert_allclose(shop.visits.seen[lane], faded, rtol=1e-4, atol=1e-6)
        pull = 2 * shop.visits.taste[lane] + 2 * shop.visits.intent[lane] - 0.5 * shop.visits.seen[lane]
        np.testing.assert_allclose(shop.visits.pull[lane], pull, rtol=1e-4, atol=1e-5)


def season(catalog: Catalog, lanes: int, *, seed: int = 0, days: float = 20.0, **settings: Any) -> Shop:
    plain: dict[str, Any] = {
        "users": 5000,
        "slate_size": 3,
        "num_candidates": 8,
        "arrivals": ArrivalConfig(per_day=15.0, established=200),
        "people": PeopleConfig(enabled=True, retention=NEUTRAL),
    }
    shop = Shop(catalog, ShopConfig(**{**plain, **settings}), lanes=lanes, seed=1, clock="season", days=days)
    shop.reset([(seed + lane) % 2**64 for lane in range(lanes)])
    return shop


def visits_of(shop: Shop) -> list[tuple[int, float]]:
    """(user, time) of every visit of a season."""
    seen = []
    while True:
        begin = shop.visits.over.copy()
        shop.start_visits()
        new = begin & ~shop.visits.over
        seen += list(zip(shop.visits.user[new].tolist(), shop.visits.time[new].tolist(), strict=True))
        active = ~shop.visits.over
        if not active.any():
            return seen
        slates = np.where(active[:, None], shop.requests().candidates[:, :3], -1).astype(np.int32)
        _, left, cut = shop.serve(slates)
        shop.end_visits(left | cut)


@pytest.mark.parametrize("lanes", [1, 7, 64])
def test_all_visitors_come_for_any_number_of_concurrent_visits(catalog: Catalog, lanes: int) -> None:
    """With satisfaction off, the number of concurrent visits does not change who comes when."""
    visits, expected = (sorted(visits_of(season(catalog, n))) for n in (lanes, 16))
    np.testing.assert_allclose(visits, expected)


def test_arrivals_of_a_season_are_as_expected(catalog: Catalog) -> None:
    shop = season(catalog, 64, days=50.0, people=PeopleConfig())
    seen = visits_of(shop)
    times = np.array([time for _, time in seen])
    assert len({user for user, _ in seen}) == len(seen)  # no one comes back
    assert abs(len(seen) - 15 * 50) < stats.norm.isf(ALARM / 2) * math.sqrt(750)
    assert stats.kstest(times / 50, "uniform").pvalue > ALARM


def test_customers_come_back_on_the_calendar(catalog: Catalog) -> None:
    """No visits at hours at which the shop has none."""
    hours = tuple(1.0 if 8 <= hour < 20 else 0.0 for hour in range(24))
    shop = season(catalog, 16, arrivals=ArrivalConfig(per_day=10.0, established=300, hours=hours))
    seen = visits_of(shop)
    hour = np.array([time % 1 * 24 for _, time in seen])
    assert len(seen) > len({user for user, _ in seen})
    assert ((hour >= 8 - 1e-6) & (hour <= 20 + 1e-6)).all()


def test_people_who_pass_by_return_once_at_most(catalog: Catalog) -> None:
    retention = RetentionConfig(r=2.0, alpha=2.0, a=0.01, b=10.0, passing=0.5)
    people = PeopleConfig(enabled=True, retention=retention)
    shop = season(catalog, 64, people=people, arrivals=ArrivalConfig(per_day=10.0, established=300))
    passing = shop.users.passing
    assert (shop.params.mission[passing] == 0).all()
    assert not passing[:300].any()  # no customers of old
    counts = np.bincount([user for user, _ in visits_of(shop)], minlength=len(passing))
    assert (counts[:300] > 0).mean() > 0.8
    assert counts[passing].max() == 2
    assert counts[~passing].max() > 5


def test_visitors_are_drawn_in_proportion_to_their_visits_in_a_season(catalog: Catalog) -> None:
    """On the clock of pages a customer comes as much more often than a passer-by as in a season."""
    retention = RetentionConfig(r=2.0, alpha=20.0, a=0.5, b=10.0, passing=0.9)
    people = PeopleConfig(enabled=True, retention=retention)
    plain: dict[str, Any] = {"users": 2000, "slate_size": 3, "num_candidates": 8, "people": people}
    config = ShopConfig(**plain, arrivals=ArrivalConfig(per_day=10.0, established=300))
    shop = Shop(catalog, config, lanes=20_000, seed=4, days=100.0)
    shop.start_visits()
    users = shop.users
    expected = expected_visits(users.rate, users.dropout, 100.0, 300)
    assert len(shop.params.visitors) == pytest.approx(expected.sum(), abs=1)
    counts = np.bincount(shop.params.visitors, minlength=2000)
    assert (np.abs(counts - expected) < 1).all()
    share = expected[~users.passing].sum() / expected.sum()
    found = 1 - users.passing[shop.visits.user].mean()
    assert abs(found - share) < stats.norm.isf(ALARM / 2) * math.sqrt(share * (1 - share) / 20_000) + 1e-3
    everyone = Shop(catalog, ShopConfig(**{**plain, "people": PeopleConfig(enabled=True)}), lanes=2)
    assert not len(everyone.params.visitors)


def test_too_few_users_for_a_season_are_refused(catalog: Catalog) -> None:
    with pytest.raises(InvalidInput, match=r"shop\.users = 100.*give at least"):
        season(catalog, 1, users=100)


SMALL: dict[str, Any] = {"catalog": 60, "users": 2000, "slate_size": 3, "num_candidates": 8}


@pytest.mark.parametrize("name", ["Shopper", "Season"])
@pytest.mark.parametrize("form", ["slot", "slate"])
def test_environments_pass_the_checker_of_gymnasium(name: str, form: str) -> None:
    env = gymnasium.make(f"shopgym/{name}-v0", form=form, render_mode="rgb_array", **SMALL)
    check_env(env.unwrapped)


def test_a_life_ends_with_churn_or_on_the_last_day() -> None:
    env = gymnasium.make("shopgym/Shopper-v0", form="slate", days=90, **SMALL)
    ends = {"terminated": 0, "truncated": 0}
    names = env.unwrapped.loop.shop.context_names  # type: ignore[attr-defined]
    visits = 0.0
    for seed in range(60):
        observation, _ = env.reset(seed=seed)
        assert observation["context"][names.index("visits")] == 0.0
        while True:
            observation, _, terminated, truncated, _ = env.step(np.array([0, 1, 2]))
            visits = max(visits, float(observation["context"][names.index("visits")]))
            if terminated or truncated:
                ends["terminated" if terminated else "truncated"] += 1
                break
    assert min(ends.values()) > 0
    assert visits > math.log(3)


def test_a_shopper_alone_equals_the_same_shopper_in_a_vector() -> None:
    many = gymnasium.make_vec("shopgym/Shopper-v0", num_envs=4, form="slate", days=60, **SMALL)
    many.reset(seed=20)
    loop = many.unwrapped.loop  # type: ignore[attr-defined]
    stories: list[list[Any]] = [[] for _ in range(4)]
    open_lanes = np.ones(4, bool)
    for _ in range(400):
        _, rewards, terminated, truncated, _ = many.step(np.tile([0, 1, 2], (4, 1)))
        for lane in np.flatnonzero(open_lanes).tolist():
            stories[lane].append((float(rewards[lane]), loop.shop.visits.page[lane]))
        open_lanes &= ~(terminated | truncated)
    for lane in range(4):
        alone = gymnasium.make("shopgym/Shopper-v0", form="slate", days=60, **SMALL)
        alone.reset(seed=20 + lane)
        one = alone.unwrapped.loop.shop.visits  # type: ignore[attr-defined]
        for reward, page in stories[lane][:-1]:
            _, got, terminated, truncated, _ = alone.step(np.array([0, 1, 2]))
            assert (float(got), int(one.page[0])) == (reward, page)
            if terminated or truncated:
                break


def test_a_life_needs_people_who_come_back() -> None:
    with pytest.raises(InvalidInput, match=r"people\.enabled"):
        gymnasium.make("shopgym/Shopper-v0", config=ShopConfig(), **{**SMALL, "users": 10})


def test_a_season_ends_for_all_rows_at_once_and_the_next_differs() -> None:
    env = gymnasium.make_vec(
        "shopgym/Season-v0", num_envs=8, form="slate", days=3, autoreset_mode="Disabled", **SMALL
    )
    totals: list[float] = []
    for _ in range(2):
        env.reset(seed=3 if not totals else None)
        total = 0.0
        while True:
            _, rewards, terminated, truncated, info = env.step(np.tile([0, 1, 2], (8, 1)))
            total += float(rewards.sum())
            assert not rewards[~info["shown"]].any()
            assert not terminated.any()
            if truncated.any():
                assert truncated.all()
                break
        totals.append(total)
    assert totals[0] != totals[1]
    with pytest.raises(InvalidInput, match="season"):
        env.reset(options={"reset_mask": np.arange(8) < 4})


def test_discounts_are_the_last_part_of_an_action() -> None:
    env = gymnasium.make("shopgym/Session-v0", form="slate", discounts=(0.0, 0.3), **SMALL)
    assert env.action_space == gymnasium.spaces.MultiDiscrete([8, 8, 8, 2])
    loop = env.unwrapped.loop  # type: ignore[attr-defined]
    env.reset(seed=1)
    assert loop.masks().shape == (1, 26)
    env.step(np.array([0, 1, 2, 1]))
    assert loop.price_off.tolist() == [0.3]
    with pytest.raises(InvalidInput, match="discount"):
        env.step(np.array([0, 1, 2, 2]))
    with pytest.raises(InvalidInput, match="discounts"):
        gymnasium.make("shopgym/Session-v0", form="slot", discounts=(0.0, 0.3), **SMALL)
    with pytest.raises(InvalidInput, match="discounts"):
        gymnasium.make("shopgym/Session-v0", form="slate", discounts=(0.1, 0.3), **SMALL)


@pytest.mark.parametrize("name", ["Bandit", "Session", "Shopper", "Season"])
def test_vector_environments_render_every_row(name: str) -> None:
    env = gymnasium.make_vec(f"shopgym/{name}-v0", num_envs=3, form="slate", render_mode="rgb_array", **SMALL)
    env.reset(seed=1)
    env.step(np.tile([0, 1, 2], (3, 1)))
    frames = env.render()
    assert frames is not None
    assert len(frames) == 3
    for frame in frames:
        assert isinstance(frame, np.ndarray)
        assert frame.dtype == np.uint8
        assert frame.shape[2] == 3
    text = gymnasium.make_vec(f"shopgym/{name}-v0", num_envs=2, form="slate", render_mode="ansi", **SMALL)
    text.reset(seed=1)
    text.step(np.tile([0, 1, 2], (2, 1)))
    assert all("page 1" in page for page in text.render() or ())


def test_unknown_render_modes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="render_mode"):
        shopgym.envs.SessionEnv(render_mode="human", **SMALL)


def test_no_visit_of_a_season_sees_the_stock_of_another_day(catalog: Catalog) -> None:
    """However many lanes there are, all visits under way are of one day, and so is the stock."""
    shop = season(catalog, 64, stock=StockConfig(minimum=1, cover_days=0.5))
    days = set()
    for _ in range(2000):
        shop.start_visits()
        active = ~shop.visits.over
        if not active.any():
            break
        today = set(np.floor(shop.visits.time[active]).astype(int).tolist())
        assert len(today) == 1
        assert shop.stock.review == max(today)
        days |= today
        slates = np.where(active[:, None], shop.requests().candidates[:, :3], -1).astype(np.int32)
        _, left, cut = shop.serve(slates)
        shop.end_visits(left | cut)
    assert days == set(range(20))
