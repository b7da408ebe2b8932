"""Requests without candidates: retrieval, ranking, guards, logs and replay."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.bundles import CONTEXT, UNIT, USER, linear_policy, random_requests, small_items
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from shopgym.agents.retrieval.als import ALS
from shopgym.agents.retrieval.data import Sequences
from shopgym.agents.retrieval.ease import Ease
from shopgym.agents.retrieval.item_knn import ItemKNN
from shopgym.agents.retrieval.popular import Popular
from shopgym.core import InvalidInput, Requests
from shopgym.experiments.config import parse_config
from shopgym.experiments.export import export_policy
from shopgym.experiments.policy_store import read_retriever
from shopgym.experiments.runner import run
from shopgym.policies.decision_log.compaction import compact
from shopgym.policies.decision_log.log import DecisionLog
from shopgym.policies.explorers import PlackettLuceRanking
from shopgym.policies.guards import InStock
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.retrieval import ivf as ivf_module
from shopgym.policies.retrieval import retriever as retriever_module
from shopgym.policies.retrieval import topk
from shopgym.policies.retrieval.ivf import IVF
from shopgym.policies.retrieval.retriever import Retriever, StockAwareRetriever
from shopgym.policies.retriever_from_policy import retriever_of
from shopgym.policies.scorers import LinearScorer, TableScorer
from shopgym.policies.serving.bundle import Bundle, load_bundle, write_bundle
from shopgym.policies.serving.request_seeded import decide_seeded
from shopgym.policies.serving.server import make_app
from shopgym.policies.serving.service import RankingService

pytestmark = pytest.mark.slow

N, M = 30, 8
KINDS = ("linear", "linear, indexed", "popular", "item_knn", "ease", "als", "als, indexed")
RANKS = linear_policy(N)


@cache
def retriever(kind: str) -> Retriever:
    rng = np.random.default_rng(0)
    name, _, indexed = kind.partition(", ")
    if name == "linear":
        return retriever_of(RANKS, M, rng, index_from=1 if indexed else 10**9)
    data = Sequences.from_lists((rng.permutation(N)[:6].tolist() for _ in range(80)), N)
    recommender: Any = {"popular": Popular(), "item_knn": ItemKNN(), "ease": Ease(), "als": ALS(factors=4)}[
        name
    ]
    model = recommender.fit(data, rng)
    return Retriever(model, M, IVF.build(model.vectors, model.bias, rng) if indexed else None)


def golden() -> Requests:
    rng = np.random.default_rng(3)
    requests = random_requests(RANKS, 25, 12, rng)
    return replace(requests, history=rng.integers(-1, N, (25, 4)).astype(np.int32))


def write(path: Path, by: Retriever | None, **options: Any) -> Bundle:
    given = {"golden_requests": golden(), "user_names": USER, "context_names": CONTEXT, **options}
    return write_bundle(path, RANKS, unit=UNIT, config_hash="c0ffee", retriever=by, **given)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("retrieving")
    for kind in KINDS:
        write(folder / kind, retriever(kind))
    return {kind: folder / kind for kind in KINDS}


def ask(i: int, rng: np.random.Generator, **more: Any) -> dict[str, Any]:
    history = [f"sku{row}" for row in rng.permutation(N)[: rng.integers(0, 5)]]
    user = rng.normal(size=2).tolist()
    return {
        "request_id": i,
        "user_id": 1,
        "user": user,
        "context": [3.5],
        "time": 1.0,
        "history": history,
        **more,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_bundle_decides_like_its_policy(kind: str, bundles: dict[str, Path]) -> None:
    loaded = load_bundle(bundles[kind])
    ours = retriever(kind)
    assert loaded.retriever is not None
    assert loaded.retriever.hash == ours.hash == loaded.manifest["retriever"]["hash"]
    assert loaded.policy.hash == RANKS.hash  # a log's propensities are this policy's, whoever found the items
    rng = np.random.default_rng(5)
    requests = replace(golden(), history=rng.integers(-1, N, (25, 4)).astype(np.int32))
    stock = rng.random(N) < 0.5
    expected, actual = (StockAwareRetriever(by, stock).fill(requests) for by in (ours, loaded.retriever))
    np.testing.assert_array_equal(expected.candidates, actual.candidates)
    cases = json.loads((bundles[kind] / "golden.json").read_text())
    assert ["candidates" in case["request"] for case in cases] == [i % 2 == 0 for i in range(25)]
    assert any(case["request"].get("out_of_stock") for case in cases)


@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 10**6),
    gone=st.sets(st.integers(0, N - 1)),
    blocked=st.sets(st.integers(0, N - 1)),
)
@settings(max_examples=60, deadline=None)
def test_the_best_items_in_stock_are_retrieved(
    kind: str, seed: int, gone: set[int], blocked: set[int]
) -> None:
    """The best items that are neither sold out nor blocked; the policy's propensities are exact."""
    by, rng = retriever(kind), np.random.default_rng(seed)
    ranker = RankingService(
        Bundle("", {}, RANKS, _features(USER), _features(CONTEXT), (), np.arange(3), {}, by)
    )
    ranker.set_stock({f"sku{row}": False for row in gone})
    asked = ranker.read(ask(seed, rng, out_of_stock=[f"sku{row}" for row in blocked]))
    requests, left = asked.requests, N - len(gone | blocked)
    rows = requests.candidates[0]
    retrieved = rows[rows >= 0]
    assert len(retrieved) == min(M, left) == len(set(retrieved.tolist()))
    assert not set(retrieved.tolist()) & (gone | blocked)
    assert requests.in_stock[0].tolist() == (rows >= 0).tolist()
    assert len(rows) == max(1, len(retrieved))
    features = (
        np.concatenate([requests.user, requests.context], axis=1) if "linear" in kind else requests.user
    )
    scores = by.model.scores(requests.history, features)  # type: ignore[arg-type]
    allowed = np.array([row not in gone | blocked for row in range(N)])
    best = topk(scores, M, allowed)[1][0][: len(retrieved)]
    np.testing.assert_allclose(scores[0, retrieved], best, rtol=1e-5, atol=1e-6)
    decided = ranker.decide(asked)
    assert (decided.propensities > 0).all()
    assert not set(decided.slates[0].tolist()) & (gone | blocked)
    np.testing.assert_array_equal(RANKS.propensities(requests, decided.positions), decided.propensities)
    replayed = decide_seeded(RANKS, requests)  # from what the log would hold
    np.testing.assert_array_equal(replayed.slates, decided.slates)


