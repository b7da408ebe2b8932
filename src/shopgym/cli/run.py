"""``shopgym run``: one experiment from config to bundle and report, a sweep, or a study."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import InvalidInput
from .console import AsJson, say
from .study import print_study

if TYPE_CHECKING:
    from ..experiments.cell_runs import HowToRun
    from ..experiments.config import ExperimentConfig
    from ..experiments.sweeps.plan import Plan


FAILED_EXIT = 4
"""Some agents failed; the results of the others are complete."""
INTERRUPTED_EXIT = 128 + signal.SIGINT


def run(
    config: Annotated[Path, typer.Argument(help="experiment config, YAML, or the name of a shipped one")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="settings to change: agents.linucb.alpha=0.3 seeds=5"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="results folder; default runs/NAME")] = None,
    seed: Annotated[int | None, typer.Option(help="replace the config's seed")] = None,
    as_json: AsJson = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace an earlier run in the folder")
    ] = False,
    override: Annotated[
        str | None, typer.Option(help="why the candidate is exported even if the gate refuses it")
    ] = None,
    executor: Annotated[
        str | None, typer.Option(help="who runs the cells of a sweep or study: serial, processes, ray")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="cells under way at a time")] = 1,
    robust: Annotated[
        bool, typer.Option("--robust", help="does the gain flip over the ranges of what is assumed?")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say how long it will take, and end")] = False,
) -> None:
    """Train and compare agents, evaluate them offline, gate, export, serve, report.

    Before it begins it says how long it will take. A list in the place of one value, or 'seeds', makes a
    sweep: every combination is run with every seed. A config of another kind (leaderboard,
    cold_start, long_term, ope_benchmark) is a study. What was interrupted goes on when the same command is
    given again. Exit code 4 says that an agent failed: the results of the others are complete.
    """
    from ..experiments.cells.executors import make_executor
    from ..experiments.config import ExperimentConfig
    from ..experiments.config_file import read_config
    from ..experiments.kinds import KINDS, kind_of
    from ..experiments.overrides import with_overrides
    from ..experiments.sweeps.plan import checked_config

    values = read_config(config)
    values = with_overrides(KINDS[kind_of(values)].config_class(), values, settings or [])
    if seed is not None:
        values["seed"] = seed
    checked = checked_config(values)
    runs_cells = make_executor(executor, workers)
    folder = out or Path("runs") / checked.name
    signal.signal(signal.SIGTERM, _end)
    if isinstance(checked, ExperimentConfig):
        with _interruptible():
            return _experiment(checked, folder, as_json, overwrite, robust, dry_run, override)
    for option, asked in (("--robust", robust), ("--override", override)):
        if asked:
            raise InvalidInput(option, asked, "leave it out: it is for a single experiment")
    from ..experiments.cell_runs import HowToRun

    how = HowToRun(runs_cells, quiet=as_json, overwrite=overwrite)
    with _interruptible():
        _in_cells(checked, folder, how, workers, dry_run)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Say after Ctrl-C that nothing finished is lost."""
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted: what is finished is kept; the same command goes on", file=sys.stderr)
        raise typer.Exit(INTERRUPTED_EXIT) from None


def _experiment(
    config: ExperimentConfig,
    folder: Path,
    as_json: bool,
    overwrite: bool,
    robust: bool,
    dry_run: bool,
    override: str | None,
) -> None:
    from ..experiments.run_folder import SUMMARY, check_folder
    from ..experiments.runner import run as run_experiment  # seconds of imports, after the config is right
    from .summary import print_summary

    if dry_run or not as_json:
        check_folder(folder, config.stored(), SUMMARY, overwrite or dry_run)
        _say_duration(config, robust, as_json)
    if dry_run:
        return
    results = run_experiment(
        config, folder, quiet=as_json, overwrite=overwrite, robust=robust, override=override
    )
    if results.chosen.override:
        print(f"WARNING: {results.chosen.sentence}", file=sys.stderr)
    if as_json:
        print(json.dumps({**results.summary(), "folder": str(folder)}))
    else:
        print_summary(results, folder)
    if results.failed:
        raise typer.Exit(FAILED_EXIT)


def _say_duration(config: ExperimentConfig, robust: bool, as_json: bool) -> None:
    from ..experiments.duration import expected_duration

    duration = expected_duration(config, robust=robust)
    if as_json:
        print(json.dumps({"seconds": duration.seconds, "pages": duration.pages, "stages": duration.stages}))
    else:
        say(duration.sentence)


def _end(number: int, _: object) -> None:
    """End as an error does, so that nothing is left half written and no worker stays."""
    raise SystemExit(128 + number)


def _in_cells(checked: Any, folder: Path, how: HowToRun, workers: int, dry_run: bool) -> None:
    """Run a sweep or a study, or say how much it is."""
    from ..experiments.sweeps.plan import Plan

    if dry_run:
        return _say_cells(checked, how, workers)
    if isinstance(checked, Plan):
        return _sweep(checked, folder, how)
    return _study(checked, folder, how)


def _say_cells(checked: Any, how: HowToRun, workers: int) -> None:
    from ..experiments.sweeps.cost import expected_cost

    cost = expected_cost(checked, workers)
    if how.quiet:
        print(json.dumps(cost.as_dict()))
    else:
        say(cost.sentence)


def _sweep(plan: Plan, folder: Path, how: HowToRun) -> None:
    from ..experiments.sweeps.run import run_sweep
    from .sweep import print_sweep

    results = run_sweep(plan, folder, how)
    if how.quiet:
        print(json.dumps({**results.summary(), "folder": str(folder)}))
    else:
        print_sweep(results, folder)
    if results.failed:
        raise typer.Exit(FAILED_EXIT)


def _study(config: Any, folder: Path, how: HowToRun) -> None:
    from ..experiments.cells.exact_json import exact_json
    from ..experiments.kinds import KINDS

    table = KINDS[config.kind].load_study().run(config, folder, how)
    if how.quiet:
        rows = exact_json(table.to_dict("records"))
        print(json.dumps({"name": config.name, "table": rows, "folder": str(folder)}))
    else:
        print_study(table, config, folder)
    if (table["failed"] != "").any():
        raise typer.Exit(FAILED_EXIT)
