"""Refusals of the server: bad fields, bodies, rewards and stock are named, and nothing is logged."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from builders.bundles import rank_body, small_bundle, table_policy
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.policies.serving.bundle import Bundle
from shopgym.policies.serving.request_schema import (
    MAX_BODY,
    RANK_FIELDS,
    Refusal,
    int64_id,
    read_json,
    uint64_id,
)
from shopgym.policies.serving.server import make_app
from shopgym.policies.serving.service import RankingService

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would like another client library
    from starlette.testclient import TestClient


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("bundles") / "table")


@pytest.fixture(scope="module")
def client(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One server for all tests: a refused request changes nothing in it."""
    with TestClient(make_app(bundle, tmp_path_factory.mktemp("log"))) as client:
        yield client


def body(request_id: int | str) -> dict[str, object]:
    return rank_body(table_policy(), request_id)


def refused(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"field", "value", "fix"}
    assert error["fix"]
    return dict(error)


def counts(client: TestClient) -> dict[str, int]:
    return dict(client.get("/info").json()["counts"])


Change = dict[str, object]
AS_JSON = {"Content-Type": "application/json"}

A_NUMBER = "give a finite number in [-3.40282e+38, 3.40282e+38]"
AN_ID = "give a string of 1 to 64 characters, or a 64-bit integer"
AN_ITEM = "no such item in the bundle's catalogue: give its id as a string"
SOME_IDS = "give a list of item ids, or leave it out for the shop's own choice"
KNOWN = "taste_0, taste_1"

CASES: list[tuple[Change, str, object, str]] = [
    ({"request_id": None}, "request_id", None, "the field is missing"),
    ({"request_id": ""}, "request_id", "", AN_ID),
    ({"request_id": "x" * 65}, "request_id", "x" * 65, AN_ID),
    ({"request_id": -1}, "request_id", -1, AN_ID),
    ({"request_id": 2**64}, "request_id", 2**64, AN_ID),
    ({"request_id": True}, "request_id", True, AN_ID),
    ({"request_id": 1.0}, "request_id", 1.0, AN_ID),
    ({"user_id": None}, "user_id", None, "the field is missing"),
    ({"user_id": [1]}, "user_id", "[1]", AN_ID),
    ({"user_id": 2**63}, "user_id", 2**63, AN_ID),
    (
        {"candidate": ["sku0"]},
        "candidate",
        "['sku0']",
        f"unknown field; the fields are {', '.join(RANK_FIELDS)}",
    ),
    ({"candidates": ["sku0", "sku9"]}, "candidates[1]", "sku9", AN_ITEM),
    ({"candidates": ["sku0", 1]}, "candidates[1]", 1, AN_ITEM),
    ({"candidates": ["sku0", ["sku1"]]}, "candidates[1]", "['sku1']", AN_ITEM),
    ({"candidates": ["sku1", "sku0", "sku1"]}, "candidates[2]", "sku1", "give each candidate once"),
    ({"candidates": []}, "candidates", "[]", SOME_IDS),
    ({"candidates": "sku0"}, "candidates", "sku0", SOME_IDS),
    ({"candidates": {"sku0": 1}}, "candidates", "{'sku0': 1}", SOME_IDS),
    ({"candidates": ["sku0"] * 1001}, "candidates", "1001 items", "give at most 1000"),
    ({"in_stock": [True]}, "in_stock", "[True]", "give 3 booleans, one per candidate"),
    ({"in_stock": [True, True, 1]}, "in_stock[2]", 1, "give true or false"),
    ({"in_stock": True}, "in_stock", True, "give 3 booleans, one per candidate"),
    (
        {"in_stock": [True], "candidates": None},
        "in_stock",
        "[True]",
        "it goes with candidates: give them, or use out_of_stock",
    ),
    ({"out_of_stock": ["sku0", "skuX"]}, "out_of_stock[1]", "skuX", AN_ITEM),
    ({"out_of_stock": "sku0"}, "out_of_stock", "sku0", "give a list of at most 1000 item ids"),
    ({"history": ["sku0", "skuX"]}, "history[1]", "skuX", AN_ITEM),
    ({"history": "sku0"}, "history", "sku0", "give a list of at most 1000 item ids, latest first"),
    ({"live": {"price": [1, 2, 3]}}, "live", "{'price': [1, 2, 3]}", "the policy looks at no such values"),
    ({"user": None}, "user", None, "give an object of numbers by feature name, or a list"),
    ({"user": [1.0]}, "user", "1 numbers", f"give 2: {KNOWN}"),
    ({"user": [1.0, 2.0, 3.0]}, "user", "3 numbers", f"give 2: {KNOWN}"),
    ({"user": "old"}, "user", "old", "give an object of numbers by feature name, or a list"),
    ({"user": {"taste_0": 1.0}}, "user.taste_1", None, A_NUMBER),
    ({"user": {"taste_0": 1.0, "taste_1": None}}, "user.taste_1", None, A_NUMBER),
    ({"user": {"taste_0": 1.0, "taste_1": "2"}}, "user.taste_1", "2", A_NUMBER),
    ({"user": {"taste_0": 1.0, "taste_1": True}}, "user.taste_1", True, A_NUMBER),
    ({"user": {"taste_0": 1.0, "taste_1": 1e39}}, "user.taste_1", 1e39, A_NUMBER),
    ({"user": {"taste_0": 10**400, "taste_1": 1}}, "user.taste_0", str(10**400)[:120], A_NUMBER),
    ({"user": {"taste_0": 1, "taste_1": 1, "age": 3}}, "user.age", 3, f"unknown; known are {KNOWN}"),
    ({"context": [24.5]}, "context.hour", 24.5, "give a finite number in [0, 24]"),
    ({"context": {"hour": -1}}, "context.hour", -1, "give a finite number in [0, 24]"),
    ({"time": "now"}, "time", "now", "give a finite number in [-1e+09, 1e+09]"),
    ({"time": 1e12}, "time", 1e12, "give a finite number in [-1e+09, 1e+09]"),
]


