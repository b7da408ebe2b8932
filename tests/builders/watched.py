"""A small shop to watch, and a server of it in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from shopgym.experiments.watch.server import WatchServer, WatchUvicorn, make_app, open_listener
from shopgym.experiments.watch.session import WatchSession
from shopgym.experiments.watch.watched_shop import watched_config
from shopgym.policies.serving.sender import allowed_hosts

SMALL: dict[str, Any] = {
    "name": "small",
    "purpose": "A shop of 60 items.",
    "seed": 5,
    "catalog": {"source": "synthetic", "items": 60},
    "shop": {"users": 4000, "slate_size": 3, "num_candidates": 12},
    "guards": [{"kind": "in_stock"}, {"kind": "category_cap", "maximum": 1}],
    "agents": {
        "random": {},
        "best_sellers": {"agent": "popularity", "decay": 8.0, "floor": 0.0},
        "lints": {},
    },
    "gate": {"baseline": "best_sellers"},
}


def config_file(folder: Path, **changes: Any) -> Path:
    """The YAML file of the small shop."""
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return path


def small_session(folder: Path, *, visitors: int = 4, **changes: Any) -> WatchSession:
    """A session of the small shop."""
    return WatchSession(watched_config(config_file(folder, **changes)), visitors=visitors)


@contextmanager
def serving(session: WatchSession) -> Iterator[tuple[str, WatchServer]]:
    """(URL, server) while the session is served."""
    app, listener = make_app(session, allowed_hosts("127.0.0.1")), open_listener(0)
    server = WatchUvicorn(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.server
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
