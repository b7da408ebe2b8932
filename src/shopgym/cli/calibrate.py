"""``shopgym calibrate``: fit a shop to the user's own records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import AsJson, print_table, progress_bar, say
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
    transactions: Annotated[Path, typer.Option(help="Order lines: CSV, JSON lines or Parquet.")],
    out: Annotated[Path, typer.Option(help="Config to write, YAML; set_aside.csv is written beside it.")],
    sessions: Annotated[
        Path | None, typer.Option(help="Events of visits: CSV, JSON lines or Parquet.")
    ] = None,
    item_table: Annotated[
        list[Path] | None,
        typer.Option(help="Items: names, categories, prices, costs; may be repeated. New ones come in too."),
    ] = None,
    profile: Annotated[
        str,
        typer.Option(help="gift, fashion or grocery: its values stay for what the records do not identify."),
    ] = "gift",
    mapping: MappingName = None,
    column: Column = None,
    day_first: DayFirst = None,
    time_zone: TimeZone = None,
    currency: Currency = None,
    price_unit: PriceUnit = None,
    guest: Guest = None,
    item_pattern: ItemPattern = None,
    min_orders: MinOrders = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated visits.")] = 0,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
) -> None:
    """Fit the parameters that your records identify, and name those that they do not."""
    from ..realism.calibration.fit import calibrate as fit
    from ..tables import Dialect
    from ..tables.records import RecordOptions

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

        def progress(run: int, loss: float) -> None:
            bar(f"simulation {run}, loss {loss:.4g}", run, None)

        calibration = fit(
            transactions,
            sessions,
            base=profile,
            records=records,
            item_table=item_table or (),
            seed=seed,
            progress=progress,
        )
    _require_runnable(calibration, transactions)
    set_aside = calibration.save(out, transactions)
    if as_json:
        print(json.dumps({**calibration.summary(), "out": str(out), "set_aside_file": str(set_aside)}))
    else:
        _print(calibration, out, set_aside)


def _print(calibration: Calibration, out: Path, set_aside: Path) -> None:
    from ..tables.records import lines_report
    from .ingest import print_report

    print_report({**lines_report(calibration.lines), "recognised": calibration.lines.recognised}, set_aside)
    rows = [
        {
            "parameter": fitted.name,
            "value": _short(fitted.value),
            "95%": "" if fitted.low != fitted.low else f"[{fitted.low:.4g}, {fitted.high:.4g}]",
            "how": fitted.how,
        }
        for fitted in calibration.fitted
    ]
    print_table(None, rows, left=("parameter", "how"))
    say("not identified, as in the profile:")
    for unidentified in calibration.unidentified:
        say(f"  {unidentified.name}: {unidentified.why}")
    search = calibration.fit
    if search is not None:
        say(
            f"visits: loss {search.initial_loss:.4g} before, {search.loss:.4g} after "
            f"{search.simulations} simulations"
        )
    say(f"{out}: written")


def _require_runnable(calibration: Calibration, transactions: Path) -> None:
    """Raise :class:`InvalidInput` before a config is written that ``shopgym run`` would refuse."""
    import yaml

    from ..experiments.config import parse_config

    config = parse_config({"name": "calibrated", **yaml.safe_load(calibration.yaml(transactions))})
    config.shop_config()


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} numbers, {min(value):.3g} to {max(value):.3g}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