@pytest.mark.parametrize(("change", "field", "value", "fix"), CASES)
def test_a_bad_field_is_refused_by_name_value_and_fix(
    client: TestClient, change: Change, field: str, value: object, fix: str
) -> None:
    before = counts(client)
    error = refused(client.post("/rank", json=body("bad") | change), 422)
    assert error["field"] == field
    assert error["value"] == value
    assert type(error["value"]) is type(value)
    assert fix in error["fix"]
    assert counts(client) == before


def test_the_id_of_a_refused_request_may_be_used_again(bundle: Bundle, client: TestClient) -> None:
    for change, *_ in CASES:
        client.post("/rank", json=body("asked again") | change)
    answer = client.post("/rank", json=body("asked again"))
    assert answer.status_code == 200
    assert answer.json() == RankingService(bundle).rank(body("asked again"))


@pytest.mark.parametrize(
    ("content", "status", "field"),
    [
        (b"", 400, "body"),
        (b"{", 400, "body"),
        (b"[1, 2]", 400, "body"),
        (b"null", 400, "body"),
        (b"\xff\xfe\x00", 400, "body"),
        (b'{"request_id": NaN}', 400, "body"),
        (b'{"request_id": 1, "user_id": 1, "user": [Infinity, 1]}', 400, "body"),
        (b'{"request_id": 1, "user_id": 1, "user": [-Infinity, 1]}', 400, "body"),
        (b'{"request_id": 1, "request_id": 2}', 400, "request_id"),
        (b'{"request_id": 1, "user_id": 1, "user": [1e999, 1], "context": [1]}', 422, "user.taste_0"),
        (b'{"request_id": 1, "user_id": 1, "user": [1%s, 1]}' % (b"0" * 5000), 400, "body"),
        (b"[" * 100_000, 400, "body"),
        (b'{"a":' * 20_000, 400, "body"),
        (b" " * (MAX_BODY + 1), 413, "body"),
        (b'{"request_id": 1, "user_id": 1, "time": "\\ud800"}', 422, "time"),
        (b'{"request_id": "\\ud800", "user_id": 1, "candidates": ["\\udfff"]}', 422, "user"),
    ],
)
def test_bad_bodies_are_named(client: TestClient, content: bytes, status: int, field: str) -> None:
    before = counts(client)
    assert refused(client.post("/rank", content=content, headers=AS_JSON), status)["field"] == field
    assert counts(client) == before


