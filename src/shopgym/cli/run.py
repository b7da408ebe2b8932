"""``shopgym run``: one experiment from config to bundle and report, or a leaderboard."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import InvalidInput
from .console import AsJson, say

if TYPE_CHECKING:
    from ..experiments.config import ExperimentConfig
    from ..experiments.studies.leaderboard import LeaderboardConfig


FAILED_EXIT = 4
"""Some agents failed; the results of the others are complete."""


def run(
    config: Annotated[Path, typer.Argument(help="experiment config, YAML, or the name of a shipped one")],
    out: Annotated[Path | None, typer.Option(help="results folder; default runs/NAME")] = None,
    seed: Annotated[int | None, typer.Option(help="replace the config's seed")] = None,
    as_json: AsJson = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace an earlier run in the folder")
    ] = False,
    override: Annotated[
        str | None, typer.Option(help="why the candidate is exported even if the gate refuses it")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="processes; a leaderboard's only")] = 1,
    robust: Annotated[
        bool, typer.Option("--robust", help="does the gain flip over the ranges of what is assumed?")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say how long it will take, and end")] = False,
) -> None:
    """Train and compare agents, evaluate them offline, gate, export, serve, report.

    Before it begins it says how long it will take. A config of ``kind: leaderboard`` compares agents in
    several environments over several seeds. Exit code 4 says that an agent failed: the results of the others
    are complete.
    """
    from ..experiments.config import ExperimentConfig, read_config
    from .config import check

    values = read_config(config)
    if seed is not None:
        values["seed"] = seed
    checked = check(values)

    from ..experiments.run_folder import check_folder
    from ..experiments.runner import SUMMARY
    from ..experiments.runner import run as run_experiment  # seconds of imports, after the config is right
    from .summary import print_summary

    if values.get("kind") == "abtest":
        raise InvalidInput("kind", "abtest", "run it with 'shopgym abtest run'")
    folder = out or Path("runs") / checked.name
    if workers == 1:  # a pool would first finish all its jobs
        signal.signal(signal.SIGTERM, _end)
    if not isinstance(checked, ExperimentConfig):
        for option, asked in (("--robust", robust), ("--dry-run", dry_run)):
            if asked:
                raise InvalidInput(
                    option, asked, "leave it out: it is for experiments, not for a leaderboard"
                )
        return _leaderboard(checked, folder, as_json, workers, overwrite)
    if dry_run or not as_json:
        check_folder(folder, checked.stored(), SUMMARY, overwrite or dry_run)
        _say_duration(checked, robust, as_json)
    if dry_run:
        return
    results = run_experiment(
        checked, folder, quiet=as_json, overwrite=overwrite, robust=robust, override=override
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
    """End as an error does, so that the unfinished folder is removed."""
    raise SystemExit(128 + number)


def _leaderboard(
    config: LeaderboardConfig, folder: Path, as_json: bool, workers: int, overwrite: bool
) -> None:
    from ..experiments.studies.leaderboard import run_leaderboard
    from ..experiments.studies.leaderboard.printing import print_table

    table = run_leaderboard(config, folder, workers=workers, quiet=as_json, overwrite=overwrite)
    if as_json:
        rows = json.loads(table.to_json(orient="records"))
        print(json.dumps({"name": config.name, "table": rows, "folder": str(folder)}))
    else:
        print_table(table, config, folder)
    if table["failed"].any():
        raise typer.Exit(FAILED_EXIT)
