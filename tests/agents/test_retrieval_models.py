"""Retrieval models against their definitions, and tests that all of them pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shopgym.agents.retrieval.als import ALS, half_step
from shopgym.agents.retrieval.bpr import BPR
from shopgym.agents.retrieval.data import Sequences
from shopgym.agents.retrieval.ease import Ease
from shopgym.agents.retrieval.item_knn import ItemKNN
from shopgym.agents.retrieval.metrics import evaluate
from shopgym.agents.retrieval.popular import Popular
from shopgym.core import InvalidInput
from shopgym.policies.retrieval import MODELS, Model, model_from_state, topk

pytest.importorskip("torch", reason="needs the extra 'agents'")
from shopgym.agents.retrieval.gru4rec import GRU4Rec
from shopgym.agents.retrieval.sasrec import SASRec
from shopgym.agents.retrieval.two_tower import TwoTower

N, GROUPS = 30, 3


def grouped(users: int = 120, seed: int = 0) -> Sequences:
    """Users of three groups open items of their group, of which there are ten each."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(10)[:6] + 10 * (u % GROUPS) for u in range(users)]
    group = np.eye(GROUPS, dtype=np.float32)[np.arange(users) % GROUPS]
    data = Sequences.from_lists((row.tolist() for row in rows), N, user=group)
    return Sequences(data.items, data.start, N, np.arange(len(data.items)) / 10, group)


