"""Hostile requests: no body, header or file name stops the server or gets a 500, and work stays linear."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator

import pytest
from builders.bundles import rank_body, small_bundle, table_policy
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.policies.serving.bundle import Bundle
from shopgym.policies.serving.request_schema import MAX_BODY, MAX_DEPTH, first_repeat, read_json
from shopgym.policies.serving.server import make_app
from shopgym.policies.serving.service import RankingService

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would like another client library
    from starlette.testclient import TestClient

POSTS = ("/rank", "/reward", "/stock")
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("bundles") / "table")


@pytest.fixture(scope="module")
def client(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with TestClient(make_app(bundle, tmp_path_factory.mktemp("log"))) as client:
        client.post("/rank", json=rank_body(table_policy(), "decided"))
        yield client


class Counted:
    """A value that counts how often it is compared."""

    comparisons = 0

    def __init__(self, value: int) -> None:
        self.value = value

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return isinstance(other, Counted) and self.value == other.value


def test_a_repeat_is_looked_for_in_linear_time() -> None:
    values = [Counted(i) for i in range(5000)]
    Counted.comparisons = 0
    assert first_repeat([*values, Counted(4999)]) == 5000
    assert Counted.comparisons <= 5000
    assert first_repeat("abcab") == 3


@pytest.mark.parametrize("path", POSTS)
def test_a_full_body_of_names_of_which_one_repeats(client: TestClient, path: str) -> None:
    names = [f'"n{i}":0' for i in range(22_000)]
    content = "{" + ",".join([*names, names[-1]]) + "}"
    assert 200_000 < len(content) < MAX_BODY
    answer = client.post(path, content=content, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "n21999")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("depth", [MAX_DEPTH, 50, 400, 956, 2000, 50_000])
@pytest.mark.parametrize("shape", [('{"user":', "}"), ("[", "]"), ('{"user":[', "]}")])
def test_deep_nesting_is_a_bad_request(
    client: TestClient, path: str, depth: int, shape: tuple[str, str]
) -> None:
    left, right = shape
    content = '{"user_id":1,"request_id":' + left * depth + "1" + right * depth + "}"
    answer = client.post(path, content=content[:MAX_BODY], headers=JSON)
    assert answer.status_code == 400


def test_the_deepest_body_is_read() -> None:
    deepest = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert "a" in read_json(f'{{"a": {deepest}}}'.encode())
    with pytest.raises(InvalidInput, match="at most 8 deep"):
        read_json(f'{{"a": [{deepest}]}}'.encode())


def test_a_deeply_nested_value_has_a_message_without_a_server(bundle: Bundle) -> None:
    nested: object = 1
    for _ in range(20_000):
        nested = [nested]
    with pytest.raises(InvalidInput, match="a deeply nested list"):
        RankingService(bundle).rank({"request_id": nested, "user_id": 1})


@pytest.mark.parametrize("path", POSTS)
def test_a_body_over_the_limit_is_refused_whether_its_length_is_said_or_not(
    client: TestClient, path: str
) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(MAX_BODY // 1000 + 2):
            yield b" " * 1000

    for content in (b" " * (MAX_BODY + 1), chunks()):
        answer = client.post(path, content=content, headers=JSON)
        assert (answer.status_code, answer.json()["error"]["field"]) == (413, "body")


HUGE = "9" * 4000
BAD_BODIES = {
    "/rank": [
        {"request_id": 1, "user_id": int(HUGE)},
        {"request_id": 1.5, "user_id": 1},
        {"request_id": "a", "user_id": "\ud800" * 65},
        {"request_id": "a", "user_id": 1, "user": [int(HUGE), 1], "context": [1]},
        {"request_id": "a", "user_id": 1, "user": {"\ud800": 1}},
        {"request_id": "a", "user_id": 1, "user": [1, 2], "context": [1], "candidates": ["sku0"] * 2},
        {"request_id": "a", "user_id": 1, "user": [1, 2], "context": [1], "candidates": [{}]},
        {"request_id": "a", "user_id": 1, "user": [1, 2], "context": [1], "out_of_stock": [["sku0"]]},
        {"request_id": "a", "user_id": 1, "user": [1, 2], "context": [1], "live": {"price": [1]}},
        {"request_id": "a", "user_id": 1, "user": [1, 2], "context": [1], "time": int(HUGE)},
        {"\udfff": 1, "request_id": "a", "user_id": 1},
    ],
    "/reward": [
        {"request_id": "decided", "rewards": [int(HUGE), 0]},
        {"request_id": "decided", "rewards": [True, 0]},
        {"request_id": "decided", "rewards": {"0": 1, "1": 0}},
        {"request_id": ["decided"], "rewards": [0, 0]},
        {"request_id": "decided", "rewards": [0, 0], "events": {"\ud800": [0, 0]}},
        {"request_id": "decided", "rewards": [0, 0], "events": {"click": [[0], 0]}},
        {"request_id": "decided", "rewards": [0, 0], "events": {f"e{i}": [0, 0] for i in range(33)}},
        {"request_id": int(HUGE), "rewards": [0, 0]},
    ],
    "/stock": [
        {"sku0": int(HUGE)},
        {"sku0": [True]},
        {"\ud800": True},
        {"": True},
        {"sku0": True, "SKU0": True},
        {f"sku{i}": True for i in range(10_001)},
    ],
}


@pytest.mark.parametrize(("path", "sent"), [(path, sent) for path in POSTS for sent in BAD_BODIES[path]])
def test_bad_values_are_refused_by_name(client: TestClient, path: str, sent: dict[str, object]) -> None:
    before = client.get("/info").json()["counts"]
    answer = client.post(path, content=json.dumps(sent), headers=JSON)
    assert answer.status_code in (404, 422)
    assert answer.json()["error"]["fix"]
    assert client.get("/info").json()["counts"] == before


def test_the_same_candidate_in_two_notations_is_one_candidate(client: TestClient) -> None:
    sent = rank_body(table_policy(), "twice")
    content = json.dumps(sent | {"candidates": ["sku0", "sku1", "@"]}).replace("@", "\\u0073ku0")
    answer = client.post("/rank", content=content, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "candidates[2]")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-encoding": "gzip"},
        {"content-type": "application/json; charset=utf-7"},
        {"x-very-long": "x" * 60_000},
        {"expect": "100-continue"},
        {"x-http-method-override": "DELETE", "transfer-encoding": "identity"},
    ],
)
@pytest.mark.parametrize("path", POSTS)
def test_odd_headers_change_nothing(client: TestClient, path: str, headers: dict[str, str]) -> None:
    assert client.post(path, content=b"{}", headers=JSON | headers).status_code == 422
    assert client.post(path, content=b"\x1f\x8b\x08", headers=JSON | headers).status_code == 400


SYNTAX = (b"{", b"}", b"[", b"]", b",", b":", b'"', b"\x00", b"\xff", b"\xef\xbb\xbf")
WORDS = (
    b"1e9",
    b"-",
    b"NaN",
    b"null",
    b"true",
    b"\\ud800",
    b'"request_id"',
    b'"rewards"',
    b'"sku0"',
    b'"decided"',
)
FRAGMENTS = st.lists(st.sampled_from([*SYNTAX, *WORDS]), max_size=30).map(b"".join)


@pytest.mark.parametrize("path", POSTS)
@settings(max_examples=150, deadline=None)
@given(content=FRAGMENTS | st.binary(max_size=60))
def test_any_bytes_are_answered_or_refused(client: TestClient, path: str, content: bytes) -> None:
    answer = client.post(path, content=content, headers=JSON)
    assert answer.status_code in (200, 400, 404, 409, 422)
