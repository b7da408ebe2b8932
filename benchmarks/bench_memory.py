"""Memory of large shops, and speed by size of the catalogue.

    python benchmarks/bench_memory.py [--json]

Each shop in a process of its own (_scale.py), 1024 visitors at once, slates of ten. Memory is beyond that
of the interpreter, imports included: the peak, and what is kept after 256 steps. What one more user or
item takes is the difference of two sizes. Rates are pages shown per CPU-second, once of slates of any
items and once of 1000 items of the same catalogue, once with and once without days that end.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Any

from _measure import report
from bench_session import turn

USERS, MANY_USERS = 20_000, 1_000_000
ITEMS, MANY_ITEMS, SIZES = 100_000, 1_000_000, (1_000, 10_000, 100_000, 1_000_000)
GOAL = 1.5e9
"""Bytes that a shop of a million users and a hundred thousand items may take."""
LARGE = (("Session-v0", "plain"), ("Session-v0", "full"), ("Season-v0", "full"))


def main() -> None:
    """Build one shop after the other and report."""
    if not sys.platform.startswith("linux"):
        print("left out: memory is read from /proc, which only Linux has")
        return
    figures: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    for name, config in LARGE:
        small = scale(USERS, ITEMS, name, config)["bytes"]
        large = scale(MANY_USERS, ITEMS, name, config)["bytes"]
        shop = f"{name} {config}"
        figures[f"{shop}, 1,000,000 users, 100,000 items: peak MB"] = large["peak"] / 1e6
        figures[f"{shop}, 1,000,000 users, 100,000 items: kept MB"] = large["kept"] / 1e6
        for what in ("peak", "kept"):
            grown = large[what] - small[what]
            figures[f"{shop}, {what} bytes per user"] = grown / (MANY_USERS - USERS)
        ratios[f"{shop}: peak / 1.5 GB"] = large["peak"] / GOAL
    for config in ("plain", "full"):
        found = {size: scale(USERS, size, "Session-v0", config) for size in SIZES}
        for what in ("peak", "kept"):
            grown = found[MANY_ITEMS]["bytes"][what] - found[ITEMS]["bytes"][what]
            figures[f"{config}, {what} bytes per item"] = grown / (MANY_ITEMS - ITEMS)
        figures[f"{config}, 1,000,000 items: peak MB"] = found[MANY_ITEMS]["bytes"]["peak"] / 1e6
        for size, answer in found.items():
            shop = f"{config}, {size:,} items"
            figures[f"{shop}: catalogue CPU s"] = answer["seconds"]["catalogue"]
            figures[f"{shop}: users and shop CPU s"] = answer["seconds"]["users and shop"]
            figures |= {f"{shop}: {what}, steps": rate for what, rate in answer["rates"].items()}
        ratios |= limits(config, found[MANY_ITEMS]["rates"], found[10_000]["rates"])
    figures["imports alone: MB"] = found[ITEMS]["bytes"]["imports"] / 1e6
    report("memory and size", figures, ratios, {n: version(n) for n in ("shopgym", "numpy", "numba")})


def scale(users: int, items: int, name: str, config: str) -> dict[str, Any]:
    """What _scale.py says of one shop."""
    return turn(sys.executable, "_scale.py", str(users), str(items), name, config)


def limits(config: str, large: dict[str, Any], small: dict[str, Any]) -> dict[str, float]:
    """How much slower the large catalogue is, and how much of that goes when a cause is taken away."""
    any_item, few = large["any item"]["median"], large["1000 of the items"]["median"]
    bare, bare_few = (large[f"bare kernel, {what}"]["median"] for what in ("any item", "1000 of the items"))
    shop = f"{config}, 1,000,000 items"
    return {
        f"{shop} / 10,000 items": any_item / small["any item"]["median"],
        f"{shop}, bare kernel / 10,000 items": bare / small["bare kernel, any item"]["median"],
        f"{shop}: only 1000 shown / any": few / any_item,
        f"{shop}, bare kernel: only 1000 shown / any": bare_few / bare,
        f"{shop}: no day ends / days end": large["any item, no day ends"]["median"] / any_item,
    }


if __name__ == "__main__":
    main()
