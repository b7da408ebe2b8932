"""How a list is read: three click models against enumeration, simulation and brute force."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.core.types import F64
from shopgym.envs import RewardSpec
from shopgym.envs.oracle import best_chain, best_page_values, page_values
from shopgym.simulators import Catalog, ChoiceConfig, Shop, ShopConfig, SurfaceConfig, SurfacesConfig

ALARM = 1e-6
"""False-alarm rate of each statistical check here."""
LIVELY = ChoiceConfig(click_base=-1.0, cart_base=0.0, buy_base=0.0)


def read_by(model: SurfaceConfig, **settings: Any) -> ShopConfig:
    """A shop whose homepage is read by ``model``."""
    surfaces = SurfacesConfig(enabled=True, home=model, channels=(1.0, 0.0, 0.0, 0.0))
    plain: dict[str, Any] = {"users": 300, "slate_size": 4, "num_candidates": 8, "choice": LIVELY}
    return ShopConfig(**{**plain, "surfaces": surfaces, **settings})


MODELS = [
    SurfaceConfig(click_model="position", decay=0.7),
    SurfaceConfig(click_model="cascade", continuation=0.8),
    SurfaceConfig(click_model="dbn", continuation=0.9, satisfied=0.6),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.click_model)
def test_attention_against_enumeration(catalog: Catalog, model: SurfaceConfig) -> None:
    """Sum over all click patterns of a list, by the definition of each model."""
    shop = Shop(catalog, read_by(model), lanes=5, seed=1)
    shop.start_visits()
    slates = np.ascontiguousarray(shop.requests().candidates[:, :4])
    click, got = shop.expected(slates)["click"], shop.attention(slates)
    for lane in range(5):
        want: F64 = np.zeros(4)
        if model.click_model == "position":
            want = np.arange(1, 5, dtype=np.float64) ** -model.decay
        else:
            # a slot is reached after some pattern of clicks before it, each read past
            for slot in range(4):
                for pattern in itertools.product([0, 1], repeat=slot):
                    chance = 1.0
                    for before, clicked in enumerate(pattern):
                        theta, item = click[lane, before], slates[lane, before]
                        chance *= theta if clicked else 1 - theta
                        chance *= model.continuation * (1 - stops(model, catalog, item) if clicked else 1)
                    want[slot] += chance
        np.testing.assert_allclose(got[lane], want, rtol=1e-6)


def stops(model: SurfaceConfig, catalog: Catalog, item: int) -> float:
    """P(reading ends | this item is clicked), by definition."""
    if model.click_model == "cascade":
        return 1.0
    logit = math.log(model.satisfied / (1 - model.satisfied)) + float(catalog.details.worth[item]) / 2
    return 1 / (1 + math.exp(-logit))


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.click_model)
def test_simulation_agrees_with_expectation(catalog: Catalog, model: SurfaceConfig) -> None:
    lanes = 30_000
    shop = Shop(catalog, read_by(model), lanes=lanes, seed=2)
    shop.start_visits()
    slates = np.ascontiguousarray(shop.requests().candidates[:, :4])
    attention, means, feedback = shop.attention(slates), shop.expected(slates), shop.counterfactual(slates)
    for got, want in (
        (feedback.examined.astype(np.float64), attention),
        *((feedback.term(name), attention * means[name]) for name in ("click", "purchase", "margin")),
    ):
        residual = got - want
        # the first slot is always looked at: nothing to test there
        z = residual.mean(axis=0) / np.maximum(residual.std(axis=0), 1e-12) * math.sqrt(lanes)
        assert (2 * stats.norm.sf(abs(z)) > ALARM).all(), z


def test_a_cascade_ends_at_the_first_click(catalog: Catalog) -> None:
    shop = Shop(catalog, read_by(SurfaceConfig(click_model="cascade", continuation=1.0)), lanes=3000, seed=2)
    shop.start_visits()
    slates = np.ascontiguousarray(shop.requests().candidates[:, :4])
    feedback = shop.counterfactual(slates)
    assert feedback.clicked.sum(axis=1).max() == 1
    first = np.where(feedback.clicked.any(axis=1), feedback.clicked.argmax(axis=1), 3)
    np.testing.assert_array_equal(feedback.examined.sum(axis=1), first + 1)


def test_a_dbn_that_never_satisfies_and_always_goes_on_reads_everything(catalog: Catalog) -> None:
    model = SurfaceConfig(click_model="dbn", continuation=1.0, satisfied=1e-9)
    shop = Shop(catalog, read_by(model), lanes=500, seed=2)
    shop.start_visits()
    slates = np.ascontiguousarray(shop.requests().candidates[:, :4])
    np.testing.assert_allclose(shop.attention(slates), 1.0, atol=1e-7)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.click_model)
def test_the_best_page_against_brute_force(catalog: Catalog, model: SurfaceConfig) -> None:
    config = read_by(model, slate_size=3, num_candidates=5)
    shop, reward = Shop(catalog, config, lanes=8, seed=3), RewardSpec()
    shop.start_visits()
    candidates = shop.requests().candidates
    best = np.zeros(8)
    for size in (1, 2, 3):
        for picks in itertools.permutations(range(5), size):
            slates = np.full((8, 3), -1, np.int32)
            slates[:, :size] = candidates[:, list(picks)]
            best = np.maximum(best, page_values(shop, reward, slates))
    np.testing.assert_allclose(best_page_values(shop, reward, candidates), best, rtol=1e-9)


def test_best_chain_by_hand() -> None:
    # worth 1 and read past surely, then worth 5 that ends it: 1 + 5; the other way round only 5
    worth, go_on = np.array([[5.0, 1.0, 0.5]]), np.array([[0.0, 1.0, 0.5]])
    assert best_chain(worth, go_on, np.array([2], np.int32))[0] == pytest.approx(6.0)
    assert best_chain(worth, go_on, np.array([1], np.int32))[0] == pytest.approx(5.0)


def test_stockouts_have_no_oracle_on_a_chain(catalog: Catalog) -> None:
    shop = Shop(catalog, read_by(MODELS[1]), lanes=2, seed=3)
    shop.start_visits()
    shop.stock.available[:] = False
    with pytest.raises(InvalidInput, match="stockout"):
        best_page_values(
            shop, RewardSpec(terms={"stockout": -1.0}, unit="stockout"), shop.requests().candidates
        )


def test_pages_of_different_sizes(catalog: Catalog) -> None:
    small = dataclasses.replace(MODELS[0], slots=2)
    shop = Shop(catalog, read_by(small), lanes=400, seed=4)
    shop.start_visits()
    requests = shop.requests()
    assert requests.slots is not None
    assert (requests.slots == 2).all()
    slates = np.ascontiguousarray(requests.candidates[:, :4])
    assert not shop.attention(slates)[:, 2:].any()
    feedback = shop.counterfactual(slates)
    assert not feedback.examined[:, 2:].any()
    assert not feedback.unavailable[:, 2:].any()


def test_an_email_is_read_only_if_opened(catalog: Catalog) -> None:
    surfaces = SurfacesConfig(enabled=True, channels=(0.0, 0.0, 0.0, 1.0), opened=0.3)
    shop = Shop(catalog, read_by(MODELS[0], surfaces=surfaces), lanes=20_000, seed=5)
    shop.start_visits()
    slates = np.ascontiguousarray(shop.requests().candidates[:, :4])
    feedback, left, _ = shop.serve(slates)
    share = feedback.examined[:, 0].mean()
    assert abs(share - 0.3) < stats.norm.isf(ALARM / 2) * math.sqrt(0.21 / 20_000)
    assert left[~feedback.clicked.any(axis=1)].all()
    assert not left[feedback.clicked.any(axis=1)].all()
