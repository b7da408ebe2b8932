"""``shopgym calibrate``: fit a shop to the user's own records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import AsJson, print_table, progress_bar, say
from .evaluate.options import Decimal, Encoding, Separator, Thousands

if TYPE_CHECKING:
    from ..realism.calibration.fit import Calibration


def calibrate(
    transactions: Annotated[Path, typer.Option(help="Order lines, CSV or Parquet.")],
    out: Annotated[Path, typer.Option(help="Config to write, YAML; set_aside.csv is written beside it.")],
    sessions: Annotated[Path | None, typer.Option(help="Events of visits, CSV or Parquet.")] = None,
    profile: Annotated[
        str,
        typer.Option(help="gift, fashion or grocery: its values stay for what the records do not identify."),
    ] = "gift",
    column: Annotated[
        list[str] | None, typer.Option(help="OURS=YOURS, a column of the order lines; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated visits.")] = 0,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
) -> None:
    """Fit the parameters that your records identify, and name those that they do not."""
    from ..core.errors import InvalidInput
    from ..realism.calibration.fit import calibrate as fit
    from ..tables import Dialect

    columns = {}
    for pair in column or ():
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise InvalidInput("--column", pair, "write OURS=YOURS, e.g. order=InvoiceNo")
        columns[ours] = theirs
    with progress_bar("reading", quiet=as_json) as bar:

        def progress(run: int, loss: float) -> None:
            bar(f"simulation {run}, loss {loss:.4g}", run, None)

        calibration = fit(
            transactions,
            sessions,
            base=profile,
            columns=columns,
            seed=seed,
            dialect=Dialect(separator, decimal, thousands, encoding),
            progress=progress,
        )
    set_aside = calibration.save(out, transactions, columns)
    if as_json:
        print(json.dumps({**calibration.summary(), "out": str(out), "set_aside_file": str(set_aside)}))
    else:
        _print(calibration, out, set_aside)


def _print(calibration: Calibration, out: Path, set_aside: Path) -> None:
    lines = calibration.lines
    say(
        f"{lines.rows:,} order lines: {len(lines.sold):,} used, {len(lines.set_aside):,} set aside in "
        f"{set_aside}"
    )
    if calibration.recognised:
        say(f"  read as {', '.join(calibration.recognised)}")
    for reason, count in lines.reasons().items():
        say(f"  {count:,}: {reason}")
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


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} numbers, {min(value):.3g} to {max(value):.3g}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
