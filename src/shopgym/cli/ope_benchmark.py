"""``shopgym ope-benchmark``: how right the offline evaluation is, where the truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from .console import AsJson, print_table, progress_bar
from .study import print_study

PARTS = ("shop", "open-bandit", "digits")


def ope_benchmark(
    quick: Annotated[bool, typer.Option("--quick", help="A minute's worth of the shop's study.")] = False,
    only: Annotated[
        str,
        typer.Option(
            help="shop: estimators and intervals on logs whose truth is exact; open-bandit: the published "
            "comparison on Open Bandit data; digits: that on handwritten digits (needs scikit-learn)."
        ),
    ] = "shop",
    data: Annotated[
        Path | None, typer.Option(help="Open Bandit folder, with random/all and bts/all (open-bandit).")
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Share of the logs of every scenario to draw.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Of everything.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes; the answer does not depend on it.")] = 1,
    as_json: AsJson = False,
    out: Annotated[
        Path | None, typer.Option(help="Also write the tables and the plots into this folder.")
    ] = None,
) -> None:
    """Hold offline estimates, their intervals and their verdicts against the truth.

    The study of the shop is that of 'shopgym run ope_benchmark', which goes on where it was interrupted.
    """
    from ..core.errors import one_of
    from ..core.files import write_text

    one_of("--only", only, PARTS)
    if only == "shop":
        return _shop("quick" if quick else "all", share, seed, workers, as_json, out)
    with progress_bar("logs", quiet=as_json) as progress:
        answer = _reproduction(only, data, seed, progress)
    text = json.dumps(answer, indent=1, allow_nan=False)
    if out is not None:
        write_text(out / "ope_benchmark.json", text + "\n")
    if as_json:
        typer.echo(text)
    else:
        _print(answer)


def _shop(scenarios: str, share: float, seed: int, workers: int, as_json: bool, out: Path | None) -> None:
    from ..core.config import build
    from ..evaluation.offline.estimate import without_infinity
    from ..experiments.cell_runs import HowToRun
    from ..experiments.cells.executors import make_executor
    from ..experiments.studies.ope_benchmark import STUDY, OpeBenchmarkConfig
    from ..experiments.studies.ope_benchmark.run import by_interval, chosen_of, estimated_of

    asked = {"scenarios": scenarios, "share": share, "seed": seed}
    config = build(OpeBenchmarkConfig, {"kind": "ope_benchmark", "name": "ope_benchmark", **asked})
    how = HowToRun(make_executor(None, workers), quiet=as_json)
    with nullcontext(str(out)) if out is not None else TemporaryDirectory() as place:
        folder = Path(place) if out is not None else Path(place) / config.name
        table = STUDY.run(config, folder, how)
        if not as_json:
            return print_study(table, config, out)
    cells = estimated_of(table)
    answer = {
        "part": "shop",
        "seed": seed,
        "share": share,
        "intervals": {name: every.as_dict() for name, every in by_interval(cells).items()},
        "cells": [cell.as_dict() for cell in cells],
        "choices": [without_infinity(asdict(choice)) for choice in chosen_of(table)],
    }
    typer.echo(json.dumps(answer, indent=1, allow_nan=False))


def _reproduction(
    only: str, data: Path | None, seed: int, progress: Callable[[str, int, int], None]
) -> dict[str, Any]:
    from ..core.errors import InvalidInput
    from ..experiments.studies.ope_benchmark.reproductions import digits, open_bandit

    if only == "digits":
        rows = digits(seed=seed, progress=progress)
    elif data is None:
        raise InvalidInput("--data", None, "give the Open Bandit folder, with random/all and bts/all")
    else:
        rows = open_bandit(data, seed=seed, progress=progress)
    return {"part": only, "seed": seed, "rows": [asdict(row) for row in rows]}


def _print(answer: dict[str, Any]) -> None:
    rows = [
        {
            "estimator": row["estimator"],
            "model": row["model"],
            "here": f"{row['relative_error']:.4f}",
            "95%": f"[{row['low']:.4f}, {row['high']:.4f}]",
            "published": f"{row['published']:.4f}",
            "runs": row["runs"],
        }
        for row in answer["rows"]
    ]
    print_table(f"{answer['part']}: mean relative error", rows, left=("estimator", "model"), least=130)
