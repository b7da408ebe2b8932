"""``shopgym abtest``: plan an online test, analyse one, or run one in the shop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import AsJson, print_table, say
from .evaluate.options import Decimal, Encoding, Separator, Thousands
from .record_options import DayFirst

if TYPE_CHECKING:
    from ..evaluation.online import TestAnalysis
    from ..experiments.studies.online_tests import AbtestResult

REFUSED_EXIT = 3
WIDTH = 110
COLUMNS, STATISTICS = "Columns of the table", "Statistics"

Table = Annotated[
    Path, typer.Argument(help="CSV, JSON lines or Parquet: one row a user, or several.", metavar="TABLE")
]
Metrics = Annotated[
    list[str] | None,
    typer.Option("--metric", help="COLUMN or COLUMN/COLUMN; may be repeated, the first decides."),
]
Covariates = Annotated[
    list[str] | None,
    typer.Option("--covariate", help="METRIC=COLUMN known before the test (CUPED).", rich_help_panel=COLUMNS),
]
User = Annotated[str | None, typer.Option(help="Who was assigned.", rich_help_panel=COLUMNS)]
Time = Annotated[str | None, typer.Option(help="Times, for the effect by day.", rich_help_panel=COLUMNS)]
Stop = Annotated[
    str,
    typer.Option(
        help="sequence: look whenever you like; fixed: once, at the end.", rich_help_panel=STATISTICS
    ),
]
Level = Annotated[float, typer.Option(help="Coverage of the intervals.", rich_help_panel=STATISTICS)]
Repeats = Annotated[
    bool, typer.Option("--repeats", help="Accept rows that are equal in every cell.", rich_help_panel=COLUMNS)
]


def abtest_analyse(
    table: Table,
    metric: Metrics = None,
    guardrail: Annotated[
        list[str] | None, typer.Option("--guardrail", help="METRIC:SHARE that may be lost; may be repeated.")
    ] = None,
    minimise: Annotated[
        list[str] | None,
        typer.Option("--minimise", help="A metric of which less is better; may be repeated."),
    ] = None,
    arm: Annotated[str, typer.Option(help="The arm of a row.", rich_help_panel=COLUMNS)] = "arm",
    control: Annotated[
        str | None, typer.Option(help="The arm that is the control.", rich_help_panel=COLUMNS)
    ] = None,
    user: User = None,
    cluster: Annotated[
        list[str] | None,
        typer.Option(
            "--cluster", help="Of a switchback: what was assigned; may be repeated.", rich_help_panel=COLUMNS
        ),
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(
            "--segment", help="Also the effect by its values; may be repeated.", rich_help_panel=COLUMNS
        ),
    ] = None,
    time: Time = None,
    covariate: Covariates = None,
    repeats: Repeats = False,
    split: Annotated[
        list[str] | None,
        typer.Option(
            "--split", help="ARM=SHARE that was planned; default: equal.", rich_help_panel=STATISTICS
        ),
    ] = None,
    stop: Stop = "sequence",
    level: Level = 0.95,
    planned: Annotated[
        float,
        typer.Option(help="Users of two arms at which a sequence is narrowest.", rich_help_panel=STATISTICS),
    ] = 10_000,
    correction: Annotated[
        str, typer.Option(help="holm, benjamini-hochberg or none.", rich_help_panel=STATISTICS)
    ] = "holm",
    html: Annotated[Path | None, typer.Option(help="Also write a page for people.")] = None,
    as_json: AsJson = False,
    day_first: DayFirst = None,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    encoding: Encoding = None,
) -> None:
    """Analyse the table of an online test: one plain sentence, then the numbers.

    Exit code 3 says that the split is broken or users were in several arms: then no number can be trusted.
    """
    from ..core.files import write_text
    from ..evaluation.online import TestColumns, TestOptions, analyse_test, read_metrics, shares_of
    from ..tables import Dialect

    analysis = analyse_test(
        table,
        read_metrics(metric or (), guardrail or (), covariate or (), minimise or ()),
        TestColumns(arm, user, tuple(cluster or ()), tuple(segment or ()), time),
        TestOptions(stop, level, planned, correction, shares_of(split or ())),
        control=control,
        dialect=Dialect(separator, decimal, thousands, encoding),
        day_first=day_first,
        repeats=repeats,
    )
    if html is not None:
        write_text(html, analysis.html())
    if as_json:
        typer.echo(json.dumps(analysis.as_dict(), indent=2, allow_nan=False, ensure_ascii=False))
    else:
        _print_analysis(analysis)
    if analysis.verdict == "refuse":
        raise typer.Exit(REFUSED_EXIT)


def abtest_plan(
    table: Annotated[
        Path | None,
        typer.Argument(help="A table of users before the test; else give --mean and --sd, or --rate."),
    ] = None,
    effect: Annotated[
        list[float] | None,
        typer.Option("--effect", help="Relative, the least that matters, e.g. 0.05; may be repeated."),
    ] = None,
    users_per_day: Annotated[
        float | None, typer.Option(help="Users who enter the test each day; of a table with --time: counted.")
    ] = None,
    mean: Annotated[float | None, typer.Option(help="Of the metric, per user.")] = None,
    sd: Annotated[float | None, typer.Option(help="Its standard deviation between users.")] = None,
    rate: Annotated[float | None, typer.Option(help="Instead: a share of users, e.g. conversion.")] = None,
    metric: Annotated[str | None, typer.Option(help="Of the table: COLUMN or COLUMN/COLUMN.")] = None,
    covariate: Covariates = None,
    user: User = None,
    time: Time = None,
    repeats: Repeats = False,
    arms: Annotated[int, typer.Option(help="The control and the others.")] = 2,
    power: Annotated[float, typer.Option(help="Chance to show the effect.")] = 0.8,
    level: Level = 0.95,
    stop: Stop = "sequence",
    as_json: AsJson = False,
    day_first: DayFirst = None,
) -> None:
    """Say how many users and days a test needs to show an effect."""
    from dataclasses import asdict

    from ..core.errors import InvalidInput
    from ..evaluation.online import Baseline, PlanOptions, TestColumns, plan_sentence, plan_test, read_plan

    if [table is not None, mean is not None, rate is not None].count(True) != 1:
        fix = "give one of the three: a table with --metric, --mean with --sd, or --rate"
        raise InvalidInput("table, --mean, --rate", None, fix)
    if (mean is None) != (sd is None):
        raise InvalidInput("--sd", sd, "give --mean and --sd together")
    name, per_day = metric or "the metric", users_per_day
    if table is not None:
        if metric is None:
            raise InvalidInput("--metric", None, "say which column of the table is planned for")
        columns = TestColumns(None, user, time=time)
        baseline, counted = read_plan(
            table, metric, covariate or (), columns, day_first=day_first, repeats=repeats
        )
        per_day = users_per_day or counted
    else:
        baseline = Baseline.rate(rate) if rate is not None else Baseline(mean or 0.0, sd or 0.0)
    if per_day is None:
        raise InvalidInput("--users-per-day", None, "say how many users enter the test each day")
    options = PlanOptions(per_day, arms, power, level, stop)
    plans = plan_test(baseline, effect or [0.02, 0.05, 0.1], options)
    sentences = [plan_sentence(plan, name, options) for plan in plans]
    if as_json:
        lines = [{**asdict(plan), "sentence": text} for plan, text in zip(plans, sentences)]
        whole = {"baseline": asdict(baseline), "options": asdict(options), "plans": lines}
        typer.echo(json.dumps(whole, indent=2, allow_nan=False))
        return
    say(f"{name}: mean {baseline.mean:.4g}, standard deviation {baseline.sd:.4g}; {per_day:,.0f} users a day")
    rows = [
        {"effect": f"{p.effect:+.1%}", "users": f"{p.users:,}", "in each arm": f"{p.per_arm:,}"}
        | {"days": f"{p.days:,}", "users with one look": f"{p.fixed_users:,}"}
        for p in plans
    ]
    print_table(None, rows)
    for text in sentences:
        say(text)


def abtest_run(
    config: Annotated[Path, typer.Argument(help="YAML of kind abtest, or the name of a shipped one")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...", help="settings to change: days=28 bundles.new=runs/x/bundle"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="results folder; default runs/NAME")] = None,
    seed: Annotated[int | None, typer.Option(help="replace the config's seed")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace an earlier test in the folder")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run an online test in the shop: policies share one stock, and the truth is known.

    Exit code 3 says that the split is broken: then no number can be trusted.
    """
    from ..core.config import build
    from ..core.errors import InvalidInput
    from ..experiments.config_file import read_config
    from ..experiments.kinds import ABTEST
    from ..experiments.overrides import with_overrides
    from ..experiments.studies.online_tests import AbtestConfig, run_abtest
    from .console import progress_bar

    values = read_config(config)
    if values.get("kind") != ABTEST:
        raise InvalidInput("kind", values.get("kind", "experiment"), "give a config of kind: abtest")
    values = with_overrides(AbtestConfig, values, settings or [])
    if seed is not None:
        values["seed"] = seed
    checked = build(AbtestConfig, values)
    folder = out or Path("runs") / checked.name
    if checked.running_time and not as_json:
        say(f"{checked.name}: {checked.running_time}")
    with progress_bar("abtest", quiet=as_json) as bar:
        result = run_abtest(checked, folder, overwrite=overwrite, on_stage=lambda name: bar(name, 0.0, None))
    if as_json:
        typer.echo(json.dumps({**result.as_dict(), "folder": str(folder)}, indent=2, allow_nan=False))
    else:
        _print_result(result, folder)
    if result.analysis is not None and result.analysis.verdict == "refuse":
        raise typer.Exit(REFUSED_EXIT)


