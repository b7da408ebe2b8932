"""Bandits that learn as they decide, on one core, beside mabwiser and bare Vowpal Wabbit in the same run.

    python benchmarks/bench_bandits.py [--json]

LinUCB and LinTS: 50 arms, 32 features, a model per arm; a context comes, an arm is chosen, its reward is
learnt before the next. mabwiser does the same with ``predict`` and ``partial_fit`` on the first of the same
contexts. Vowpal Wabbit: 10 actions, 20 features, ``--cb_explore_adf --epsilon``; the yardstick is a loop that
parses each text once, predicts, draws, labels, learns. Logs: as many actions and features, by its own reading
of a file that is written from the log (the writing included), beside the online loop that makes its texts.
Turns alternate; figures are decisions per CPU second, a ratio is of two medians of one run.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from importlib.metadata import version

from _measure import one_thread, report, spread

one_thread()

import numpy as np  # noqa: E402
from _bandits import ARMS, DIM, Stream, online  # noqa: E402
from bench_session import turn  # noqa: E402
from peers import python_of, reason  # noqa: E402

from shopgym.agents.bandits.online import OnlineArms  # noqa: E402

DECISIONS, THEIRS, VW = 50_000, 100, 3000
TURNS = int(os.environ.get("TURNS", "5"))
KINDS = {"LinUCB": "ucb", "LinTS": "ts"}


def main() -> None:
    """Take turns and report."""
    peer = python_of("mabwiser")
    if not peer:
        print(reason("mabwiser"))
    found: dict[str, list[float]] = defaultdict(list)
    versions = {name: version(name) for name in ("shopgym", "numpy", "numba")}
    stream = Stream(DECISIONS)
    for at in range(TURNS + 1):
        for name, kind in KINDS.items():
            agent = OnlineArms(ARMS, DIM, np.random.default_rng(1), kind=kind)
            rate, _ = online(stream if at else Stream(10), agent.decide, agent.learn)
            if at:  # the first compiles
                found[f"shopgym: {name}"].append(rate)
        if not at:
            continue
        answers = {"Vowpal Wabbit": turn(sys.executable, "_vw.py", str(VW))}
        if peer:
            answers["mabwiser"] = turn(peer, "_mabwiser.py", str(THEIRS))
        for system, answer in answers.items():
            versions |= answer["versions"]
            for name, value in answer["figures"].items():
                found[f"{system}: {name}"].append(value)
    figures = {name: spread(values) for name, values in found.items()}
    report("bandits, decisions per CPU-second", figures, ratios_of(figures), versions)


def ratios_of(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    """Ours over mabwiser, over the bare loop, and files over the online loop."""
    at = {name: found["median"] for name, found in figures.items()}
    ratios = {}
    for name in KINDS:
        if f"mabwiser: {name}" in at:
            ratios[f"{name}: shopgym / mabwiser"] = at[f"shopgym: {name}"] / at[f"mabwiser: {name}"]
    vw = {name.removeprefix("Vowpal Wabbit: "): rate for name, rate in at.items() if "Vowpal" in name}
    ratios["Vowpal Wabbit: ours / bare loop"] = vw["online, texts given"] / vw["bare loop, texts given"]
    ratios["Vowpal Wabbit: log by file / online, mtr"] = vw["log by file, mtr"] / vw["online"]
    ratios["Vowpal Wabbit: log by file / online, dr"] = vw["log by file, dr"] / vw["online"]
    return ratios


if __name__ == "__main__":
    main()
