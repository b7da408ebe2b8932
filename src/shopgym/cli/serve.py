"""``shopgym serve``: rank over HTTP with a bundle's policy."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def serve(
    bundle: Annotated[Path, typer.Argument(help="the bundle's folder")],
    log_dir: Annotated[
        Path, typer.Option(help="where decisions and rewards are kept; one server at a time")
    ] = Path("decision-log"),
    host: Annotated[
        str, typer.Option(help="address to listen on; the default is this machine only")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on; 0 takes a free one")] = 8000,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="a further name by which it may be called; may be repeated")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="announce the address as one JSON line")] = False,
) -> None:
    """Check a bundle, replay its golden cases and serve it until SIGTERM."""
    from ..policies.serving import load_bundle
    from ..policies.serving.server import serve as run

    loaded = load_bundle(bundle)

    def announce(url: str) -> None:
        line = {"url": url, "name": loaded.policy.name, "bundle_hash": loaded.hash, "log_dir": str(log_dir)}
        text = json.dumps(line) if as_json else f"serving {loaded.policy.name} at {url}, log in {log_dir}"
        print(text, flush=True)
        if loaded.override:
            print(
                f"WARNING: the gate refused this policy; it serves because: {loaded.override}",
                file=sys.stderr,
            )

    hosts = allow_host or ()
    run(loaded, log_dir=log_dir, host=host, port=port, allow_hosts=hosts, announce=announce)
