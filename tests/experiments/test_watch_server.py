"""The server of a watched shop: snapshots to every browser, actions back, and nothing for strangers."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders.watched import SMALL, config_file, serving, small_session

from shopgym.experiments.watch.server import FILES, MOST_BROWSERS, WatchServer, make_app, open_listener

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would like another client library
    from starlette.testclient import TestClient


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    app = make_app(small_session(tmp_path), frozenset({"testserver"}))
    with TestClient(app) as client:
        yield client


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[str, WatchServer]]:
    with serving(small_session(tmp_path)) as served:
        yield served


def snapshots(url: str) -> Iterator[dict[str, Any]]:
    """What a browser gets; it leaves when the iterator is closed."""
    with urllib.request.urlopen(f"{url}/events", timeout=60) as stream:
        for line in stream:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


def post(url: str, action: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"{url}/actions", json.dumps(action).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60):
        pass


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread; the time limit of the test ends it otherwise."""
    while not condition():
        time.sleep(0.02)


def refused(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error.keys() == {"field", "value", "fix"}
    return dict(error)


# the page


@pytest.mark.parametrize("path", FILES)
def test_the_page_comes_whole_and_loads_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(FILES[path][1])
    assert "default-src 'self'" in response.headers["content-security-policy"]
    text = response.text.replace("http://www.w3.org/2000/svg", "")  # a name, not a place
    assert "http:" not in text
    assert "https:" not in text
    assert "innerHTML" not in text


def test_about_is_what_does_not_change(client: TestClient) -> None:
    about = client.get("/about").json()
    assert about["name"] == "small"
    assert about["currency"] == "GBP"
    assert about["policies"][0] == "best_sellers"


# actions


def test_an_action_changes_the_session(client: TestClient) -> None:
    assert client.post("/actions", json={"action": "step", "steps": 3}).json() == {"steps": 3}
    assert client.post("/actions", json={"action": "pause"}).status_code == 200
    assert not client.app.state.server.session.running  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b'{"action": "explode"}', 422, "action"),
        (b'{"action": "policy", "name": "oracle"}', 422, "name"),
        (b'{"action": "promotion", "price_off": NaN}', 400, "body"),
        (b"no json", 400, "body"),
        (b"[]", 400, "body"),
        (b'{"action": "' + b"x" * 20_000 + b'"}', 413, "body"),
    ],
)
def test_wrong_actions_are_named(client: TestClient, body: bytes, status: int, field: str) -> None:
    response = client.post("/actions", content=body, headers={"Content-Type": "application/json"})
    assert refused(response, status)["field"] == field


def test_strangers_are_refused(client: TestClient) -> None:
    pause = {"action": "pause"}
    assert refused(client.get("/about", headers={"Host": "evil.example"}), 403)["field"] == "Host"
    other_site = {"Origin": "http://evil.example"}
    assert refused(client.post("/actions", json=pause, headers=other_site), 403)["field"] == "Origin"
    plain = {"Content-Type": "text/plain"}
    assert refused(client.post("/actions", content=b"{}", headers=plain), 415)["field"] == "Content-Type"
    assert refused(client.get("/secrets"), 404)["field"] == "path"
    assert refused(client.get("/actions"), 405)["field"] == "path"
    assert client.app.state.server.session.running  # type: ignore[attr-defined]


# streams


def test_the_shop_stands_still_until_somebody_watches(live: tuple[str, WatchServer]) -> None:
    url, server = live
    with urllib.request.urlopen(url, timeout=60):
        pass
    assert server.session.snapshot()["steps"] == 0
    stream = snapshots(url)
    steps = [next(stream)["steps"] for _ in range(3)]
    stream.close()
    assert steps[0] == 0
    assert steps == sorted(set(steps))


def test_two_browsers_see_the_same_shop_and_leave_nothing_behind(live: tuple[str, WatchServer]) -> None:
    url, server = live
    one, other = snapshots(url), snapshots(url)
    first, second = next(one), next(other)
    assert first["running"]
    post(url, {"action": "pause"})

    def paused(stream: Iterator[dict[str, Any]]) -> dict[str, Any]:
        return next(snapshot for snapshot in stream if not snapshot["running"])

    assert paused(one) == paused(other)
    assert second["policy"] == "best_sellers"
    assert len(server.browsers) == 2
    one.close()
    post(url, {"action": "resume"})
    until(lambda: len(server.browsers) == 1)
    assert next(other)
    other.close()
    until(lambda: not server.browsers)


def test_a_slow_browser_skips_snapshots(tmp_path: Path) -> None:
    """The queue of a browser that reads nothing holds one snapshot, the latest."""

    async def watch() -> tuple[int, int]:
        server = WatchServer(small_session(tmp_path))
        response = await server.events(None)  # type: ignore[arg-type]
        stream = response.body_iterator  # type: ignore[attr-defined]
        await anext(stream)
        playing = asyncio.create_task(server.play())
        while server.session.snapshot()["steps"] < 4:
            await asyncio.sleep(0.05)
        playing.cancel()
        latest = json.loads((await anext(stream)).partition("data: ")[2])["steps"]
        (browser,) = server.browsers
        size = browser.qsize()
        await stream.aclose()
        assert not server.browsers
        return latest, size

    latest, size = asyncio.run(watch())
    assert latest >= 3
    assert size <= 1


def test_too_many_browsers_are_refused(live: tuple[str, WatchServer]) -> None:
    url, server = live
    streams = [snapshots(url) for _ in range(MOST_BROWSERS)]
    for stream in streams:
        next(stream)
    with pytest.raises(urllib.error.HTTPError) as refusal:
        next(snapshots(url))
    assert refusal.value.code == 503
    for stream in streams:
        stream.close()
    until(lambda: not server.browsers)


def test_a_shop_that_cannot_go_on_says_so(tmp_path: Path) -> None:
    empty = small_session(tmp_path, shop=SMALL["shop"] | {"arrivals": {"per_day": 1e-9}})
    with serving(empty) as (url, _):
        stream = snapshots(url)
        failed = next(snapshot for snapshot in stream if snapshot["failure"])
        stream.close()
    assert failed["failure"]["field"] == "shop.arrivals.per_day"
    assert not failed["running"]


# the command


def shopgym(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shopgym.cli.main", "watch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "shopgym.cli.main", "watch", str(config_file(tmp_path)), "--port", "0"]
    pipe = subprocess.PIPE
    server = subprocess.Popen([*command, "--json"], stdout=pipe, stderr=pipe, text=True)
    assert server.stdout is not None
    said = json.loads(server.stdout.readline())
    assert said["policies"] == ["best_sellers", "random", "popularity"]
    stream = snapshots(said["url"])
    assert next(stream)["steps"] == 0
    server.terminate()
    _, complaints = server.communicate(timeout=60)
    stream.close()
    assert (server.returncode, complaints) == (0, "")


def test_wrong_arguments_end_with_code_2(tmp_path: Path) -> None:
    with open_listener(0) as taken:
        port = str(taken.getsockname()[1])
        busy = shopgym(str(config_file(tmp_path)), "--port", port)
    assert busy.returncode == 2
    assert "--port" in busy.stderr
    both = shopgym("online_retail", "--run", str(tmp_path), "--port", "0")
    assert both.returncode == 2
    assert "--run has a config of its own" in both.stderr


def test_a_port_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="--port"):
        open_listener(99_999)
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(ValueError, match="choose another"):
        open_listener(other.getsockname()[1])
