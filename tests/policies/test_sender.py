"""Who may send a request: a page of another site is refused whatever it can send."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.bundles import rank_body, small_bundle, table_policy

from shopgym.policies.serving.request_schema import Refusal
from shopgym.policies.serving.sender import allowed_hosts, check_sender
from shopgym.policies.serving.server import make_app

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would like another client library
    from starlette.testclient import TestClient

JSON = {"content-type": "application/json"}
LOCAL = {"localhost", "127.0.0.1", "[::1]"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    bundle = small_bundle(tmp_path / "bundle")
    with TestClient(make_app(bundle, tmp_path / "log"), base_url="http://shop:8000") as client:
        yield client


@pytest.mark.parametrize("path", ["/rank", "/reward", "/stock"])
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "text/json"]
)
def test_what_a_page_may_send_unasked_is_no_json(client: TestClient, path: str, kind: str) -> None:
    answer = client.post(path, content=b'{"sku0": false}', headers={"content-type": kind})
    assert answer.status_code == 415
    assert answer.json()["error"]["field"] == "Content-Type"
    assert client.get("/info").json()["counts"]["out_of_stock"] == 0


def test_a_post_without_content_type_is_refused(client: TestClient) -> None:
    assert client.post("/stock", content=b'{"sku0": false}').status_code == 415


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_taken_however_it_is_written(client: TestClient, kind: str) -> None:
    answer = client.post("/stock", content=b'{"sku0": false}', headers={"content-type": kind})
    assert answer.json()["out_of_stock"] == 1


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://shop", "http://shop:8000.evil.example", ""]
)
@pytest.mark.parametrize("path", ["/rank", "/reward", "/stock"])
def test_another_origin_is_refused(client: TestClient, path: str, origin: str) -> None:
    sent = rank_body(table_policy(), 1)
    answer = client.post(path, json=sent, headers={"origin": origin})
    assert answer.status_code == 403
    assert answer.json()["error"]["field"] == "Origin"
    assert client.post("/rank", json=sent, headers={"origin": "http://shop:8000"}).status_code == 200


def test_a_preflight_is_not_agreed_to(client: TestClient) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = client.options("/stock", headers=headers)
    assert answer.status_code == 405
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_names_of_a_server_for_this_machine() -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        assert allowed_hosts(host) == LOCAL
    assert allowed_hosts("127.0.0.2") == LOCAL | {"127.0.0.2"}
    assert allowed_hosts("127.0.0.1", ["shop.internal"]) == LOCAL | {"shop.internal"}
    assert allowed_hosts("0.0.0.0") is None
    assert allowed_hosts("0.0.0.0", ["shop.internal"]) == {"shop.internal"}


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST:1"])
def test_the_names_of_this_machine_are_taken(host: str) -> None:
    check_sender("POST", {"host": host, **JSON}, LOCAL)
    check_sender("GET", {"host": host}, LOCAL)


@pytest.mark.parametrize("host", ["evil.example:8000", "", "localhost.evil.example", "127.0.0.1.nip.io:8000"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_that_points_here_is_refused(host: str, method: str) -> None:
    """As after DNS rebinding: the browser takes page and server for one site, the name tells."""
    with pytest.raises(Refusal, match="--allow-host") as caught:
        check_sender(method, {"host": host, "origin": f"http://{host}", **JSON}, LOCAL)
    assert (caught.value.status, caught.value.field) == (403, "Host")
