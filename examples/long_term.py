"""Long-term rewards: SlateQ, DQN, myopic DQN and greedy clicks over all visits of customers.

One shop in which satisfaction decides who returns, and the same shop in which it does not. Prints a table,
and saves ``results.jsonl`` (a later run continues it) and ``long_term.png``.

    python examples/long_term.py --out runs/long_term --seeds 5
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from shopgym.experiments.studies.long_term import AGENTS, EFFECTS, StudySize, gain, plot, study


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="SlateQ against myopic learners")
    parser.add_argument("--out", type=Path, default=Path("runs/long_term"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--effects", nargs="+", choices=list(EFFECTS), default=["strong", "off"])
    parser.add_argument("--steps", type=int, default=StudySize().steps, help="pages a lane to learn from")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)  # networks this small are slower on more
    size, seeds = StudySize(steps=arguments.steps), range(1, arguments.seeds + 1)
    with Progress() as progress:
        total = len(arguments.effects) * len(seeds) * len(AGENTS) * size.steps
        bar = progress.add_task("learning", total=total)
        rows = study(
            arguments.out,
            effects=arguments.effects,
            seeds=seeds,
            size=size,
            on_progress=lambda: progress.advance(bar),
        )
    table = Table(title=f"mean per customer in {size.days:.0f} days, {len(seeds)} seeds")
    for column in ("effects", "agent", "clicks", "visits", "satisfaction", "kept"):
        table.add_column(column)
    for effect in arguments.effects:
        for agent in AGENTS:
            group = [row for row in rows if (row["effect"], row["agent"]) == (effect, agent)]
            means = [
                sum(row[name] for row in group) / len(group)
                for name in ("reward", "visits", "satisfaction", "kept")
            ]
            table.add_row(effect, agent, *(f"{mean:.{d}f}" for mean, d in zip(means, (1, 2, 3, 3))))
    console = Console(width=100)
    console.print(table)
    for effect in arguments.effects if len(seeds) > 1 else ():
        for rival in ("greedy clicks", "myopic DQN", "DQN"):
            difference = gain(rows, effect, "SlateQ", rival)
            boot = f"bootstrap [{difference.boot_low:+.1f}, {difference.boot_high:+.1f}]"
            console.print(f"{effect}: SlateQ less {rival}: {difference} seeds won; {boot}", highlight=False)
    plot(rows, arguments.out / "long_term.png")


if __name__ == "__main__":
    main()