def test_a_lone_surrogate_is_a_valid_id(client: TestClient) -> None:
    content = json.dumps(body("\ud800")).encode()
    answer = client.post("/rank", content=content, headers=AS_JSON)
    assert answer.status_code == 200
    assert answer.json()["request_id"] == "\ud800"
    assert client.post("/rank", content=content, headers=AS_JSON).json() == answer.json()


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["sku0", "sku1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(RANK_FIELDS), ANY_JSON, min_size=1, max_size=3))
def test_any_json_is_ranked_or_refused(bundle: Bundle, changes: dict[str, object]) -> None:
    ranker = RankingService(bundle)
    try:
        answer = ranker.rank(read_json(json.dumps(body(1) | changes).encode()))
    except InvalidInput:
        return
    assert len(answer["items"]) == 2
    assert all(0 < p <= 1 for p in answer["propensities"])


def test_ids_are_stable() -> None:
    assert uint64_id(2**64 - 1) == 2**64 - 1
    assert int64_id(-5) == -5
    # SHA-256 of "abc" starts ba7816bf8f01cfea (FIPS 180-2, B.1)
    assert uint64_id("abc") == 0xBA7816BF8F01CFEA
    assert int64_id("abc") == 0xBA7816BF8F01CFEA >> 1
    assert uint64_id("12") != 12


def test_read_json_returns_valid_objects_unchanged() -> None:
    assert read_json(b'{"a": [1, 2.5, null, "\xc3\xa9"]}') == {"a": [1, 2.5, None, "é"]}
    with pytest.raises(Refusal, match="give each name once"):
        read_json(b'{"a": {"b": 1, "b": 1}}')


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"request_id": "b"}, 404, "request_id"),
        ({"request_id": uint64_id("a")}, 404, "request_id"),
        ({"request_id": None}, 422, "request_id"),
        ({"rewards": None}, 422, "rewards"),
        ({"rewards": [1]}, 422, "rewards"),
        ({"rewards": [1, 2, 3]}, 422, "rewards"),
        ({"rewards": [1, "2"]}, 422, "rewards[1]"),
        ({"rewards": [1, 0.5]}, 422, "rewards[1]"),
        ({"rewards": [10**400, 0]}, 422, "rewards[0]"),
        ({"events": [1]}, 422, "events"),
        ({"events": {"Click!": [1, 1]}}, 422, "events.Click!"),
        ({"events": {"click": [1]}}, 422, "events.click"),
        ({"events": {"click": [1, 1]}}, 422, "events.click[1]"),
        ({"reward": 1}, 422, "reward"),
    ],
)
def test_bad_rewards_are_named(
    client: TestClient, change: dict[str, object], status: int, field: str
) -> None:
    client.post("/rank", json=body("a") | {"out_of_stock": ["sku0", "sku1"]})  # leaves slot 1 empty
    sent = {"request_id": "a", "rewards": [1, 0]} | change
    assert refused(client.post("/reward", json=sent), status)["field"] == field
    assert counts(client)["rewards"] == 0


@pytest.mark.parametrize(
    ("sent", "field"),
    [({}, "stock"), ({"sku9": False}, "stock"), ({"sku0": 0}, "stock.sku0"), ({"sku0": None}, "stock.sku0")],
)
def test_bad_stock_is_named(client: TestClient, sent: dict[str, object], field: str) -> None:
    assert refused(client.post("/stock", json=sent), 422)["field"] == field
