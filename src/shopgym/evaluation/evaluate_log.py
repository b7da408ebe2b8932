"""From a log and what is asked of it to the evaluation: the one way that the command and Python share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InvalidInput, one_of
from ..policies.decision_log.log import DecisionLog
from ..tables import AUTO, Dialect, read_table
from .answer import answer_of, best_estimate
from .arguments import ALL, Progress, estimator_names
from .comparison import Options, Period, compare_policies
from .comparison.advice import beside_what_was_earned, further_draws_of_differences, hidden_causes
from .comparison.words import conclusions, worst_verdict
from .intervals import INTERVALS
from .intervals.base import check_level
from .offline.estimate import without_infinity
from .offline.formats import Columns, weigh_log
from .offline.formats.frames import as_frame
from .offline.formats.readers import is_decision_log, is_long
from .offline.formats.stream import Mapper
from .offline.formats.vw import is_dsjson
from .offline.open_bandit import is_open_bandit
from .results import Evaluation, PolicyComparison

MISSING = ("refuse", "drop")


@dataclass(frozen=True)
class Request:
    """What is asked of a log; the arguments of :func:`.api.evaluate` in the form that the readers take.

    Attributes:
        policies: by name.
        rewards: columns.
        columns: the other columns of a table.
        baseline: the name of one of the policies, or None.
        segments, time, by_time, minimise, missing, estimators, level, interval, seed, by_user, dialect,
        stream: as in :func:`.api.evaluate`.
        mapper, progress: see :func:`.offline.formats.weigh_log`.
    """

    policies: Mapping[str, Any]
    rewards: tuple[str, ...] = ("reward",)
    columns: Columns = field(default_factory=Columns)
    baseline: str | None = None
    segments: tuple[str, ...] = ()
    time: str | None = None
    by_time: str | None = None
    minimise: bool = False
    missing: str = "refuse"
    estimators: Any = None
    level: float = 0.95
    interval: str = "delta"
    seed: int = 0
    by_user: bool | None = None
    dialect: Any = None
    stream: bool | None = None
    mapper: Mapper = map
    progress: Progress = None

    def __post_init__(self) -> None:
        check_level(self.level)
        one_of("interval", self.interval, INTERVALS)
        for option, value, kind, fix in (
            ("--minimise", self.minimise, bool, "give True or False"),
            ("--by-user", self.by_user, bool | None, "give True, False or None"),
            ("--stream", self.stream, bool | None, "give True, False or None"),
            ("dialect", self.dialect, Dialect | None, "give a Dialect, e.g. Dialect(separator=';')"),
        ):
            if not isinstance(value, kind):
                raise InvalidInput(option, value, fix)
        if not self.rewards:
            raise InvalidInput("--reward-column", None, "name at least one")
        if isinstance(self.seed, bool) or not isinstance(self.seed, (int, np.integer)) or self.seed < 0:
            raise InvalidInput("--seed", self.seed, "give a whole number, 0 or more")
        one_of("--missing", self.missing, MISSING)
        if self.by_time is not None and self.time is None:
            raise InvalidInput(
                "--time-column", None, f"say which column has the times of --by-time {self.by_time}"
            )
        after = (self.columns.action, *self.rewards, *self.columns.outcomes)
        for name in self.segments:
            if name in after:
                raise InvalidInput(
                    "--segment", name, "it was not there before the choice: name a column that was"
                )
        if self.baseline is not None and len(self.policies) < 2:
            raise InvalidInput("--baseline", self.baseline, "give a --policy to compare with it")

    def compared_with(self, baseline: Mapping[str, Any] | None) -> Request:
        """With this baseline, by its name; it is added if no policy has this name."""
        if not baseline:
            return self
        (name,) = baseline
        return replace(self, policies={**self.policies, **baseline}, baseline=name)

    def columns_for(self, reward: str) -> Columns:
        """The columns of a table for one reward; the other rewards are outcomes, no context."""
        groups = dict.fromkeys([*self.segments, *([self.time] if self.time else [])])
        outcomes = [*self.columns.outcomes, *(name for name in self.rewards if name != reward)]
        return replace(self.columns, reward=reward, groups=tuple(groups), outcomes=tuple(outcomes))

    @property
    def period(self) -> Period | None:
        """Of the table by time."""
        return None if self.time is None else Period(self.time, self.by_time or "day")

    @property
    def one_answer(self) -> bool:
        """Whether there is one policy and one reward, and no table."""
        return len(self.policies) == len(self.rewards) == 1 and not self.segments and self.time is None


def evaluate_log(log: Any, request: Request) -> Evaluation | PolicyComparison:
    """The evaluation; errors speak of the options of the shell.

    Raises:
        InvalidInput: as :func:`.api.evaluate`.
    """
    source, log_name = _source(log, request), _log_name(log)
    evaluations = {
        (reward, name): _one(source, log_name, name, reward, request)
        for reward in request.rewards
        for name in request.policies
    }
    if request.one_answer:
        return next(iter(evaluations.values()))
    return _comparison(evaluations, log_name, request)


def _one(source: Any, log_name: str, name: str, reward: str, request: Request) -> Evaluation:
    names = estimator_names(request.estimators)
    rng = np.random.default_rng(request.seed)
    weighed = weigh_log(
        source,
        request.policies[name],
        rng=rng,
        columns=request.columns_for(reward),
        estimators=names,
        by_user=request.by_user,
        missing=request.missing,
        dialect=request.dialect,
        stream=request.stream,
        mapper=request.mapper,
        progress=request.progress,
    )
    chosen = request.estimators not in (None, ALL)
    how: dict[str, Any] = {"level": request.level, "interval": request.interval, "rng": rng}
    answer, made = answer_of(weighed, names, chosen=chosen, **how)
    best = best_estimate(made)
    if best is not None:
        answer |= beside_what_was_earned(best, weighed, rng)
    answer |= {"log": log_name, "policy": name, "seed": request.seed}
    if request.minimise:
        answer["minimise"] = True
    return Evaluation({estimate.estimator: estimate for estimate in made}, answer, weighed)


def _comparison(
    evaluations: Mapping[tuple[str, str], Evaluation], log_name: str, request: Request
) -> PolicyComparison:
    options = Options(
        estimator_names(request.estimators),
        request.level,
        request.interval,
        request.seed,
        request.baseline,
        request.segments,
        request.period,
    )
    logs = {
        reward: {name: evaluations[reward, name].weighed for name in request.policies}
        for reward in request.rewards
    }
    table = compare_policies(logs, options, minimise=request.minimise)
    first = {reward: next(iter(by_policy.values())) for reward, by_policy in logs.items()}
    answer: dict[str, Any] = {
        "baseline": request.baseline,
        "policies": list(request.policies),
        "rewards": list(request.rewards),
        "units": {reward: log.unit for reward, log in first.items()},
        "rounds": len(next(iter(first.values()))),
        "rounds_represented": next(iter(first.values())).represented,
        "logged_values": {reward: log.logged_value for reward, log in first.items()},
        "level": request.level,
        "interval": request.interval,
        "minimise": request.minimise,
        "period": None if request.period is None else request.period.by,
        "rows": [row.as_dict(request.baseline is not None) for row in table.rows],
        "families": [without_infinity(vars(family)) for family in table.families],
        "as_good": table.as_good,
        "sensitivity": hidden_causes(table, logs, options),
        "sample_sizes": further_draws_of_differences(table, logs),
        "evaluations": [each.as_dict() for each in evaluations.values()],
        "log": log_name,
        "seed": request.seed,
    }
    said = conclusions(answer)
    verdict = worst_verdict([verdict for verdict, _ in said])
    sentences = [sentence for _, sentence in said]
    alone = next(iter(evaluations.values())).as_dict() if len(evaluations) == 1 else {}
    answer = {**alone, "verdict": verdict, "conclusions": sentences, **answer}
    return PolicyComparison(evaluations, table, answer)


def _source(log: Any, request: Request) -> Any:
    """The log as :func:`.offline.formats.weigh_log` takes it; read once where it is weighed often."""
    if isinstance(log, (list, tuple)):
        return _one_log([_read(part, request) for part in log])
    often = len(request.policies) * len(request.rewards) > 1
    return _read(log, request) if often and not request.stream else log


def _read(log: Any, request: Request) -> Any:
    """A decision log or a table from its path; anything else, and what is streamed, stays as it is."""
    if not isinstance(log, (str, Path)) or not Path(log).exists():
        return log
    path = Path(log)
    if is_open_bandit(path) or is_dsjson(path):
        return log
    if is_decision_log(path):
        return DecisionLog.read(path)
    if request.stream is None and is_long(path):
        return log
    names = [name for policy in request.policies.values() for name in request.columns.names(policy)]
    groups = request.columns_for(request.rewards[0]).groups
    return read_table(path, "LOG", dialect=request.dialect or AUTO, text=[*names, *groups])


def _one_log(parts: list[Any]) -> Any:
    """Tables with the same columns, or decision logs, one after the other.

    Raises:
        InvalidInput: none, of several kinds, or with different columns.
    """
    import pandas as pd

    if parts and all(isinstance(part, DecisionLog) for part in parts):
        return DecisionLog.concat(parts)
    fix = "give tables or decision logs, at least one, and all of one kind"
    for part in parts:
        if isinstance(part, (str, Path)):
            raise InvalidInput(
                "LOG", str(part), fix if Path(part).exists() else "there is no such file or folder"
            )
    if not parts or any(isinstance(part, DecisionLog) for part in parts):
        raise InvalidInput("LOG", [type(part).__name__ for part in parts], fix)
    tables = [as_frame(part) for part in parts]
    headers = [set(map(str, table.columns)) for table in tables]
    if any(header != headers[0] for header in headers):
        missing = sorted(set().union(*headers) - headers[0].intersection(*headers))
        raise InvalidInput("LOG", missing, "not all of these tables have these columns: give them the same")
    return pd.concat(tables, ignore_index=True)


def _log_name(log: Any) -> str:
    if isinstance(log, (str, Path)):
        return str(log)
    if isinstance(log, (list, tuple)):
        return f"{len(log)} logs"
    kinds = {"DecisionLog": "a decision log", "dict": "a bandit feedback"}
    return kinds.get(type(log).__name__, "a table")
