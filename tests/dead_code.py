"""Find code that nothing uses; ``make check`` runs it."""

from __future__ import annotations

import sys

from builders.paths import ROOT
from vulture import Vulture

from shopgym.agents.registry import AGENTS

USED_BY = {
    "the agents' registry": {target.partition(":")[2] for target in AGENTS.values()},
    "Python": {"__getattr__", "__dir__", "__post_init__"},
    "numba, which names the arguments of an intrinsic": {"typing"},
    "numpy": {"writeable"},
    "runpy": {"get_code"},
    "pydantic": {"model_config"},
    "Rich": {"caption", "caption_justify"},
    "Stable-Baselines3, which calls these of a VecEnv": {
        *("step_async", "step_wait", "get_attr", "env_is_wrapped"),
        *("method_args", "method_kwargs", "wrapper_class"),
    },
    "cells and kinds of configs, which name their functions": {
        *("experiment_cells", "experiment_rows", "leaderboard_cells", "leaderboard_rows"),
        *("cold_start_rows", "long_term_rows", "estimated_rows", "chosen_rows"),
    },
    "uvicorn": {"should_exit", "shutdown"},
    "Stable-Baselines3, which calls these of a callback": {
        *("_on_training_start", "_on_rollout_end", "_on_step"),
    },
    "``shopgym ope-benchmark``, which lists every field of its rows": {"truth_error", "regret_error"},
}
"""Names that are used by something Vulture does not read."""
DECORATORS = [
    "@fact*",
    "@extending.*",
    "@app.*",
    "@model_validator*",
    "@field_validator*",
    "@model_serializer*",
]
"""What carries one of these is registered by it."""


def unused() -> list[str]:
    """One line per class, function, method or variable of the package that nothing uses."""
    vulture = Vulture(ignore_decorators=DECORATORS)
    vulture.scavenge([str(ROOT / name) for name in ("src", "tests", "benchmarks", "examples")])
    allowed = set().union(*USED_BY.values())
    items = [item for item in vulture.get_unused_code() if item.name not in allowed]
    package = ROOT / "src"
    return [
        f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: {item.message}"
        for item in items
        if item.filename.is_relative_to(package)
    ]


if __name__ == "__main__":
    lines = unused()
    print("\n".join(lines) or "no unused code")
    sys.exit(bool(lines))
