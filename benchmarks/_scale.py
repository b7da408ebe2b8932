"""One shop in a process of its own: what it holds, how long it takes to build, how fast it is; as JSON.

    python _scale.py USERS ITEMS ENVIRONMENT plain|full

Reads ``/proc``, so it needs Linux. The slates hold any items, evenly: the worst case for the caches.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from _measure import one_thread, rate, spread


def memory(name: str) -> int:
    """Bytes: ``VmHWM``, the most that was ever in memory, or ``VmRSS``, what is now."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


INTERPRETER = memory("VmHWM")
one_thread()

import gymnasium  # noqa: E402
import numpy as np  # noqa: E402
from _bare import bare  # noqa: E402

import shopgym  # noqa: E402, F401 (registers the environments)
from shopgym.simulators import Catalog, ShopConfig  # noqa: E402

LANES, SLATE, STEPS, TURNS = 1024, 10, 256, 5
FEW = 1000
"""Items that fit into the caches."""
SELDOM = 86_400
"""Pages a day and lane, so that no day ends while we measure; 288 as the shop comes."""


def opened(catalog: Catalog, name: str, config: str, users: int, **settings: Any) -> Any:
    """A vector environment after its first reset."""
    make = ShopConfig.full if config == "full" else ShopConfig
    shop = make(users=users, slate_size=SLATE, num_candidates=0, **settings)
    env = gymnasium.make_vec(f"shopgym/{name}", num_envs=LANES, catalog=catalog, form="items", config=shop)
    env.reset(seed=0)
    return env


def speed(env: Any, among: int) -> float:
    """Pages shown per CPU-second, of slates of the first ``among`` items."""
    batches = np.random.default_rng(0).integers(among, size=(STEPS, LANES, SLATE), dtype=np.int32)
    return rate(lambda: int(sum(np.count_nonzero(env.step(batch)[4]["shown"]) for batch in batches)))


def main(users: int, items: int, name: str, config: str) -> None:
    """Print {"bytes": {...}, "seconds": {...}, "rates": {workload: {"median", "min", "max"}}}."""
    imported = memory("VmHWM")
    started = time.process_time()
    catalog = Catalog.synthetic(items, seed=0)
    built = time.process_time()
    env = opened(catalog, name, config, users)
    ready = time.process_time()
    speed(env, items)
    held = {"peak": memory("VmHWM"), "kept": memory("VmRSS"), "imports": imported}
    rates = defaultdict(list)
    if name == "Session-v0":
        seldom = opened(catalog, name, config, users, pages_per_day=SELDOM)
        least, least_of_few = (bare(catalog.embedding, LANES, SLATE, among=among) for among in (items, FEW))
        for _ in range(TURNS):
            rates["any item"].append(speed(env, items))
            rates["1000 of the items"].append(speed(env, FEW))
            rates["any item, no day ends"].append(speed(seldom, items))
            rates["bare kernel, any item"].append(rate(least))
            rates["bare kernel, 1000 of the items"].append(rate(least_of_few))
    answer = {
        "bytes": {what: size - INTERPRETER for what, size in held.items()},
        "seconds": {"catalogue": built - started, "users and shop": ready - built},
        "rates": {what: spread(values) for what, values in rates.items()},
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:5])
