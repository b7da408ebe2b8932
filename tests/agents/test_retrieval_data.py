"""Data and metrics of retrieval models: known answers and refused input."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from builders.paths import SHARED
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from shopgym.agents.retrieval.data import Sequences, UserItems
from shopgym.agents.retrieval.metrics import evaluate, evaluate_next, ranking_metrics
from shopgym.agents.retrieval.sequential import windows_of
from shopgym.core import InvalidInput
from shopgym.policies.retrieval import DenseWeights, topk
from shopgym.policies.retrieval.model import distinct
from shopgym.policies.retrieval.sequence import in_order

REFERENCE = SHARED / "reference" / "ranking"
DATA = Sequences.from_lists([[3, 1, 3], [], [0], [2, 1, 0, 4]], 5)


def test_axes_say_which_are_users() -> None:
    items_by_users = csr_array(np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]]))
    one = UserItems.from_csr(items_by_users, axes=("item", "user"))
    other = UserItems.from_csr(items_by_users.T, axes=("user", "item"))
    assert one.csr.shape == (3, 2)
    np.testing.assert_array_equal(one.csr.toarray(), other.csr.toarray())
    with pytest.raises(InvalidInput, match="say which axis is which"):
        UserItems.from_csr(items_by_users, axes=("rows", "columns"))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"user": np.array([0, 0]), "item": np.array([1, 1])}, "given twice"),
        ({"value": np.array([1.0, np.nan])}, r"value\[1\]"),
        ({"value": np.array([1.0, 0.0])}, r"value\[1\]"),
        ({"value": np.array([-1.0, 1.0])}, r"value\[0\]"),
        ({"item": np.array([0, 3])}, r"item\[1\]"),
        ({"item": np.array([-1, 0])}, r"item\[0\]"),
        ({"user": np.array([0.5, 1.0])}, "whole row numbers"),
        ({"user": np.array([0])}, "one length"),
    ],
)
def test_bad_pairs_are_refused(wrong: dict[str, Any], field: str) -> None:
    good = {"user": np.array([0, 1]), "item": np.array([0, 1]), "users": 2, "items": 3}
    assert UserItems.from_pairs(**good).csr.nnz == 2
    with pytest.raises(InvalidInput, match=field):
        UserItems.from_pairs(**{**good, **wrong})


def test_sequences_are_in_order_of_time_and_know_their_histories() -> None:
    data = Sequences.from_events(
        owner=np.array([7, 5, 7, 7]),
        item=np.array([1, 0, 2, 3]),
        time=np.array([2.0, 9.0, 1.0, 2.0]),
        num_items=4,
    )
    assert data.items.tolist() == [0, 2, 1, 3]  # events of one moment keep their order
    assert data.start.tolist() == [0, 1, 4]
    assert data.histories().tolist() == [[0, -1, -1], [3, 1, 2]]
    assert data.histories(2).tolist() == [[0, -1], [3, 1]]
    history, target, owner = data.steps(2)
    assert history.tolist() == [[2, -1], [1, 2]]
    assert target.tolist() == [1, 3]
    assert owner.tolist() == [1, 1]


def test_parts_of_sequences() -> None:
    assert DATA.matrix().csr.toarray().tolist() == [
        [0, 1, 0, 1, 0],
        [0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [1, 1, 1, 0, 1],
    ]
    assert DATA.counts.tolist() == [2, 2, 1, 2, 1]
    assert DATA.take(np.array([3, 1])).histories().tolist() == [[4, 0, 1, 2], [-1] * 4]
    assert DATA.filter_entries(DATA.items != 1).histories(3).tolist() == [
        [3, 3, -1],
        [-1] * 3,
        [0, -1, -1],
        [4, 0, 2],
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"items": np.array([0, 5, 1], np.int32)}, r"item\[1\]"),
        ({"start": np.array([0, 2], np.int64)}, "start"),
        ({"start": np.array([0, 4, 3], np.int64)}, "start"),
        ({"time": np.array([0.0, np.nan, 1.0])}, "time"),
        ({"user": np.full((2, 1), np.inf, np.float32)}, "user"),
        ({"user": np.zeros((3, 1), np.float32)}, "user"),
    ],
)
def test_bad_sequences_are_refused(wrong: dict[str, Any], field: str) -> None:
    good = {"items": np.array([0, 4, 1], np.int32), "start": np.array([0, 1, 3], np.int64), "num_items": 5}
    assert len(Sequences(**good)) == 2
    with pytest.raises(InvalidInput, match=field):
        Sequences(**{**good, **wrong})


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=6), st.integers(1, 5))
def test_windows_predict_every_entry_but_the_first_once(rows: list[list[int]], length: int) -> None:
    data = Sequences.from_lists(rows, 10)
    windows = windows_of(data, length)
    pairs = sorted((int(a), int(b)) for w in windows for a, b in pairwise(w) if b >= 0)
    assert pairs == sorted((a, b) for row in rows for a, b in pairwise(row))
    assert all((w[: (w >= 0).sum()] >= 0).all() for w in windows)


def test_histories_from_the_latest_back_become_windows_in_order() -> None:
    history = np.array([[5, -1, 4, 3], [-1, -1, -1, -1]], np.int32)
    rows, size = in_order(history, 2)
    assert rows.tolist() == [[4, 5], [-1, -1]]
    assert size.tolist() == [2, 0]
    assert distinct(np.array([[2, -1, 2, 1, -1]], np.int32)).tolist() == [[2, -1, -1, 1, -1]]


def test_topk_breaks_ties_by_row_and_pads() -> None:
    scores = np.array([[1.0, 3.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]])
    rows, best = topk(scores, 2)
    assert rows.tolist() == [[1, 2], [0, 1]]
    assert best.tolist() == [[3, 3], [0, 0]]
    rows, best = topk(scores, 6, np.array([True, False, True, False]))  # more than there are
    assert rows.tolist() == [[2, 0, -1, -1, -1, -1], [0, 2, -1, -1, -1, -1]]
    assert (best[:, 2:] == -np.inf).all()
    assert (topk(scores, 3, np.zeros(4, bool))[0] == -1).all()  # nothing is allowed
    with pytest.raises(InvalidInput, match="NaN"):
        topk(np.array([[0.0, np.nan]]), 1)
    with pytest.raises(InvalidInput, match="k"):
        topk(scores, 0)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(1, 35))
def test_topk_is_the_stable_sort(values: list[int], k: int) -> None:
    scores = np.array([values], float)
    want = sorted(range(len(values)), key=lambda i: (-values[i], i))[:k]
    assert topk(scores, k)[0][0, : len(want)].tolist() == want


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs the folder shared/reference/ranking")
def test_metrics_agree_with_three_other_libraries() -> None:
    given_ = json.loads((REFERENCE / "rank_input.json").read_text())
    want = json.loads((REFERENCE / "rank_reference.json").read_text())
    users = sorted(given_["run"], key=lambda u: int(u[1:]))
    ranked = np.array(
        [
            sorted(map(int, (i[1:] for i in given_["run"][u])), key=lambda i: -given_["run"][u][f"i{i:02}"])
            for u in users
        ],
        np.int32,
    )
    pairs = [(n, int(i[1:]), g) for n, u in enumerate(users) for i, g in given_["qrels"].get(u, {}).items()]
    user, item, gain = (np.array(column) for column in zip(*pairs))
    relevant = UserItems.from_pairs(
        user=user, item=item, users=len(users), items=given_["n_items"], value=gain
    )
    metrics_found = ranking_metrics(ranked, relevant, (5, 10))
    ours = {"recall": "R", "ndcg": "nDCG"}
    for k in (5, 10):
        for name, theirs in ours.items():
            assert metrics_found[f"{name}@{k}"] == pytest.approx(
                want["ir_measures_pytrec_eval"][f"{theirs}@{k}"], abs=1e-12
            )
    assert metrics_found["hit@5"] == pytest.approx(want["ranx"]["hit_rate@5"])
    assert metrics_found["mrr@5"] == pytest.approx(want["ranx"]["mrr@5"])
    assert metrics_found["coverage@10"] == pytest.approx(want["rectools_0.19.0"]["cov10"])
    for n, u in enumerate(users):
        one = relevant.csr[[n]]
        if one.nnz:
            single = ranking_metrics(ranked[[n]], UserItems(csr_array(one)), (10,))
            assert single["ndcg@10"] == pytest.approx(want["ir_measures_per_user_ndcg10"][u], abs=1e-12)


def test_metrics_of_a_ranking_known_by_hand() -> None:
    relevant = UserItems.from_pairs(user=np.array([0, 0, 0]), item=np.array([1, 2, 3]), users=2, items=8)
    metrics_found = ranking_metrics(np.array([[0, 2, 1], [4, 5, -1]], np.int32), relevant, (1, 3))
    discount = 1 / np.log2([2, 3, 4])
    assert metrics_found["recall@3"] == pytest.approx(2 / 3)  # the second user has nothing to find
    assert metrics_found["ndcg@3"] == pytest.approx(discount[1:].sum() / discount.sum())
    assert metrics_found["mrr@3"] == 0.5
    assert metrics_found["hit@1"] == metrics_found["recall@1"] == 0.0
    assert metrics_found["coverage@3"] == 5 / 8
    for wrong, field in (
        (np.array([[0, 0, 1], [4, 5, -1]]), "twice"),
        (np.array([[0, 1, 2]]), "one ranking for each"),
    ):
        with pytest.raises(InvalidInput, match=field):
            ranking_metrics(wrong.astype(np.int32), relevant, (1,))
    with pytest.raises(InvalidInput, match="nobody"):
        ranking_metrics(np.zeros((1, 1), np.int32), UserItems(csr_array((1, 8))), (1,))
    with pytest.raises(InvalidInput, match="k"):
        ranking_metrics(np.array([[0], [1]], np.int32), relevant, (2,))


def test_evaluate_hides_seen_items_and_evaluate_next_does_not() -> None:
    model = DenseWeights(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))  # what was opened, again
    seen = Sequences.from_lists([[0], [1]], 3)
    answers = Sequences.from_lists([[1], [0]], 3).matrix()
    assert evaluate(model, seen, answers, 1)["recall@1"] == 1.0  # 0 is hidden, so the tie goes to 1; and back
    empty = Sequences.from_lists([[], []], 3)
    assert evaluate(model, seen, answers, 1, hide=empty)["recall@1"] == 0.0
    assert evaluate_next(model, Sequences.from_lists([[2, 2, 2], [1, 1]], 3), 1)["mrr@1"] == 1.0
    turns = Sequences.from_lists([[2, 2, 1]], 3)
    assert evaluate_next(model, turns, 1)["recall@1"] == 0.5
    assert evaluate_next(model, turns, 1, again=False)["recall@1"] == 0.0
