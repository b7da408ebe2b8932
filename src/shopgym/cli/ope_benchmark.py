"""``shopgym ope-benchmark``: how right the offline evaluation is, where the truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import AsJson, print_table, progress_bar

if TYPE_CHECKING:
    from ..experiments.studies.ope_benchmark.scenarios import Scenario

PARTS = ("shop", "open-bandit", "digits")
SHOWN = ("ips", "snips", "dm", "dr", "switch-dr", "dr-os")


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
        Path | None, typer.Option(help="Also write ope_benchmark.json and the plots into this folder.")
    ] = None,
) -> None:
    """Hold offline estimates, their intervals and their verdicts against the truth."""
    from ..core.errors import one_of
    from ..core.files import write_text

    one_of("--only", only, PARTS)
    with progress_bar("logs", quiet=as_json) as progress:
        if only == "shop":
            answer = _shop(quick, share, seed, workers, out, progress)
        else:
            answer = _reproduction(only, data, seed, progress)
    text = json.dumps(answer, indent=1, allow_nan=False)
    if out is not None:
        write_text(out / "ope_benchmark.json", text + "\n")
    if as_json:
        typer.echo(text)
    else:
        _print(answer)


def _shop(
    quick: bool,
    share: float,
    seed: int,
    workers: int,
    out: Path | None,
    progress: Callable[[str, int, int], None],
) -> dict[str, Any]:
    from ..evaluation.offline.estimate import without_infinity
    from ..experiments.studies.ope_benchmark.cells import totals
    from ..experiments.studies.ope_benchmark.choices import CHOICES, choices
    from ..experiments.studies.ope_benchmark.plots import save_plots
    from ..experiments.studies.ope_benchmark.scenarios import QUICK, SCENARIOS
    from ..experiments.studies.ope_benchmark.study import study

    cells = study(_fewer(QUICK if quick else SCENARIOS, share), seed=seed, workers=workers, progress=progress)
    of_shop = [cell for cell in cells if not cell.table]
    by_interval = {
        name: totals([cell for cell in of_shop if cell.interval == name]).as_dict()
        for name in dict.fromkeys(cell.interval for cell in of_shop)
    }
    chosen = [] if quick else choices(_fewer(CHOICES, share), seed=seed, progress=progress)
    if out is not None:
        save_plots(cells, out)
    return {
        "part": "shop",
        "seed": seed,
        "share": share,
        "intervals": by_interval,
        "cells": [cell.as_dict() for cell in cells],
        "choices": [without_infinity(asdict(choice)) for choice in chosen],
    }


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


def _fewer(scenarios: Sequence[Scenario], share: float) -> list[Scenario]:
    return [
        replace(each, replicates=max(min(10, each.replicates), int(each.replicates * share)))
        for each in scenarios
    ]


def _print(answer: dict[str, Any]) -> None:
    table = partial(
        print_table, left=("scenario", "estimator", "model", "interval", "by", "number"), least=130
    )
    if answer["part"] != "shop":
        table(
            f"{answer['part']}: mean relative error",
            [
                {
                    "estimator": row["estimator"],
                    "model": row["model"],
                    "here": f"{row['relative_error']:.4f}",
                    "95%": f"[{row['low']:.4f}, {row['high']:.4f}]",
                    "published": f"{row['published']:.4f}",
                    "runs": row["runs"],
                }
                for row in answer["rows"]
            ],
        )
        return
    table(
        "Delta intervals at 95%, by scenario",
        [
            {
                "scenario": c["scenario"],
                "estimator": c["estimator"],
                "error": f"{c['relative_error']:.1%}",
                "bias": f"{c['bias']:+.1%}",
                "coverage": f"{c['coverage']:.1%} [{c['coverage_low']:.0%}, {c['coverage_high']:.0%}]",
                "width": f"{c['width']:.2f}",
                "trust": f"{c['trust']:.0%}",
                "caution": f"{c['caution']:.0%}",
                "refuse": f"{c['refuse']:.0%}",
            }
            for c in answer["cells"]
            if c["interval"] == "delta" and c["estimator"] in SHOWN and not c["table"]
        ],
    )
    table(
        "Logs read as tables: what a user is told",
        [
            {
                "scenario": c["scenario"],
                "number": c["estimator"],
                "logs": c["replicates"] + c["failed"],
                "no number": c["failed"],
                "refuse": _count(c, "refuse"),
                "caution": _count(c, "caution"),
                "trust": c["trusts"],
                "trust is right": "yes" if c["trustworthy"] else "no",
                "coverage where trusted": _trusted(c),
                "coverage": _share(c["coverage"]),
                "error": _share(c["relative_error"]),
            }
            for c in answer["cells"]
            if c["table"]
        ],
    )
    table(
        "All estimators, by interval",
        [
            {
                "interval": name,
                "cells": t["cells"],
                "good": _share(t["good"]),
                "trusted, good": f"{t['trusted_good']} of {t['trusted_cells']}",
                "poor": t["poor"],
                "of them refused": _share(t["poor_refused"]),
                "trusted": _share(t["poor_trusted"]),
                "others refused": _share(t["sound_refused"]),
            }
            for name, t in answer["intervals"].items()
        ],
    )
    table(
        "Choosing the best of eight policies",
        [
            {
                "scenario": c["scenario"],
                "by": c["chooser"],
                "error": f"{c['error']:.1%}",
                "regret": f"{c['regret']:.1%} +- {c['regret_error']:.1%}",
                "right": f"{c['right']:.0%}",
                "SharpeRatio@3": "" if c["sharpe"] is None else f"{c['sharpe']:.2f}",
            }
            for c in answer["choices"]
        ],
    )


def _count(cell: dict[str, Any], word: str) -> str:
    return f"{cell[word] * cell['replicates']:.0f}"


def _trusted(cell: dict[str, Any]) -> str:
    if not cell["trusts"]:
        return ""
    return f"{cell['coverage_trusted']:.1%} [{cell['trusted_low']:.1%}, {cell['trusted_high']:.1%}]"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
