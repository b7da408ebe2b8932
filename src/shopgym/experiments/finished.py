"""Runs that are on disk: what each is, and how two compare.

Two runs are compared where their numbers mean the same: same version of the package, same kind, same shop,
catalogue and reward. Where they share seeds, agents are compared seed by seed (Student's interval over
seeds). With one seed each, the intervals of the two runs over decisions are put together as if the runs were
independent. Both meet the same visitors, so the true interval is narrower as a rule.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..evaluation.intervals.normal import student_interval
from .cells.store import FOLDER
from .kinds import ABTEST, EXPERIMENT, RUN_KINDS, ConfigKind
from .run_folder import (
    CONFIG,
    SUMMARY,
    differences,
    is_being_written,
    read_json,
    sole_writer,
    stored_config,
    version_of,
)

LEVEL = 0.95
SWEEP = "sweep"
"""The kind of a run of many configs."""


@dataclass(frozen=True)
class FinishedRun:
    """A folder that ``shopgym run`` or ``shopgym abtest run`` wrote, or is still writing.

    Attributes:
        folder: of the run.
        config: as it was stored.
    """

    folder: Path
    config: dict[str, Any]

    @property
    def kind(self) -> str:
        """``sweep``, or the kind of its config."""
        return SWEEP if self._is_sweep else str(self.config.get("kind", EXPERIMENT))

    @property
    def state(self) -> str:
        """``finished``, ``running``, ``interrupted`` or ``damaged``."""
        if (self.folder / SUMMARY).is_file():
            return "finished" if self.summary else "damaged"
        return "running" if is_being_written(self.folder) else "interrupted"

    @property
    def config_kind(self) -> ConfigKind:
        """What its config is."""
        return RUN_KINDS[str(self.config.get("kind", EXPERIMENT))]

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What it came to; empty if it is not finished, or cannot be read."""
        return read_json(self.folder / SUMMARY)

    @property
    def version(self) -> str:
        """Of the package that made it."""
        return version_of(self.folder)

    @property
    def cells(self) -> int:
        """Cells that are done; of a single run 1, and none before its end."""
        cells = self.folder / FOLDER
        return sum(1 for _ in cells.glob("*.json")) if cells.is_dir() else 1

    @property
    def measured_in(self) -> str:
        """``: GBP of margin per visit``, of a single run; empty where points may differ in it."""
        if self.kind != EXPERIMENT or "unit" not in self.summary:
            return ""
        from ..simulators.rollout import Episode  # loads the kernels, which a list of runs does not need
        from .episodes import UNIT

        return f": {self.summary['unit']} per {UNIT[Episode(self.config.get('episode', 'page'))]}"

    @property
    def headline(self) -> str:
        """What it came to, in one sentence; empty where another version wrote it in another way."""
        try:
            return self._sentence() if self.summary else ""
        except (KeyError, TypeError, ValueError):
            return ""

    def _sentence(self) -> str:
        if self.kind == EXPERIMENT:
            gate = self.summary["gate"]
            return f"{gate['candidate']} {'passed' if gate['passed'] else 'was refused'}: {gate['reason']}"
        if self.kind == SWEEP:
            return "; ".join(str(world["sentence"]) for world in self.summary["worlds"])
        if self.kind == ABTEST:
            return str(self.summary["sentence"])
        return self.config_kind.load_study().headline(self.summary)

    def table(self) -> pd.DataFrame:
        """One row per agent, point and seed: the columns :attr:`keys` and ``seed``, and what was measured."""
        if self.kind == EXPERIMENT:
            table = pd.read_csv(self.folder / "metrics" / "agents.csv")
            return table.rename(columns={"low": "value_low", "high": "value_high"}).assign(
                seed=self.config.get("seed", 0)
            )
        table = pd.read_csv(self.folder / ("table.csv" if self.kind == SWEEP else "runs.csv"))
        return table[table["failed"].isna()] if "failed" in table else table

    @property
    def keys(self) -> list[str]:
        """Columns that tell its agents and points apart."""
        settings = self.summary.get("settings", []) if self.kind == SWEEP else []
        return [*settings, *self.config_kind.apart, "agent"]

    @property
    def _is_sweep(self) -> bool:
        if (self.folder / "table.parquet").is_file():
            return True
        return (self.folder / FOLDER).is_dir() and any((self.folder / FOLDER).glob("point-*"))


def read_run(folder: Path) -> FinishedRun:
    """The run in ``folder``.

    Raises:
        InvalidInput: there is none.
    """
    if not (folder / CONFIG).is_file() or not ((folder / SUMMARY).is_file() or (folder / FOLDER).is_dir()):
        raise InvalidInput(
            "run", str(folder), "give a folder that 'shopgym run' or 'shopgym abtest run' wrote"
        )
    return FinishedRun(folder, stored_config(folder))


