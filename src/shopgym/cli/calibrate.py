"""``shopgym calibrate``: a shop like the user's, from the user's own records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..realism.calibration.fit import Calibration


def calibrate(
    transactions: Annotated[Path, typer.Option(help="Order lines, CSV or Parquet.")],
    out: Annotated[Path, typer.Option(help="Config to write, YAML; set_aside.csv is written beside it.")],
    sessions: Annotated[Path | None, typer.Option(help="Events of visits, CSV or Parquet.")] = None,
    profile: Annotated[
        str, typer.Option(help="gift, fashion or grocery: stands in for what the records do not tell.")
    ] = "gift",
    column: Annotated[
        list[str] | None, typer.Option(help="OURS=YOURS, a column of the order lines; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated visits.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Fit what your records identify, and say what they do not."""
    from ..core.errors import InvalidInput
    from ..realism.calibration.fit import calibrate as fit

    columns = {}
    for pair in column or ():
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise InvalidInput("--column", pair, "write OURS=YOURS, e.g. order=InvoiceNo")
        columns[ours] = theirs
    with _progress(quiet=as_json) as told:
        found = fit(transactions, sessions, base=profile, columns=columns, seed=seed, told=told)
    aside = found.save(out, transactions, columns)
    if as_json:
        print(json.dumps({**found.summary(), "out": str(out), "set_aside_file": str(aside)}))
    else:
        _print(found, out, aside)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, float], None]]:
    """How far the search has come, on stderr, seen only at a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("reading") as status:
        if quiet or not console.is_terminal:
            status.stop()
        yield lambda run, loss: status.update(f"simulation {run}, loss {loss:.4g}")


def _print(found: Calibration, out: Path, aside: Path) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    say = partial(console.print, highlight=False, soft_wrap=True, markup=False)
    lines = found.lines
    say(
        f"{lines.rows:,} order lines: {len(lines.sold):,} used, {len(lines.set_aside):,} set aside in {aside}"
    )
    for reason, count in lines.reasons().items():
        say(f"  {count:,}: {reason}")
    table = Table(box=SIMPLE_HEAD)
    for name in ("number", "value", "95%", "how"):
        table.add_column(name, justify="left" if name in ("number", "how") else "right", overflow="fold")
    for number in found.found:
        interval = "" if number.low != number.low else f"[{number.low:.4g}, {number.high:.4g}]"
        table.add_row(number.name, _short(number.value), interval, escape(number.how))
    console.print(table)
    say("not identified, as in the profile:")
    for unknown in found.unknown:
        say(f"  {unknown.name}: {unknown.why}")
    if found.fit is not None:
        say(
            f"visits: loss {found.fit.before:.4g} before, {found.fit.loss:.4g} after "
            f"{found.fit.runs} simulations"
        )
    say(f"{out}: written")


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} numbers, {min(value):.3g} to {max(value):.3g}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
