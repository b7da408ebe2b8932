"""``shopgym log``: turn a server's log into a decision log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def log_compact(
    folder: Annotated[Path, typer.Argument(help="the server's log folder")],
    out: Annotated[Path, typer.Option(help="a .parquet file, or a folder for part files")],
    bundle: Annotated[
        Path | None, typer.Option(help="the bundle that served: adds the exact slot marginals")
    ] = None,
) -> None:
    """Join decisions with their rewards and write the decision log that evaluation reads."""
    from ..policies.decision_log import compact

    policy = None
    if bundle is not None:
        from ..policies.serving import load_policy

        policy = load_policy(bundle)
    log = compact(folder, policy)
    log.write(out)
    print(f"{out}: {len(log)} decisions, {int(log.rewarded.sum())} with a reward ({log.unit})")
