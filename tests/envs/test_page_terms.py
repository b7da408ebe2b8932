"""What the info of a step says of its pages: all terms in every environment, costs, and what was bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import pytest

from shopgym.core import Feedback, InvalidInput
from shopgym.core.batches import VISIT_TERMS
from shopgym.core.reward import RewardSpec
from shopgym.core.reward.amounts import COUNTED
from shopgym.envs import SeasonVectorEnv, SessionVectorEnv, ShopperVectorEnv
from shopgym.envs.adapters import stable_baselines3_vec_env
from shopgym.simulators import Catalog, PeopleConfig, ReturnConfig, ShopConfig
from shopgym.simulators.people.retention import RetentionConfig

IDS = ("Bandit-v0", "Session-v0", "Shopper-v0", "Season-v0")
SMALL: dict[str, Any] = {"catalog": 60, "users": 2000, "slate_size": 3, "num_candidates": 8, "form": "slate"}
ALL = (*COUNTED, *VISIT_TERMS)
SPEC = RewardSpec(
    {"margin": 1.0, "click": -2.0},
    exchange={"click": 0.01},
    costs=("stockout rate <= 2%", "return_cost <= 0.10 per revenue", "click >= 0.1"),
    clip={"margin": (-1.0, 2.0)},
)
KEEN = ShopConfig(
    users=300, slate_size=3, num_candidates=8, returns=ReturnConfig(enabled=True, rate=0.5, handling=0.5),
    people=PeopleConfig(enabled=True, retention=RetentionConfig(r=1.2, alpha=10.0, a=1.1, b=12.0)),
)  # fmt: skip


def without_masks(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values for name, values in part.items() if not name.startswith("_")}


@pytest.mark.parametrize("name", IDS)
def test_all_terms_and_costs_stand_in_the_info_of_one_and_of_many(name: str) -> None:
    one = gymnasium.make(f"shopgym/{name}", reward=SPEC, **SMALL)
    one.reset(seed=3)
    *_, info = one.step(np.arange(3))
    assert tuple(info["reward_terms"]) == ALL
    assert tuple(info["cost_terms"]) == (
        "stockout per impression",
        "return_cost per revenue",
        "click per page",
    )
    assert info["cost"] == info["reward_terms"]["stockout"] + info["reward_terms"]["return_cost"]
    many = gymnasium.make_vec(f"shopgym/{name}", num_envs=4, reward=SPEC, **SMALL)
    many.reset(seed=3)
    for _ in range(30):
        _, reward, _, _, info = many.step(np.tile(np.arange(3), (4, 1)))
        terms = without_masks(info["reward_terms"])
        assert tuple(terms) == ALL
        want = np.clip(terms["margin"], -1.0, 2.0) - 0.02 * terms["click"]
        np.testing.assert_array_equal(reward, want)
        np.testing.assert_array_equal(reward, SPEC.weigh(terms))
        np.testing.assert_array_equal(info["reward_clipped"], np.abs(terms["margin"] - 0.5) > 1.5)
        costs = without_masks(info["cost_terms"])
        np.testing.assert_array_equal(info["cost"], terms["stockout"] + terms["return_cost"])
        np.testing.assert_array_equal(costs["click per page"], terms["click"])
        assert (terms["impression"][info["shown"]] == 3).all()


def test_a_step_without_a_page_has_all_terms_at_0() -> None:
    env = gymnasium.make("shopgym/Session-v0", reward=SPEC, **{**SMALL, "form": "slot"})
    env.reset(seed=0)
    *_, info = env.step(0)
    assert not info["shown"]
    assert info["reward_terms"] == dict.fromkeys(ALL, 0.0)
    assert info["cost"] == 0.0
    assert set(info["cost_terms"].values()) == {0.0}


@pytest.mark.parametrize("form", ["slot", "slate"])
def test_changing_what_is_handed_out_changes_nothing_in_the_shop(form: str) -> None:
    envs = [SessionVectorEnv(3, reward=SPEC, **{**SMALL, "form": form}) for _ in range(2)]
    kept = []
    for env in envs:
        env.reset(seed=0)
    for _ in range(12):
        action = np.zeros(3, np.int64) if form == "slot" else np.tile(np.arange(3), (3, 1))
        (*_, info), (*_, other) = (env.step(action) for env in envs)
        kept.append((other, {name: values.copy() for name, values in other["reward_terms"].items()}))
        for part in ("reward_terms", "cost_terms"):
            for name, values in without_masks(info[part]).items():
                np.testing.assert_array_equal(values, other[part][name])
                values[:] = 77.0
    for info, then in kept:  # what was handed out earlier is not written to by later steps
        for name, values in info["reward_terms"].items():
            np.testing.assert_array_equal(values, then[name])


def test_stable_baselines3_gets_the_same() -> None:
    pytest.importorskip("stable_baselines3")
    env = SessionVectorEnv(4, reward=SPEC, autoreset_mode="SameStep", **SMALL)
    other = SessionVectorEnv(4, reward=SPEC, autoreset_mode="SameStep", **SMALL)
    adapted = stable_baselines3_vec_env(env)
    adapted.seed(5)
    adapted.reset()
    other.reset(seed=5)
    for _ in range(5):
        actions = np.tile(np.arange(3), (4, 1))
        adapted.step_async(actions)
        *_, infos = adapted.step_wait()
        *_, info = other.step(actions)
        for row, got in enumerate(infos):
            assert got["cost"] == info["cost"][row]
            for part in ("reward_terms", "cost_terms"):
                assert got[part] == {name: values[row] for name, values in without_masks(info[part]).items()}


def test_the_life_of_a_customer_is_counted_visit_by_visit() -> None:
    """Visits, returns of the customer and satisfaction agree with the state of the shop."""
    env = ShopperVectorEnv(200, catalog=60, config=KEEN, form="slate", days=60.0, autoreset_mode="Disabled")
    env.reset(seed=1)
    kept, gone = np.zeros(200), np.zeros(200, np.bool_)
    over = np.zeros(200, np.bool_)
    for _ in range(20):
        if over.any():
            env.reset(options={"reset_mask": over})
        visit = env.loop.shop.visits.visit.copy()
        _, _, terminated, truncated, info = env.step(np.tile(np.arange(3), (200, 1)))
        over = terminated | truncated
        terms = info["reward_terms"]
        np.testing.assert_array_equal(terms["visit"] > 0, over | (env.loop.shop.visits.visit > visit))
        np.testing.assert_array_equal(terms["retention"] > 0, (terms["visit"] > 0) & ~terminated)
        ended = terms["visit"] > 0
        np.testing.assert_array_equal(
            terms["satisfaction"], np.where(ended, env.loop.shop.visits.satisfaction, 0.0)
        )
        kept, gone = kept + terms["retention"], gone | terminated
    assert kept.sum() > 50
    assert gone.sum() > 10


def test_the_cost_of_the_stock_is_shared_out_in_full() -> None:
    env = SeasonVectorEnv(
        16, catalog=60, days=10.0, slate_size=3, num_candidates=8, form="slate",
        reward=RewardSpec({"margin": 1.0, "holding_cost": -1.0}), stock={"holding_rate": 0.3, "review": 1.0},
    )  # fmt: skip
    env.reset(seed=0)
    total, over = 0.0, False
    while not over:
        before = env.loop.shop.stock.holding_cost
        *_, truncated, info = env.step(np.tile(np.arange(3), (16, 1)))
        total += info["reward_terms"]["holding_cost"].sum()
        over = bool(truncated.any())
        held = before if over else env.loop.shop.stock.holding_cost
    assert 0.0 < held <= total


def test_different_categories_are_counted() -> None:
    """With few categories and with more than a word has bits, by hand."""
    rng = np.random.default_rng(0)
    for categories in (7, 200):
        count = 300
        many = Catalog.synthetic(count, seed=1, num_categories=categories)
        category = many.items.category
        assert (len(set(category)) > 64) == (categories > 64)
        env = SessionVectorEnv(50, catalog=many, slate_size=6, num_candidates=0, form="items")
        env.reset(seed=0)
        for _ in range(3):
            actions = rng.integers(-1, count, size=(50, 6))
            *_, info = env.step(actions)
            terms = info["reward_terms"]
            for row, slate in enumerate(env.slates):
                shown = slate[slate >= 0]
                assert terms["impression"][row] == len(shown)
                want = len(set(category[shown])) / max(len(shown), 1)
                assert terms["diversity"][row] == pytest.approx(want, abs=1e-15)


def test_the_exposure_of_some_items_is_counted() -> None:
    catalog = Catalog.synthetic(80, seed=0)
    small = list(catalog.items.category_names[:3])
    cost = {
        "term": "impression", "per": "impression", "at_least": 0.2, "name": "small sellers",
        "items": {"categories": small, "item_ids": [str(catalog.items.item_id[0])]},
    }  # fmt: skip
    env = SessionVectorEnv(
        20, catalog=catalog, slate_size=4, num_candidates=0, form="items", reward={"costs": [cost]}
    )
    env.reset(seed=0)
    *_, info = env.step(np.random.default_rng(0).integers(-1, 80, size=(20, 4)))
    inside = catalog.items.category < 3
    inside[0] = True
    want = [sum(inside[item] for item in slate if item >= 0) for slate in env.slates]
    assert info["cost_terms"]["small sellers"].tolist() == want
    assert (info["cost"] == 0.0).all()  # a limit from below costs nothing


@pytest.mark.parametrize(
    ("family", "terms", "settings", "field"),
    [
        (SessionVectorEnv, {"satisfaction": 1.0}, {}, "shop.people.enabled"),
        (SessionVectorEnv, {"retention": 1.0}, {"config": KEEN}, "reward.terms"),
        (ShopperVectorEnv, {"holding_cost": -1.0}, {"config": KEEN}, "reward.terms"),
        (SessionVectorEnv, {"holding_cost": -1.0}, {"stock": {"enabled": False}}, "shop.stock.enabled"),
    ],
)
def test_a_term_that_the_shop_does_not_have_is_refused(
    family: Any, terms: dict[str, float], settings: dict[str, Any], field: str
) -> None:
    (name,) = terms
    spec = RewardSpec({"margin": 1.0, **terms}, exchange={name: 1.0} if terms[name] > 0 else {})
    with pytest.raises(InvalidInput) as caught:
        family(2, catalog=60, reward=spec, **settings)
    assert caught.value.field == field
    assert name in str(caught.value)


def test_a_north_star_of_lives_is_read_in_lives() -> None:
    star = {"weights": {"margin": 1.0, "satisfaction": 0.5}, "horizon": 60.0, "discount": 0.99}
    spec = RewardSpec({"margin": 1.0}, exchange={"satisfaction": 2.0}, north_star=star)
    env = ShopperVectorEnv(50, catalog=60, config=KEEN, form="slate", reward=spec)
    env.reset(seed=0)
    for _ in range(5):
        *_, info = env.step(np.tile(np.arange(3), (50, 1)))
        terms = info["reward_terms"]
        got = spec.north_star_page(env.feedback)  # type: ignore[arg-type]
        np.testing.assert_allclose(got, terms["margin"] + 0.5 * 2.0 * terms["satisfaction"], atol=1e-12)
    np.testing.assert_allclose(spec.star.worth_after(np.array([0.0, 10.0, 60.0])), [1.0, 0.99**10, 0.0])


def test_the_shop_alone_does_not_tell_where_visits_end() -> None:
    env = SessionVectorEnv(2, **SMALL)
    env.reset(seed=0)
    env.step(np.tile(np.arange(3), (2, 1)))
    feedback = env.feedback
    assert feedback is not None
    alone = Feedback(feedback.buffers, feedback.events, feedback.reading_time)
    spec = RewardSpec({"margin": 1.0, "visit": 1.0}, exchange={"visit": 0.1})
    assert tuple(RewardSpec().page(alone)[1]) == COUNTED
    with pytest.raises(InvalidInput, match=r"feedback\.measures.*'visit' is missing"):
        spec.page(alone)
