"""``shopgym evaluate``: what a policy would have earned, from a log of another."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from numpy.random import Generator

    from ...core.protocols import Policy
    from ...policies.log import DecisionLog
    from ..ope.estimate import Estimate
    from ..ope.inputs import OpeInputs
    from ..ope.log import Features


def evaluate(
    log: Annotated[
        Path,
        typer.Argument(
            help="A decision log, a CSV or Parquet table, or an Open Bandit folder.", metavar="LOG"
        ),
    ],
    policy: Annotated[
        str,
        typer.Option(
            help="What to evaluate: a bundle folder; 'uniform'; 'column:NAME', the target's probability of "
            "the logged action; or for Open Bandit the folder of another policy's log."
        ),
    ],
    estimator: Annotated[
        list[str] | None, typer.Option(help="ips, snips, dm or dr; may be repeated. Default: all four.")
    ] = None,
    level: Annotated[float, typer.Option(help="Coverage of the two-sided intervals.")] = 0.95,
    interval: Annotated[str, typer.Option(help="delta or bootstrap.")] = "delta",
    seed: Annotated[int, typer.Option(help="Decides the folds of the reward model and the resamples.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write evaluation.json into this folder.")] = None,
    action_column: Annotated[str, typer.Option(help="Tables: the logged action.")] = "action",
    reward_column: Annotated[str, typer.Option(help="Tables: its reward.")] = "reward",
    propensity_column: Annotated[str, typer.Option(help="Tables: its logged probability.")] = "propensity",
    context_column: Annotated[
        list[str] | None, typer.Option(help="Tables: a column for the reward model; may be repeated.")
    ] = None,
    user_column: Annotated[
        str | None, typer.Option(help="Tables: the user, kept together in the reward model's folds.")
    ] = None,
) -> None:
    """Estimate what POLICY would have earned on the requests of LOG."""
    import numpy as np

    from ...core.errors import InvalidInput
    from ...core.files import write_text
    from ..ope import ESTIMATORS

    names = estimator or list(ESTIMATORS)
    for name in names:
        if name not in ESTIMATORS:
            raise InvalidInput("--estimator", name, f"choose among {', '.join(ESTIMATORS)}")
    rng = np.random.default_rng(seed)
    columns = Columns(
        action_column, reward_column, propensity_column, tuple(context_column or ()), user_column
    )
    with _progress() as progress:
        source = read_source(log, policy, columns, rng, progress)
    skipped = [
        name
        for name in names
        if estimator is None and ESTIMATORS[name].needs_model and source.inputs.q_logged is None
    ]
    estimates = [
        ESTIMATORS[name].estimate(source.inputs, level=level, interval=interval, rng=rng)
        for name in names
        if name not in skipped
    ]
    answer = {
        "log": str(log),
        "policy": policy,
        "rounds": len(source.inputs),
        "slots": source.inputs.reward.shape[1],
        "unit": source.inputs.unit,
        "logged_value": float(source.inputs.reward.sum(axis=1).mean()),
        **source.facts,
        "seed": seed,
        "estimates": [estimate.as_dict() for estimate in estimates],
        "skipped": dict.fromkeys(skipped, "needs a reward model"),
    }
    text = json.dumps(answer, indent=2, allow_nan=False)
    if out is not None:
        write_text(out / "evaluation.json", text + "\n")
    if as_json:
        typer.echo(text)
    else:
        _print(answer, estimates)


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what."""

    action: str = "action"
    reward: str = "reward"
    propensity: str = "propensity"
    context: tuple[str, ...] = ()
    user: str | None = None


@dataclass(frozen=True)
class Source:
    """Inputs, and what else is known of them, JSON-able."""

    inputs: OpeInputs
    facts: dict[str, Any] = field(default_factory=dict)


def read_source(
    log: Path,
    policy: str,
    columns: Columns,
    rng: Generator,
    progress: Callable[[int, int], None] | None = None,
) -> Source:
    """Read ``log``, whatever it is, and weigh it for ``policy``.

    Raises:
        InvalidInput: nothing known is at ``log``, or ``policy`` makes no sense for it.
    """
    from ...core.errors import InvalidInput
    from ..ope.open_bandit import is_open_bandit

    if not log.exists():
        raise InvalidInput("LOG", str(log), "there is no such file or folder")
    if is_open_bandit(log):
        return _open_bandit(log, policy, rng)
    if log.is_dir() or _is_decision_log(log):
        return _decision_log(log, policy, rng, progress)
    return _table(log, policy, columns, rng)


