"""``shopgym reward``: whether a reward says what is wanted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import InvalidInput
from .console import AsJson, print_table, require_no_input, say

if TYPE_CHECKING:
    from ..guardrails.reward import LintReport

WIDE = 60
"""Letters of a cell that no longer fits a table on a terminal: it is printed below."""
Html = Annotated[Path | None, typer.Option("--html", help="Also write the report as one HTML page.")]
ShopFile = Annotated[
    Path | None,
    typer.Option(
        "--shop", help="Config of an experiment, or a profile's name: attack the reward in that shop."
    ),
]
Discounts = Annotated[
    str, typer.Option(help="Shares that an agent may take off all prices of a page: 0.1,0.25,0.5.")
]
Tolerance = Annotated[
    float, typer.Option(help="Share of the north star that may be lost before a reward is gameable.")
]
SpecFile = Annotated[
    Path, typer.Argument(help="YAML of a reward, or of an experiment with one; or a shipped config's name.")
]


def reward_lint(
    context: typer.Context,
    spec: SpecFile,
    shop: ShopFile = None,
    discounts: Discounts = "",
    pressure: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Nats a page up to which the reward will be optimised; default: no bound."
        ),
    ] = None,
    tolerance: Tolerance = 0.05,
    visits: Annotated[int, typer.Option(min=16, help="Visits of the paired simulation.")] = 2048,
    lives: Annotated[int, typer.Option(min=0, help="Lives of customers of the paired simulation.")] = 1024,
    log: Annotated[
        Path | None,
        typer.Option(
            "--log",
            help="Judge it from a log alone: log.parquet of a run, or a table with the terms as columns.",
        ),
    ] = None,
    action_column: Annotated[str, typer.Option(help="Of a table: what was done.")] = "action",
    propensity_column: Annotated[str, typer.Option(help="Of a table: its probability.")] = "propensity",
    context_column: Annotated[
        list[str] | None, typer.Option(help="Of a table: a number known before the action; repeat it.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the shop; default: the config's.")] = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Find what is wrong with a reward: signs, weights, the north star, money counted twice, limits.

    With --shop the reward is attacked in that shop, whose exact means are known: seconds, nothing is trained.
    With --log policies that are fitted to the reward are judged from the log, as far as it tells.
    Exit code 0: no error. 3: an error, or a reward that can be gamed or cannot be judged. 2: bad input.
    """
    from ..experiments.reward_file import agents_beside, read_reward
    from ..guardrails.reward.spec_lint import lint_spec

    require_no_input("--html", html, (spec, shop, log))
    _refuse_unused(context, "--shop", shop, ("discounts", "pressure", "visits", "lives"))
    _refuse_unused(context, "--log", log, ("action_column", "propensity_column", "context_column"))
    read = read_reward(spec, agents_beside(shop, log))
    if log is not None:
        if shop is not None:
            raise InvalidInput("--log", str(log), "give a shop or a log, one of the two")
        from ..experiments.reward_log import lint_from_log
        from ..guardrails.reward.log_report import log_report

        columns = {"action": action_column, "propensity": propensity_column, "context": context_column or ()}
        judged = lint_from_log(read, log, columns, tolerance=tolerance, seed=seed or 0)
        show_report(log_report(judged), spec, html, as_json)
        return
    if shop is None:
        show_report(lint_spec(read), spec, html, as_json)
        return
    from ..experiments.reward_shop import read_shop
    from ..guardrails.reward.linted_shop import LintSize
    from ..guardrails.reward.shop_report import exact_lint

    where = read_shop(shop, shares(discounts), seed)
    size = LintSize(visits=visits, lives=lives)
    options: dict[str, Any] = {"size": size, "tolerance": tolerance, "pressure": pressure}
    show_report(exact_lint(read, where, pictures=html is not None, **options), spec, html, as_json)


def shares(text: str) -> list[float]:
    """The numbers in ``0.1,0.25``."""
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        fix = "give shares with commas between them: 0.1,0.25,0.5"
        raise InvalidInput("--discounts", text, fix) from None


def whole_numbers(text: str, field: str) -> list[int]:
    """The numbers in ``10000,40000``, each 1 or more."""
    try:
        numbers = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    if not numbers or not all(number >= 1 and number.is_integer() for number in numbers):
        raise InvalidInput(field, text, "give whole numbers from 1 on, with commas between them: 10000,40000")
    return [int(number) for number in numbers]


def _refuse_unused(context: typer.Context, needed: str, value: Path | None, options: Sequence[str]) -> None:
    """Raise :class:`InvalidInput` at an option that does nothing without the option ``needed``."""
    for name in options if value is None else ():
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option, fix = f"--{name.replace('_', '-')}", f"it does nothing without {needed}: give that too"
            raise InvalidInput(option, context.params[name], fix)


def show_report(report: LintReport, spec: Path, html: Path | None, as_json: bool) -> None:
    """Print a report, write its page and end with its exit code."""
    from ..core.files import write_text

    if html is not None:
        write_text(html, replace(report, name=spec.name).html())
    if as_json:
        print(json.dumps(report.summary()))
    else:
        _print(report, spec)
        if html is not None:
            say(f"page: {html}")
    raise typer.Exit(report.exit_code)


def _print(report: LintReport, spec: Path) -> None:
    from ..guardrails.reward.captions import CAPTIONS, cell_text

    say(f"The north star, which the business wants to maximise: {report.north_star}")
    for title, rows in report.tables.items():
        texts = [{name: cell_text(value) for name, value in row.items()} for row in rows]
        long = [name for name in (texts or [{}])[0] if any(len(row[name]) > WIDE for row in texts)]
        short = [{name: text for name, text in row.items() if name not in long} for row in texts]
        if rows and title in CAPTIONS:
            say(f"{title}. {CAPTIONS[title]}")
        left = [name for name in (short or [{}])[0] if name not in ("weight", "rate")]
        print_table(None if title in CAPTIONS else title, short, left=left)
        for row in texts:
            first = ", ".join(f"{name} {row[name]}" for name in list(row)[:2])
            for name in (name for name in long if row[name]):
                say(f"  {first}, {name}: {row[name]}")
    for finding in report.findings:
        say(f"{finding.severity} ({finding.code})")
        say(f"  {finding.message}")
        say(f"  What to do: {finding.remedy}")
    say(f"{spec}: {report.verdict}. {report.headline}")
