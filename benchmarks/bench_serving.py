"""Time to answer a request that names no candidates: retrieve 200 of many items, rank, draw, log.

    python benchmarks/bench_serving.py [--json]       SIZES=10000,1000000 REQUESTS=2000

Items have 64 numbers, requests a history of 10 items and 16 numbers of their user; a linear model ranks. A
tenth of the items is out of stock. In the process: reading JSON, deciding, writing JSON. Over HTTP: one
client that asks a server process and waits, decisions synced to disk before they are answered.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from _measure import one_thread, report

one_thread()

import numpy as np  # noqa: E402

from shopgym.core import Items, Requests  # noqa: E402
from shopgym.policies.explorers import PlackettLuceRanking  # noqa: E402
from shopgym.policies.features import FeatureMap  # noqa: E402
from shopgym.policies.guards import InStock  # noqa: E402
from shopgym.policies.policy import SlatePolicy  # noqa: E402
from shopgym.policies.retrieval import MappedFactors  # noqa: E402
from shopgym.policies.retrieval.ivf import IVF  # noqa: E402
from shopgym.policies.retrieval.retriever import Retriever  # noqa: E402
from shopgym.policies.scorers import LinearScorer  # noqa: E402
from shopgym.policies.serving.bundle import Bundle, load_bundle, write_bundle  # noqa: E402
from shopgym.policies.serving.service import RankingService  # noqa: E402

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "10000,1000000").split(","))
REQUESTS = int(os.environ.get("REQUESTS", "2000"))
D, PEOPLE, COUNT, SLATE = 64, 16, 200, 10
USER = tuple(f"taste_{i}" for i in range(PEOPLE))


def bundle_of(folder: Path, n: int, indexed: bool) -> Bundle:
    """A bundle over n items around n / 200 topics."""
    rng = np.random.default_rng(0)
    topics = rng.normal(size=(max(n // 200, 1), D))
    vectors = (topics[rng.integers(len(topics), size=n)] + 0.5 * rng.normal(size=(n, D))).astype(np.float32)
    names = tuple(f"embedding_{i}" for i in range(PEOPLE))
    ids = np.array([f"sku{i}" for i in range(n)])
    ones = np.ones(n)
    category = np.zeros(n, np.int32)
    items = Items(ids, ids, category, ones, 0 * ones, ones / n, vectors[:, :PEOPLE], ("all",), names)
    features = FeatureMap.default(USER, (), names)
    scorer = LinearScorer(features, items, rng.normal(size=(1, len(features))), ones)
    policy = SlatePolicy("linear", items, scorer, PlackettLuceRanking(), (InStock(),), SLATE)
    model = MappedFactors(vectors, np.zeros(n, np.float32), np.eye(D, dtype=np.float32))
    index = IVF.build(vectors, model.bias, rng) if indexed else None
    candidates = rng.integers(0, n, (20, 1)).astype(np.int32)
    golden = Requests(
        request_id=np.arange(20, dtype=np.uint64),
        user_id=np.arange(20),
        user=rng.normal(size=(20, PEOPLE)).astype(np.float32),
        context=np.zeros((20, 0), np.float32),
        candidates=candidates,
        in_stock=np.ones((20, 1), bool),
        time=np.zeros(20),
        history=rng.integers(0, n, (20, 10)).astype(np.int32),
    )
    return write_bundle(
        folder,
        policy,
        golden_requests=golden,
        user_names=USER,
        context_names=(),
        unit="click",
        config_hash="bench",
        retriever=Retriever(model, COUNT, index),
    )


def bodies(n: int) -> list[bytes]:
    """Requests as they come over the wire."""
    rng = np.random.default_rng(1)
    out = []
    for i in range(REQUESTS):
        history = [f"sku{row}" for row in rng.integers(0, n, 10)]
        body = {"request_id": f"r{i}", "user_id": i, "user": rng.normal(size=PEOPLE).tolist()}
        out.append(json.dumps({**body, "history": history}).encode())
    return out


def times(work: Any, asked: list[bytes]) -> dict[str, float]:
    """Milliseconds, of wall time and of this process's CPU."""
    spent, cpu = [], time.process_time()
    for body in asked:
        started = time.perf_counter()
        work(body)
        spent.append(1000 * (time.perf_counter() - started))
    each = 1000 * (time.process_time() - cpu) / len(asked)
    p50, p99 = np.percentile(spent, [50, 99])
    return {"p50": float(p50), "p99": float(p99), "cpu": each}


def in_process(bundle: Bundle, n: int) -> dict[str, float]:
    """The ranker by itself."""
    ranker = RankingService(bundle)
    gone = np.random.default_rng(2).permutation(n)[: n // 10]
    ranker.set_stock({f"sku{row}": False for row in gone})
    asked = bodies(n)
    for body in asked[:20]:
        ranker.rank(json.loads(body))
    return times(lambda body: json.dumps(ranker.rank(json.loads(body))), asked)


def over_http(folder: Path, log_dir: Path, n: int) -> dict[str, float]:
    """A server process, one request after the other."""
    command = [sys.executable, "-m", "shopgym.cli.main", "serve", str(folder)]
    server = subprocess.Popen(
        [*command, "--port", "0", "--json", "--log-dir", str(log_dir)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]

        def ask(body: bytes) -> None:
            request = urllib.request.Request(f"{url}/rank", body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as reply:
                reply.read()

        return times(ask, bodies(n))
    finally:
        server.terminate()
        server.wait(30)


def main() -> None:
    """Every size, exact and by an index."""
    figures = {}
    for n in SIZES:
        for indexed in (False, True):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name) / "bundle"
                started = time.process_time()
                bundle_of(folder, n, indexed)
                written = time.process_time()
                bundle = load_bundle(folder)
                loaded = time.process_time()
                by = f"{n:,} items, {'index' if indexed else 'exact'}"
                figures[f"{by}: write the bundle, CPU-s"] = written - started
                figures[f"{by}: load it, CPU-s"] = loaded - written
                found = in_process(bundle, n)
                figures |= {f"{by}: in process, {what}, ms": value for what, value in found.items()}
                found = over_http(folder, Path(name) / "log", n)
                figures |= {f"{by}: HTTP, {what}, ms": found[what] for what in ("p50", "p99")}
    report("serving", figures, {}, {"numpy": np.__version__})


if __name__ == "__main__":
    main()
