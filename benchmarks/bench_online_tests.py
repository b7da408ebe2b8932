"""Online tests in a shop with shared stock: bias, coverage, power and false alarms of five designs.

    python benchmarks/bench_online_tests.py [--tests 60] [--alarm-tests 500] [--json]

About a quarter of an hour of one core; ``--designs 'users' --tests 20 --alarm-tests 100`` for a first look.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, is_dataclass
from typing import Any

from _measure import print_json

from shopgym.core.errors import one_of
from shopgym.evaluation.online import Bounds
from shopgym.experiments.studies.online_tests.interference import DESIGNS, SceneSize, interference_tables


def cell(value: object) -> str:
    if isinstance(value, Bounds):
        return f"{100 * value.value:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"
    return f"{100 * value:.1f}" if isinstance(value, float) else str(value)


def show(row: dict[str, object]) -> None:
    print(" | ".join(f"{name} {cell(value)}" for name, value in row.items()), flush=True)


def plain(rows: list[dict[str, object]]) -> list[dict[str, Any]]:
    return [
        {k: asdict(v) if is_dataclass(v) and not isinstance(v, type) else v for k, v in row.items()}
        for row in rows
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=60, help="of each design and stock, with an effect")
    parser.add_argument("--alarm-tests", type=int, default=500, help="of each design, without an effect")
    parser.add_argument("--seasons", type=int, default=100, help="of each arm, for the truth")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--watched", type=int, default=200, help="tests that are looked at every day")
    parser.add_argument("--designs", help="some of the designs, separated by ';'; default: all")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    start = time.process_time()
    size = SceneSize()
    numbers = (asked.tests, asked.alarm_tests, asked.seasons)
    designs = asked.designs.split(";") if asked.designs else list(DESIGNS)
    for name in designs:
        one_of("--designs", name, DESIGNS)
    effects, alarms = interference_tables(
        *numbers, size=size, designs=designs, watched=asked.watched, seed=asked.seed, on_row=show
    )
    seconds = time.process_time() - start
    print(f"{seconds:.0f} CPU-seconds; shares in percent")
    if asked.json:
        tables = {"size": asdict(size), "effects": plain(effects), "false_alarms": plain(alarms)}
        print_json("online tests", tables | {"cpu_seconds": seconds})


if __name__ == "__main__":
    main()
