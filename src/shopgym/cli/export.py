"""``shopgym export``: the bundle of a policy that passed the gate."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .console import AsJson


def export(
    run: Annotated[Path, typer.Argument(help="a folder that 'shopgym run' wrote")],
    out: Annotated[Path, typer.Option(help="the bundle's folder")],
    agent: Annotated[str | None, typer.Option(help="whose policy; default: the run's candidate")] = None,
    override: Annotated[
        str | None, typer.Option(help="why a policy that the gate refused is exported all the same")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the bundle of a policy that passed the gate: what a server needs, and the evidence."""
    from ..core.errors import InvalidInput
    from ..experiments.export import export_policy

    summary = run / "summary.json"
    if not summary.is_file():
        raise InvalidInput("run", str(run), "give a folder that 'shopgym run' wrote")
    name = agent or json.loads(summary.read_text(encoding="utf-8"))["candidate"]
    bundle = export_policy(run, name, out, override)
    if bundle.override:
        print(f"WARNING: {name} leaves although the gate refused it: {bundle.override}", file=sys.stderr)
    if as_json:
        print(json.dumps({"bundle": str(out), "agent": name, "bundle_hash": bundle.hash}))
    else:
        print(f"{name} exported to {out} (bundle {bundle.hash[:12]})")
