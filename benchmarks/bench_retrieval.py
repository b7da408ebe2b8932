"""Speed of retrieval: fits, epochs, and finding the best of many with most of them out of stock.

    python benchmarks/bench_retrieval.py [--json]
    DEVICE=cuda python benchmarks/bench_retrieval.py [--json]     epochs on a GPU, in seconds of wall time

Each part is a process of its own with one thread. Where the folder SHOPGYM_ML100K is set and RecBole is
installed ('make bench-peers'), its item-KNN and EASE are fitted beside ours on the same split of MovieLens
100K, and both have to find the same: their recall and NDCG may differ by 0.001, for ties.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from _measure import one_thread, report, spread
from bench_session import turn
from peers import python_of, reason

one_thread()

TURNS = int(os.environ.get("TURNS", "3"))
DEVICE = os.environ.get("DEVICE", "cpu")
SIZES = tuple(int(size) for size in os.environ.get("SIZES", "100000,1000000").split(","))
SAME = 1e-3


def main() -> None:
    """Take turns and report."""
    found: dict[str, list[float]] = defaultdict(list)
    versions: dict[str, str] = {}
    parts = [("fits", ""), ("epochs", DEVICE), *(("searches", str(size)) for size in SIZES)]
    for _ in range(TURNS):
        for part, argument in parts:
            answer = turn(sys.executable, "_retrieval_work.py", part, argument)
            versions |= answer["versions"]
            for name, value in answer["figures"].items():
                found[name].append(value)
        with_recbole(found, versions)
    figures = {name: spread(values) for name, values in found.items()}
    median = {name: figure["median"] for name, figure in figures.items()}
    ratios = {}
    for name, value in median.items():
        if ": exact, " in name:
            ratios[f"{name.split(': ')[0]}: exact / index"] = value / median[name.replace("exact", "index")]
        if name.startswith("recbole: fit"):
            ours = median[name.replace("recbole", "shopgym")]
            ratios[f"{name.removeprefix('recbole: ').removesuffix(', CPU-s')}: recbole / shopgym"] = (
                value / ours
            )
    report("retrieval", figures, ratios, versions)


def with_recbole(found: dict[str, list[float]], versions: dict[str, str]) -> None:
    """Both systems on RecBole's split."""
    folder, peer = os.environ.get("SHOPGYM_ML100K"), python_of("recbole")
    if not folder or not peer:
        print(
            reason("recbole") if folder else "recbole: left out, SHOPGYM_ML100K is not set", file=sys.stderr
        )
        return
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "split.npz"
        theirs = turn(peer, "_retrieval_recbole.py", folder, str(path), "0")
        versions |= theirs["versions"]
        for name, value in theirs["figures"].items():
            found[f"recbole: {name}"].append(value)
        for name, (taken, ours) in _ours(dict(np.load(path))).items():
            found[f"shopgym: fit {name}, CPU-s"].append(taken)
            for metric, value in theirs["scores"][name].items():
                found[f"recbole: {name} {metric}"].append(value)
                found[f"shopgym: {name} {metric}"].append(ours[metric])
                if abs(value - ours[metric]) > SAME:
                    raise SystemExit(f"{name}: {metric} differs: {value} and {ours[metric]}")


def _ours(split: dict[str, Any]) -> dict[str, tuple[float, Any]]:
    from shopgym.agents.retrieval.data import Sequences
    from shopgym.agents.retrieval.ease import Ease
    from shopgym.agents.retrieval.item_knn import ItemKNN
    from shopgym.agents.retrieval.metrics import evaluate

    users, items = (
        max(int(v.max()) for k, v in split.items() if k.endswith(s)) + 1 for s in ("user", "item")
    )

    def part(*names: str) -> Sequences:
        user, item = (
            np.concatenate([split[f"{name}_{side}"] for name in names]) for side in ("user", "item")
        )
        order = np.argsort(user, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=users))])
        return Sequences(item[order].astype(np.int32), start.astype(np.int64), items)

    train, test, hidden = part("train"), part("test"), part("train", "valid")
    out = {}
    for name, recommender in (("item-KNN", ItemKNN()), ("EASE", Ease())):
        start = time.process_time()
        model = recommender.fit(train, np.random.default_rng(0))
        taken = time.process_time() - start
        out[name] = (taken, evaluate(model, train, test.matrix(), 10, hide=hidden))
    return out


if __name__ == "__main__":
    main()
