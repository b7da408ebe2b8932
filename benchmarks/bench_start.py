"""How long a new process takes: import, help, first reset and step, with kernels cached.

    python benchmarks/bench_start.py [--json]

Seconds of wall time and of CPU, each run in a process of its own, after one run that fills the cache.
One more run, with an empty cache, says what compiling the kernels costs after an installation.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

from _measure import one_thread, report, spread

one_thread()

import shopgym  # noqa: E402

RUNS = 7
VECTOR = """
import gymnasium, shopgym
env = gymnasium.make_vec("shopgym/Session-v0", num_envs=1024, form="slate")
env.reset(seed=0)
env.step(env.action_space.sample())
"""
SINGLE = """
import gymnasium, shopgym
env = gymnasium.make("shopgym/Session-v0")
env.reset(seed=0)
env.step(env.action_space.sample())
"""
PROGRAMS = {
    "python alone": ["-c", "pass"],
    "import shopgym": ["-c", "import shopgym"],
    "shopgym --help": ["-m", "shopgym.cli.main", "--help"],
    "first vector reset and step": ["-c", VECTOR],
    "first single reset and step": ["-c", SINGLE],
}


def run(arguments: list[str], **variables: str) -> tuple[float, float]:
    """(wall, CPU) seconds of one new process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    environment = {**os.environ, **variables}
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Take turns and report."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    for arguments in PROGRAMS.values():
        run(arguments)
    for _ in range(RUNS):
        for name, arguments in PROGRAMS.items():
            found[name].append(run(arguments))
    figures = {}
    for name, times in found.items():
        figures[f"{name}, wall s"] = spread([wall for wall, _ in times])
        figures[f"{name}, CPU s"] = spread([cpu for _, cpu in times])
    with tempfile.TemporaryDirectory() as empty:
        compiling = run(PROGRAMS["first vector reset and step"], NUMBA_CACHE_DIR=empty)
    figures["first vector reset and step, empty cache, CPU s"] = spread([compiling[1]])
    versions = {"shopgym": shopgym.__version__, **{n: version(n) for n in ("numpy", "numba", "gymnasium")}}
    report("start", figures, {}, versions)


if __name__ == "__main__":
    main()
