"""Torch trains and numpy serves: both agree, and simple patterns are learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'agents'")
import torch

from shopgym.agents.retrieval._torch import sampled_softmax, softmax
from shopgym.agents.retrieval.data import Sequences
from shopgym.agents.retrieval.gru4rec import GRU4Rec
from shopgym.agents.retrieval.metrics import evaluate_next
from shopgym.agents.retrieval.popular import Popular
from shopgym.agents.retrieval.sasrec import SASRec
from shopgym.agents.retrieval.two_tower import TwoTower
from shopgym.policies.retrieval import topk
from shopgym.policies.retrieval.sequence import in_order


def walks(count: int, n: int, seed: int) -> Sequences:
    """Item i is followed by i + 1, or by i + 2 where the one before i was odd."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        row = rng.integers(0, n, 2).tolist()
        while len(row) < 7:
            row.append((row[-1] + 1 + row[-2] % 2) % n)
        rows.append(row)
    return Sequences.from_lists(rows, n)


@pytest.mark.parametrize("kind", [SASRec, GRU4Rec])
def test_numpy_serves_what_torch_trained(kind: Any) -> None:
    settings = kind(dim=16, length=6, epochs=2)
    data = walks(200, 20, 0)
    model = settings.fit(data, np.random.default_rng(0))
    history = np.random.default_rng(1).integers(-1, 20, (50, 9)).astype(np.int32)
    history[0] = -1
    rows, size = in_order(history, 6)
    weights = {name: torch.from_numpy(w) for name, w in model.weights.items()}
    vectors = torch.from_numpy(model.vectors)
    with torch.no_grad():
        windows_seen = settings.states(vectors[torch.from_numpy(np.maximum(rows, 0)).long()], weights, None)
    want = windows_seen.numpy()[np.arange(50), np.maximum(size, 1) - 1]
    want[size == 0] = 0.0
    np.testing.assert_allclose(model.queries(history), want, atol=1e-5)
    np.testing.assert_allclose(model.scores(history), want @ model.vectors.T + model.bias, atol=1e-5)


@pytest.mark.parametrize("kind", [SASRec, GRU4Rec])
def test_later_items_do_not_change_earlier_states(kind: Any) -> None:
    settings = kind(dim=8, length=6)
    g = torch.Generator().manual_seed(0)
    weights = settings.new_weights(g)
    x = torch.randn(4, 6, 8, generator=g)
    other = x.clone()
    other[:, 3:] = 0.0
    one, two = settings.states(x, weights, None), settings.states(other, weights, None)
    torch.testing.assert_close(one[:, :3], two[:, :3])
    assert (one[:, 3:] - two[:, 3:]).abs().max() > 0.01


@pytest.mark.parametrize(
    "settings",
    [
        SASRec(dim=32, length=6, epochs=25, rate=0.005, dropout=0.1),
        GRU4Rec(dim=32, length=6, epochs=25, rate=0.01, dropout=0.1),
        GRU4Rec(dim=32, length=6, epochs=25, rate=0.01, dropout=0.1, negatives=10),
    ],
    ids=["sasrec", "gru4rec", "gru4rec, sampled"],
)
def test_learns_a_rule_of_the_last_two_items(settings: Any) -> None:
    model = settings.fit(walks(600, 20, 0), np.random.default_rng(0))
    test = walks(60, 20, 1)
    history, target, _ = test.steps(6)
    seen_items = (history >= 0).sum(axis=1) >= 2  # after one item the next is anybody's guess
    first = topk(model.scores(history[seen_items]), 1)[0][:, 0]
    assert (first == target[seen_items]).mean() > 0.9  # the last item alone decides half of them
    assert evaluate_next(model, test, 3)["coverage@3"] == 1.0


def test_sampled_softmax_with_everything_sampled_is_the_softmax() -> None:
    g = torch.Generator().manual_seed(0)
    hidden, vectors = torch.randn(7, 5, generator=g), torch.randn(11, 5, generator=g)
    target, windows_seen = torch.randint(11, (7,), generator=g), torch.arange(11)
    torch.testing.assert_close(
        sampled_softmax(hidden, target, vectors, windows_seen, torch.zeros(11)),
        softmax(hidden, target, vectors),
    )


def test_the_global_generator_and_threads_of_torch_do_not_change() -> None:
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    features = np.eye(20, 4, dtype=np.float32)
    for settings in (
        SASRec(dim=8, length=6, epochs=1),
        GRU4Rec(dim=8, length=6, epochs=1, negatives=4),
        TwoTower(features, epochs=1),
    ):
        settings.fit(walks(30, 20, 0), np.random.default_rng(0))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads


def test_a_diverging_step_is_refused() -> None:
    from shopgym.core import InvalidInput

    with pytest.raises(InvalidInput, match="rate"):
        GRU4Rec(dim=8, length=6, epochs=40, rate=10.0, decay=10.0).fit(
            walks(200, 20, 0), np.random.default_rng(0)
        )


def test_two_towers_know_new_items_and_new_users_by_their_features() -> None:
    """Users of a kind open items of that kind; every fifth item is never opened."""
    rng = np.random.default_rng(0)
    n, kinds, users = 100, 4, 400
    kind = np.arange(n) % kinds
    features = (np.eye(kinds)[kind] + 0.1 * rng.normal(size=(n, kinds))).astype(np.float32)
    cold = np.arange(n) % 5 == 0
    people = np.eye(kinds, dtype=np.float32)[np.arange(users) % kinds]
    rows = [rng.permutation(np.flatnonzero((kind == u % kinds) & ~cold))[:8].tolist() for u in range(users)]
    data = Sequences.from_lists(rows, n, user=people)
    model = TwoTower(features, dim=16, width=32, epochs=6, rate=0.01).fit(data, np.random.default_rng(0))
    new_scores = kind[None, :] == (np.arange(kinds)[:, None])
    for history, user in (
        (np.full((kinds, 1), -1, np.int32), people[:kinds]),  # nobody knows them yet
        (data.take(np.arange(kinds)).histories(), people[:kinds]),
    ):
        best = topk(model.scores(history, user), 5, cold)[0]  # the five cold items of the kind
        assert np.take_along_axis(new_scores, best, axis=1).all()
    popular = Popular().fit(data, np.random.default_rng(0)).scores(np.full((kinds, 1), -1, np.int32))
    assert np.take_along_axis(new_scores, topk(popular, 5, cold)[0], axis=1).mean() <= 0.5
