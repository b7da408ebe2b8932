"""``shopgym calibrate``: fit a shop to the user's own records."""

from __future__ import annotations

import json
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
    from ..realism.calibration.fit import Calibration


def calibrate(
    out: Annotated[Path, typer.Option(help="Config to write, YAML; set_aside.csv is written beside it.")],
    transactions: Annotated[
        Path | None,
        typer.Option(help="Order lines: CSV, JSON lines or Parquet. Needless if --sessions has purchases."),
    ] = None,
    sessions: Annotated[
        Path | None, typer.Option(help="Events of visits: CSV, JSON lines or Parquet.")
    ] = None,
    item_table: Annotated[
        list[Path] | None,
        typer.Option(help="Items: names, categories, prices, costs; may be repeated. New ones come in too."),
    ] = None,
    profile: Annotated[
        str,
        typer.Option(
            help="gift, fashion or grocery: its values stay for what the records do not identify; auto: that "
            "which is most like the records as it is."
        ),
    ] = "auto",
    holdout: Annotated[
        float,
        typer.Option(min=0.0, max=0.5, help="Share of the days, at the end, that judges the shop; 0: none."),
    ] = 0.25,
    rounds: Annotated[
        int, typer.Option(min=0, help="Steps of the search; 0: what has a closed form alone.")
    ] = 8,
    assumed: Annotated[
        bool,
        typer.Option(help="Say how much the gain of a policy moves with what no record says."),
    ] = True,
    visits: Annotated[
        int,
        typer.Option(
            min=1_000, help="Of the seasons that are compared, at most: fewer are faster and less exact."
        ),
    ] = 200_000,
    price_test: Annotated[
        Path | None, typer.Option(help="A price test: item or user, arm, price, units, exposures.")
    ] = None,
    email_trial: Annotated[
        Path | None, typer.Option(help="An e-mail trial: segment, visit, conversion, spend by customer.")
    ] = None,
    stockouts: Annotated[
        Path | None, typer.Option(help="When items were out of stock: item, from, to.")
    ] = None,
    promotions: Annotated[Path | None, typer.Option(help="When items were marked: item, from, to.")] = None,
    responses: Annotated[
        bool, typer.Option("--responses", help="Also read price, stock and taste responses from the records.")
    ] = False,
    mapping: MappingName = None,
    column: Column = None,
    day_first: DayFirst = None,
    time_zone: TimeZone = None,
    currency: Currency = None,
    price_unit: PriceUnit = None,
    guest: Guest = None,
    item_pattern: ItemPattern = None,
    min_orders: MinOrders = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated seasons.")] = 0,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
) -> None:
    """Fit a shop to your records, simulate it, and show how like your records it is."""
    from ..core.errors import one_of
    from ..core.files import require_writable
    from ..realism.calibration.fit import AUTO, SET_ASIDE
    from ..realism.calibration.fit import calibrate as fit
    from ..realism.responses.from_files import ResponseFiles
    from ..simulators.profiles.profiles import PROFILES
    from ..tables import Dialect
    from ..tables.records import RecordOptions

    one_of("--profile", profile, [AUTO, *PROFILES])
    inputs = (transactions, sessions, *(item_table or ()), price_test, email_trial, stockouts, promotions)
    for target in (out, out.parent / SET_ASIDE):
        require_no_input("--out", target, (*inputs, None if mapping is None else Path(mapping)))
        require_writable(target)
    records = RecordOptions(
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
    with progress_bar("reading", quiet=as_json) as bar:
        calibration = fit(
            transactions,
            sessions,
            base=profile,
            records=records,
            item_table=item_table or (),
            holdout=holdout,
            responses=ResponseFiles(price_test, email_trial, stockouts, promotions, responses),
            seed=seed,
            rounds=rounds,
            assumed=assumed,
            visits=visits,
            progress=lambda what, count: bar(f"season {count}: {what}", count, None),
        )
    _require_runnable(calibration)
    set_aside = calibration.save(out)
    if as_json:
        print(json.dumps({**calibration.summary(), "out": str(out), "set_aside_file": str(set_aside)}))
    else:
        _print(calibration, out, set_aside)


def _print(calibration: Calibration, out: Path, set_aside: Path) -> None:
    from ..realism.meanings import meanings_of
    from ..tables.records import lines_report
    from .ingest import print_report

    lines = calibration.own.lines
    print_report({**lines_report(lines), "recognised": lines.recognised}, set_aside)
    for part in calibration.near:
        _print_part(calibration, part)
    print_meanings(meanings_of(calibration.comparison))
    _print_responses(calibration)
    rows = [
        {
            "found": fitted.name,
            "value": _short(fitted.value),
            "95%": "" if fitted.low != fitted.low else f"[{fitted.low:.4g}, {fitted.high:.4g}]",
            "how": fitted.how,
        }
        for fitted in calibration.fitted
    ]
    print_table(None, rows, left=("found", "how"), least=WIDE)
    say("not identified:")
    for unidentified in calibration.unidentified:
        say(f"  {unidentified.name}: {unidentified.why}")
    for remark in calibration.remarks:
        say(f"note: {remark}")
    if calibration.assumed is not None:
        say(f"what stays assumed: {calibration.assumed.sentence}")
        print_table(None, calibration.assumed.rows(), left=("assumption",), least=WIDE)
    shop = calibration.shop
    say(
        f"{calibration.simulations} seasons simulated; that of the config has {shop.days:.0f} days, "
        f"{calibration.visits:,} visits, {shop.share:.0%} of the people"
    )
    for part, (near, facts) in calibration.near.items():
        as_it_is = calibration.untouched_near[part][0]
        say(f"{part}: {near} of {facts} facts near yours; the profile as it is: {as_it_is}")
    say(f"{out}: written")


def _print_responses(calibration: Calibration) -> None:
    if calibration.responses is None or calibration.responses.empty:
        return
    rows = [
        {
            "response": row["name"],
            "mine": f"{row['mine']:.4g}",
            "95%": f"[{row['low']:.4g}, {row['high']:.4g}]",
            "shop before": f"{row['shop_before']:.4g}",
            "shop after": f"{row['shop_after']:.4g}",
            "inside": "yes" if row["inside"] else "no",
        }
        for row in calibration.responses.to_dict("records")
    ]
    print_table("responses", rows, left=("response",), least=WIDE)
    for row in calibration.responses.to_dict("records"):
        say(f"  {row['name']}: {row['how']}")


def _print_part(calibration: Calibration, part: str) -> None:
    table = calibration.comparison
    rows = [
        {
            "fact": row["name"],
            "mine": f"{row['mine']:.4g}",
            "95%": f"[{row['low']:.4g}, {row['high']:.4g}]",
            "shop": f"{row['shop']:.4g}",
            "near": "yes" if row["near"] else "no",
            "profile as it is": f"{row['untouched']:.4g}",
            "near ": "yes" if row["untouched_near"] else "no",
        }
        for row in table[table["part"] == part].to_dict("records")
    ]
    title = f"{part}: near = inside your interval or within 10% of your value"
    print_table(title, rows, left=("fact",), least=WIDE)


def _require_runnable(calibration: Calibration) -> None:
    """Raise :class:`InvalidInput` before a config is written that ``shopgym run`` would refuse."""
    import yaml

    from ..experiments.config import parse_config

    config = parse_config({"name": "calibrated", **yaml.safe_load(calibration.yaml())})
    config.shop_config().check_catalog(calibration.shop.catalog)


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} numbers, {min(value):.3g} to {max(value):.3g}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
