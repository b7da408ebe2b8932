"""``shopgym runs``: what has been run, and how it compares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import AsJson, print_table, say

RunFolder = Annotated[Path, typer.Argument(help="a folder that 'shopgym run' or 'shopgym abtest run' wrote")]


def runs_list(
    folder: Annotated[Path, typer.Argument(help="where the runs are")] = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """List the runs of a folder: kind, state, cells that are done, config, what it came to."""
    from ..experiments.finished import list_runs

    rows = [
        {
            "name": run.folder.name,
            "kind": run.kind,
            "state": run.state,
            "cells": run.cells,
            "version": run.version,
            "config": str(run.summary.get("config_hash", ""))[:12],
            "headline": run.headline,
        }
        for run in list_runs(folder)
    ]
    if as_json:
        print(json.dumps({"folder": str(folder), "runs": rows}))
        return
    if not rows:
        say(f"no runs in {folder}")
    short = [{name: value for name, value in row.items() if name != "headline"} for row in rows]
    print_table(None, short, left=("name", "kind", "state", "version", "config"))
    for row in rows:
        if row["headline"]:
            say(f"{row['name']}: {row['headline']}")


def runs_compare(first: RunFolder, second: RunFolder, as_json: AsJson = False) -> None:
    """Compare two runs: the second less the first, agent by agent, seed by seed where they share seeds.

    Runs whose numbers mean different things are refused, with the reason.
    """
    from ..experiments.cells.exact_json import exact_json
    from ..experiments.finished import compare_runs, read_run
    from ..experiments.sweeps.report import interval

    one, two = read_run(first), read_run(second)
    table = compare_runs(one, two)
    if as_json:
        rows = exact_json(table.to_dict("records"))
        print(json.dumps({"first": str(first), "second": str(second), "rows": rows}))
        return
    shown = [
        {
            **{key: row[key] for key in one.keys},
            "first": f"{row['first']:.4g}",
            "second": f"{row['second']:.4g}",
            "difference": interval(row["difference"], row["low"], row["high"]),
            "seeds": row["seeds"],
        }
        for row in table.to_dict("records")
    ]
    print_table(f"{second.name} less {first.name}: {one.config_kind.value}", shown, left=one.keys, least=100)
    if table["paired"].all():
        say("seed by seed, with 95% intervals over seeds.")
    else:
        say("one seed each: the intervals take the runs as independent, which as a rule makes them too wide.")


def runs_report(run: RunFolder, as_json: AsJson = False) -> None:
    """Show what a run came to, and where its page is."""
    from ..experiments.cells.exact_json import exact_json
    from ..experiments.finished import arms, read_run, require_finished
    from ..experiments.sweeps.report import interval

    finished = read_run(run)
    require_finished(finished)
    page, value = run / "report.html", finished.config_kind.value
    rows: list[dict[str, Any]] = list(arms(finished))
    if as_json:
        shown = {
            "name": run.name,
            "kind": finished.kind,
            "headline": finished.headline,
            "rows": exact_json(rows),
        }
        print(json.dumps({**shown, "report": str(page) if page.is_file() else None}))
        return
    table = [
        {**{key: row[key] for key in finished.keys}, value: interval(row[value], row["low"], row["high"])}
        for row in rows
    ]
    print_table(f"{run.name} ({finished.kind}){finished.measured_in}", table, left=finished.keys, least=100)
    say(finished.headline)
    if page.is_file():
        say(f"report: {page}")


def runs_mlflow(
    runs: Annotated[list[Path], typer.Argument(help="folders that 'shopgym run' or 'abtest run' wrote")],
    to: Annotated[
        str | None,
        typer.Option(metavar="URI", help="default: MLFLOW_TRACKING_URI, else sqlite:///mlflow.db"),
    ] = None,
    experiment: Annotated[str, typer.Option(help="in MLflow, which keeps the runs")] = "shopgym",
    as_json: AsJson = False,
) -> None:
    """Write finished runs to MLflow; a run that is there is left as it is.

    It needs the extra 'mlflow'.
    """
    from dataclasses import asdict

    from ..experiments.finished import read_run
    from ..experiments.tracking.mlflow_store import write_to_mlflow
    from ..experiments.tracking.tracked_run import tracked_run

    tracked = [tracked_run(read_run(folder)) for folder in runs]  # all can be read before one is written
    rows = []
    for folder, run in zip(runs, tracked, strict=True):
        written = write_to_mlflow(run, experiment, to)
        rows.append({"folder": str(folder), **asdict(written)})
        if not as_json:
            what = f"written with {written.nested} nested runs" if written.is_new else "there already"
            say(f"{folder.name}: {what}, as run {written.run_id} of '{experiment}'")
    if as_json:
        print(json.dumps({"runs": rows}))


def runs_rm(
    run: RunFolder,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Delete a run: its folder and everything in it. Folders that are no runs are refused."""
    from ..experiments.finished import read_run, remove_run

    finished = read_run(run)
    if not yes and not typer.confirm(f"delete {run} ({finished.kind}, {finished.state})?"):
        raise typer.Exit(1)
    remove_run(run)
    say(f"{run} is deleted")
