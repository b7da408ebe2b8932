"""Session steps per CPU-second on one core, beside SARDINE's in the same run.

    python benchmarks/bench_session.py [--json]

A step is one page of ten items shown to one visitor. Ours: 10,000 items, everything on (_shopgym.py),
in two forms: the action is ten items of the whole catalogue, or ten of 30 candidates whose features are
observed. Theirs: 1000 items (_sardine.py). Actions are drawn beforehand. The two take turns, each turn
in a new process; a ratio is of two medians of one run, SARDINE's being that of its fastest form.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from _measure import one_thread, report, spread
from peers import python_of

one_thread()

from shopgym.simulators import Catalog  # noqa: E402

ITEMS, TURNS = 10_000, 9
COMPARED = ("items, 1024 visits", "slate, 1024 visits", "items, unwrapped", "slate, unwrapped")


def turn(python: Path | str, script: str, *arguments: str) -> dict[str, Any]:
    """What a script beside this one prints as its last line."""
    path = Path(__file__).resolve().parent / script
    command = [str(python), "-W", "ignore", str(path), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    """Take turns and report."""
    peer = python_of("sardine")
    if not peer:
        print("SARDINE is not installed, so there are no ratios: run 'make bench-peers' first")
    rates: dict[str, list[float]] = defaultdict(list)
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        catalog = Path(folder) / "catalog.parquet"
        Catalog.synthetic(ITEMS, seed=0).save(catalog)
        for _ in range(TURNS):
            answers = {"shopgym": turn(sys.executable, "_shopgym.py", str(catalog))}
            if peer:
                answers["SARDINE"] = turn(peer, "_sardine.py")
            for system, answer in answers.items():
                versions |= answer["versions"]
                for workload, rate in answer["rates"].items():
                    rates[f"{system}: {workload}"].append(rate)
    figures = {workload: spread(values) for workload, values in rates.items()}
    theirs = [workload for workload in figures if workload.startswith("SARDINE")]
    best = max((figures[workload]["median"] for workload in theirs), default=None)
    ratios = {f"{ours} / SARDINE": figures[f"shopgym: {ours}"]["median"] / best for ours in COMPARED if best}
    report("session steps per CPU-second", figures, ratios, versions)


if __name__ == "__main__":
    main()