def _print_analysis(analysis: TestAnalysis) -> None:
    from ..evaluation.online.words import effect_rows, lines, part_rows, trend_lines

    for line in lines(analysis):
        say(line)
    print_table(None, effect_rows(analysis), left=("arm", "metric", "outcome"), least=WIDTH)
    print_table("By segment", part_rows(analysis, "segments"), left=("part", "arm"), least=WIDTH)
    print_table("Day by day", part_rows(analysis, "days"), left=("part", "arm"), least=WIDTH)
    for line in trend_lines(analysis):
        say(line)


def _print_result(result: AbtestResult, folder: Path) -> None:
    from ..evaluation.online.words import effect_rows

    say(result.sentence)
    stages = [
        {"share": f"{stage.share:.0%}", "days": stage.days, "decision": stage.decision, "why": stage.reason}
        for stage in result.stages
    ]
    print_table("The ramp", stages, left=("decision", "why"), least=WIDTH)
    if result.analysis is not None:
        print_table("The test", effect_rows(result.analysis), left=("arm", "metric", "outcome"), least=WIDTH)
    truth = [
        {"arm": t.arm, "metric": t.metric, "true relative effect": f"{t.relative.value:+.1%}"}
        | {"low": f"{t.relative.low:+.1%}", "high": f"{t.relative.high:+.1%}"}
        for t in result.truth
    ]
    print_table("The truth: everybody in one arm", truth, left=("arm", "metric"))
    say(f"results: {folder}")
    say(f"report: {folder / 'report.html'}")
