"""Re-ranking: known orders, determinants by brute force, and propensities that stay exact."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.bundles import random_requests, small_bundle
from builders.paths import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from shopgym.core import InvalidInput, Items, Requests
from shopgym.policies.explorers import PlackettLuceRanking, Softmax, SquareCB
from shopgym.policies.guards import CategoryCap, InStock
from shopgym.policies.policy import SlatePolicy, policy_from_state
from shopgym.policies.rerankers import DPP, MMR, Calibrated
from shopgym.policies.scorers import TableScorer

REFERENCE = SHARED / "reference" / "ranking"
ALARM = 1e-6
"""False-alarm rate of each statistical check here."""
BEST = PlackettLuceRanking(50.0, 0.0)
"""Takes the best allowed candidate with probability 1 - e^-50."""


def make_items(features: np.ndarray[Any, Any], category: list[int] | None = None) -> Items:
    n, f = features.shape
    return Items(
        item_id=np.array([f"i{i}" for i in range(n)]),
        name=np.array([f"item {i}" for i in range(n)]),
        category=np.array(category or [i % 2 for i in range(n)], dtype=np.int32),
        price=np.full(n, 2.0),
        unit_cost=np.full(n, 1.0),
        popularity=np.full(n, 1 / n),
        features=features.astype(np.float32),
        category_names=("even", "odd", "other"),
        feature_names=tuple(f"embedding_{i}" for i in range(f)),
    )


def make_requests(n: int, m: int, items: Items, seed: int = 1) -> Requests:
    rng = np.random.default_rng(seed)
    return Requests(
        request_id=np.arange(n, dtype=np.uint64),
        user_id=np.arange(n),
        user=np.zeros((n, 2), np.float32),
        context=np.zeros((n, 1), np.float32),
        candidates=np.stack([rng.permutation(len(items))[:m] for _ in range(n)]).astype(np.int32),
        in_stock=rng.random((n, m)) < 0.8,
        time=np.zeros(n),
        history=rng.integers(-1, len(items), (n, 3)).astype(np.int32),
    )


ITEMS = make_items(np.random.default_rng(0).normal(size=(6, 3)))
STOCKED = (InStock(),)
TABLE = TableScorer(np.array([0.0, 0.3, 0.5, 0.6, 0.9, 1.0]))


def policy_with(reranker: Any, explorer: Any, guards: Any = STOCKED, k: int = 3) -> SlatePolicy:
    return SlatePolicy("p", ITEMS, TABLE, explorer, guards, k, reranker)


POLICIES = {
    "mmr": policy_with(MMR(0.5), Softmax(0.3, 0.1)),
    "dpp": policy_with(DPP(0.5), SquareCB(5.0)),
    "dpp_capped": policy_with(
        DPP(0.3, kernel="cosine"), PlackettLuceRanking(1.0, 0.05), (InStock(), CategoryCap(1)), 4
    ),
    "calibrated": policy_with(Calibrated(0.4), Softmax(0.2, 0.05)),
}


def everything(items: Items) -> Requests:
    n = len(items)
    one = make_requests(1, n, items)
    candidates = np.arange(n, dtype=np.int32)[None]
    return replace(one, candidates=candidates, in_stock=np.ones((1, n), bool))


def order(items: Items, relevance: Any, reranker: Any, k: int, requests: Requests | None = None) -> list[int]:
    policy = SlatePolicy("p", items, TableScorer(np.array(relevance)), BEST, (InStock(),), k, reranker)
    slates = policy.decide(requests or everything(items), np.random.default_rng(0)).slates
    return [int(row) for row in slates[0]]


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference vectors are not here")
def test_orders_and_log_determinant_of_the_reference() -> None:
    given_ = json.loads((REFERENCE / "rank_input.json").read_text())
    want = json.loads((REFERENCE / "rank_reference.json").read_text())["rerank_u0"]
    run = given_["run"]["u0"]
    names = want["items"]
    features = np.array([given_["item_features"][name] for name in names])
    items, scores = make_items(features), [run[name] for name in names]
    mmr = order(items, scores, MMR(0.7, scaled=False), 5)
    assert [names[i] for i in mmr] == want["mmr_lam0_7_top5"]
    # L = exp(r_i) cos(i, j) exp(r_j): log det = 2 sum r + log det cos, so relevance counts twice
    dpp = DPP(2 / 3, scaled=False, kernel="cosine")
    chosen = order(items, scores, dpp, 5)
    assert [names[i] for i in chosen] == want["dpp_greedy_top5"] == want["dpp_bruteforce_slogdet_top5"]
    slots = dpp.begin(everything(items), items, np.array(scores)[None, None], np.ones((1, 10), bool))
    total = 0.0
    for i in chosen:
        total += 3 * slots.scores()[0, 0, i]
        slots.take(np.array([i], np.int32))
    assert total == pytest.approx(want["logdet"], abs=1e-5)  # features are float32


def test_mmr_by_hand() -> None:
    # cosines with item 0: 1, 0.8, 0; then 0.5 r - 0.5 cos: 0.9 -> 0.45 - 0.4 = 0.05, 0.4 -> 0.2 - 0 = 0.2
    items = make_items(np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]))
    slots = MMR(0.5, scaled=False).begin(
        everything(items), items, np.array([[[1.0, 0.9, 0.4]]]), np.ones((1, 3), bool)
    )
    np.testing.assert_allclose(slots.scores(), [[[0.5, 0.45, 0.2]]], atol=1e-7)
    slots.take(np.array([0], np.int32))
    np.testing.assert_allclose(slots.scores()[0, 0], [0.0, 0.05, 0.2], atol=1e-7)
    slots.take(np.array([2], np.int32))
    np.testing.assert_allclose(slots.scores()[0, 0, 1], 0.45 - 0.5 * 0.8, atol=1e-7)
    assert order(items, [1.0, 0.9, 0.4], MMR(0.5, scaled=False), 3) == [0, 2, 1]
    assert order(items, [1.0, 0.9, 0.4], MMR(1.0), 3) == [0, 1, 2]


@given(st.integers(0, 2**31), st.integers(2, 8), st.sampled_from(["shifted", "cosine"]))
@settings(max_examples=40, deadline=None)
def test_dpp_scores_are_ratios_of_determinants(seed: int, n: int, kernel: str) -> None:
    rng = np.random.default_rng(seed)
    items = make_items(rng.normal(size=(n, n)))
    unit = items.features / np.linalg.norm(items.features.astype(float), axis=1, keepdims=True)
    cosine = unit @ unit.T
    s = (1 + cosine) / 2 if kernel == "shifted" else cosine
    slots = DPP(0.0, kernel=kernel).begin(
        everything(items), items, np.zeros((1, 1, n)), np.ones((1, n), bool)
    )
    shown: list[int] = []
    for nxt in rng.permutation(n):
        scores = slots.scores()[0, 0]
        before = np.linalg.slogdet(s[np.ix_(shown, shown)])[1] if shown else 0.0
        for i in set(range(n)) - set(shown):
            marginal = [*shown, i]
            want = np.linalg.slogdet(s[np.ix_(marginal, marginal)])[1] - before
            if want > -12:  # beyond, the determinant itself is rounding
                assert scores[i] == pytest.approx(want, abs=1e-4)
        slots.take(np.array([nxt], np.int32))
        shown.append(int(nxt))


def test_dpp_works_with_linearly_dependent_items() -> None:
    items = make_items(np.ones((4, 2)))  # all alike: after the first, volume is 0 whatever comes
    assert order(items, [0.1, 0.4, 0.3, 0.2], DPP(0.5), 4) == [1, 2, 3, 0]


def test_calibrated_by_hand() -> None:
    # history: two of category 0 and one of category 1; equal relevance: the page follows it
    items = make_items(np.eye(6), category=[0, 0, 0, 1, 1, 2])
    requests = replace(everything(items), history=np.array([[0, 1, 3, -1]], np.int32))
    picked = order(items, [0.0] * 6, Calibrated(0.5), 3, requests)
    assert sorted(items.category[picked].tolist()) == [0, 0, 1]
    slots = Calibrated(0.0).begin(requests, items, np.zeros((1, 1, 6)), np.ones((1, 6), bool))
    slots.take(np.array([0], np.int32))
    p, q = np.array([2 / 3, 1 / 3]), np.array([0.5, 0.5])  # after item 3
    smooth = 0.99 * q + 0.01 * p
    assert slots.scores()[0, 0, 3] == pytest.approx(-(p * np.log(p / smooth)).sum())
    unknown = replace(requests, history=None)
    assert order(items, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], Calibrated(0.5), 3, unknown) == [5, 4, 3]


def slates(m: int, k: int) -> list[tuple[int, ...]]:
    out: list[tuple[int, ...]] = []
    for filled in range(k + 1):
        out += [(*slate, *[-1] * (k - filled)) for slate in itertools.permutations(range(m), filled)]
    return out


@pytest.mark.parametrize("name", POLICIES)
def test_probabilities_of_all_slates_sum_to_one(name: str) -> None:
    policy = POLICIES[name]
    requests = make_requests(12, 5, ITEMS)
    total = sum(
        policy.propensities(requests, np.tile(np.array(slate, np.int32), (12, 1))).prod(axis=1)
        for slate in slates(5, policy.slate_size)
    )
    np.testing.assert_allclose(total, 1.0, atol=1e-12)


@pytest.mark.parametrize("name", POLICIES)
def test_what_is_drawn_follows_the_stated_probabilities(name: str) -> None:
    policy, n = POLICIES[name], 40_000
    one = make_requests(1, 5, ITEMS, seed=4)
    repeated = one.take(np.zeros(n, int))
    drawn = policy.decide(repeated, np.random.default_rng(7)).positions
    counts = dict.fromkeys(slates(5, policy.slate_size), 0)
    for slate in map(tuple, drawn.tolist()):
        counts[slate] += 1
    p = {s: policy.propensities(one, np.array([s], np.int32)).prod() for s in counts}
    assert all(counts[s] == 0 for s in counts if p[s] == 0)
    common = [s for s in counts if p[s] * n >= 5]
    observed, expected = [counts[s] for s in common], [p[s] * n for s in common]
    remaining = 1 - sum(p[s] for s in common)
    if remaining > 1e-9:
        observed.append(n - sum(observed))
        expected.append(remaining * n)
    assert stats.chisquare(observed, np.array(expected) * n / sum(expected)).pvalue > ALARM


@given(st.integers(0, 2**31), st.sampled_from(sorted(POLICIES)), st.integers(0, 6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_decide_and_propensities_agree(seed: int, name: str, m: int, short: bool) -> None:
    """With no candidate, one, fewer than slots, nothing in stock, and short pages."""
    policy = POLICIES[name]
    requests = make_requests(8, m, ITEMS, seed)
    if short:
        requests = replace(requests, slots=np.arange(8, dtype=np.int32) % 4)
    decisions = policy.decide(requests, np.random.default_rng(seed))
    np.testing.assert_array_equal(decisions.propensities, policy.propensities(requests, decisions.positions))
    assert (decisions.propensities > 0).all()
    assert (decisions.propensities <= 1 + 1e-12).all()
    np.testing.assert_array_equal(decisions.slates, policy.slates(requests, np.random.default_rng(seed)))
    row, slot = np.nonzero(decisions.positions >= 0)
    assert requests.in_stock[row, decisions.positions[row, slot]].all()
    for slate in decisions.positions:
        shown = slate[slate >= 0]
        assert len(set(shown.tolist())) == len(shown)


def test_relevance_alone_is_the_policy_without_re_ranking() -> None:
    plain = policy_with(None, Softmax(0.3, 0.1), (InStock(), CategoryCap(2)))
    requests = make_requests(50, 6, ITEMS)
    positions = plain.decide(requests, np.random.default_rng(0)).positions
    for reranker in (MMR(1.0, scaled=False), DPP(1.0, scaled=False), Calibrated(1.0, scaled=False)):
        restored = replace(plain, reranker=reranker)
        np.testing.assert_allclose(
            restored.propensities(requests, positions), plain.propensities(requests, positions), rtol=1e-12
        )


@pytest.mark.parametrize("name", POLICIES)
def test_state_hash_and_bundle_round_trip(name: str, tmp_path: Path) -> None:
    policy = POLICIES[name]
    restored = policy_from_state(*policy.state(), ITEMS)
    assert restored.reranker == policy.reranker
    assert restored.hash == policy.hash != replace(policy, reranker=None).hash
    bundled = small_bundle(tmp_path / "bundle", policy).policy  # golden cases are replayed on the way
    requests = random_requests(policy, 20, 3, np.random.default_rng(0))
    a, b = (p.decide(requests, np.random.default_rng(3)) for p in (policy, bundled))
    np.testing.assert_array_equal(a.slates, b.slates)
    np.testing.assert_array_equal(a.propensities, b.propensities)


def test_the_state_of_policies_without_re_ranking_does_not_mention_it() -> None:
    spec, _ = replace(POLICIES["mmr"], reranker=None).state()
    assert "reranker" not in spec


@pytest.mark.parametrize("m", [0, 1])
def test_no_candidate_and_one(m: int) -> None:
    requests = make_requests(3, m, ITEMS)
    for policy in (policy_with(None, SquareCB(5.0)), POLICIES["mmr"]):
        decisions = policy.decide(requests, np.random.default_rng(0))
        assert (decisions.propensities == 1).all()  # it must be empty, or the one that there is
        np.testing.assert_array_equal(decisions.positions[:, 0] >= 0, requests.in_stock.any(axis=1))
    plain = policy_with(None, Softmax())
    assert plain.marginals(requests).shape == (3, 3, m)


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"reranker\.trade"):
        MMR(1.5)
    with pytest.raises(InvalidInput, match=r"reranker\.kernel"):
        DPP(kernel="linear")
    with pytest.raises(InvalidInput, match=r"items\.feature"):
        policy_with(MMR(features=("colour",)), Softmax()).decide(
            make_requests(2, 3, ITEMS), np.random.default_rng(0)
        )
    with pytest.raises(InvalidInput, match=r"policy\.reranker"):
        POLICIES["mmr"].marginals(make_requests(2, 3, ITEMS))
    spec, arrays = POLICIES["mmr"].state()
    with pytest.raises(InvalidInput, match=r"policy\.reranker"):
        policy_from_state({**spec, "reranker": {"kind": "magic"}}, arrays, ITEMS)
