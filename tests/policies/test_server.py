"""The server: every answer is in the log, every bad request is named, every decision can be made again."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.bundles import linear_policy, rank_body, small_bundle, table_policy

from shopgym.core import InvalidInput
from shopgym.core.files import LOG_FILE
from shopgym.policies.decision_log.append_log import scan
from shopgym.policies.decision_log.compaction import compact
from shopgym.policies.decision_log.log import DecisionLog
from shopgym.policies.serving.bundle import Bundle, load_bundle
from shopgym.policies.serving.request_schema import Refusal
from shopgym.policies.serving.request_seeded import decide_seeded
from shopgym.policies.serving.server import make_app
from shopgym.policies.serving.service import RankingService

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would like another client library
    from starlette.testclient import TestClient

SERVE = "from shopgym.cli.serve import serve; import typer; typer.run(serve)"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("bundles") / "table"
    small_bundle(path)
    return load_bundle(path)


@pytest.fixture
def client(bundle: Bundle, tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(make_app(bundle, tmp_path / "log")) as client:
        yield client


def body(request_id: int | str, **changes: object) -> dict[str, object]:
    return rank_body(table_policy(), request_id) | changes


def refused(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"field", "value", "fix"}
    assert error["fix"]
    return dict(error)


def test_rank_known_answer(client: TestClient) -> None:
    response = client.post("/rank", json=body(1, candidates=["sku2", "sku0"], out_of_stock=["sku2"]))
    assert response.status_code == 200
    assert response.json() == {
        "request_id": 1,
        "items": ["sku0", None],
        "positions": [1, -1],
        "propensities": [1.0, 1.0],
        "policy_hash": table_policy().hash,
    }


def test_served_decisions_are_those_of_the_policy(bundle: Bundle, client: TestClient, tmp_path: Path) -> None:
    """Over HTTP, in process and repeated from the compacted log: the same decision and propensities."""
    ranker = RankingService(bundle)
    served = []
    for i in range(20):
        sent = body(f"r{i}", in_stock=[i % 2 == 0, True, i % 3 == 0])
        answer = client.post("/rank", json=sent).json()
        assert answer == ranker.rank(sent)
        served.append(answer)
    log = compact(tmp_path / "log", bundle.policy)
    assert log.source == "server"
    log.require_items(bundle.policy.items)
    np.testing.assert_array_equal(log.positions, [answer["positions"] for answer in served])
    np.testing.assert_array_equal(log.propensities, [answer["propensities"] for answer in served])
    np.testing.assert_allclose(
        bundle.policy.propensities(log.requests(), log.positions), log.propensities, atol=1e-12
    )
    for i in range(len(log)):
        again = decide_seeded(bundle.policy, log.requests().take(slice(i, i + 1)))
        np.testing.assert_array_equal(again.slates[0], log.slates[i])
        np.testing.assert_array_equal(again.propensities[0], log.propensities[i])


def test_histories_of_any_length_are_logged(bundle: Bundle, client: TestClient, tmp_path: Path) -> None:
    for i, past in enumerate((None, [], ["sku2"], ["sku0", "sku1"])):
        assert client.post("/rank", json=body(i) | ({} if past is None else {"history": past})).is_success
    log = compact(tmp_path / "log", bundle.policy)
    np.testing.assert_array_equal(log.history, [[-1, -1], [-1, -1], [2, -1], [0, 1]])


def test_served_log_is_the_simulators_log(client: TestClient, tmp_path: Path, bundle: Bundle) -> None:
    for i in range(4):
        client.post("/rank", json=body(i))
    client.post("/reward", json={"request_id": 2, "rewards": [1.5, 0], "events": {"click": [1, 0]}})
    log = compact(tmp_path / "log", bundle.policy)
    log.write(tmp_path / "log.parquet")
    read = DecisionLog.read(tmp_path / "log.parquet")
    assert read.rewarded.tolist() == [False, False, True, False]
    done = read.rewarded_only().interactions()
    np.testing.assert_array_equal(done.reward, [[1.5, 0.0]])
    np.testing.assert_array_equal(done.events["click"], [[1.0, 0.0]])
    np.testing.assert_array_equal(read.user, [[0.5, -1.25]] * 4)
    np.testing.assert_array_equal(read.context, [[13.5]] * 4)


def test_a_mixture_with_guards_is_served_exactly(tmp_path: Path) -> None:
    policy = linear_policy(category_cap=2)
    bundle = small_bundle(tmp_path / "b", policy, m=12)
    with TestClient(make_app(bundle, tmp_path / "log")) as client:
        for i in range(30):
            sent = rank_body(policy, i, m=3 + i % 20) | {"user": [i / 7, -i / 9]}
            assert client.post("/rank", json=sent).status_code == 200
    log = compact(tmp_path / "log")
    assert log.num_candidates == 22
    np.testing.assert_allclose(
        policy.propensities(log.requests(), log.positions), log.propensities, atol=1e-12
    )


def test_without_candidates_popular_items_are_ranked(client: TestClient) -> None:
    sent = body(1)
    del sent["candidates"]
    answer = client.post("/rank", json=sent).json()
    assert len(answer["items"]) == 2
    assert set(answer["items"]) <= {"sku0", "sku1", "sku2"}


def test_features_by_name_or_in_order(client: TestClient) -> None:
    by_name = client.post("/rank", json=body(1, user={"taste_1": 2, "taste_0": 1})).json()
    assert client.post("/rank", json=body(1, user=[1, 2])).json() == by_name


def test_unknown_paths_and_methods(client: TestClient) -> None:
    assert refused(client.get("/rank"), 405)["value"] == "GET /rank"
    assert refused(client.get("/../etc/passwd"), 404)["field"] == "path"


def test_a_request_sent_twice_is_decided_once(client: TestClient, tmp_path: Path) -> None:
    first = client.post("/rank", json=body("a"))
    assert client.post("/rank", json=body("a")).json() == first.json()
    without_time = body("b")
    del without_time["time"]
    assert client.post("/rank", json=without_time).json() == client.post("/rank", json=without_time).json()
    assert len(compact(tmp_path / "log")) == 2
    error = refused(client.post("/rank", json=body("a", candidates=["sku1", "sku0"])), 409)
    assert (error["field"], error["value"]) == ("request_id", "a")
    refused(client.post("/rank", json=body("a", time=9)), 409)
    assert len(compact(tmp_path / "log")) == 2


def test_a_reward_is_taken_once(client: TestClient, tmp_path: Path) -> None:
    client.post("/rank", json=body("a"))
    sent = {"request_id": "a", "rewards": [0, 2.5], "events": {"click": [1, 1]}}
    assert client.post("/reward", json=sent).json() == {"request_id": "a", "duplicate": False}
    assert client.post("/reward", json=sent).json() == {"request_id": "a", "duplicate": True}
    assert "first one stays" in refused(client.post("/reward", json=sent | {"rewards": [0, 3]}), 409)["fix"]
    np.testing.assert_array_equal(compact(tmp_path / "log").reward, [[0.0, 2.5]])
    assert client.get("/info").json()["counts"]["rewards"] == 1


def test_what_is_sold_out_is_never_shown(bundle: Bundle, tmp_path: Path) -> None:
    with TestClient(make_app(bundle, tmp_path / "log")) as client:
        assert client.post("/stock", json={"sku2": False, "sku0": True}).json() == {
            "changed": 2,
            "out_of_stock": 1,
        }
        for i in range(30):
            answer = client.post("/rank", json=body(i, in_stock=[True] * 3)).json()
            assert sorted(answer["items"]) == ["sku0", "sku1"]
            assert answer["propensities"] == pytest.approx(
                [1 / 3 if answer["items"][0] == "sku0" else 2 / 3, 1]
            )
        without = body(99)
        del without["candidates"]
        assert "sku2" not in client.post("/rank", json=without).json()["items"]
    with TestClient(make_app(bundle, tmp_path / "log")) as client:
        assert client.get("/info").json()["counts"]["out_of_stock"] == 1
        assert "sku2" not in client.post("/rank", json=body(100)).json()["items"]
        client.post("/stock", json={"sku2": True})
        shown = {item for i in range(200, 230) for item in client.post("/rank", json=body(i)).json()["items"]}
        assert "sku2" in shown
    assert not compact(tmp_path / "log").in_stock[:30, 2].any()


def test_a_repeated_request_does_not_bring_sold_out_items_back(client: TestClient) -> None:
    first = client.post("/rank", json=body("a")).json()
    client.post("/stock", json={first["items"][0]: False})
    assert "stock" in refused(client.post("/rank", json=body("a")), 409)["fix"]


def test_stock_that_ends_between_decision_and_answer(bundle: Bundle) -> None:
    ranker = RankingService(bundle)
    request = ranker.read(body("a"))
    decisions = ranker.decide(request)
    shown = ranker.answer(request, decisions)["items"]
    ranker.set_stock({shown[1]: False, "never heard of": False})
    with pytest.raises(Refusal, match="sold out this moment") as caught:
        ranker.answer(request, decisions)
    assert (caught.value.status, caught.value.value) == (503, shown[1])


def test_info_and_probes(client: TestClient, bundle: Bundle) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}
    client.post("/rank", json=body(1))
    client.post("/rank", json={})
    info = client.get("/info").json()
    assert info["bundle_hash"] == bundle.hash
    assert info["evidence"] == {"lift": 0.1, "verdict": "go"}
    assert info["manifest"]["policy_hash"] == bundle.policy.hash
    assert info["counts"] == {"decisions": 1, "rewards": 0, "out_of_stock": 0, "torn_bytes": 0}
    assert info["answers"]["/rank 200"] == 1
    assert info["answers"]["/rank 422"] == 1


def test_a_full_disk_gives_503_and_serving_goes_on_after_it(client: TestClient, tmp_path: Path) -> None:
    client.post("/rank", json=body(1))
    size = (tmp_path / "log" / LOG_FILE).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, hard))
    try:
        assert refused(client.post("/rank", json=body(2)), 503)["field"] == "log"
        assert client.get("/readyz").status_code == 503
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert client.post("/rank", json=body(2)).status_code == 200
    assert client.get("/readyz").status_code == 200
    np.testing.assert_array_equal(compact(tmp_path / "log").request_id, [1, 2])


def test_readiness_follows_the_disk_without_any_request(client: TestClient, tmp_path: Path) -> None:
    """No decision was asked for while the disk was full, and none after it was freed."""
    size = (tmp_path / "log" / LOG_FILE).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, hard))
    try:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (
            503,
            "the log cannot be written: File too large",
        )
        assert client.get("/healthz").status_code == 200
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert client.get("/readyz").status_code == 200
    assert (tmp_path / "log" / LOG_FILE).stat().st_size == size


def test_a_server_whose_log_was_deleted_is_not_ready_and_decides_nothing(
    client: TestClient, tmp_path: Path
) -> None:
    client.post("/rank", json=body(1))
    (tmp_path / "log" / LOG_FILE).unlink()
    assert "was deleted" in refused(client.post("/rank", json=body(2)), 503)["value"]
    assert client.get("/readyz").status_code == 503


def test_a_fault_of_the_server_is_an_answer_and_is_counted(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(RankingService, "decide", broken)
        assert refused(client.post("/rank", json=body(1)), 500)["field"] == "server"
    assert client.post("/rank", json=body(1)).status_code == 200
    assert client.get("/info").json()["answers"]["/rank 500"] == 1


def test_a_second_server_on_the_same_folder_is_refused(
    bundle: Bundle, client: TestClient, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="another process writes it"):
        make_app(bundle, tmp_path / "log")
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match=r"log_dir = .*cannot be written"):
        make_app(bundle, tmp_path / "file")


def test_the_answer_waits_for_the_log(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the disk is slow no decision is answered, but the event loop keeps running."""
    sync = os.fdatasync
    with TestClient(make_app(bundle, tmp_path / "log")) as client:
        order: list[str] = []

        def slow(fd: int) -> None:
            time.sleep(0.2)
            sync(fd)
            order.append("synced")

        monkeypatch.setattr(os, "fdatasync", slow)

        async def both() -> None:
            import httpx

            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(client.app), base_url="http://test"
            ) as http:

                async def ask(path: str) -> None:
                    response = await (http.post(path, json=body(1)) if path == "/rank" else http.get(path))
                    assert response.status_code == 200
                    order.append(path)

                await asyncio.gather(ask("/rank"), ask("/healthz"))

        asyncio.run(both())
    assert order == ["/healthz", "synced", "/rank"]