def _features(names: tuple[str, ...]) -> Any:
    from shopgym.policies.serving.request_schema import Feature

    return tuple(Feature(name) for name in names)


def test_the_index_follows_changes_of_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """After many changes of stock the index equals one that is built from the present stock."""
    monkeypatch.setattr(ivf_module, "EXACT_BELOW", 0)
    monkeypatch.setattr(retriever_module, "STALE", 40)
    rng = np.random.default_rng(0)
    vectors, bias = rng.normal(size=(400, 5)).astype(np.float32), rng.random(400, dtype=np.float32)
    model = ALS(factors=5).fit(Sequences.from_lists([[0, 1]], 400), rng)
    model = replace(model, vectors=vectors, bias=bias)
    by = Retriever(model, 20, IVF.build(vectors, bias, rng, lists=10, probes=10))
    stock = np.ones(400, bool)
    shelf, exact = StockAwareRetriever(by, stock), StockAwareRetriever(replace(by, index=None), stock)
    requests = replace(
        random_requests(linear_policy(400), 4, 3, rng), history=rng.integers(0, 400, (4, 3), np.int32)
    )
    for _ in range(12):
        for rows in (rng.integers(0, 400, 5), rng.integers(0, 400, 100)):
            stock[rows] = rng.random(len(rows)) < 0.5
            blocked = rng.integers(0, 400, 7)
            one, two = shelf.fill(requests, blocked).candidates, exact.fill(requests, blocked).candidates
            np.testing.assert_array_equal(np.sort(one), np.sort(two))
            assert stock[one].all()


def test_linear_retrieval_scores_as_the_ranker_does() -> None:
    """The mean of the models over every item, to float32 precision."""
    requests = golden()
    scorer = RANKS.scorer
    assert isinstance(scorer, LinearScorer)
    everything = np.tile(np.arange(N, dtype=np.int32), (25, 1))
    whole = replace(requests, candidates=everything, in_stock=everything >= 0)
    model = retriever("linear").model
    features = np.concatenate([requests.user, requests.context], axis=1)
    want = scorer.scores(whole).mean(axis=1)
    np.testing.assert_allclose(model.scores(requests.history, features), want, rtol=1e-4, atol=1e-5)  # type: ignore[arg-type]


def test_the_log_of_the_server_has_the_retrieved_candidates(bundles: dict[str, Path], tmp_path: Path) -> None:
    bundle = load_bundle(bundles["als, indexed"])
    rng = np.random.default_rng(1)
    with TestClient(make_app(bundle, tmp_path / "log")) as client:
        assert client.post("/stock", json={f"sku{row}": False for row in range(0, N, 2)}).status_code == 200
        for i in range(40):
            body = ask(i, rng, out_of_stock=["sku1", "sku3"])
            answer = client.post("/rank", json=body)
            assert answer.status_code == 200, answer.json()
            assert client.post("/rank", json=body).json() == answer.json()
            shown = [int(item[3:]) for item in answer.json()["items"] if item]
            assert shown
            assert all(row % 2 and row not in (1, 3) for row in shown)
            rewards = [float(item is not None) for item in answer.json()["items"]]
            client.post("/reward", json={"request_id": i, "rewards": rewards})
        refused = client.post("/rank", json={**ask(99, rng), "history": None})
        assert refused.status_code == 422
        assert refused.json()["error"]["field"] == "requests.history"
    log = compact(tmp_path / "log", None)
    assert log.num_candidates == M
    assert (log.candidates % 2 == 1).all()
    np.testing.assert_array_equal(bundle.policy.propensities(log.requests(), log.positions), log.propensities)
    assert log.policy_hash == bundle.policy.hash


