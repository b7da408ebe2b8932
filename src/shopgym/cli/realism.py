"""``shopgym realism``: is a profile's shop like real ones of its kind, or one's own like one's records?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import WIDE, AsJson, print_meanings, print_table, progress_bar, require_no_input, say
from .record_options import (
    Column,
    Currency,
    DayFirst,
    Decimal,
    Encoding,
    Guest,
    ItemPattern,
    MappingName,
    MinOrders,
    PriceUnit,
    Separator,
    Thousands,
    TimeZone,
    columns_of,
)

if TYPE_CHECKING:
    from ..realism.report import Realism

OWN = "Your own shop"
DEFAULT_PROFILE = "gift"
LEAST_VISITS = 1000


def realism(
    profile: Annotated[
        str | None,
        typer.Option(help="gift, fashion or grocery. With --config: whose rule fills the pages; else gift."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Config of your shop, as 'calibrate' writes it.", rich_help_panel=OWN),
    ] = None,
    records: Annotated[
        Path | None,
        typer.Option(
            help="Your records, a file or a folder: order lines, events, as 'ingest' reads them.",
            rich_help_panel=OWN,
        ),
    ] = None,
    sessions: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|N",
            help="With --config: events of visits, in a file. With --profile: the same as --visits.",
        ),
    ] = None,
    visits: Annotated[
        int | None,
        typer.Option(
            min=LEAST_VISITS,
            help="Approximate number of visits; default: as many as the profile was fitted with, or as "
            "come to the shop of the config.",
        ),
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
    html: Annotated[Path | None, typer.Option(help="Page to write, with pictures.")] = None,
    mapping: MappingName = None,
    column: Column = None,
    day_first: DayFirst = None,
    time_zone: TimeZone = None,
    currency: Currency = None,
    price_unit: PriceUnit = None,
    guest: Guest = None,
    item_pattern: ItemPattern = None,
    min_orders: MinOrders = 1,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a season of a shop and compare it with facts of real shops.

    With --profile the facts are those of public records. With --config and --records the shop is that of the
    config, and the facts are all that your records give, each with its interval. Records that are later than
    those of the calibration show drift.
    """
    from ..core.errors import InvalidInput
    from ..core.files import require_writable
    from ..tables import Dialect
    from ..tables.records import RecordOptions

    if html is not None:
        require_no_input("--html", html, (config, records, None if sessions is None else Path(sessions)))
        require_writable(html)
    if config is None and records is None:
        if profile is None:
            raise InvalidInput("--profile", None, "give gift, fashion or grocery; or --config and --records")
        count = _number_of_visits(sessions, visits)
        _compare_profile(profile, count, seed, data, sources=sources, html=html, as_json=as_json)
        return
    if config is None or records is None:
        absent, other = ("--config", "--records") if config is None else ("--records", "--config")
        raise InvalidInput(absent, None, f"give it with {other}: both the shop and the records are needed")
    from .own_shop import compare_own

    options = RecordOptions(
        mapping,
        columns_of(column),
        Dialect(separator, decimal, thousands, encoding),
        day_first,
        time_zone,
        currency,
        price_unit,
        tuple(guest or ()),
        item_pattern,
        min_orders,
    )
    compare_own(
        config,
        records,
        None if sessions is None else Path(sessions),
        options,
        profile=profile or DEFAULT_PROFILE,
        visits=visits,
        seed=seed,
        as_json=as_json,
        html=html,
    )


def _number_of_visits(sessions: str | None, visits: int | None) -> int | None:
    """``--visits``, or the number that ``--sessions`` gives for a profile."""
    from ..core.errors import InvalidInput

    if sessions is None:
        return visits
    if not sessions.isdigit() or int(sessions) < LEAST_VISITS:
        fix = f"with --profile it is a number of visits, {LEAST_VISITS} or more"
        raise InvalidInput("--sessions", sessions, fix)
    return int(sessions)


def _compare_profile(
    profile: str,
    visits: int | None,
    seed: int,
    data: Path | None,
    *,
    sources: bool,
    html: Path | None,
    as_json: bool,
) -> None:
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
            sessions=visits,
            seed=seed,
            data=data,
            progress=lambda step, share: bar(step, share, 1.0),
        )
    if html is not None:
        from ..realism.page import write_profile_page

        write_profile_page(report, html)
    if as_json:
        print(json.dumps(report.summary()))
        return
    _print(report)
    if html is not None:
        say(f"{html}: written")


def _print(report: Realism) -> None:
    from ..realism.meanings import meanings_of

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
    print_table("Facts", rows, left=("fact",), least=WIDE)
    print_meanings(meanings_of(report.facts))
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
    print_table("Effect sizes", rows, left=("effect size",), least=WIDE)
    print_meanings(meanings_of(report.effect_sizes))
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
