"""Retrieval at work: the index, the policy that retrieves first, the agents, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shopgym.agents import Task, make_agent
from shopgym.agents.retrieval.als import ALS
from shopgym.agents.retrieval.data import Sequences
from shopgym.agents.retrieval.event_sequences import EventSequences
from shopgym.agents.retrieval.item_knn import ItemKNN
from shopgym.agents.retrieval.popular import Popular
from shopgym.core import Decisions, Interactions, InvalidInput, Policy, Requests
from shopgym.policies.explorers import PlackettLuceRanking, Softmax
from shopgym.policies.guards import CategoryCap, FrequencyCap, InStock
from shopgym.policies.guards.interventions import CountingPolicy
from shopgym.policies.policy import SlatePolicy, policy_from_state
from shopgym.policies.retrieval import Model, topk
from shopgym.policies.retrieval import ivf as ivf_module
from shopgym.policies.retrieval.ivf import IVF
from shopgym.policies.retrieval.retriever import Retriever
from shopgym.policies.retrieving_policy import RetrievingPolicy
from shopgym.policies.scorers import HistoryScorer
from shopgym.simulators import Catalog, Shop, ShopConfig

N = 120


def clustered(n: int, d: int, seed: int = 0) -> Any:
    """(vectors, biases, queries) in clusters, as fitted vectors are."""
    rng = np.random.default_rng(seed)
    topics = rng.normal(size=(40, d))
    vectors = topics[rng.integers(40, size=n)] + 0.5 * rng.normal(size=(n, d))
    queries = topics[rng.integers(40, size=40)] + 0.5 * rng.normal(size=(40, d))
    return vectors.astype(np.float32), 0.1 * rng.random(n, dtype=np.float32), queries.astype(np.float32)


@pytest.mark.parametrize("out", [0.0, 0.5, 0.9, 0.99, 1.0])
def test_the_index_finds_the_best_of_the_allowed_items(out: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ivf_module, "EXACT_BELOW", 100)
    vectors, bias, queries = clustered(6000, 16)
    index = IVF.build(vectors, bias, np.random.default_rng(1), probes=12)
    allowed = np.random.default_rng(2).random(6000) >= out
    rows, scores = index.among(allowed).search(queries, 20)
    exact, best = topk(queries @ vectors.T + bias, 20, allowed)
    left = min(20, int(allowed.sum()))
    assert ((rows >= 0).sum(axis=1) == left).all()
    assert allowed[rows[rows >= 0]].all()
    recall = np.mean([np.isin(a[:left], b).mean() for a, b in zip(exact, rows)] if left else 1.0)
    assert recall > 0.95
    np.testing.assert_allclose(np.sort(scores[:, :left]), np.sort(best[:, :left]), rtol=0.2)


def test_an_index_that_reads_all_lists_is_exact_and_orders_equal_scores_by_row() -> None:
    vectors, bias, queries = clustered(500, 4)
    vectors[100:200] = vectors[50]  # a hundred equals
    bias[100:200] = bias[50]
    index = IVF.build(vectors, bias, np.random.default_rng(0), lists=10, probes=10)
    got = index.search(queries, 30)[0]
    sums = (
        np.concatenate([vectors, bias[:, None]], axis=1)
        @ np.append(queries, np.ones((40, 1), np.float32), 1).T
    ).T
    for i in range(40):
        np.testing.assert_allclose(np.sort(sums[i, got[i]]), np.sort(sums[i])[-30:], rtol=1e-5)
        same = [row for row in got[i] if 100 <= row < 200]
        assert same == sorted(same)
    again = IVF.from_state(*index.state())
    np.testing.assert_array_equal(again.search(queries, 30)[0], got)
    assert index.search(queries, 600)[0][:, 500:].max() == -1  # more than there are
    for i in range(3):
        np.testing.assert_array_equal(index.search(queries[i : i + 1], 30)[0][0], got[i])


@pytest.mark.parametrize(
    ("vectors", "lists", "field"),
    [
        (np.zeros((0, 2), np.float32), None, "vectors"),
        (np.zeros(5, np.float32), None, "vectors"),
        (np.full((9, 2), np.nan, np.float32), None, "finite"),
        (np.ones((9, 2), np.float32), 10, "lists"),
    ],
)
def test_a_bad_index_is_refused(vectors: Any, lists: int | None, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        IVF.build(vectors, np.zeros(len(vectors), np.float32), np.random.default_rng(0), lists=lists)
    index = IVF.build(np.ones((9, 2), np.float32), np.zeros(9, np.float32), np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="allowed"):
        index.among(np.ones(4, bool))


@pytest.fixture(scope="module")
def fitted() -> dict[str, Model]:
    rng = np.random.default_rng(0)
    data = Sequences.from_lists((rng.permutation(40)[:9] * 3 + u % 3 for u in range(200)), N)
    return {
        "popular": Popular().fit(data, rng),
        "item_knn": ItemKNN().fit(data, rng),
        "als": ALS(factors=8).fit(data, rng),
    }


def asks(n: int, m: int, seed: int = 0) -> Requests:
    rng = np.random.default_rng(seed)
    candidates = np.array([rng.permutation(N)[:m] for _ in range(n)], np.int32).reshape(n, m)
    return Requests(
        request_id=np.arange(n, dtype=np.uint64),
        user_id=np.arange(n),
        user=rng.normal(size=(n, 2)).astype(np.float32),
        context=np.zeros((n, 0), np.float32),
        candidates=candidates,
        in_stock=rng.random((n, m)) < 0.7,
        time=np.zeros(n),
        history=rng.integers(-1, N, (n, 6)).astype(np.int32),
    )


def ranking(items: Any, model: Model, *guards: Any, floor: float = 0.1) -> SlatePolicy:
    return SlatePolicy(
        "r", items, HistoryScorer(model), PlackettLuceRanking(1.0, floor), (InStock(), *guards), 3
    )


@pytest.fixture(params=["popular", "item_knn", "als", "als, indexed"])
def policy(request: pytest.FixtureRequest, fitted: dict[str, Model], catalog: Catalog) -> RetrievingPolicy:
    model: Any = fitted[request.param.split(",")[0]]
    index = None
    if "indexed" in request.param:
        index = IVF.build(model.vectors, model.bias, np.random.default_rng(0))
    stock = np.random.default_rng(8).random(N) < 0.3
    return RetrievingPolicy(Retriever(model, 12, index), ranking(catalog.items, model), stock)


@pytest.mark.parametrize("m", [0, 5, 12, 60])
def test_retrieved_candidates_are_the_best_in_stock_and_decide_alike_when_logged(
    policy: RetrievingPolicy, m: int
) -> None:
    requests = asks(50, m)
    assert isinstance(policy, Policy)
    kept = policy.retrieve(requests)
    again = policy.retrieve(kept)
    np.testing.assert_array_equal(again.candidates, kept.candidates)
    if m in (5, 12):
        assert kept is requests
    else:
        assert kept.candidates.shape == (50, 12)
        np.testing.assert_array_equal(kept.in_stock, kept.candidates >= 0)
        scores = policy.retriever.model.scores(requests.history, requests.user)  # type: ignore[arg-type]
        allowed = np.zeros((50, N), bool)
        if m:
            np.put_along_axis(allowed, requests.candidates, requests.in_stock, axis=1)
        else:
            assert policy.in_stock is not None
            allowed[:] = policy.in_stock
        want, best = topk(scores, 12, allowed)
        found = np.where(
            kept.candidates >= 0, np.take_along_axis(scores, np.maximum(kept.candidates, 0), 1), -np.inf
        )
        np.testing.assert_allclose(np.sort(found), np.sort(best), rtol=1e-4, atol=1e-8)
        assert ((want >= 0).sum(axis=1) == (kept.candidates >= 0).sum(axis=1)).all()
    one = policy.decide(requests, np.random.default_rng(3))
    two = policy.decide(kept, np.random.default_rng(3))
    np.testing.assert_array_equal(one.slates, two.slates)
    np.testing.assert_array_equal(one.propensities, two.propensities)
    np.testing.assert_array_equal(policy.slates(requests, np.random.default_rng(3)), one.slates)
    assert (one.propensities > 0).all()
    for asked, decided in ((requests, one), (kept, two)):
        np.testing.assert_array_equal(policy.propensities(asked, decided.positions), decided.propensities)
        where = policy.retrieve(asked) if m == 0 else asked
        shown = np.take_along_axis(where.candidates, np.maximum(decided.positions, 0), axis=1)
        np.testing.assert_array_equal(np.where(decided.positions >= 0, shown, -1), decided.slates)
        marginals = policy.marginals(asked)
        assert marginals.shape == (50, 3, where.num_candidates)
        np.testing.assert_allclose(marginals.sum(axis=2), decided.positions >= 0, atol=1e-8)
    first = policy.marginals(requests)[:, 0]
    at = np.take_along_axis(first, one.positions[:, :1].astype(np.int64), axis=1)[:, 0]
    filled = one.positions[:, 0] >= 0
    np.testing.assert_allclose(at[filled], one.propensities[filled, 0], atol=1e-8)


def test_the_other_requests_of_a_batch_make_no_difference(policy: RetrievingPolicy) -> None:
    for m in (0, 60):
        requests = asks(30, m)
        together = policy.retrieve(requests).candidates
        for i in (0, 7, 29):
            alone = policy.retrieve(requests.take(slice(i, i + 1))).candidates
            np.testing.assert_array_equal(alone[0], together[i])


def test_live_values_stay_with_their_candidates(policy: RetrievingPolicy) -> None:
    requests = asks(20, 60)
    requests = replace(requests, live={"price": requests.candidates + np.float32(0.5)})
    kept = policy.retrieve(requests)
    want = np.where(kept.candidates >= 0, kept.candidates + 0.5, 0.0)
    np.testing.assert_array_equal(kept.live["price"], want)
    decided = policy.decide(requests, np.random.default_rng(0))
    np.testing.assert_array_equal(policy.propensities(requests, decided.positions), decided.propensities)


def test_items_that_are_not_retrieved_have_probability_0(policy: RetrievingPolicy) -> None:
    requests = asks(20, 60)
    kept = policy.retrieve(requests)
    lost = ~(requests.candidates[:, :, None] == kept.candidates[:, None, :]).any(axis=2)
    positions = np.stack([lost.argmax(axis=1), np.full(20, -1)], axis=1).astype(np.int32)
    assert (policy.propensities(requests, positions)[:, 0] == 0.0).all()


def test_drawn_slates_follow_their_propensities(fitted: dict[str, Model], catalog: Catalog) -> None:
    """20,000 draws of one request: each first slot within 5 standard errors (12 of them: below 1e-5)."""
    model = fitted["als"]
    policy = RetrievingPolicy(Retriever(model, 12), ranking(catalog.items, model, CategoryCap(1), floor=0.3))
    one = asks(1, 60)
    many = one.take(np.zeros(20_000, np.int64))
    decided = policy.decide(many, np.random.default_rng(0))
    count = np.bincount(decided.positions[:, 0], minlength=60) / 20_000
    tried = np.arange(60, dtype=np.int32)[:, None]
    p = policy.propensities(one.take(np.zeros(60, np.int64)), tried)[:, 0]
    assert p.sum() == pytest.approx(1.0)
    assert (np.abs(count - p) <= 5 * np.sqrt(p * (1 - p) / 20_000)).all()


def test_an_empty_stock_and_a_missing_stock(policy: RetrievingPolicy) -> None:
    requests = asks(4, 60)
    sold_out = replace(requests, in_stock=np.zeros((4, 60), bool))
    decided = policy.decide(sold_out, np.random.default_rng(0))
    assert (decided.slates == -1).all()
    assert (decided.propensities == 1.0).all()
    empty = replace(policy, in_stock=np.zeros(N, bool)).decide(asks(4, 0), np.random.default_rng(0))
    assert (empty.slates == -1).all()
    with pytest.raises(InvalidInput, match="in_stock"):
        replace(policy, in_stock=None).decide(asks(4, 0), np.random.default_rng(0))
    unknown = replace(asks(4, 0), history=None)
    if policy.retriever.model.needs_history:
        with pytest.raises(InvalidInput, match=r"set shop\.history"):
            policy.decide(unknown, np.random.default_rng(0))
        with pytest.raises(InvalidInput, match=r"set shop\.history"):
            policy.policy.decide(replace(asks(4, 9), history=None), np.random.default_rng(0))
    else:
        assert (policy.decide(unknown, np.random.default_rng(0)).slates >= 0).all()


def test_state_makes_the_same_policy(policy: RetrievingPolicy, catalog: Catalog) -> None:
    spec, arrays = policy.state()
    again = RetrievingPolicy.from_state(spec, arrays, catalog.items)
    assert again.hash == policy.hash
    assert replace(policy, in_stock=None).hash == policy.hash  # stock is no part of what it is
    assert replace(policy, retriever=replace(policy.retriever, count=11)).hash != policy.hash
    requests = asks(20, 60)
    for one in (
        requests,
        replace(requests, candidates=requests.candidates[:, :0], in_stock=requests.in_stock[:, :0]),
    ):
        a = policy.decide(one, np.random.default_rng(1))
        b = replace(again, in_stock=policy.in_stock).decide(one, np.random.default_rng(1))
        np.testing.assert_array_equal(a.slates, b.slates)
        np.testing.assert_array_equal(a.propensities, b.propensities)
    inner = policy_from_state(*policy.policy.state(), catalog.items)
    assert inner.hash == policy.policy.hash


def test_parts_that_do_not_fit_are_refused(fitted: dict[str, Model], catalog: Catalog) -> None:
    model: Any = fitted["als"]
    inner = ranking(catalog.items, model)
    other = ALS(factors=2, rounds=1).fit(Sequences.from_lists([[0, 1]], 7), np.random.default_rng(0))
    index = IVF.build(other.vectors, other.bias, np.random.default_rng(0))
    for make, field in (
        (lambda: RetrievingPolicy(Retriever(other, 5), inner), "model"),
        (lambda: Retriever(model, 0), "count"),
        (lambda: Retriever(model, 5, index), "index"),
        (lambda: RetrievingPolicy(Retriever(model, 5), inner, np.ones(3, bool)), "in_stock"),
        (lambda: HistoryScorer.from_state(*HistoryScorer(other).state(), catalog.items), "model"),
    ):
        with pytest.raises(InvalidInput, match=field):
            make()


def seen(
    history: list[list[int]], slates: list[list[int]], clicks: list[list[int]], user: list[int]
) -> Interactions:
    n, k = len(slates), len(slates[0])
    base = asks(n, k)
    requests = replace(
        base,
        history=np.array(history, np.int32),
        user_id=np.array(user),
        candidates=np.array(slates, np.int32),
    )
    shown = np.array(slates, np.int32)
    return Interactions(
        requests, Decisions(np.tile(np.arange(k, dtype=np.int32), (n, 1)), shown, np.ones((n, k))),
        np.zeros((n, k)), {"click": np.array(clicks, float)},
    )  # fmt: skip


def test_trails_go_on_where_the_history_says_so() -> None:
    trails = EventSequences(N, 10)
    trails.add(seen([[-1, -1]], [[5, 6, 7]], [[1, 0, 1]], [1]))  # opened 5, then 7
    trails.add(seen([[7, 5]], [[8, 9, 1]], [[0, 1, 0]], [1]))  # goes on with 9
    trails.add(seen([[9, 7]], [[8, 9, 1]], [[0, 0, 0]], [1]))  # opened nothing
    trails.add(seen([[-1, -1]], [[2, 3, 4]], [[0, 0, 1]], [1]))  # a new visit
    trails.add(seen([[3, 2]], [[8, 9, 1]], [[1, 0, 0]], [2]))  # what was opened elsewhere comes first
    assert trails.to_sequences().histories().tolist() == [[9, 7, 5], [4, -1, -1], [8, 3, 2]]
    assert trails.events == 5
    with pytest.raises(InvalidInput, match="events"):
        trails.add(replace(seen([[3, 2]], [[8, 9, 1]], [[1, 0, 0]], [2]), events={}))


@pytest.mark.parametrize("name", ["item_knn", "ease", "als", "bpr", "two_tower", "sasrec", "gru4rec"])
def test_agents_learn_what_follows_what(name: str, catalog: Catalog) -> None:
    """A user who opened an item opens the next one of its set of ten; popularity cannot predict that."""
    if name in ("two_tower", "sasrec", "gru4rec"):
        pytest.importorskip("torch", reason="needs the extra 'agents'")
    rng = np.random.default_rng(0)
    items = replace(catalog.items, features=np.eye(12, dtype=np.float32)[np.arange(N) // 10],
                    feature_names=tuple(f"set_{s}" for s in range(12)))  # fmt: skip
    task = Task(items, ("a", "b"), (), 3, attention=np.ones(3))
    options: dict[str, Any] = {
        "ease": {"ridge": 5.0},
        "two_tower": {"epochs": 12, "rate": 0.02, "batch": 128},
        "bpr": {"epochs": 60},
    }.get(name, {})
    if name in ("sasrec", "gru4rec"):
        options = {"epochs": 15, "dim": 32, "rate": 0.02, "length": 2}
    agent = make_agent(name, task, np.random.default_rng(1), **options)
    for step in range(2):
        n = 400
        start = rng.integers(0, N, n)
        follow = start // 10 * 10 + (start + 1) % 10
        slates = np.stack([follow, rng.integers(0, N, n), rng.integers(0, N, n)], axis=1)
        history = [[int(s), -1] for s in start]
        clicks = [[1, 0, 0]] * n
        agent.learn(seen(history, slates.tolist(), clicks, list(range(step * n, step * n + n))))
    test = asks(200, 8, seed=4)
    start = rng.integers(0, N, 200)
    follow = start // 10 * 10 + (start + 1) % 10
    candidates = test.candidates.copy()
    for i in range(200):
        others = [c for c in candidates[i] if c // 10 != start[i] // 10][:5]
        candidates[i] = ([*others, *range(0, 20), *range(100, 120)])[:8]
        candidates[i, 5] = follow[i]
    requests = replace(
        test, candidates=candidates, in_stock=np.ones((200, 8), bool), history=start[:, None].astype(np.int32)
    )
    scores = agent.policy().scorer.scores(requests)[:, 0]  # type: ignore[attr-defined]
    better = (scores[:, 5:6] > scores[:, :5]).mean()
    assert better > 0.95


def test_agents_that_need_histories_say_so(catalog: Catalog) -> None:
    shop = Shop(catalog, ShopConfig(users=50, slate_size=3, num_candidates=8), lanes=4, seed=1)
    shop.start_visits()
    task = Task(catalog.items, shop.user_names, shop.context_names, 3, attention=np.ones(3))
    requests = shop.requests()
    decisions = (
        make_agent("random", task, np.random.default_rng(0))
        .policy()
        .decide(requests, np.random.default_rng(0))
    )
    batch = Interactions(requests, decisions, np.zeros((4, 3)), {"click": np.ones((4, 3))})
    agent = make_agent("item_knn", task, np.random.default_rng(0))
    agent.policy().decide(requests, np.random.default_rng(0))  # popularity needs none
    with pytest.raises(InvalidInput, match=r"set shop\.history"):
        agent.learn(batch)
    for name in ("popularity_trending", "popularity_cohort"):
        agent = make_agent(name, task, np.random.default_rng(0))
        agent.learn(batch)
        assert (agent.policy().decide(requests, np.random.default_rng(0)).slates >= 0).any()
    for name, options in (
        ("popularity_cohort", {"feature": "shoe"}),
        ("als", {"growth": 0.5}),
        ("ease", {"ridge": 0.0}),
    ):
        with pytest.raises(InvalidInput, match=next(iter(options))):
            make_agent(name, task, np.random.default_rng(0), **options)


def test_a_retrieving_policy_serves_a_shop_that_offers_everything(
    fitted: dict[str, Model], catalog: Catalog
) -> None:
    shop = Shop(catalog, ShopConfig(users=50, slate_size=3, num_candidates=0, history=4), lanes=6, seed=1)
    shop.start_visits()
    model = fitted["item_knn"]
    policy = RetrievingPolicy(Retriever(model, 20), ranking(catalog.items, model), shop.stock.available)
    for seed in range(5):
        requests = shop.requests()
        assert requests.num_candidates == 0  # the whole catalogue
        asked = policy.retrieve(requests)
        decided = policy.decide(asked, np.random.default_rng(seed))
        assert asked.num_candidates == 20
        np.testing.assert_array_equal(policy.propensities(asked, decided.positions), decided.propensities)
        shop.serve(decided.slates)
        shop.start_visits()
    assert isinstance(policy.policy.explorer, PlackettLuceRanking | Softmax)


def test_the_guards_of_the_ranking_policy_are_counted_and_read_their_counters(
    fitted: dict[str, Model], catalog: Catalog
) -> None:
    """Candidates that are retrieved keep their counters: no user sees an item twice."""
    inner = ranking(catalog.items, fitted["als"], FrequencyCap(1, days=400.0))
    policy = RetrievingPolicy(Retriever(fitted["als"], 12), inner)
    counting, counters = CountingPolicy.of_policy(policy), policy.open_counters()
    assert counters is not None
    rng = np.random.default_rng(1)
    for page in range(4):
        requests = counters.fill(asks(20, 60))
        decided = counting.decide(requests, rng)
        at = np.maximum(decided.positions, 0)
        earlier = np.take_along_axis(requests.counters["shown_item_400d"], at, axis=1)
        assert (earlier[decided.positions >= 0] == 0).all()
        again = policy.propensities(requests, decided.positions)
        np.testing.assert_allclose(again, decided.propensities)
        assert requests.counters["shown_item_400d"].sum() == 60 * page
        counters.show(requests, decided.slates)
    rows = {row["rule"]: row["slots"] for row in counting.counts.rows()}
    assert rows["frequency_cap per item"] > 0
    assert counting.counts.pages == 80
