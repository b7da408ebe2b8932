"""CPU-seconds and memory of offline estimates, beside Open Bandit Pipeline in the same run.

    python benchmarks/bench_ope.py [--json]

1,000,000 rounds of 10 actions and 100,000 slates of 3 items, drawn once and read by both from one file, so
that both have to give the same values, which is checked. An estimate of ours includes the making and checking
of its inputs, its diagnostics and its verdict. Intervals: ours by the delta method, its default, and by 1000
bootstrap resamples; theirs by 1000 bootstrap resamples (slates: 100, for ours too). Every turn of either is a
new process with one thread; a ratio is of two medians of one run.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from _measure import one_thread, report, spread
from bench_session import turn
from peers import python_of, reason

one_thread()

ROUNDS, ACTIONS, SLATES, SLOTS = 1_000_000, 10, 100_000, 3
PARTS = {"point": 1, "interval": 1000, "slates": 100}
"""Parts of a turn, with the resamples of an interval."""
TURNS = int(os.environ.get("TURNS", "3"))
SAME = 1e-6
"""Values of both may differ by this share."""


def draw(path: Path) -> None:
    """Write the arrays: softmax policies of random scores, clicks, and predictions with an error."""
    rng = np.random.default_rng(0)
    behaviour, target = (_softmax(rng.standard_normal((ROUNDS, ACTIONS))) for _ in range(2))
    action = (behaviour.cumsum(axis=1) < rng.random(ROUNDS)[:, None]).sum(axis=1).clip(max=ACTIONS - 1)
    chance = rng.uniform(0.02, 0.2, (ROUNDS, ACTIONS))
    rows = np.arange(ROUNDS)
    logged, wanted = (rng.uniform(0.05, 0.5, (SLATES, SLOTS)) for _ in range(2))
    np.savez(
        path,
        reward=(rng.random(ROUNDS) < chance[rows, action]).astype(float),
        action=action,
        pscore=behaviour[rows, action],
        target=target,
        q=np.clip(chance + rng.normal(0.0, 0.02, chance.shape), 0.0, 1.0),
        slot_reward=(rng.random((SLATES, SLOTS)) < 0.1).astype(float),
        slot_logged=logged,
        slot_target=wanted,
        standard_logged=np.repeat(logged.prod(axis=1, keepdims=True), SLOTS, axis=1),
        standard_target=np.repeat(wanted.prod(axis=1, keepdims=True), SLOTS, axis=1),
        cascade_logged=np.cumprod(logged, axis=1),
        cascade_target=np.cumprod(wanted, axis=1),
    )


def main() -> None:
    """Take turns and report."""
    peer = python_of("obp")
    if not peer:
        print(reason("obp"))
    seconds: dict[str, list[float]] = defaultdict(list)
    memory: dict[str, float] = {}
    values: dict[str, dict[str, float]] = defaultdict(dict)
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.npz"
        draw(path)
        for _ in range(TURNS):
            for part, resamples in PARTS.items():
                for system, python, script in (
                    ("shopgym", sys.executable, "_ope.py"),
                    ("obp", peer, "_obp.py"),
                ):
                    if not python:
                        continue
                    answer = turn(python, script, str(path), part, str(resamples))
                    versions |= answer["versions"]
                    for work, found in answer["figures"].items():
                        name = f"{system}: {work}" + (", value only" if part == "point" else "")
                        seconds[name].append(found["cpu"])
                        memory[name] = max(memory.get(name, 0.0), found.get("memory", 0.0))
                        if part == "point":
                            values[work][system] = found["value"]
    for work, both in values.items():
        if len(both) == 2 and abs(both["obp"] - both["shopgym"]) > SAME * abs(both["obp"]):
            raise SystemExit(f"{work}: the answers differ: {both}")
    figures = {f"{name}, CPU-s": spread(found) for name, found in seconds.items()}
    ratios = ratios_of({name: at["median"] for name, at in figures.items()})
    ratios |= {f"{name}, MB": most for name, most in memory.items() if most}
    report("offline estimates, CPU-seconds", figures, ratios, versions)


def ratios_of(median: dict[str, float]) -> dict[str, float]:
    """Their CPU time over ours: value only, their interval over our default and over our bootstrap."""
    out = {}
    for name, theirs in median.items():
        if not name.startswith("obp: "):
            continue
        work = name.removeprefix("obp: ").removesuffix(", CPU-s")
        out[f"{work}: obp / shopgym"] = theirs / median[f"shopgym: {work}, CPU-s"]
        resampled = f"shopgym: {work}, bootstrap, CPU-s"
        if resampled in median:
            out[f"{work}, bootstrap: obp / shopgym"] = theirs / median[resampled]
    return out


def _softmax(scores: np.ndarray) -> np.ndarray:
    rates = np.exp(scores)
    return np.asarray(rates / rates.sum(axis=1, keepdims=True))


if __name__ == "__main__":
    main()
