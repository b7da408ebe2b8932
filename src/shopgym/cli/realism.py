"""``shopgym realism``: how similar a profile's shop is to real shops of its kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import AsJson, print_table, progress_bar, say

if TYPE_CHECKING:
    from ..realism.report import Realism


def realism(
    profile: Annotated[str, typer.Option(help="gift, fashion or grocery.")],
    sessions: Annotated[
        int | None,
        typer.Option(min=1000, help="Approximate number of visits; default: as many as it was fitted with."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the shop, its visitors and the resamples.")] = 0,
    data: Annotated[
        Path | None,
        typer.Option(
            envvar="SHOPGYM_DATA",
            help="Folder of the public data sets: adds distances and the discriminator (needs scikit-learn).",
        ),
    ] = None,
    sources: Annotated[
        bool, typer.Option("--sources", help="Print the profile's parameters with their sources instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Simulate a season of a shop and compare it with stylised facts of real shops."""
    from ..realism.report import realism as compare_profile
    from ..simulators.profiles.profiles import numbers

    if sources:
        names = ("name", "value", "unit", "source")
        rows = [{name: getattr(number, name) for name in names} for number in numbers(profile)]
        if as_json:
            print(json.dumps({"profile": profile, "numbers": rows}, default=asdict))
        else:
            print_table(f"{profile}: every parameter of the profile", rows, left=("name", "source"))
        return
    with progress_bar("a season", quiet=as_json) as bar:
        report = compare_profile(
            profile,
            sessions=sessions,
            seed=seed,
            data=data,
            progress=lambda step, share: bar(step, share, 1.0),
        )
    if as_json:
        print(json.dumps(report.summary()))
    else:
        _print(report)


def _print(report: Realism) -> None:
    season = report.season
    say(
        f"{report.profile}: {season.visits:,} visits in {season.days:.0f} days, "
        f"{len(season.data.orders):,} orders; "
        f"{report.inside} of {report.judged} facts inside ({report.inside / report.judged:.0%}), "
        f"{report.within_error} more within this season's own error"
    )
    for half, words in (("fit", "that parameters may be fitted to"), ("judge", "held out from the fit")):
        counts = report.of_half(half)
        say(
            f"  of {counts['facts']} facts {words}: {counts['inside']} inside, "
            f"{counts['near']} inside or within 10%"
        )
    say(f"  {report.parameters} numbers of the profile were fitted")
    rows = [
        {
            "fact": row["name"],
            "real": f"[{row['real_low']:.4g}, {row['real_high']:.4g}]",
            "shop": f"{row['value']:.4g}",
            "95%": f"[{row['low']:.4g}, {row['high']:.4g}]",
            "inside": _inside(row),
            "near": "yes" if row["near"] is True else "no",
            "half": row["half"],
        }
        for row in report.facts.astype(object).to_dict("records")
    ]
    print_table("Facts", rows, left=("fact",))
    rows = [
        {
            "effect size": row["name"],
            "real": "" if row["why"] else f"[{row['real_low']:.4g}, {row['real_high']:.4g}]",
            "shop": f"{row['value']:.4g}",
            "95%": "" if row["low"] != row["low"] else f"[{row['low']:.4g}, {row['high']:.4g}]",
            "inside": f"n/a: {row['why']}" if row["why"] else _inside(row),
        }
        for row in report.effect_sizes.astype(object).to_dict("records")
    ]
    print_table("Effect sizes", rows, left=("effect size",))
    for result in report.comparisons:
        rows = [
            {
                "feature": row["feature"],
                "distance": f"{row['distance']:.3f}",
                "halves of the real": f"{row['baseline']:.3f}",
                "real mean": f"{row['real_mean']:.4g}",
                "shop mean": f"{row['simulated_mean']:.4g}",
            }
            for row in result.distances.to_dict("records")
        ]
        print_table(f"{result.comparison.name}: Wasserstein distance in real sd", rows, left=("feature",))
        if result.comparison.left_out:
            say(f"left out: {result.comparison.left_out}")
        if result.discrimination is not None and result.baseline_discrimination is not None:
            d = result.discrimination
            say(
                f"discriminator AUC {d.auc:.3f} [{d.low:.3f}, {d.high:.3f}] on {d.sessions:,} of each; "
                f"between halves of the real record {result.baseline_discrimination.auc:.3f}"
            )
    say(
        f"{len(report.not_applicable)} facts do not apply to this kind of shop; "
        "--json gives each with its reason"
    )
    for note in report.notes:
        say(f"note: {note}")


def _inside(row: Mapping[Any, Any]) -> str:
    if row["inside"] is True:
        return "yes"
    return "no, within error" if row["overlaps"] is True else "no"