def test_all_sold_out_is_an_empty_page(bundles: dict[str, Path], tmp_path: Path) -> None:
    bundle = load_bundle(bundles["popular"])
    with TestClient(make_app(bundle, tmp_path / "log")) as client:
        client.post("/stock", json={f"sku{row}": False for row in range(N)})
        answer = client.post("/rank", json=ask(1, np.random.default_rng(0))).json()
    assert answer["items"] == [None] * 3
    assert answer["propensities"] == [1.0] * 3
    log = compact(tmp_path / "log")
    assert log.candidates.tolist() == [[-1]]


def test_a_changed_retriever_is_refused(bundles: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundles["als"], tmp_path / "b"))
    path = folder / "retriever" / "model_vectors.npy"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(InvalidInput, match="model_vectors"):
        load_bundle(folder)


def test_retrievers_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    small = replace(RANKS, items=small_items(9), scorer=TableScorer(np.zeros(9)))
    with pytest.raises(InvalidInput, match=r"retriever\.model"):
        write(tmp_path / "b", retriever_of(small, 3, np.random.default_rng(0)))
    with pytest.raises(InvalidInput, match="live_names"):
        write(tmp_path / "b", retriever("popular"), live_names=("price",))
    with pytest.raises(InvalidInput, match=r"retriever\.count"):
        replace(retriever("popular"), count=0)
    odd = SlatePolicy(
        "odd", RANKS.items, replace(RANKS.scorer, link="logistic"), PlackettLuceRanking(), (InStock(),), 3
    )  # type: ignore[type-var]
    with pytest.raises(InvalidInput, match=r"retrieve\.agent"):
        retriever_of(odd, 5, np.random.default_rng(0))


SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 3,
    "catalog": {"source": "synthetic", "items": 300},
    "shop": {
        "users": 400,
        "slate_size": 2,
        "stock": {"enabled": False},
        "choice": {"click_base": -1.0, "cart_base": -0.5, "buy_base": 0.5, "taste_weight": 3.0},
    },
    "reward": {"terms": {"click": 1.0}, "unit": "click", "north_star": "click"},
    "retrieve": {"count": 12, "rounds": 10},
    "agents": {"random": {}, "lints": {"draws": 3}},
    "log": {"agent": "random", "options": {}, "decisions": 8000},
    "gate": {"baseline": "random"},
    "training": {"rounds": 12, "batch": 400, "warm_up": 5},
    "evaluation": {"bootstrap": 200},
    "truth": {"decisions": 4000},
}


def test_one_command_from_config_to_a_served_bundle(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    results = run(parse_config(SMALL), folder, quiet=True)
    assert results.chosen.passed, results.chosen.reason
    assert results.served is not None
    assert results.served["equal"] == results.served["cases"] == results.served["logged"] == 32
    log, loaded = DecisionLog.read(folder / "log.parquet"), load_bundle(folder / "bundle")
    assert log.num_candidates == 12
    kept = read_retriever(folder / "retriever")
    assert kept is not None
    assert loaded.retriever is not None
    assert loaded.retriever.hash == kept.hash
    everything = np.ones(300, bool)
    replayed = StockAwareRetriever(kept, everything).fill(log.take(slice(0, 50)).requests())
    np.testing.assert_array_equal(replayed.candidates, log.candidates[:50])
    assert export_policy(folder, "lints", tmp_path / "again").hash == loaded.hash


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"shop": {"num_candidates": 30}}, "shop.num_candidates"),
        ({"shop": {"live": True}}, "shop.live"),
        ({"retrieve": {"count": 1}}, "retrieve.count"),
        ({"retrieve": {"count": 0}}, "retrieve.count"),
        ({"retrieve": {"agent": "linuzb"}}, "retrieve.agent"),
        ({"retrieve": {"options": {"alhpa": 1}}}, "retrieve.options.alhpa"),
        ({"retrieve": {"cuont": 9}}, "retrieve.cuont"),
    ],
)
def test_bad_configs_name_field_value_and_fix(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_config({**SMALL, "shop": {"slate_size": 2}, **change})
    assert caught.value.field == field
    assert caught.value.fix


def test_too_many_items_and_agents_that_cannot_retrieve_are_refused(tmp_path: Path) -> None:
    for change, field in (({"count": 400}, "retrieve.count"), ({"agent": "logistic_ts"}, "retrieve.agent")):
        raw = {**SMALL, "retrieve": {"rounds": 1, "count": 10, **change}}
        with pytest.raises(InvalidInput) as caught:
            run(parse_config(raw), tmp_path / "run", quiet=True)
        assert caught.value.field == field
        assert not (tmp_path / "run").exists()
