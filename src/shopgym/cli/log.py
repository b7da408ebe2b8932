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
    close_after: Annotated[
        float | None,
        typer.Option(
            help="days after which a decision without a reward had no outcome and gets reward 0; give it "
            "where rewards are sent only when something happens"
        ),
    ] = None,
) -> None:
    """Join decisions with their rewards and write the decision log that evaluation reads."""
    from ..policies.decision_log import compact_to

    policy = None
    if bundle is not None:
        from ..policies.serving import load_policy

        policy = load_policy(bundle)
    log = compact_to(out, folder, policy, close_after=close_after)
    closed = f", {log.closed} closed with reward 0" if log.closed else ""
    print(f"{out}: {log.decisions} decisions, {log.rewarded} with a reward ({log.unit}){closed}")
    if log.waiting and close_after is None:
        print(f"without a reward so far: {log.waiting} (if nothing happened there, give --close-after DAYS)")