FEATURES = np.eye(GROUPS, dtype=np.float32)[np.arange(N) // 10]
SMALL: dict[str, Any] = {"dim": 8, "epochs": 4, "batch": 32, "rate": 0.01}
RECOMMENDERS: dict[str, Any] = {
    "popular": Popular(),
    "trending": Popular(half_life=3.0),
    "cohorts": Popular(edges=(0.5,), column=1),
    "item_knn": ItemKNN(neighbours=8, shrink=2.0),
    "ease": Ease(ridge=10.0),
    "als": ALS(factors=8, rounds=5, ridge=1.0),
    "bpr": BPR(factors=8, epochs=20),
    "two_tower": TwoTower(FEATURES, width=16, even=8, **SMALL),
    "sasrec": SASRec(length=5, **{**SMALL, "epochs": 15}),
    "gru4rec": GRU4Rec(length=5, **{**SMALL, "epochs": 15}),
    "sampled": GRU4Rec(length=5, negatives=16, **{**SMALL, "epochs": 15}),
}


@pytest.fixture(scope="module", params=RECOMMENDERS)
def fitted(request: pytest.FixtureRequest) -> tuple[str, Model]:
    return request.param, RECOMMENDERS[request.param].fit(grouped(), np.random.default_rng(1))


@pytest.fixture(scope="module")
def histories() -> tuple[Any, Any]:
    data = grouped(9, seed=5)
    history = data.histories(7)
    history[3] = -1
    history[4, 2:] = -1
    history[5, 1] = history[5, 0]
    assert data.user is not None
    return history, data.user


def test_models_implement_the_protocol(fitted: tuple[str, Model], histories: Any) -> None:
    _, model = fitted
    history, user = histories
    assert isinstance(model, Model)
    assert model.num_items == N
    scores = model.scores(history, user)
    assert scores.shape == (9, N)
    assert np.isfinite(scores).all()
    rows = np.random.default_rng(0).integers(-1, N, (9, 5)).astype(np.int32)
    at = model.scores_at(history, rows, user)
    want = np.take_along_axis(scores, np.maximum(rows, 0), axis=1)
    np.testing.assert_allclose(at[rows >= 0], want[rows >= 0], rtol=1e-5, atol=1e-6)


def test_scores_do_not_depend_on_other_requests(fitted: tuple[str, Model], histories: Any) -> None:
    _, model = fitted
    history, user = histories
    rows = np.broadcast_to(np.arange(N, dtype=np.int32), (9, N))
    together = model.scores_at(history, rows, user)
    for i in range(9):
        alone = model.scores_at(history[i : i + 1], rows[i : i + 1], user[i : i + 1])
        np.testing.assert_array_equal(alone[0], together[i])
    none = model.scores_at(np.empty((9, 0), np.int32), rows, user)
    np.testing.assert_array_equal(none, model.scores_at(np.full((9, 4), -1, np.int32), rows, user))
    wider = np.pad(history, ((0, 0), (0, 3)), constant_values=-1)
    np.testing.assert_array_equal(model.scores_at(wider, rows, user), together)


def test_state_makes_the_same_model(fitted: tuple[str, Model], histories: Any) -> None:
    _, model = fitted
    history, user = histories
    spec, arrays = model.state()
    repeated = model_from_state(spec, arrays)
    assert type(repeated) is type(model)
    np.testing.assert_array_equal(repeated.scores(history, user), model.scores(history, user))
    assert all(name.replace("_", "").isalnum() for name in arrays)


def test_the_same_seed_gives_the_same_bytes(fitted: tuple[str, Model]) -> None:
    name, model = fitted
    repeated = RECOMMENDERS[name].fit(grouped(), np.random.default_rng(1))
    for one, other in zip(model.state()[1].values(), repeated.state()[1].values()):
        assert one.tobytes() == other.tobytes()


def test_bad_histories_and_features_are_refused(fitted: tuple[str, Model], histories: Any) -> None:
    name, model = fitted
    history, user = histories
    for wrong in (np.full((9, 2), N, np.int32), np.full((9, 2), -2, np.int32), history[0]):
        with pytest.raises(InvalidInput, match="history"):
            model.scores(wrong, user)
    if name in ("cohorts", "two_tower"):
        for bad in (None, user[:, :1], np.full_like(user, np.nan)):
            with pytest.raises(InvalidInput, match="user"):
                model.scores(history, bad)


def test_learns_the_obvious_and_ranks_by_popularity_without_a_history(
    fitted: tuple[str, Model], histories: Any
) -> None:
    name, model = fitted
    data = grouped(60, seed=9)
    assert data.user is not None
    empty = np.full((60, 4), -1, np.int32)
    if name != "two_tower":  # a query that speaks from features alone
        best = topk(model.scores(empty, data.user), 1)[0]
        count = grouped().counts
        if name not in ("trending", "cohorts"):
            assert (count[best] == count.max()).all()
    if name in ("popular", "trending"):
        return
    # the rest of the group's items, of 24 that a user has not opened
    unopened = (
        Sequences.from_lists(([10 * (u % 3) + i for i in range(10)] for u in range(60)), N).matrix().csr
    )
    unopened = unopened - unopened.multiply(data.matrix().csr)
    answers = Sequences.from_lists((unopened[[u]].nonzero()[1].tolist() for u in range(60)), N).matrix()
    recall = evaluate(model, data, answers, 4)["recall@4"]
    assert recall > (0.4 if name == "cohorts" else 0.9)  # by chance 4 / 24; cohorts tell one group from two


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_nothing_to_learn_from(name: str) -> None:
    none = Sequences(
        np.zeros(0, np.int32), np.zeros(1, np.int64), N, np.zeros(0), np.zeros((0, 3), np.float32)
    )
    single = Sequences(np.array([4], np.int32), np.array([0, 1]), N, np.zeros(1), np.ones((1, 3), np.float32))
    for data in (none, single):
        model = RECOMMENDERS[name].fit(data, np.random.default_rng(0))
        scores = model.scores(np.array([[4, 29], [-1, -1]], np.int32), np.zeros((2, 3), np.float32))
        assert np.isfinite(scores).all()


def test_ease_is_ridge_regression_on_all_other_items() -> None:
    data = grouped(40)
    x = data.matrix().csr.toarray()
    model = Ease(ridge=3.0).fit(data, np.random.default_rng(0))
    for j in range(N):
        competitors = np.delete(np.arange(N), j)
        a = x[:, competitors]
        w = np.linalg.solve(a.T @ a + 3.0 * np.eye(N - 1), a.T @ x[:, j])
        np.testing.assert_allclose(model.weights[competitors, j], w, atol=1e-6)
        assert model.weights[j, j] == 0.0


def test_item_knn_is_the_shrunk_cosine_of_the_nearest() -> None:
    data = Sequences.from_lists([[0, 1], [0, 1, 2], [0, 2, 3], [3]], 5)
    x = data.matrix().csr.toarray()
    count, together = x.sum(0), x.T @ x
    want = together / (np.sqrt(np.outer(count, count)) + 2.0)
    np.fill_diagonal(want, 0.0)
    w = np.zeros((5, 5))
    for j in range(5):
        for i in sorted(range(5), key=lambda i: (-want[i, j], i))[:2]:
            w[i, j] = want[i, j]
    model = ItemKNN(neighbours=2, shrink=2.0).fit(data, np.random.default_rng(0))
    scores = model.scores(np.arange(5, dtype=np.int32)[:, None])
    np.testing.assert_allclose(scores - model.bias, w, atol=1e-7)
    repeated = ItemKNN(neighbours=2, shrink=2.0, itself=1.0).fit(data, np.random.default_rng(0))
    scores = repeated.scores(np.arange(5, dtype=np.int32)[:, None])
    np.testing.assert_allclose(scores - model.bias, w + np.diag(count > 0), atol=1e-7)
    twice = model.scores(np.array([[0, 0, 2]], np.int32))  # an item that comes again counts once
    np.testing.assert_array_equal(twice, model.scores(np.array([[0, 2]], np.int32)))


def test_als_half_step_is_the_weighted_ridge_solution() -> None:
    rng = np.random.default_rng(0)
    data = grouped(20)
    seen = data.matrix().csr
    x, y = rng.normal(size=(20, 6)), rng.normal(size=(N, 6))
    half_step(x, y, seen.indptr, seen.indices, weight=4.0, ridge=0.5, steps=30)
    for u in range(20):
        p = seen[[u]].toarray()[0]
        c = np.diag(1.0 + 4.0 * p)
        want = np.linalg.solve(y.T @ c @ y + 0.5 * np.eye(6), y.T @ c @ p)
        np.testing.assert_allclose(x[u], want, rtol=1e-6, atol=1e-9)


def test_als_serves_the_exact_solution_for_a_history() -> None:
    data = grouped(20)
    model = ALS(factors=6, weight=4.0, ridge=0.5).fit(data, np.random.default_rng(0))
    y = model.vectors.astype(float)
    query = model.queries(data.histories())
    for u in range(20):
        p = data.matrix().csr[[u]].toarray()[0]
        c = np.diag(1.0 + 4.0 * p)
        want = np.linalg.solve(y.T @ c @ y + 0.5 * np.eye(6), y.T @ c @ p)
        np.testing.assert_allclose(query[u], want, rtol=1e-4, atol=1e-6)


def test_trends_halve_and_cohorts_mix() -> None:
    data = Sequences(
        np.array([0, 1, 1, 2], np.int32),
        np.array([0, 2, 4]),
        3,
        np.array([0.0, 10.0, 5.0, 10.0]),
        np.array([[0.0], [1.0]], np.float32),
    )
    trend = Popular(half_life=5.0).fit(data, np.random.default_rng(0))
    np.testing.assert_allclose(trend.table[0], [0.25, 1.5, 1.0])
    cohorts = Popular(edges=(0.5,), pull=4.0).fit(data, np.random.default_rng(0))
    np.testing.assert_allclose(cohorts.table, [[2, 3, 1], [1, 3, 2]])
    with pytest.raises(InvalidInput, match="time"):
        Popular(half_life=5.0).fit(Sequences.from_lists([[0]], 3), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Popular(half_life=0.0), "half_life"),
        (lambda: Popular(edges=(1.0, 0.0)), "edges"),
        (lambda: ItemKNN(neighbours=0), "neighbours"),
        (lambda: Ease(ridge=0.0), "ridge"),
        (lambda: ALS(factors=0), "factors"),
        (lambda: BPR(rate=-1.0), "rate"),
        (lambda: SASRec(device="tpu"), "device"),
        (lambda: GRU4Rec(dropout=1.0), "dropout"),
        (lambda: TwoTower(np.full((3, 2), np.nan, np.float32)), "features"),
        (lambda: TwoTower(FEATURES[:5]).fit(grouped(), np.random.default_rng(0)), "features"),
        (lambda: Ease().fit(Sequences.from_lists([], 30_000), np.random.default_rng(0)), "items"),
        (lambda: model_from_state({"kind": "magic"}, {}), "kind"),
    ],
)
def test_bad_settings_are_refused(make: Any, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        make()


def test_every_frozen_model_is_fitted_here() -> None:
    kinds = {RECOMMENDERS[name].fit(grouped(9), np.random.default_rng(0)).kind for name in RECOMMENDERS}
    assert kinds | {"matched"} == set(MODELS)  # that one is read off a linear ranker
