"""The command: its options are one :class:`~shopgym.evaluation.evaluate_log.Request`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..console import AsJson, progress_bar
from . import options

if TYPE_CHECKING:
    from ...evaluation.offline.formats.stream import Mapper
    from ...evaluation.results import Evaluation, PolicyComparison

STRICT_EXIT = 3


def evaluate(
    log: options.Log,
    policy: options.Policies = None,
    baseline: options.Baseline = None,
    minimise: options.Minimise = False,
    estimator: options.Estimators = None,
    every: options.Every = False,
    level: options.Level = 0.95,
    interval: options.IntervalName = "delta",
    seed: options.Seed = 0,
    segment: options.Segments = None,
    time_column: options.Time = None,
    by_time: options.ByTime = None,
    html: options.Html = None,
    as_json: AsJson = False,
    csv: options.Csv = None,
    out: options.Out = None,
    strict: options.Strict = False,
    action_column: options.ActionColumn = "action",
    reward_column: options.RewardColumns = None,
    propensity_column: options.PropensityColumn = None,
    propensity: options.Propensity = None,
    context_column: options.ContextColumns = None,
    user_column: options.UserColumn = None,
    by_user: options.ByUser = None,
    weight_column: options.WeightColumn = None,
    id_column: options.IdColumn = None,
    unit_column: options.UnitColumn = None,
    slate_column: options.SlateColumn = None,
    slot_column: options.SlotColumn = None,
    actions: options.Actions = None,
    missing: options.Missing = "refuse",
    separator: options.Separator = None,
    decimal: options.Decimal = None,
    thousands: options.Thousands = None,
    encoding: options.Encoding = None,
    stream: options.Stream = None,
    workers: options.Workers = 1,
) -> None:
    """Estimate what POLICY would have earned on the rounds of LOG."""
    from functools import partial

    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from ...core.errors import InvalidInput
    from ...evaluation.arguments import ALL, action_names, named_policies, words
    from ...evaluation.evaluate_log import Request, evaluate_log
    from ...evaluation.offline.formats import Columns
    from ...evaluation.offline.formats.columns import as_fraction
    from ...tables import Dialect

    if not policy:
        several = (
            "uniform, or of a table action:NAME, always that action, or choice:COLUMN, the action in a column"
        )
        fix = f"say what to evaluate: {several}; shopgym evaluate --help has the rest"
        raise InvalidInput("--policy", policy, fix)
    if estimator and every:
        raise InvalidInput("--estimator", list(estimator), "leave it out with --all")
    if propensity and propensity_column:
        raise InvalidInput("--propensity", propensity, "leave it out with --propensity-column")
    if propensity and as_fraction(propensity) is None:
        raise InvalidInput(
            "--propensity",
            propensity,
            "give one number such as 1/3 or 0.25, or a column: --propensity-column",
        )
    columns = Columns(
        action=action_column,
        propensity=propensity_column or propensity,
        context=words("--context-column", context_column),
        user=user_column,
        id=id_column,
        unit=unit_column,
        actions=action_names(actions),
        weight=weight_column,
        slate=slate_column,
        slot=slot_column,
    )
    bar_columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with progress_bar("weighing rounds", *bar_columns) as bar, _mapper(workers) as mapper:
        request = Request(
            named_policies(policy),
            words("--reward-column", reward_column or ["reward"]),
            columns,
            segments=words("--segment", segment),
            time=time_column,
            by_time=by_time,
            minimise=minimise,
            missing=missing,
            estimators=ALL if every else estimator,
            level=level,
            interval=interval,
            seed=seed,
            by_user=by_user,
            dialect=Dialect(separator, decimal, thousands, encoding),
            stream=stream,
            mapper=mapper,
            progress=partial(bar, "weighing rounds"),
        )
        other = None if baseline is None else {baseline: baseline}
        evaluation = evaluate_log(log, request.compared_with(other))
    _write(evaluation, html, csv, out, as_json)
    if strict and _refused(evaluation.as_dict()):
        raise typer.Exit(STRICT_EXIT)


def _write(
    evaluation: Evaluation | PolicyComparison,
    html: Path | None,
    csv: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    import json

    from ...core.files import write_text
    from .printing import print_blocks

    as_text = json.dumps(evaluation.as_dict(), indent=2, allow_nan=False, ensure_ascii=False)
    if out is not None:
        write_text(out / "evaluation.json", as_text + "\n")
    if html is not None:
        write_text(html, evaluation.html())
    if csv is not None:
        write_text(csv, evaluation.to_frame().to_csv(index=False, lineterminator="\n"))
    if as_json:
        typer.echo(as_text)
    else:
        print_blocks(evaluation.blocks)


def _refused(answer: dict[str, Any]) -> bool:
    return bool(answer.get("refused")) or any(
        "refuse" in (row["verdict"], row.get("difference_verdict")) for row in answer.get("rows", ())
    )


@contextmanager
def _mapper(workers: int) -> Iterator[Mapper]:
    """The built-in map, or that of a pool of processes."""
    if workers == 1:
        yield map
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        mapper: Any = pool.map
        yield mapper