@pytest.fixture
def process(bundle: Bundle, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """(process, url) of a server in a process of its own."""
    small_bundle(tmp_path / "b")
    command = [sys.executable, "-c", SERVE, str(tmp_path / "b"), "--log-dir", str(tmp_path / "log")]
    server = subprocess.Popen([*command, "--port", "0", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        first = json.loads(server.stdout.readline())
        assert first["bundle_hash"] == bundle.hash
        yield server, first["url"]
    finally:
        server.kill()
        server.wait()


def post(url: str, sent: dict[str, object]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(sent).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def test_a_server_process_from_start_to_sigterm(
    process: tuple[subprocess.Popen[str], str], bundle: Bundle, tmp_path: Path
) -> None:
    server, url = process
    assert url.startswith("http://127.0.0.1:")
    answer = post(f"{url}/rank", body("a"))
    assert answer == RankingService(bundle).rank(body("a"))
    assert post(f"{url}/reward", {"request_id": "a", "rewards": [0, 1]})["duplicate"] is False
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=20) == 0
    log = compact(tmp_path / "log")
    assert log.rewarded.tolist() == [True]


def test_a_killed_server_has_logged_what_it_answered(
    process: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    server, url = process
    for i in range(20):
        post(f"{url}/rank", body(i))
    server.kill()
    server.wait()
    kinds = [record["kind"] for _, _, record in scan(tmp_path / "log" / LOG_FILE)]
    assert kinds == ["header"] + ["decision"] * 20


def test_an_address_that_cannot_be_used_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    from shopgym.policies.serving.server import serve

    for host, port in (("127.0.0.1", 99999), ("256.0.0.1", 0)):
        with pytest.raises(InvalidInput, match="cannot listen there"):
            serve(bundle, log_dir=tmp_path / "log", host=host, port=port, announce=print)
    assert not (tmp_path / "log").exists()
