"""``shopgym run``: one experiment from config to bundle and report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def run(
    config: Annotated[Path, typer.Argument(help="experiment config, YAML, or the name of a shipped one")],
    out: Annotated[Path | None, typer.Option(help="results folder; default runs/NAME")] = None,
    seed: Annotated[int | None, typer.Option(help="replace the config's seed")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print the summary as JSON and nothing else")
    ] = False,
) -> None:
    """Train and compare agents, evaluate them offline, gate, export, serve, report."""
    from ..config import load_config, parse_config
    from ..runner import run as run_experiment
    from ..summary import print_summary

    checked = load_config(config)
    if seed is not None:
        checked = parse_config({**checked.model_dump(), "seed": seed})
    folder = out or Path("runs") / checked.name
    results = run_experiment(checked, folder, quiet=as_json)
    if as_json:
        print(json.dumps({**results.summary(), "folder": str(folder)}))
    else:
        print_summary(results, folder)
