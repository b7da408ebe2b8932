"""The reference returns of the named tasks: random, popularity, agents, planners that know the shop.

    python benchmarks/bench_tasks.py [--json] [--write] [--plot FILE] [--tasks ID ...] [--seeds 10]
    python benchmarks/bench_tasks.py --search     # the planners' weights, on seeds of their own

``--write`` puts the returns where ``shopgym.envs.tasks.reference`` reads them. The seeds of the table are 1,
2, ...; those of the search 1001, 1002, ...
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _measure import one_thread, print_json

one_thread()

from shopgym.core.files import write_text  # noqa: E402
from shopgym.envs.tasks import REFERENCES, normalised_score, reference, sheet  # noqa: E402
from shopgym.experiments.studies.task_returns import (  # noqa: E402
    STUDIES,
    one_seed,
    reference_rows,
    search,
)

SEARCH_SEEDS = 1000


def main() -> None:
    """Measure, print, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--search", action="store_true", help="try the planners of each grid")
    parser.add_argument("--write", action="store_true", help=f"into {REFERENCES.name}")
    parser.add_argument("--plot", type=Path, help="draw the published scores")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    arguments = parser.parse_args()
    if arguments.search:
        for task_id in arguments.tasks:
            print_search(task_id, arguments.seeds)
        return
    rows = {task_id: measured(task_id, arguments.seeds) for task_id in arguments.tasks}
    if arguments.write:
        old = json.loads(REFERENCES.read_text(encoding="utf-8"))["tasks"] if REFERENCES.exists() else {}
        tasks = {task_id: (old | rows)[task_id] for task_id in STUDIES if task_id in old | rows}
        about = {name: version(name) for name in ("shopgym", "numpy", "torch")}
        write_text(REFERENCES, json.dumps({"versions": about, "tasks": tasks}, indent=1) + "\n")
    if arguments.plot:
        plot(arguments.plot)
    if arguments.json:
        print_json("tasks", rows)


def measured(task_id: str, seeds: int) -> dict[str, Any]:
    """The reference of one task, printed as it is found."""
    study, started = STUDIES[task_id], time.process_time()
    row = reference_rows(study, [one_seed(task_id, study, seed) for seed in range(1, seeds + 1)])
    print(f"{task_id} ({sheet(task_id).unit} per episode, {time.process_time() - started:.0f} CPU s)")
    for part in (row["random"], row["popularity"], *row["agents"], row["myopic"], row["oracle"]):
        shown = f"{part['mean']:10.4g} [{part['low']:.4g}, {part['high']:.4g}]"
        print(f"  {part['name']:16s} {shown:32s} {part['pages'] or '':>8} {'pages' * bool(part['pages'])}")
    return row


def print_search(task_id: str, seeds: int) -> None:
    """The return of every planner of a grid, the best last."""
    chosen = [SEARCH_SEEDS + seed for seed in range(1, seeds + 1)]
    tried = search(task_id, STUDIES[task_id], chosen)
    print(task_id)
    for planner, (mean, gain, error) in sorted(tried.items(), key=lambda pair: pair[1]):
        print(f"  {mean:10.4g}  {gain:+.4g} ± {error:.2g} to the myopic one  {planner}")


def scores(task_id: str) -> Mapping[str, Sequence[float]]:
    """(mean, low, high) normalised scores of the published returns."""
    returns = reference(task_id)
    parts = {
        "popularity": returns.popularity,
        "best agent": returns.best_agent,
        "myopic oracle": returns.myopic,
        "oracle": returns.oracle,
    }
    return {
        name: [normalised_score(task_id, value) for value in (part.mean, part.low, part.high)]
        for name, part in parts.items()
    }


def plot(path: Path) -> None:
    """Normalised scores per task, as dots with their intervals."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    names = list(STUDIES)[::-1]
    markers = {"popularity": "s", "best agent": "o", "myopic oracle": "d", "oracle": "|"}
    colours = {"popularity": "C1", "best agent": "C0", "myopic oracle": "0.45", "oracle": "black"}
    for name, marker in markers.items():
        values = [scores(task_id)[name] for task_id in names]
        mean, low, high = (list(column) for column in zip(*values, strict=True))
        error = [
            [m - a for m, a in zip(mean, low, strict=True)],
            [b - m for m, b in zip(mean, high, strict=True)],
        ]
        style: dict[str, Any] = {"markersize": 14 if marker == "|" else 6, "elinewidth": 1}
        axes.errorbar(
            mean, range(len(names)), xerr=error, fmt=marker, color=colours[name], label=name, **style
        )
    axes.axvline(0.0, color="0.8", linewidth=1, zorder=0)
    axes.set_yticks(range(len(names)), [name.removeprefix("shopgym/") for name in names])
    axes.set_xlabel("normalised score: 0 = random pages, 1 = oracle")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.2), ncols=4, frameon=False)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
