"""Networks: numpy serves what torch trained; answers by hand; learning what linear models cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shopgym.agents import Task
from shopgym.core import InvalidInput
from shopgym.policies.features import FeatureMap
from shopgym.policies.scorers import NetworkScorer
from shopgym.simulators import Catalog, Shop

torch = pytest.importorskip("torch", reason="needs the extra 'agents'")
from shopgym.agents.network import Network, fit, scorer_of, torch_generator  # noqa: E402


@pytest.fixture
def task(shop: Shop, catalog: Catalog) -> Task:
    return Task(catalog.items, shop.user_names, shop.context_names, 3, value="margin", attention=np.ones(3))


@pytest.mark.parametrize("crosses", [0, 2])
@pytest.mark.parametrize("hidden", [(), (8,), (16, 8)])
def test_numpy_scores_what_torch_computes(
    shop: Shop, task: Task, crosses: int, hidden: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    networks = [
        Network(len(task.network_features), hidden=hidden, crosses=crosses, generator=torch_generator(rng))
        for _ in range(2)
    ]
    requests = shop.requests()
    phi = task.network_features.phi(requests, task.network_item_side)
    for network in networks:
        network.standardise(phi.reshape(-1, phi.shape[2]))
    scorer = scorer_of(networks, task, value=np.ones(len(task.items)))
    with torch.no_grad():
        want = [network(torch.as_tensor(phi, dtype=torch.float32).flatten(0, 1)) for network in networks]
    scores = scorer.scores(requests)
    for b in range(2):
        np.testing.assert_allclose(scores[:, b].ravel(), want[b].numpy(), rtol=1e-4, atol=1e-5)
    spec, arrays = scorer.state()
    restored = NetworkScorer.from_state(spec, arrays, task.items)
    np.testing.assert_array_equal(restored.scores(requests), scores)


def test_a_cross_layer_and_a_dense_one_by_hand(shop: Shop, task: Task) -> None:
    features = FeatureMap((("item.log_price",), ("context.page",)), task.user_names, task.context_names)
    cross = (np.array([[[1.0, 0.0], [2.0, -1.0]]], np.float32), np.array([[0.5, 0.0]], np.float32))
    dense = (np.array([[[3.0], [1.0]]], np.float32), np.array([[-1.0]], np.float32))
    zero, one = np.zeros(2, np.float32), np.ones(2, np.float32)
    value = np.full(len(task.items), 2.0)
    scorer = NetworkScorer(features, task.items, zero, one, (cross,), (dense,), value)
    requests = shop.requests()
    a = task.items.feature("log_price")[requests.candidates].astype(float)
    b = np.broadcast_to(requests.context[:, [shop.context_names.index("page")]], a.shape).astype(float)
    crossed = a * (a + 2 * b + 0.5) + a, b * (-b) + b
    np.testing.assert_allclose(
        scorer.scores(requests)[:, 0], 2 * (3 * crossed[0] + crossed[1] - 1), rtol=1e-5, atol=1e-5
    )


def test_a_network_learns_what_a_linear_model_cannot() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(float)  # exclusive or: a line does no better than 1/4
    network = Network(2, hidden=(32, 32), generator=torch_generator(rng))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    loss = fit(
        network,
        x,
        y,
        loss=lambda out, target: (out - target) ** 2,
        generator=torch_generator(rng),
        optimiser=optimiser,
        epochs=20,
        batch=128,
    )
    assert loss < 0.06


def test_same_seed_same_network(task: Task) -> None:
    states = []
    for _ in range(2):
        rng = np.random.default_rng(3)
        network = Network(5, crosses=1, generator=torch_generator(rng))
        optimiser = torch.optim.Adam(network.parameters())
        data = np.random.default_rng(1).normal(size=(300, 5))
        fit(
            network,
            data,
            data[:, 0],
            loss=lambda out, target: (out - target) ** 2,
            generator=torch_generator(rng),
            optimiser=optimiser,
        )
        states.append(network.state_dict())
    for name, values in states[0].items():
        assert torch.equal(values, states[1][name]), name


def test_bad_networks_are_refused(shop: Shop, task: Task) -> None:
    rng = np.random.default_rng(0)
    network = Network(len(task.network_features), hidden=(4,), crosses=1, generator=torch_generator(rng))
    scorer = scorer_of([network], task)
    (weight, bias), losses = scorer.dense[0], scorer.dense[1]
    with pytest.raises(InvalidInput, match=r"scorer.layer\[1\]"):
        replace(scorer, dense=((weight[:, :-1], bias), losses))
    with pytest.raises(InvalidInput, match="training diverged"):
        replace(scorer, dense=((weight * np.float32(np.nan), bias), losses))
    with pytest.raises(InvalidInput, match="one output"):
        replace(scorer, dense=((weight, bias),))
    with pytest.raises(InvalidInput, match=r"scorer\.scale"):
        replace(scorer, scale=0 * scorer.scale)
    with pytest.raises(InvalidInput, match="training diverged"):
        fit(
            network,
            np.full((4, len(task.network_features)), 1e30),
            np.ones(4),
            loss=lambda out, target: (out - target) ** 4,
            generator=torch_generator(rng),
            optimiser=torch.optim.SGD(network.parameters(), lr=1e10),
            epochs=3,
        )
