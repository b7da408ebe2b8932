"""Guards with a state in the server: caps hold over requests and restarts, logs replay, counts are shown."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.bundles import CONTEXT, UNIT, USER, linear_policy, random_requests
from numpy.random import default_rng

from shopgym.core.reward.costs import ItemGroup
from shopgym.policies.decision_log import compact
from shopgym.policies.guards import DiscountBudget, ExposureFloor, FrequencyCap, bind_guards
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.serving import Bundle, load_bundle, write_bundle
from shopgym.policies.serving.request_seeded import decide_seeded
from shopgym.policies.serving.server import make_app

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would like another client library
    from starlette.testclient import TestClient

ODD = ItemGroup(categories=("odd",))


def policy_with(*rules: Any) -> SlatePolicy:
    policy = linear_policy(12)
    columns = {"user": USER, "context": CONTEXT}
    return replace(policy, guards=bind_guards((*policy.guards, *rules), policy.items, columns, 3))


def bundle_of(path: Path, policy: SlatePolicy, live: tuple[str, ...] = ()) -> Bundle:
    requests = random_requests(policy, 25, 6, default_rng(3))
    prices = policy.items.price[requests.candidates].astype(np.float32)
    counters = policy.open_counters()
    assert counters is not None
    requests = counters.fill(replace(requests, live=dict.fromkeys(live, prices)))
    return write_bundle(
        path,
        policy,
        golden_requests=requests,
        user_names=USER,
        context_names=CONTEXT,
        live_names=live,
        unit=UNIT,
        config_hash="c",
    )


@pytest.fixture(scope="module")
def capped(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    rules = (ExposureFloor(ODD, 0.4), FrequencyCap(2, days=7.0))
    return bundle_of(tmp_path_factory.mktemp("capped") / "bundle", policy_with(*rules))


def body(request_id: int, time: float = 1.0, user: str = "ann", **more: Any) -> dict[str, Any]:
    return {
        **{"request_id": request_id, "user_id": user, "time": time, "context": [0.5]},
        **{"user": [0.5, -1.0], "candidates": [f"sku{i}" for i in range(8)]},
        **more,
    }


def ask(bundle: Bundle, log: Path, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with TestClient(make_app(bundle, log)) as client:
        answers = [client.post("/rank", json=one) for one in bodies]
    assert [answer.status_code for answer in answers] == [200] * len(bodies)
    return [answer.json() for answer in answers]


def test_a_cap_holds_over_requests_and_ends_with_its_window(capped: Bundle, tmp_path: Path) -> None:
    answers = ask(capped, tmp_path / "log", [body(i, 1.0 + i / 10) for i in range(8)])
    shown = [item for answer in answers for item in answer["items"] if item is not None]
    assert max(shown.count(item) for item in set(shown)) == 2
    assert answers[-1]["items"] == [None] * 3  # 8 items twice: nothing is left for her
    (other,) = ask(capped, tmp_path / "other", [body(100, 1.8, "bob")])
    assert None not in other["items"]
    *_, later = ask(capped, tmp_path / "later", [*(body(i) for i in range(8)), body(9, 8.5)])
    assert None not in later["items"]


def test_a_server_that_starts_again_goes_on_counting(capped: Bundle, tmp_path: Path) -> None:
    bodies = [body(i, 1.0 + i / 10, ("ann", "bob")[i % 2]) for i in range(12)]
    whole = ask(capped, tmp_path / "whole", bodies)
    halves = [ask(capped, tmp_path / "halves", part) for part in (bodies[:5], bodies[5:])]
    assert [*halves[0], *halves[1]] == whole


def test_the_same_request_gets_the_same_answer_after_others(capped: Bundle, tmp_path: Path) -> None:
    first, second, again = ask(capped, tmp_path / "log", [body(1), body(2), body(1)])
    assert again == first
    assert second["items"] != [None] * 3
    assert len(compact(tmp_path / "log")) == 2


def test_the_log_replays_with_exact_propensities(capped: Bundle, tmp_path: Path) -> None:
    ask(capped, tmp_path / "log", [body(i, 1.0 + i / 10, f"u{i % 3}") for i in range(20)])
    log = compact(tmp_path / "log")
    assert log.version == 2
    assert set(log.counters) == {"shown.odd", "shown", "shown_item_7d"}
    policy = capped.policy
    np.testing.assert_array_equal(policy.propensities(log.requests(), log.positions), log.propensities)
    for row in range(len(log)):
        again = decide_seeded(policy, log.requests().take(slice(row, row + 1)))
        np.testing.assert_array_equal(again.slates[0], log.slates[row])


def test_a_decision_is_repeated_elsewhere_with_its_counters(capped: Bundle, tmp_path: Path) -> None:
    answers = ask(capped, tmp_path / "log", [body(i) for i in range(4)])
    line = (tmp_path / "log" / "decisions.log").read_text().splitlines()[4][18:]
    (again,) = ask(capped, tmp_path / "fresh", [body(3, counters=json.loads(line)["counters"])])
    assert again == answers[3]


def test_golden_cases_have_counters_and_do_not_depend_on_what_was_served(
    capped: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "bundle"
    bundle_of(path, capped.policy)
    load_bundle(path)
    cases = json.loads((path / "golden.json").read_text())
    assert all("counters" in case["request"] for case in cases)
    answers = ask(capped, tmp_path / "log", [body(5000), *(case["request"] for case in cases)])
    assert [answer["items"] for answer in answers[1:]] == [case["items"] for case in cases]


@pytest.mark.parametrize(
    ("counters", "field"),
    [
        ({"shown": 1}, "counters"),
        ("none", "counters"),
        ({"shown": 1, "shown.odd": -1, "shown_item_7d": [0] * 8}, "counters.shown.odd"),
        ({"shown": 1, "shown.odd": 1, "shown_item_7d": [0] * 7}, "counters.shown_item_7d"),
        ({"shown": 1, "shown.odd": 1, "shown_item_7d": [0] * 7 + ["x"]}, "counters.shown_item_7d[7]"),
    ],
)
def test_wrong_counters_are_refused(capped: Bundle, tmp_path: Path, counters: Any, field: str) -> None:
    with TestClient(make_app(capped, tmp_path / "log")) as client:
        answer = client.post("/rank", json=body(1, counters=counters))
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


def test_the_server_shows_what_its_guards_changed(capped: Bundle, tmp_path: Path) -> None:
    with TestClient(make_app(capped, tmp_path / "log")) as client:
        for i in range(8):
            client.post("/rank", json=body(i))
        client.post("/rank", json=body(7))  # the same one again
        guards = client.get("/info").json()["guards"]
    assert guards["pages"] == 8
    assert guards["leans_on_guards"]
    by_rule = {row["rule"]: row for row in guards["rules"]}
    assert by_rule["frequency_cap per item"]["slots"] > 0
    assert by_rule["frequency_cap per item"]["why"] == "item shown 2 times in 7 days"


def test_a_discount_budget_counts_the_rewards(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path / "bundle", policy_with(DiscountBudget(0.1)), ("price",))
    prices = bundle.policy.items.price[:8].tolist()
    reduced = {"live": {"price": [0.5 * prices[0], *prices[1:]]}}
    bought = {"units": [1, 0, 0], "revenue": [0.5 * prices[0], 0, 0]}

    def counted(client: TestClient, request_id: int) -> dict[str, float]:
        assert client.post("/rank", json=body(request_id, **reduced)).status_code == 200
        line = (tmp_path / "log" / "decisions.log").read_text().splitlines()[-1][18:]
        counters: dict[str, float] = json.loads(line)["counters"]
        return counters

    with TestClient(make_app(bundle, tmp_path / "log")) as client:
        assert counted(client, 1) == {"discount": 0.0, "revenue": 0.0}
        # whatever stands in the first slot is said to be sold at half the price of sku0
        first = client.post("/rank", json=body(1, **reduced)).json()["items"][0]
        listed = float(bundle.policy.items.price[bundle.policy.items.row_of[first]])
        reward = {"request_id": 1, "rewards": [1, 0, 0], "events": bought}
        assert client.post("/reward", json=reward).status_code == 200
        assert client.post("/reward", json=reward).json()["duplicate"]
        spent = {"discount": listed - 0.5 * prices[0], "revenue": 0.5 * prices[0]}
        assert counted(client, 2) == pytest.approx(spent)
        client.post("/reward", json={"request_id": 2, "rewards": [0, 0, 0]})
        assert client.get("/info").json()["guards"]["rewards_without_sales"] == 1
    with TestClient(make_app(bundle, tmp_path / "log")) as client:
        assert counted(client, 3) == pytest.approx(spent)
