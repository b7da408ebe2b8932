"""Serving loads numpy and pydantic, the server starlette and uvicorn too: no learner, simulator or table.

Every case runs in a process of its own, because this one has loaded everything already.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from builders.paths import DATA

BUNDLE = DATA / "written_by_0_1" / "bundle"
HEAVY = {
    *("torch", "lightgbm", "vowpalwabbit", "stable_baselines3", "sklearn", "scipy", "numba", "llvmlite"),
    *("gymnasium", "pandas", "pyarrow", "matplotlib", "PIL", "yaml", "rich", "typer", "ray"),
}
ROOMS = {"agents", "envs", "evaluation", "experiments", "guardrails", "realism", "simulators", "training"}

SERVICE = """
from shopgym import load_bundle
from shopgym.policies.serving import RankingService
service = RankingService(load_bundle(BUNDLE))
case = json.loads((BUNDLE / "golden.json").read_text())[0]
assert service.rank(case["request"])["items"] == case["items"]
"""
SERVER = """
import asyncio
from shopgym import load_bundle
from shopgym.policies.serving.server import make_app
case = json.loads((BUNDLE / "golden.json").read_text())[0]
sent = []

async def ask():
    app = make_app(load_bundle(BUNDLE), FOLDER / "log")
    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/rank", "headers": headers, "query_string": b""}

    async def receive():
        return {"type": "http.request", "body": json.dumps(case["request"]).encode(), "more_body": False}

    async def send(message):
        sent.append(message)

    async with app.router.lifespan_context(app):
        await app(scope, receive, send)

asyncio.run(ask())
assert sent[0]["status"] == 200
assert json.loads(sent[1]["body"])["items"] == case["items"]
"""
RETRIEVAL = """
import shopgym.policies.retrieval.ivf, shopgym.policies.retrieving_policy
"""
COMPACTION = """
from shopgym.policies.decision_log import compact
assert len(compact(BUNDLE.parent / "server_log")) > 0
"""


@pytest.mark.parametrize(
    "code", [SERVICE, SERVER, RETRIEVAL, COMPACTION], ids=["service", "server", "retrieval", "compaction"]
)
def test_serving_loads_nothing_heavy(code: str, tmp_path: Path) -> None:
    start = (
        "import json, sys\nfrom pathlib import Path\nBUNDLE, FOLDER = (Path(path) for path in sys.argv[1:])"
    )
    end = "print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"{start}\n{code}\n{end}", str(BUNDLE), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stdout.split())
    assert "numpy" in modules
    assert not HEAVY & modules
    assert not {f"shopgym.{room}" for room in ROOMS} & modules


@pytest.mark.parametrize(
    "face", ["shopgym.policies", "shopgym.policies.decision_log", "shopgym.policies.serving"]
)
def test_a_face_is_light_and_every_name_of_it_is_there(face: str) -> None:
    code = f"import sys, {face} as face\nassert 'numpy' not in sys.modules"
    code += "\nfor name in face.__all__: getattr(face, name)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_earlier_names_are_those_of_today() -> None:
    from shopgym.policies import explorers, serving

    with pytest.warns(DeprecationWarning, match="RankingService"):
        assert serving.Ranker is serving.RankingService
    with pytest.warns(DeprecationWarning, match="PlackettLuceRanking"):
        assert explorers.Ranked is explorers.PlackettLuceRanking
    with pytest.raises(AttributeError, match="no attribute 'Rang'"):
        _ = serving.Rang
