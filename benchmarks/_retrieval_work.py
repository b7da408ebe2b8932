"""One turn of retrieval's speed, printed as JSON; run by bench_retrieval.py.

The data are drawn, not loaded: sessions of items that belong together, on catalogues of stated sizes, so that
the turn needs no file. Speed depends on the sizes alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from shopgym.agents.retrieval.als import ALS
from shopgym.agents.retrieval.bpr import BPR
from shopgym.agents.retrieval.data import Sequences
from shopgym.agents.retrieval.ease import Ease
from shopgym.agents.retrieval.item_knn import ItemKNN
from shopgym.policies.retrieval import topk
from shopgym.policies.retrieval.ivf import IVF

DIM, BEST, QUERIES = 64, 100, 100
OUT = (0.0, 0.5, 0.9, 0.99)


def sessions(count: int, items: int, size: int, seed: int = 0) -> Sequences:
    """``count`` sessions of ``size`` items, each of one of items / 50 topics, some items far more popular."""
    rng = np.random.default_rng(seed)
    topics = items // 50
    topic = rng.integers(topics, size=(count, 1))
    rank = np.minimum(rng.zipf(1.5, size=(count, size)) - 1, 49)
    rows = (topic + topics * rank).astype(np.int32)
    return Sequences(rows.ravel(), np.arange(0, count * size + 1, size), items, np.arange(rows.size) / 1e5)


def seconds(work: Callable[[], Any]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def fits() -> dict[str, float]:
    """Seconds of each fit on 20,000 users x 5,000 items, 600,000 pairs before repeats."""
    data = sessions(20_000, 5_000, 30)
    small = sessions(50, 100, 5)
    out = {}
    for name, recommender in (
        ("item-KNN", ItemKNN()),
        ("EASE", Ease()),
        ("ALS, 64 factors, 10 rounds", ALS(factors=64)),
        ("BPR, 64 factors, 10 epochs", BPR(factors=64, epochs=10)),
    ):
        recommender.fit(small, np.random.default_rng(0))  # compiled before it is timed
        fit = recommender.fit
        out[f"fit {name}, CPU-s"] = seconds(lambda fit=fit: fit(data, np.random.default_rng(0)))
    return out


def epochs(device: str) -> dict[str, float]:
    """Seconds of one pass over 20,000 sessions of 10 on 5,000 items."""
    import torch

    from shopgym.agents.retrieval.gru4rec import GRU4Rec
    from shopgym.agents.retrieval.sasrec import SASRec
    from shopgym.agents.retrieval.two_tower import TwoTower

    data = sessions(20_000, 5_000, 10)
    features = np.random.default_rng(0).normal(size=(5_000, 16)).astype(np.float32)
    out = {}
    for name, recommender in (
        ("two towers", TwoTower(features, epochs=1, device=device)),
        ("SASRec", SASRec(epochs=1, length=10, device=device)),
        ("SASRec, 512 sampled", SASRec(epochs=1, length=10, negatives=512, device=device)),
        ("GRU4Rec", GRU4Rec(epochs=1, length=10, device=device)),
    ):
        recommender.fit(data.take(np.arange(200)), np.random.default_rng(0))
        start = time.process_time(), time.perf_counter()
        recommender.fit(data, np.random.default_rng(0))
        if device == "cpu":
            out[f"epoch of {name}, CPU-s"] = time.process_time() - start[0]
        else:
            torch.cuda.synchronize()
            out[f"epoch of {name} on {device}, s"] = time.perf_counter() - start[1]
    return out


def searches(count: int) -> dict[str, float]:
    """Milliseconds and recall of the best 100 of ``count`` vectors, with items filtered out."""
    rng = np.random.default_rng(0)
    topics = rng.normal(size=(max(count // 200, 20), DIM))

    def near(n: int) -> np.ndarray:
        return (topics[rng.integers(len(topics), size=n)] + 0.7 * rng.normal(size=(n, DIM))).astype(
            np.float32
        )

    vectors, bias, queries = near(count), rng.random(count, dtype=np.float32), near(QUERIES)
    out = {}
    start = time.process_time()
    index = IVF.build(vectors, bias, np.random.default_rng(1))
    what = f"{count:,} vectors"
    out[f"{what}: build the index, CPU-s"] = time.process_time() - start
    index.search(queries[:2], BEST)
    for share in OUT:
        allowed = rng.random(count) >= share
        start = time.process_time()
        left = index.among(allowed)
        at = f"{what}, {share:.0%} out"
        out[f"{at}: take them out of the lists, CPU-ms"] = 1e3 * (time.process_time() - start)
        start = time.process_time()
        found = left.search(queries, BEST)[0]
        out[f"{at}: index, CPU-ms a query"] = 1e3 * (time.process_time() - start) / QUERIES
        start = time.process_time()
        exact = [topk((vectors @ query + bias)[None], BEST, allowed)[0][0] for query in queries]
        out[f"{at}: exact, CPU-ms a query"] = 1e3 * (time.process_time() - start) / QUERIES
        out[f"{at}: recall"] = float(
            np.mean([np.isin(want[want >= 0], got).mean() for want, got in zip(exact, found)])
        )
    return out


def main(part: str, argument: str) -> None:
    """Print {"figures": ..., "versions": ...}."""
    figures = {
        "fits": lambda: fits(),
        "epochs": lambda: epochs(argument),
        "searches": lambda: searches(int(argument)),
    }[part]()
    versions = {"numpy": np.__version__}
    if part == "epochs":
        import torch

        versions["torch"] = torch.__version__
    print(json.dumps({"figures": figures, "versions": versions}))


if __name__ == "__main__":
    main(*sys.argv[1:])