def _open_bandit(log: Path, policy: str, rng: Generator) -> Source:
    from ...core.errors import InvalidInput
    from ..ope.open_bandit import is_open_bandit, load, open_bandit_inputs

    behaviour = load(log)
    if policy == "uniform":
        return Source(open_bandit_inputs(behaviour, "uniform", rng=rng))
    if not is_open_bandit(Path(policy)):
        raise InvalidInput("--policy", policy, "write uniform or the folder of another Open Bandit log")
    target = load(Path(policy))
    inputs = open_bandit_inputs(behaviour, target.frequencies(), rng=rng)
    return Source(inputs, {"value_in_log_of_policy": float(target.reward.mean())})


def _decision_log(
    path: Path, policy: str, rng: Generator, progress: Callable[[int, int], None] | None
) -> Source:
    from ...core.errors import InvalidInput
    from ...policies.log import DecisionLog
    from ..ope.log import log_inputs
    from ..ope.uniform import UniformPolicy

    log = DecisionLog.read(path)
    target: Policy
    features: Features | None
    if policy == "uniform":
        target, features = UniformPolicy(log.slate_size), None
    elif Path(policy).is_dir():
        target, features = _bundle(Path(policy), log)
    else:
        raise InvalidInput("--policy", policy, "write uniform or the folder of a bundle")
    return Source(log_inputs(log, target, rng=rng, features=features, progress=progress))


def _bundle(folder: Path, log: DecisionLog) -> tuple[Policy, Features]:
    """The bundle's policy, and features of the bundle's items for the reward model."""
    from ...core.errors import InvalidInput
    from ...policies.bundle import load_bundle
    from ...policies.scorers import LinearScorer
    from ..ope.log import item_features

    bundle = load_bundle(folder)
    for side, features, logged in (
        ("user", bundle.user, log.user_names),
        ("context", bundle.context, log.context_names),
    ):
        known = tuple(feature.name for feature in features)
        if known != logged:
            raise InvalidInput(f"log.{side}_names", logged, f"the bundle was made for {', '.join(known)}")
    scorer = bundle.policy.scorer
    value = scorer.value if isinstance(scorer, LinearScorer) else None
    return bundle.policy, item_features(log, bundle.policy.items, value)


def _table(path: Path, policy: str, columns: Columns, rng: Generator) -> Source:
    import pandas as pd

    from ...core.errors import InvalidInput
    from ..ope.frame import from_frame

    if policy != "uniform" and not policy.startswith("column:"):
        raise InvalidInput("--policy", policy, "for a table write uniform or column:NAME")
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (
        ValueError,
        OSError,
    ) as error:  # pandas and pyarrow raise kinds of these for what they cannot read
        raise InvalidInput("LOG", str(path), f"it is no readable table ({error})") from error
    inputs = from_frame(
        frame,
        policy,
        rng=rng,
        action=columns.action,
        reward=columns.reward,
        propensity=columns.propensity,
        context=columns.context,
        user=columns.user,
        unit=columns.reward,
    )
    return Source(inputs)


def _is_decision_log(path: Path) -> bool:
    if path.suffix != ".parquet":
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowInvalid, OSError):
        return False  # the table reader says what is wrong with the file
    return b"shopgym.version" in metadata


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that goes when done, and is seen only at a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("weighing requests", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print(answer: dict[str, Any], estimates: list[Estimate]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    slots = "" if answer["slots"] == 1 else f" of {answer['slots']} slots"
    unit = answer["unit"]
    console.print(
        f"{escape(answer['policy'])} on {escape(answer['log'])}: {answer['rounds']:,} rounds{slots}, "
        f"which earned {answer['logged_value']:.4g} {escape(unit)} a round",
        highlight=False,
        soft_wrap=True,
    )
    table = Table(box=SIMPLE_HEAD)
    for name in ("estimator", "value", "interval", "ESS", "max\nweight", "un-\nsupported"):
        table.add_column(name, justify="left" if name == "estimator" else "right", no_wrap=True)
    for e in estimates:
        table.add_row(
            e.estimator,
            f"{e.value:.4g}",
            f"[{e.low:.4g}, {e.high:.4g}]",
            f"{e.ess:,.0f}",
            f"{e.max_weight:.4g}",
            "unknown" if math.isnan(e.unsupported) else f"{e.unsupported:.1%}",
        )
    console.print(table)
    # notes go below, once each: several estimators often share one, and a column would squeeze the numbers
    notes = list(dict.fromkeys(part for e in estimates for part in e.note.split("; ") if part))
    notes += [f"{name}: {why}" for name, why in answer["skipped"].items()]
    if "value_in_log_of_policy" in answer:
        notes.append(f"in its own log {answer['policy']} earned {answer['value_in_log_of_policy']:.4g}")
    for note in notes:
        console.print(f"note: {escape(note)}", highlight=False, soft_wrap=True)
