"""``shopgym export``: the bundle of a policy that passed the gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .console import AsJson


def export(
    run: Annotated[Path, typer.Argument(help="a folder that 'shopgym run' wrote")],
    out: Annotated[Path, typer.Option(help="the bundle's folder")],
    agent: Annotated[str | None, typer.Option(help="whose policy; default: the run's candidate")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the bundle of a policy that passed the gate: what a server needs, and the evidence."""
    from ..core.errors import InvalidInput
    from ..experiments.export import export_policy

    summary = run / "summary.json"
    if not summary.is_file():
        raise InvalidInput("run", str(run), "give a folder that 'shopgym run' wrote")
    name = agent or json.loads(summary.read_text(encoding="utf-8"))["candidate"]
    bundle = export_policy(run, name, out)
    if as_json:
        print(json.dumps({"bundle": str(out), "agent": name, "bundle_hash": bundle.hash}))
    else:
        print(f"{name} exported to {out} (bundle {bundle.hash[:12]})")
