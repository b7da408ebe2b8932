"""What a logged decision costs: bytes on disk, and time to decide and to write.

    python benchmarks/bench_log.py [--json]

A softmax policy shows ten of 30 candidates to 1024 visitors of a plain and of a full shop; every column of
the decision log is written to Parquet: request, features, candidates, slate, propensities, reward, clicks.
"""

from __future__ import annotations

import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _measure import one_thread, report, spread

one_thread()

import numpy as np  # noqa: E402

from shopgym.core.batches import Interactions  # noqa: E402
from shopgym.envs import RewardSpec  # noqa: E402
from shopgym.policies.decision_log.log import DecisionLog  # noqa: E402
from shopgym.policies.explorers import Softmax  # noqa: E402
from shopgym.policies.policy import SlatePolicy  # noqa: E402
from shopgym.policies.scorers import TableScorer  # noqa: E402
from shopgym.simulators import Catalog, Shop, ShopConfig  # noqa: E402

LANES, SLATE, ITEMS, TICKS, TURNS = 1024, 10, 10_000, 24, 5
REWARD = RewardSpec()


def main() -> None:
    """Log and write in turns, and report."""
    catalog = Catalog.synthetic(ITEMS, seed=0)
    values = np.random.default_rng(0).standard_normal(ITEMS)
    policy = SlatePolicy("softmax", catalog.items, TableScorer(values), Softmax(), (), SLATE)
    found: dict[str, list[float]] = {}
    for turn in range(TURNS):
        for name, config in (("plain", ShopConfig), ("full", ShopConfig.full)):
            shop = Shop(catalog, config(slate_size=SLATE), lanes=LANES, seed=turn)
            for figure, value in one_log(shop, policy).items():
                found.setdefault(f"{name}: {figure}", []).append(value)
    versions = {n: version(n) for n in ("shopgym", "numpy", "pyarrow")}
    report("the log", {name: spread(values) for name, values in found.items()}, {}, versions)


def one_log(shop: Shop, policy: SlatePolicy) -> dict[str, float]:
    """Bytes per decision, in memory and on disk, and decisions per CPU-second of each part of the work."""
    rng, parts, deciding = np.random.default_rng(0), [], 0.0
    for _ in range(TICKS):
        shop.start_visits()
        requests = shop.requests()
        started = time.process_time()
        decisions = policy.decide(requests, rng)
        deciding += time.process_time() - started
        feedback, _, _ = shop.serve(decisions.slates)
        events = {
            "click": feedback.clicked.astype(np.float64),
            "quantity": feedback.quantity.astype(np.float64),
        }
        parts.append(
            DecisionLog.from_interactions(
                Interactions(requests, decisions, REWARD.slots(feedback), events),
                items=shop.catalog.items,
                unit="GBP of margin",
                policy_hash=policy.hash,
                policy_name=policy.name,
                config_hash="",
                user_names=shop.user_names,
                context_names=shop.context_names,
            )
        )
    log = DecisionLog.concat(parts)
    with tempfile.TemporaryDirectory() as folder:
        file, started = Path(folder) / "log.parquet", time.process_time()
        log.write(file)
        writing = time.process_time() - started
        size = file.stat().st_size
    arrays: list[Any] = [*log.columns().values(), *log.events.values()]
    return {
        "bytes per decision, Parquet": size / len(log),
        "bytes per decision, in memory": sum(values.nbytes for values in arrays) / len(log),
        "decided per CPU s": len(log) / deciding,
        "written per CPU s": len(log) / writing,
    }


if __name__ == "__main__":
    main()
