"""Two threads against one, in turns, alone and beside processes that use every core.

    python benchmarks/bench_threads.py [--json]       VISITS=16384 PAIRS=20

A ratio is that of wall times of neighbouring slices. ``alone`` needs a machine on which nothing else runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from _measure import one_thread, report, spread

one_thread()

import gymnasium  # noqa: E402
import numpy as np  # noqa: E402

import shopgym  # noqa: E402, F401 (registers the environments)
from shopgym.simulators import Catalog, ShopConfig  # noqa: E402

VISITS = int(os.environ.get("VISITS", "16384"))
PAIRS = int(os.environ.get("PAIRS", "20"))
STEPS, ITEMS, SLATE = 20, 10_000, 10


def stepper(threads: int, catalog: Catalog) -> Callable[[], float]:
    """Takes a slice of steps; returns its wall time in seconds."""
    config = ShopConfig(slate_size=SLATE, num_candidates=0)
    options: dict[str, Any] = {"catalog": catalog, "form": "items", "config": config}
    env = gymnasium.make_vec("shopgym/Session-v0", num_envs=VISITS, threads=threads, **options)
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    slates = np.stack([rng.choice(ITEMS, SLATE, replace=False) for _ in range(VISITS)])

    def work() -> float:
        started = time.perf_counter()
        for _ in range(STEPS):
            env.step(slates)
        return time.perf_counter() - started

    work()
    return work


def main() -> None:
    """Print the ratios."""
    catalog = Catalog.synthetic(ITEMS, seed=0)
    one, two = stepper(1, catalog), stepper(2, catalog)
    figures: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    for name, busy in (("alone", 0), ("beside busy processes", os.cpu_count() or 1)):
        others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
        try:
            time.sleep(0.5)
            pairs = [(one(), two()) if pair % 2 else (two(), one())[::-1] for pair in range(PAIRS)]
        finally:
            for other in others:
                other.kill()
                other.wait()
        figures[f"{name}: two threads over one"] = spread([alone / shared for alone, shared in pairs])
        ratios[name] = figures[f"{name}: two threads over one"]["median"]
    report("threads", figures, ratios, {"numpy": np.__version__})


if __name__ == "__main__":
    main()
