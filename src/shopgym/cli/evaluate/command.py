"""The command's options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import AsJson, progress_bar

if TYPE_CHECKING:
    from ...evaluation.offline.formats.stream import Mapper

STRICT_EXIT = 3


def evaluate(
    log: Annotated[
        Path,
        typer.Argument(
            help="A decision log, a CSV or Parquet table (file or folder), a Vowpal Wabbit DSJSON file, or "
            "an Open Bandit folder.",
            metavar="LOG",
        ),
    ],
    policy: Annotated[
        str | None,
        typer.Option(
            help="What to evaluate. Everywhere: 'uniform'. Tables and DSJSON: 'action:NAME', always that; "
            "'choice:COLUMN', the action in a column; 'columns:PREFIX', the probability of each action; "
            "'column:COLUMN', that of the logged action. Decision logs: a bundle folder. Open Bandit: the "
            "folder of another policy's log."
        ),
    ] = None,
    estimator: Annotated[
        list[str] | None, typer.Option(help="May be repeated. Default: ips, snips, dm and dr.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every estimator that this log allows.")] = False,
    level: Annotated[float, typer.Option(help="Coverage of the two-sided intervals.")] = 0.95,
    interval: Annotated[
        str,
        typer.Option(
            help="delta, student, bootstrap, bca, bernstein, hoeffding, clopper-pearson, cressie-read, "
            "sequence or betting."
        ),
    ] = "delta",
    seed: Annotated[int, typer.Option(help="Decides the folds of the models and the resamples.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Also write a card for people: one HTML file.")] = None,
    as_json: AsJson = False,
    out: Annotated[Path | None, typer.Option(help="Also write evaluation.json into this folder.")] = None,
    strict: Annotated[bool, typer.Option(help="Exit with 3 if an estimate is refused.")] = False,
    action_column: Annotated[str, typer.Option(help="Tables: the logged action.")] = "action",
    reward_column: Annotated[str, typer.Option(help="Tables: its reward.")] = "reward",
    propensity_column: Annotated[
        str | None,
        typer.Option(
            help="Tables: its logged probability. Default: 'propensity' if there is such a column; else it "
            "is estimated, and no verdict is better than caution."
        ),
    ] = None,
    context_column: Annotated[
        list[str] | None,
        typer.Option(help="Tables: what choice and reward depend on; may be repeated; '*': the rest."),
    ] = None,
    user_column: Annotated[
        str | None, typer.Option(help="Tables: the user, kept together in the folds.")
    ] = None,
    by_user: Annotated[
        bool | None,
        typer.Option(
            help="Intervals take users as independent, not rounds (tables with --user-column, decision "
            "logs). Default: where users come back."
        ),
    ] = None,
    id_column: Annotated[str | None, typer.Option(help="Tables: ids that must not repeat.")] = None,
    unit_column: Annotated[
        str | None, typer.Option(help="Tables: the reward's unit, which must be one.")
    ] = None,
    actions: Annotated[
        str | None, typer.Option(help="Tables: all actions there are, separated by commas.")
    ] = None,
    stream: Annotated[
        bool | None,
        typer.Option(help="Read part by part, in bounded memory. Default: Parquet of over 5 million rows."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that share a streamed table.", min=1)] = 1,
) -> None:
    """Estimate what POLICY would have earned on the rounds of LOG."""
    import json
    from functools import partial

    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from ...core.errors import InvalidInput, one_of
    from ...core.files import write_text
    from ...evaluation.api import ALL
    from ...evaluation.api import evaluate as evaluate_policy
    from ...evaluation.offline.estimators import ESTIMATORS
    from ...evaluation.offline.formats import Columns

    if policy is None:
        options = (
            "uniform, or of a table action:NAME, always that action, or choice:COLUMN, the action in a column"
        )
        fix = f"say what to evaluate: {options}; shopgym evaluate --help has the rest"
        raise InvalidInput("--policy", policy, fix)
    if estimator and every:
        raise InvalidInput("--estimator", list(estimator), "leave it out with --all")
    for name in estimator or ():
        one_of("--estimator", name, ESTIMATORS)
    columns = Columns(
        action_column,
        reward_column,
        propensity_column,
        tuple(context_column or ()),
        user_column,
        id_column,
        unit_column,
        tuple(label.strip() for label in actions.split(",")) if actions else (),
    )
    bar_columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with progress_bar("weighing rounds", *bar_columns) as bar, _mapper(workers) as mapper:
        evaluation = evaluate_policy(
            log,
            policy,
            columns=columns,
            estimators=ALL if every else estimator,
            level=level,
            interval=interval,
            seed=seed,
            by_user=by_user,
            stream=stream,
            mapper=mapper,
            progress=partial(bar, "weighing rounds"),
        )
    answer = evaluation.as_dict()
    as_text = json.dumps(answer, indent=2, allow_nan=False)
    if out is not None:
        write_text(out / "evaluation.json", as_text + "\n")
    if html is not None:
        write_text(html, evaluation.html())
    if as_json:
        typer.echo(as_text)
    else:
        from .printing import print_answer

        print_answer(answer)
    if strict and answer["refused"]:
        raise typer.Exit(STRICT_EXIT)


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
