"""Session steps per CPU-second on one core, beside three peers and a bare kernel in the same run.

    python benchmarks/bench_session.py [--json]

A step is one page shown to one visitor. Ours (_shopgym.py): slates of ten, 10,000 items, a plain and
a full shop, in two forms: the action is ten items of the whole catalogue, or ten of 30 candidates whose
features are observed. Theirs: _sardine.py, _recsim.py, _recogym.py. The yardstick: _bare.py. Actions are
drawn beforehand. All take turns, each turn in a new process, in which ours and the yardstick take turns
again, slice by slice, and so do one thread and two. A ratio to a peer is of two medians of one run, the
peer's being that of its fastest form; a ratio of what took turns slice by slice is the median of the ratios
of slices that followed one another, so that what slows the machine down for a while meets both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from _measure import one_thread, report, spread
from peers import python_of, reason

one_thread()

from shopgym.simulators import Catalog  # noqa: E402

ITEMS, TURNS = 10_000, 7
SYSTEMS = {"SARDINE": "sardine", "RecSim": "recsim", "RecoGym": "recogym"}
SHOPS = ("plain items", "plain slate", "full items", "full slate")


def turn(python: Path | str, script: str, *arguments: str) -> dict[str, Any]:
    """What a script beside this one prints as its last line."""
    path = Path(__file__).resolve().parent / script
    command = [str(python), "-W", "ignore", str(path), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    """Take turns and report."""
    peers = {system: (python_of(name), f"_{name}.py") for system, name in SYSTEMS.items()}
    for system, (python, _) in peers.items():
        if not python:
            print(reason(SYSTEMS[system]))
    found: dict[str, list[float]] = defaultdict(list)
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        catalog = str(Path(folder) / "catalog.parquet")
        Catalog.synthetic(ITEMS, seed=0).save(catalog)
        for _ in range(TURNS):
            ours, two = (turn(sys.executable, "_shopgym.py", catalog, threads) for threads in "12")
            for name, slices in {**ours["rates"], **two["rates"]}.items():
                found[f"shopgym: {name}"] += slices
            for name, slices in two["wall"].items():
                found[f"shopgym: {name}, wall"] += slices
            versions |= ours["versions"]
            for system, (python, script) in peers.items():
                if python:
                    theirs = turn(python, script)
                    versions |= theirs["versions"]
                    for name, value in theirs["rates"].items():
                        found[f"{system}: {name}"].append(value)
    figures = {name: spread(values) for name, values in found.items()}
    report("session steps per CPU-second", figures, ratios_of(found), versions)


def ratios_of(found: dict[str, list[float]]) -> dict[str, float]:
    """Ours over each peer's fastest form, over the bare kernel, and two threads over one."""
    ours = {name.removeprefix("shopgym: "): values for name, values in found.items()}
    ratios = {}
    for system in SYSTEMS:
        theirs = [median(values) for name, values in found.items() if name.startswith(f"{system}: ")]
        for shop in SHOPS if theirs else ():
            for form in (f"{shop}, 1024 visits", f"{shop}, unwrapped"):
                ratios[f"{form} / {system}"] = median(ours[form]) / max(theirs)
    for shop in SHOPS:
        for visits in ("1024 visits", "4096 visits"):
            ratios[f"{shop}, {visits} / bare kernel"] = in_turns(
                ours[f"{shop}, {visits}"], ours[f"bare kernel, {visits}"]
            )
    for shop in SHOPS:
        one, two = (f"{shop}, 16384 visits, {threads} threads" for threads in (1, 2))
        ratios[f"{shop}, 16384 visits: wall, 2 threads / 1"] = in_turns(
            ours[f"{two}, wall"], ours[f"{one}, wall"]
        )
        ratios[f"{shop}, 16384 visits: CPU, 2 threads / 1"] = in_turns(ours[two], ours[one])
    return ratios


def in_turns(first: list[float], second: list[float]) -> float:
    """Median ratio of slices that followed one another."""
    return median(one / other for one, other in zip(first, second, strict=True))


if __name__ == "__main__":
    main()
