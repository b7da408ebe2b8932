"""Position bias: by hand, its properties, and what pages of different length show of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopgym.agents import Task
from shopgym.agents.baselines import RandomAgent
from shopgym.core import InvalidInput
from shopgym.core.batches import EMPTY
from shopgym.envs import RewardSpec
from shopgym.experiments.stages import open_shop
from shopgym.simulators import Catalog, ChoiceConfig, ShopConfig, SurfacesConfig
from shopgym.simulators.page.surfaces import SurfaceConfig
from shopgym.simulators.rollout import rollout
from shopgym.training.position_bias import measure_position_bias, position_bias


def test_two_slots_by_hand() -> None:
    # rates (9.5 / 100) and (4.5 / 50): the second slot is looked at 0.9 / 0.95 as often
    np.testing.assert_allclose(position_bias(np.array([9, 4]), np.array([99, 49])), [1.0, 18 / 19])


def test_a_slot_never_shown_gets_the_least_of_the_others() -> None:
    bias = position_bias(np.array([9, 4, 0]), np.array([99, 99, 0]))
    assert bias[2] == bias[1] == 4.5 / 9.5
    # also where nearly every impression is clicked: its own half click of one impression would be less
    bias = position_bias(np.array([9, 8, 0]), np.array([9, 9, 0]))
    assert bias[2] == bias[1] == 8.5 / 9.5


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20), st.integers(10**6, 10**9))
def test_where_all_slots_are_always_shown_clicks_alone_decide_to_the_last_bit(
    counts: list[int], pages: int
) -> None:
    clicks = np.array(counts) + 0.5
    np.testing.assert_array_equal(position_bias(counts, [pages] * len(counts)), clicks / clicks[0])


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1000, 10**6)), min_size=2, max_size=20))
def test_the_order_of_later_slots_does_not_matter(slots: list[tuple[int, int]]) -> None:
    clicks, shown = np.array(slots).T
    bias = position_bias(clicks, shown)
    assert bias[0] == 1.0
    assert (bias > 0).all()
    order = np.append(0, 1 + np.random.default_rng(0).permutation(len(slots) - 1))
    np.testing.assert_array_equal(position_bias(clicks[order], shown[order]), bias[order])
    more = position_bias(clicks + np.eye(len(slots), dtype=int)[-1], shown)
    assert more[-1] > bias[-1]


@pytest.mark.parametrize(
    ("clicks", "shown", "field"),
    [([1, 2], [3], "clicks, shown"), ([], [], "shown"), ([0, 1], [0, 5], "shown"), (1, 1, "clicks, shown")],
)
def test_what_tells_nothing_is_refused(clicks: object, shown: object, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        position_bias(np.array(clicks), np.array(shown))
    assert caught.value.field == field


def test_clicks_and_impressions_are_those_of_a_count_by_hand() -> None:
    """Every item counts, also the first of the catalogue, and progress is told once a page."""
    catalog = Catalog.synthetic(4, seed=1)  # so the first item has about a quarter of the impressions
    home, product = SurfaceConfig(slots=1), SurfaceConfig(slots=3)
    surfaces = SurfacesConfig(enabled=True, home=home, product=product, channels=(0.5, 0.5, 0.0, 0.0))
    config = ShopConfig(
        users=50, slate_size=3, num_candidates=4, choice=ChoiceConfig(click_base=0.0), surfaces=surfaces
    )
    clicks, shown, progress, biases = np.zeros(3), np.zeros(3), [], []
    for by_hand in (False, True):
        env = open_shop(catalog, config, RewardSpec(), lanes=40, population=1, seed=2)
        shop, rng = env.loop.shop, np.random.default_rng(3)
        task = Task(catalog.items, shop.user_names, shop.context_names, 3, attention=np.ones(3))
        policy = RandomAgent(task, rng).policy()
        if not by_hand:
            biases.append(
                measure_position_bias(env.loop, policy, 5, rng, on_progress=lambda: progress.append(1))
            )
            continue
        for step in rollout(env.loop.world, policy, rng, pages=5):
            for row, slate in zip(step.rows, step.decisions.slates, strict=True):
                for slot, item in enumerate(slate):
                    shown[slot] += item != EMPTY
                    clicks[slot] += step.feedback.clicked[row, slot]
    np.testing.assert_array_equal(biases[0], position_bias(clicks, shown))
    assert shown[0] == 200
    assert 0 < shown[1] == shown[2] < 200
    assert len(progress) == 5


def test_pages_of_two_and_of_five_slots_show_the_same_curve() -> None:
    """Slot j is looked at with probability j ** -0.4, and then clicked with probability sigmoid(-1)."""
    flat = ChoiceConfig(click_base=-1.0, taste_weight=0.0, intent_weight=0.0, quality_weight=0.0)
    two, five = SurfaceConfig(slots=2, decay=0.4), SurfaceConfig(slots=5, decay=0.4)
    surfaces = SurfacesConfig(enabled=True, home=two, product=five, channels=(0.5, 0.5, 0.0, 0.0))
    config = ShopConfig(users=500, slate_size=5, num_candidates=12, choice=flat, surfaces=surfaces)
    catalog = Catalog.synthetic(60, seed=1)
    env = open_shop(catalog, config, RewardSpec(), lanes=1000, population=1, seed=2)
    shop, rng = env.loop.shop, np.random.default_rng(3)
    policy = RandomAgent(
        Task(catalog.items, shop.user_names, shop.context_names, 5, attention=np.ones(5)), rng
    )
    bias = measure_position_bias(env.loop, policy.policy(), 20, rng)
    truth = np.arange(1, 6) ** -0.4
    pages = 20_000 * np.array([1, 1, 0.5, 0.5, 0.5])
    clicks = pages * truth / (1 + np.e)
    error = np.sqrt(1 / clicks + 1 / clicks[0])[1:]  # standard error of the logarithm of a ratio of counts
    # four normal variables beyond 5 standard errors: false alarm 2.3e-6
    assert (np.abs(np.log(bias / truth))[1:] < 5 * error).all()
    # clicks not divided by impressions would be half as many in the slots that half of the pages have
    assert (np.log(2) > 10 * error[1:]).all()
