"""Booked rewards: nothing is counted twice or lost, and what comes back nets to zero where it was sold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

from shopgym.agents import Task, make_agent
from shopgym.agents.rl.replay import concat
from shopgym.core import Interactions, InvalidInput, Policy
from shopgym.core.batches import TERM_MARGIN, TERM_RETURN_COST
from shopgym.core.reward.booking import ATTRIBUTIONS
from shopgym.core.types import F64
from shopgym.envs import RewardSpec
from shopgym.envs.vector import BanditVectorEnv, SeasonVectorEnv, ShopperVectorEnv, ShopVectorEnv
from shopgym.experiments.config import parse_config
from shopgym.simulators import ChoiceConfig, PeopleConfig, ReturnConfig, ShopConfig
from shopgym.simulators.people.retention import RetentionConfig
from shopgym.simulators.rollout import Step
from shopgym.training import BookedRewards, Booking, train, train_sequences
from shopgym.training.loop import learn

SELLS = ChoiceConfig(click_base=-1.0, cart_base=0.0, buy_base=1.0)
PEOPLE = PeopleConfig(enabled=True, retention=RetentionConfig(r=1.2, alpha=5.0, a=1.1, b=12.0))
NET = RewardSpec({"margin": 1.0, "expected_return_cost": -1.0, "click": 0.05}, exchange={"click": 1.0})
CHARGED = RewardSpec({"margin": 1.0, "return_cost": -1.0, "click": 0.05}, exchange={"click": 1.0})


class Listener:
    """Shows random pages and keeps what it is told."""

    def __init__(self, env: ShopVectorEnv) -> None:
        shop = env.loop.shop
        task = Task(shop.catalog.items, shop.user_names, shop.context_names, 3, attention=np.ones(3))
        self.shows, self.told = make_agent("random", task, default_rng(1)).policy(), list[Interactions]()

    def policy(self) -> Policy:
        return self.shows

    def learn(self, batch: Interactions) -> dict[str, float]:
        self.told.append(batch)
        return {}


def opened(kind: type[ShopVectorEnv], reward: RewardSpec, handling: float, **more: Any) -> ShopVectorEnv:
    """A shop in which half of all lines come back, often after the episode is over."""
    config = ShopConfig(
        users=300, slate_size=3, num_candidates=8, choice=SELLS,
        people=PEOPLE if kind is not BanditVectorEnv else PeopleConfig(),
        returns=ReturnConfig(enabled=True, rate=0.5, delay=20.0, handling=handling),
    )  # fmt: skip
    env = kind(40, catalog=60, config=config, reward=reward, form="slate", autoreset_mode="Disabled", **more)
    env.reset(seed=0)
    return env


Told = tuple[list[Step], Interactions, BookedRewards]


def told_of(kind: type[ShopVectorEnv], booking: Booking, *, pages: int = 15, **more: Any) -> Told:
    env = opened(kind, more.pop("reward", NET), more.pop("handling", 0.0), **more)
    listener, booked = Listener(env), BookedRewards(env.loop.reward, booking)
    steps = [step for step, _, _ in learn(listener, env.loop, pages, default_rng(2), booked=booked)]
    return steps, concat(listener.told), booked


def by_decision(steps: list[Step], column: int) -> dict[int, float]:
    """A term of the page of every decision."""
    return {
        int(one): float(value)
        for step in steps
        for one, value in zip(step.requests.request_id, step.feedback.page[step.rows, column], strict=True)
    }


KINDS: list[tuple[type[ShopVectorEnv], dict[str, Any]]] = [
    (BanditVectorEnv, {}),
    (ShopperVectorEnv, {"days": 30.0}),
    (SeasonVectorEnv, {"days": 0.2}),
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_every_page_is_told_once_and_every_amount_once(
    kind: type[ShopVectorEnv], options: dict[str, Any], attribution: str
) -> None:
    """The sum of what is told, and of what no click led to, is what the pages earned less what came back."""
    steps, told, booked = told_of(kind, Booking(attribution), handling=0.7, **options)
    shown = np.concatenate([step.requests.request_id for step in steps])
    np.testing.assert_array_equal(np.sort(told.requests.request_id), np.sort(shown))
    pages = np.concatenate([step.feedback.page[step.rows] for step in steps])
    assert (pages[:, TERM_RETURN_COST] > 0).sum() > 10
    earned = pages[:, TERM_MARGIN].sum() - pages[:, TERM_RETURN_COST].sum() + 0.05 * pages[:, 0].sum()
    assert told.reward.sum() + booked.unattributed == pytest.approx(earned)
    assert attribution != "sold_slot" or booked.unattributed == 0


@pytest.mark.parametrize("reward", [NET, CHARGED])
def test_order_and_return_net_to_zero_at_the_decision_across_episodes(reward: RewardSpec) -> None:
    """Lives of 30 days and returns after 20 on average: many come when another life goes on in the row."""
    no_clicks = RewardSpec({name: weight for name, weight in reward.terms.items() if name != "click"})
    steps, told, _ = told_of(ShopperVectorEnv, Booking(), reward=no_clicks, days=30.0, pages=40)
    margin, cost = by_decision(steps, TERM_MARGIN), by_decision(steps, TERM_RETURN_COST)
    net = dict(zip(told.requests.request_id.tolist(), told.reward.sum(axis=1).tolist(), strict=True))
    for one, value in net.items():
        assert value == pytest.approx(margin[one] - cost[one], abs=1e-9)
    whole = [one for one in net if cost[one] > 0 and abs(cost[one] - margin[one]) < 1e-9]
    assert len(whole) > 20
    assert all(abs(net[one]) < 1e-9 for one in whole)


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_what_comes_back_leaves_nothing_at_any_touch(attribution: str) -> None:
    """Whoever got the credit for an order pays for its return: no slot keeps what came back."""
    reward = RewardSpec({"margin": 1.0, "return_cost": -1.0})
    steps, told, booked = told_of(BanditVectorEnv, Booking(attribution), reward=reward, pages=40)
    margin, cost = by_decision(steps, TERM_MARGIN), by_decision(steps, TERM_RETURN_COST)
    whole = 0
    for one, page in zip(told.requests.request_id.tolist(), told.reward, strict=True):
        assert page.sum() == pytest.approx(margin[one] - cost[one], abs=1e-9)
        if cost[one] > 0 and abs(cost[one] - margin[one]) < 1e-9:
            np.testing.assert_allclose(page, 0.0, atol=1e-9)
            whole += 1
    assert whole > 20
    assert booked.unattributed == 0.0  # a page of this shop is bought from after a click


def test_what_comes_back_after_maturity_does_not_count() -> None:
    reward = RewardSpec({"margin": 1.0, "return_cost": -1.0})
    totals = [
        told_of(BanditVectorEnv, Booking(maturity=days), reward=reward)[1].reward.sum()
        for days in (0.0, 20.0, 1e6)
    ]
    steps, _, _ = told_of(BanditVectorEnv, Booking(), reward=reward)
    assert totals[0] == pytest.approx(sum(by_decision(steps, TERM_MARGIN).values()))
    assert totals[0] > totals[1] > totals[2]


def test_without_returns_booked_is_what_is_told_at_once() -> None:
    reward = RewardSpec({"margin": 1.0, "click": 0.05}, exchange={"click": 1.0})
    steps, told, _ = told_of(BanditVectorEnv, Booking(), reward=reward)
    order = np.argsort(told.requests.request_id)
    ids = np.concatenate([step.requests.request_id for step in steps])
    at_once: F64 = np.concatenate([reward.slots(step.feedback)[step.rows] for step in steps])
    np.testing.assert_allclose(told.reward[order], at_once[np.argsort(ids)], atol=1e-12)


def test_last_click_gives_the_order_to_the_last_slot_clicked_on_the_page() -> None:
    steps, told, _ = told_of(BanditVectorEnv, Booking("last_click"), reward=RewardSpec({"margin": 1.0}))
    moved = 0
    margins = by_decision(steps, TERM_MARGIN)
    for row, one in enumerate(told.requests.request_id.tolist()):
        clicked = np.flatnonzero(told.events["click"][row])
        if margins[one] and len(clicked):
            assert told.reward[row, clicked[-1]] == pytest.approx(margins[one])
            assert np.count_nonzero(told.reward[row]) == 1
            moved += told.events["purchase"][row, clicked[-1]] == 0
    assert moved > 10  # often it is not the item that was bought


def test_agents_learn_from_booked_rewards() -> None:
    env = opened(BanditVectorEnv, NET, 0.0)
    shop = env.loop.shop
    task = Task(shop.catalog.items, shop.user_names, shop.context_names, 3, attention=np.ones(3))
    agent = make_agent("linucb", task, default_rng(1))
    before = agent.policy().state()[1]["theta"].copy()
    rows = train(agent, env, 3, default_rng(2), booked=BookedRewards(NET, Booking("linear")))
    assert len(rows) == 3
    assert not np.array_equal(before, agent.policy().state()[1]["theta"])
    lives = opened(ShopperVectorEnv, NET, 0.0, days=30.0)
    listener = Listener(lives)
    train_sequences(listener, lives, 6, default_rng(2), booked=BookedRewards(NET, Booking()))
    assert sum(len(batch) for batch in listener.told) == 6 * 40


def test_what_cannot_be_booked_is_refused() -> None:
    both = RewardSpec({"margin": 1.0, "return_cost": -1.0, "expected_return_cost": -1.0})
    with pytest.raises(InvalidInput, match="keep one of the two"):
        BookedRewards(both, Booking())
    with pytest.raises(InvalidInput, match=r"reward\.clip\.margin"):
        BookedRewards(RewardSpec({"margin": 1.0}, clip={"margin": (-5.0, 5.0)}), Booking())
    with pytest.raises(InvalidInput, match=r"training\.attribution = 'last_clik'.*did you mean 'last_click'"):
        Booking("last_clik")


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"attribution": "last_click"}, r"training\.reward = 'expected'"),
        ({"reward": "boked"}, r"training\.reward = 'boked'.*did you mean 'booked'"),
        ({"reward": "booked", "attribution": "lst_click"}, r"training\.attribution = 'lst_click'"),
        ({"reward": "booked", "maturity": -1.0}, r"training\.maturity = -1\.0"),
    ],
)
def test_a_config_says_how_rewards_are_booked(training: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_config({"name": "x", "training": training})


def test_the_hash_of_a_config_that_books_nothing_stays() -> None:
    plain, explicit = {"name": "x"}, {"name": "x", "training": {"reward": "expected"}}
    assert parse_config(plain).hash == parse_config(explicit).hash
    booked = parse_config({"name": "x", "training": {"reward": "booked", "attribution": "linear"}})
    assert booked.hash != parse_config(plain).hash
    assert booked.training.booking == Booking("linear")
