"""Check that a bundle can be served: a server process answers its golden cases over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InvalidInput
from ..policies.serving.golden import TOLERANCE

READY_WITHIN = 60.0
"""Seconds within which a server must accept connections."""

SERVE = """
import sys
from pathlib import Path
from shopgym.policies.serving import load_bundle
from shopgym.policies.serving.server import serve

bundle, log_dir = map(Path, sys.argv[1:])
serve(load_bundle(bundle), log_dir=log_dir, port=0, announce=lambda url: print(url, flush=True))
"""
"""The server process: what ``shopgym serve`` runs, without the command line, which is above this room."""


def served_equals_golden(bundle: Path) -> dict[str, Any]:
    """Serve ``bundle`` from a new process and send it every golden case.

    Returns:
        cases, equal (answers with the golden items and propensities), logged (decisions in the server's
        log), and median milliseconds per answer.

    Raises:
        InvalidInput: the server did not start; the message has the last line that it printed.
    """
    cases = json.loads((bundle / "golden.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", SERVE, str(bundle), folder]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            url = _url(server)
            equal, seconds = 0, []
            for case in cases:
                started = time.perf_counter()
                answer = _post(f"{url}/rank", case["request"])
                seconds.append(time.perf_counter() - started)
                equal += answer["items"] == case["items"] and np.allclose(
                    answer["propensities"], case["propensities"], rtol=0.0, atol=TOLERANCE
                )
            with urllib.request.urlopen(f"{url}/info", timeout=10) as reply:
                logged = json.load(reply)["counts"]["decisions"]
        finally:
            server.terminate()
            server.communicate(timeout=30)
    return {
        "cases": len(cases),
        "equal": equal,
        "logged": logged,
        "median_ms": 1000 * float(np.median(seconds)),
    }


def _url(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    assert server.stderr is not None
    url = server.stdout.readline().strip()  # empty if the process ends without printing
    if not url:
        server.wait(READY_WITHIN)
        said = server.stderr.read().strip().splitlines()[-1:]
        raise InvalidInput("serve", "".join(said), "the server did not start")
    return url


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        answer: dict[str, Any] = json.load(reply)
    return answer
