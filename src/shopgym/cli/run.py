"""``shopgym run``: one experiment from config to bundle and report, or a leaderboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def run(
    config: Annotated[Path, typer.Argument(help="experiment config, YAML, or the name of a shipped one")],
    out: Annotated[Path | None, typer.Option(help="results folder; default runs/NAME")] = None,
    seed: Annotated[int | None, typer.Option(help="replace the config's seed")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print the summary as JSON and nothing else")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="processes; a leaderboard's only")] = 1,
) -> None:
    """Train and compare agents, evaluate them offline, gate, export, serve, report.

    A config of ``kind: leaderboard`` compares agents in several environments over several seeds.
    """
    from ..experiments.config import parse_config, read_config
    from ..experiments.runner import run as run_experiment
    from .summary import print_summary

    raw = read_config(config)
    if seed is not None:
        raw["seed"] = seed
    if raw.get("kind") == "leaderboard":
        return _leaderboard(raw, out, as_json, workers)
    checked = parse_config(raw)
    folder = out or Path("runs") / checked.name
    results = run_experiment(checked, folder, quiet=as_json)
    if as_json:
        print(json.dumps({**results.summary(), "folder": str(folder)}))
    else:
        print_summary(results, folder)


def _leaderboard(raw: dict[str, Any], out: Path | None, as_json: bool, workers: int) -> None:
    from ..experiments.config import check_config
    from ..experiments.studies.leaderboard import LeaderboardConfig, run_leaderboard
    from ..experiments.studies.leaderboard.printing import print_table

    checked = check_config(LeaderboardConfig, raw)
    folder = out or Path("runs") / checked.name
    table = run_leaderboard(checked, folder, workers=workers, quiet=as_json)
    if as_json:
        rows = json.loads(table.to_json(orient="records"))
        print(json.dumps({"name": checked.name, "table": rows, "folder": str(folder)}))
    else:
        print_table(table, checked, folder)