def list_runs(folder: Path) -> list[FinishedRun]:
    """The runs in ``folder``, by name."""
    runs = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            runs.append(read_run(path))
        except InvalidInput:
            continue  # something else
    return runs


def remove_run(folder: Path) -> None:
    """Delete the folder of a run.

    Raises:
        InvalidInput: it holds something else, or is being written.
    """
    read_run(folder)
    with sole_writer(folder):
        shutil.rmtree(folder)


def compare_runs(one: FinishedRun, two: FinishedRun) -> pd.DataFrame:
    """The second run less the first, one row for each agent (and point) that both have.

    Columns: the keys, ``first``, ``second``, ``difference``, ``low``, ``high``, ``seeds`` that both share and
    ``paired``.

    Raises:
        InvalidInput: the two cannot be compared; the fix says why.
    """
    _refuse_unlike(one, two)
    value, keys = one.config_kind.value, one.keys
    tables = [run.table() for run in (one, two)]
    both = tables[0].merge(tables[1], on=[*keys, "seed"], suffixes=("_1", "_2"))
    if both.empty:
        raise _refused(two, "it shares no agent with the same seed with the first")
    rows = [
        {**dict(zip(keys, values, strict=True)), **_difference(part, value)}
        for values, part in both.groupby(keys, sort=False, dropna=False)
    ]
    return pd.DataFrame(rows)


def _difference(part: pd.DataFrame, value: str) -> dict[str, Any]:
    first, second = (part[f"{value}_{side}"].to_numpy(np.float64) for side in (1, 2))
    row = {"first": float(first.mean()), "second": float(second.mean()), "seeds": len(part)}
    mean, low, high = student_interval(second - first, LEVEL)
    if len(part) < 2 and f"{value}_high_1" in part:
        halves = [(part[f"{value}_high_{side}"] - part[f"{value}_low_{side}"]).iloc[0] / 2 for side in (1, 2)]
        half = float(np.hypot(*halves))
        low, high = mean - half, mean + half
    return {**row, "difference": mean, "low": low, "high": high, "paired": len(part) > 1}


def _refuse_unlike(one: FinishedRun, two: FinishedRun) -> None:
    for run in (one, two):
        require_finished(run)
    if not one.config_kind.value:
        raise _refused(one, f"a run of kind {one.kind} compares no agents: read its own table")
    if one.kind != two.kind:
        raise _refused(two, f"the first is of kind {one.kind}, this one of kind {two.kind}")
    if one.version != two.version:
        raise _refused(
            two, f"version {two.version} made it, and {one.version} the first: run one of them again"
        )
    if one.keys != two.keys:
        raise _refused(
            two, f"the first has points of {one.keys[:-1] or 'nothing'}, this one of {two.keys[:-1]}"
        )
    if one.config_kind.has_seeds and one.config.get("seed", 0) != two.config.get("seed", 0):
        raise _refused(two, "it has another seed: its agents met other people than those of the first")
    changed = one.config_kind.world_of(differences(_world(one.config), _world(two.config)))
    if changed:
        raise _refused(
            two, f"its values mean something else than those of the first: {', '.join(changed[:5])}"
        )


def require_finished(run: FinishedRun) -> None:
    """Raise :class:`InvalidInput` unless a run came to its end and can be read."""
    fixes = {
        "damaged": f"its {SUMMARY} cannot be read: run it again with --overwrite",
        "running": "it is running: nothing to show yet",
        "interrupted": "it is interrupted: nothing to show yet; give the command that began it again",
    }
    if run.state in fixes:
        raise _refused(run, fixes[run.state])


def _world(config: dict[str, Any]) -> dict[str, Any]:
    """A config without what every one of its points replaces."""
    return {name: value for name, value in config.items() if name not in ("sweep", "seeds")}


def _refused(run: FinishedRun, fix: str) -> InvalidInput:
    return InvalidInput("run", str(run.folder), fix)


def arms(run: FinishedRun) -> Iterator[dict[str, Any]]:
    """One row for each agent and point of a finished run: keys, mean over seeds, seeds."""
    value = run.config_kind.value
    if not value:
        return
    for values, part in run.table().groupby(run.keys, sort=False, dropna=False):
        mean, low, high = student_interval(part[value].to_numpy(np.float64), LEVEL)
        if len(part) < 2 and f"{value}_low" in part:
            low, high = float(part[f"{value}_low"].iloc[0]), float(part[f"{value}_high"].iloc[0])
        yield {**dict(zip(run.keys, values, strict=True)), value: mean, "low": low, "high": high}
