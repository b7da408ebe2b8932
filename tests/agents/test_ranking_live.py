"""Live price, stock and margin in features, guards, logs, the server and bundles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.bundles import CONTEXT, UNIT, USER, random_requests, small_items
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import Decisions, Interactions, InvalidInput, Requests
from shopgym.core.files import LOG_FILE
from shopgym.policies.decision_log.append_log import AppendLog, frame
from shopgym.policies.decision_log.compaction import compact
from shopgym.policies.decision_log.log import DecisionLog
from shopgym.policies.explorers import PlackettLuceRanking, Softmax
from shopgym.policies.features import FeatureMap
from shopgym.policies.guards import InStock, MarginFloor
from shopgym.policies.live_values import unit_value
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import LinearScorer, TableScorer
from shopgym.policies.serving.bundle import Bundle, load_bundle, write_bundle
from shopgym.policies.serving.request_seeded import decide_seeded
from shopgym.policies.serving.service import RankingService, decision_record, header_record

ITEMS = small_items(12)
LIVE = ("price", "stock", "margin")
TERMS = ((), ("item.embedding_0",), ("user.taste_0", "live_log.price"), ("item.embedding_1", "live.margin"))
FEATURES = FeatureMap(TERMS, USER, CONTEXT)
SCORER = LinearScorer(FEATURES, ITEMS, np.array([[0.1, 1.0, -2.0, 0.5]]), np.ones(12))
POLICY = SlatePolicy("live", ITEMS, SCORER, Softmax(0.5, 0.1), (InStock(), MarginFloor(0.5)), 3)


def live_requests(n: int, m: int, seed: int = 0) -> Requests:
    rng = np.random.default_rng(seed)
    requests = random_requests(POLICY, n, m, rng)
    price = ITEMS.price[requests.candidates] * rng.uniform(0.3, 1.2, (n, m))
    live = {
        "price": price,
        "stock": rng.integers(0, 9, (n, m)),
        "margin": price - ITEMS.unit_cost[requests.candidates],
    }
    return replace(requests, live={name: values.astype(np.float32) for name, values in live.items()})


def test_features_by_hand() -> None:
    requests = live_requests(5, 4)
    phi = FEATURES.phi(requests, FEATURES.item_side(ITEMS))
    items = ITEMS.features[requests.candidates]
    np.testing.assert_allclose(phi[:, :, 1], items[:, :, 0])
    np.testing.assert_allclose(
        phi[:, :, 2], requests.user[:, :1] * np.log1p(requests.live["price"]), rtol=1e-6
    )
    np.testing.assert_allclose(phi[:, :, 3], items[:, :, 1] * requests.live["margin"], rtol=1e-6)
    np.testing.assert_allclose(SCORER.scores(requests)[:, 0], phi @ SCORER.theta[0])
    assert FeatureMap(TERMS[:2], USER, CONTEXT).live_side(requests) is None


def test_what_was_shown_is_what_the_policy_saw() -> None:
    requests = live_requests(40, 8)
    decisions = POLICY.decide(requests, np.random.default_rng(0))
    side = FEATURES.item_side(ITEMS)
    row, slot = np.nonzero(decisions.slates >= 0)
    phi = FEATURES.phi(requests, side)[row, decisions.positions[row, slot]]
    np.testing.assert_array_equal(FEATURES.shown(requests, decisions, side), phi)


def test_requests_at_positions() -> None:
    requests = live_requests(3, 4)
    chosen = requests.at(np.array([[3, -1], [0, 1], [-1, -1]]))
    assert chosen.candidates.tolist() == [
        [requests.candidates[0, 3], -1],
        requests.candidates[1, :2].tolist(),
        [-1, -1],
    ]
    assert chosen.live["price"][0].tolist() == [requests.live["price"][0, 3], 0.0]
    assert not chosen.in_stock[2].any()
    assert requests.take(np.array([2, 0])).live["stock"].tolist() == requests.live["stock"][[2, 0]].tolist()


@pytest.mark.parametrize(
    ("live", "field"),
    [
        ({}, "requests.live"),
        ({"price": np.ones((3, 4), np.float32)}, "give margin"),
        ({"price": np.ones((3, 5), np.float32), "margin": np.ones((3, 4), np.float32)}, "give price"),
        ({"price": np.full((3, 4), np.nan, np.float32), "margin": np.ones((3, 4), np.float32)}, "not finite"),
    ],
)
def test_missing_and_nan_live_values_are_refused(live: dict[str, Any], field: str) -> None:
    requests = live_requests(3, 4)
    requests = replace(requests, in_stock=np.ones((3, 4), bool), live=live)
    policy = replace(POLICY, guards=(InStock(),))
    with pytest.raises(InvalidInput, match=field):
        policy.decide(requests, np.random.default_rng(0))


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"live\.NAME"):
        FeatureMap((("alive.price",),), USER, CONTEXT)


def test_the_margin_floor_uses_the_live_margin() -> None:
    requests = live_requests(30, 6)
    floor = MarginFloor(0.7)
    today = requests.live["margin"] >= np.float32(0.7)
    np.testing.assert_array_equal(floor.before(requests, ITEMS), today)
    listed = floor.before(replace(requests, live={}), ITEMS)
    np.testing.assert_array_equal(listed, ITEMS.margin[requests.candidates] >= 0.7)
    assert (today != listed).any()
    edge = replace(requests, live={"margin": np.full((30, 6), 0.7, np.float32)})
    assert floor.before(edge, ITEMS).all()  # 0.7 is less as float32


def test_value_is_live_or_that_of_the_catalogue() -> None:
    requests = live_requests(3, 4)
    np.testing.assert_array_equal(unit_value("one", requests, ITEMS), 1.0)
    np.testing.assert_array_equal(unit_value("price", requests, ITEMS), requests.live["price"])
    bare = replace(requests, live={"price": requests.live["price"]})
    np.testing.assert_array_equal(unit_value("margin", bare, ITEMS), ITEMS.margin[requests.candidates])
    with pytest.raises(InvalidInput, match="worth"):
        unit_value("cost", requests, ITEMS)


def make_log(n: int, m: int, seed: int = 0, live: bool = True) -> DecisionLog:
    requests = live_requests(n, m, seed)
    requests = replace(requests, request_id=requests.request_id + np.uint64(10_000 * seed))
    if not live:
        requests = replace(requests, live={})
    policy = SlatePolicy("table", ITEMS, TableScorer(np.arange(12.0)), PlackettLuceRanking(), (InStock(),), 2)
    decisions = policy.decide(requests, np.random.default_rng(seed))
    return DecisionLog.from_interactions(
        Interactions(requests, decisions, np.zeros((n, 2)), {"click": np.zeros((n, 2))}),
        items=ITEMS,
        unit=UNIT,
        policy_hash=policy.hash,
        policy_name=policy.name,
        config_hash="c0ffee",
        user_names=USER,
        context_names=CONTEXT,
    )


@settings(max_examples=10, deadline=None)
@given(n=st.integers(0, 5), m=st.integers(1, 5), folder=st.booleans())
def test_log_round_trip(tmp_path_factory: pytest.TempPathFactory, n: int, m: int, folder: bool) -> None:
    path = tmp_path_factory.mktemp("log") / ("log" if folder else "log.parquet")
    log = make_log(n, m)
    log.write(path)
    replayed = DecisionLog.read(path)
    assert list(replayed.live) == list(LIVE)
    for name, values in log.requests().live.items():
        assert replayed.live[name].dtype == np.float32
        np.testing.assert_array_equal(replayed.requests().live[name], values)


def test_logs_of_different_widths_are_concatenated() -> None:
    pair = DecisionLog.concat([make_log(3, 2), make_log(4, 5, seed=1)])
    np.testing.assert_array_equal(pair.live["price"][:3, 2:], 0.0)
    np.testing.assert_array_equal(pair.live["price"][3:], make_log(4, 5, seed=1).live["price"])
    assert pair.take(slice(3, 5)).live["stock"].shape == (2, 5)
    assert not DecisionLog.concat([make_log(3, 2), make_log(4, 5, seed=1, live=False)]).live


def test_a_log_with_bad_live_values_is_refused() -> None:
    log = make_log(3, 2)
    prices = log.live["price"].copy()
    prices[1, 0] = np.nan
    with pytest.raises(InvalidInput, match=r"log\.live\.price\[1\]"):
        replace(log, live={"price": prices}).check()
    with pytest.raises(InvalidInput, match=r"log\.live\.price"):
        replace(log, live={"price": prices[:, :1]})


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("bundle") / "bundle"
    write_bundle(
        path,
        POLICY,
        golden_requests=live_requests(25, 5, seed=3),
        user_names=USER,
        context_names=CONTEXT,
        live_names=LIVE,
        unit=UNIT,
        config_hash="c0ffee",
        ranges={"live.price": (0.01, 1e6)},
    )
    return load_bundle(path)  # replays the golden cases


def body(i: int, m: int = 4, **changes: Any) -> dict[str, Any]:
    live = {"price": [2.5] * m, "stock": [3] * m, "margin": [1.0] * m}
    candidates = [str(item) for item in ITEMS.item_id[:m]]
    base = {"request_id": i, "user_id": "ann", "user": [0.5, -1.0], "context": [13.0], "time": 2.5}
    return base | {"candidates": candidates, "live": live} | changes


def test_served_decisions_are_replayed_from_the_log(bundle: Bundle, tmp_path: Path) -> None:
    ranker, records = RankingService(bundle), []
    for i in range(6):
        request = ranker.read(body(i, 2 + i % 3))
        records.append(decision_record(request, ranker.decide(request)))
    with AppendLog(tmp_path / "log" / LOG_FILE) as log:
        log.append([frame(record) for record in (header_record(bundle), *records)])
    lines = compact(tmp_path / "log")
    assert list(lines.live) == list(LIVE)
    requests = lines.requests()
    for i in range(6):
        replayed = decide_seeded(bundle.policy, requests.take(slice(i, i + 1)))
        np.testing.assert_array_equal(replayed.positions[0], lines.positions[i])
        np.testing.assert_array_equal(replayed.propensities[0], lines.propensities[i])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"live": None}, "live"),
        ({"candidates": None}, "live"),
        ({"live": {"price": [1.0] * 4, "stock": [1] * 4}}, "live.margin"),
        ({"live": {"price": [1.0] * 4, "stock": [1] * 4, "margin": [1] * 4, "cost": [1] * 4}}, "live.cost"),
        ({"live": {"price": [1.0] * 3, "stock": [1] * 4, "margin": [1] * 4}}, "live.price"),
        ({"live": {"price": [1.0, 0.0, 1, 1], "stock": [1] * 4, "margin": [1] * 4}}, r"live.price\[1\]"),
        ({"live": {"price": [1.0, True, 1, 1], "stock": [1] * 4, "margin": [1] * 4}}, r"live.price\[1\]"),
    ],
)
def test_the_server_refuses_bad_live_values(bundle: Bundle, changes: dict[str, Any], field: str) -> None:
    RankingService(bundle).read(body(0))
    with pytest.raises(InvalidInput, match=f"^{field} = "):
        RankingService(bundle).read(body(0, **changes))


def test_a_bundle_without_live_values_takes_none(tmp_path: Path) -> None:
    plain = SlatePolicy("table", ITEMS, TableScorer(np.arange(12.0)), PlackettLuceRanking(), (InStock(),), 2)
    options = {"user_names": USER, "context_names": CONTEXT, "unit": UNIT, "config_hash": "c"}
    requests = replace(live_requests(25, 5), live={})
    reader = write_bundle(tmp_path / "bundle", plain, golden_requests=requests, **options).reader
    assert not reader.read(body(0, live=None)).requests.live
    with pytest.raises(InvalidInput, match=r"^live = .*leave it out"):
        reader.read(body(0))


def test_empty_slots_of_a_batch_do_not_matter() -> None:
    requests = live_requests(3, 4)
    no_slots = np.full((3, 2), -1, np.int32)
    decisions = Decisions(no_slots, no_slots, np.ones((3, 2)))
    assert FEATURES.shown(requests, decisions, FEATURES.item_side(ITEMS)).shape == (0, 4)
