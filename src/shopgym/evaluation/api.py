"""Offline evaluation in three calls: read a log, evaluate a policy on it, compare two policies on it.

They do what ``shopgym evaluate`` does: same numbers, same sentences. :mod:`shopgym` offers all three.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InvalidInput, one_of
from ..core.protocols import Policy
from ..core.types import AnyArray
from ..policies.decision_log.log import DecisionLog
from ..tables import read_table
from .answer import (
    answer_of,
    best_estimate,
    comparison_conclusion,
    conclusion,
    lines_after,
    lines_before,
    table_rows,
    text,
)
from .intervals import interval_named
from .intervals.base import check_level
from .offline.compare import compare_inputs
from .offline.estimate import Estimate
from .offline.estimators import DEFAULT_ESTIMATORS, ESTIMATORS
from .offline.formats import Columns, WeighedLog, dsjson_frame, weigh_log
from .offline.formats.readers import is_decision_log
from .offline.formats.stream import Mapper
from .offline.formats.vw import is_dsjson
from .offline.inputs import OpeInputs
from .offline.open_bandit import is_open_bandit

if TYPE_CHECKING:
    import pandas as pd

    Log = Path | str | DecisionLog | pd.DataFrame | Mapping[str, Any]

ALL = "all"
"""In place of estimators: every one that the log allows."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a policy would have earned on a log. Prints as ``shopgym evaluate`` does.

    Attributes:
        estimates: by the name of the estimator, in the order in which they were asked for.
        answer: the JSON object of ``shopgym evaluate --json``.
        weighed: the log, weighed for the policy.
    """

    estimates: Mapping[str, Estimate]
    answer: Mapping[str, Any]
    weighed: WeighedLog

    @property
    def verdict(self) -> str:
        """``trust``, ``caution`` or ``refuse``: of the estimate that is quoted."""
        return str(self.answer["verdict"])

    @property
    def conclusion(self) -> str:
        """The sentence to take away."""
        return conclusion(self.answer)

    @property
    def best(self) -> Estimate | None:
        """The estimate that the conclusion quotes; None if all are refused."""
        return best_estimate(list(self.estimates.values()))

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of ``shopgym evaluate --json``."""
        return dict(self.answer)

    def html(self) -> str:
        """The card for people who decide: one HTML page with pictures."""
        from .card import card

        weighed = self.weighed
        return card(self.as_dict(), weighed.histogram, weighed.support, weighed.labels)

    def __repr__(self) -> str:
        return text(self.answer)

    def _repr_html_(self) -> str:
        """For notebooks."""
        cells = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
            for row in table_rows(self.answer)
        )
        header = "".join(f"<th>{name}</th>" for name in ("estimator", "value", "interval", "verdict"))
        before, after = (
            "".join(f"<p>{escape(str(line))}</p>" for line in lines)
            for lines in (lines_before(self.answer), lines_after(self.answer))
        )
        return f"{before}<table><tr>{header}</tr>{cells}</table>{after}"


@dataclass(frozen=True, eq=False)
class PolicyComparison:
    """V(policy) - V(baseline) on one log.

    Attributes:
        policy, baseline: their names.
        difference: its estimate, with an interval that uses the pairing.
    """

    policy: str
    baseline: str
    difference: Estimate

    @property
    def verdict(self) -> str:
        """``trust``, ``caution`` or ``refuse``."""
        return self.difference.verdict

    @property
    def conclusion(self) -> str:
        """The sentence to take away."""
        return comparison_conclusion(self.policy, self.baseline, self.difference)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {"policy": self.policy, "baseline": self.baseline, **self.difference.as_dict()}

    def __repr__(self) -> str:
        reason = f"\n{self.difference.reason}" if self.difference.reason else ""
        return f"{self.verdict}: {self.conclusion}{reason}"

    def _repr_html_(self) -> str:
        """For notebooks."""
        return "".join(f"<p>{escape(line)}</p>" for line in repr(self).splitlines())


def read_log(path: Path | str) -> DecisionLog | pd.DataFrame:
    """A log from disk.

    Args:
        path: a decision log, a CSV or Parquet table (file or folder), or Vowpal Wabbit's DSJSON.

    Returns:
        A decision log as :class:`DecisionLog`, anything else as a table with one logged action a row.

    Raises:
        InvalidInput: no such file, or it cannot be read.
    """
    place = Path(path)
    if not place.exists():
        raise InvalidInput("path", str(place), "there is no such file or folder")
    if is_open_bandit(place):
        raise InvalidInput("path", str(place), "it is Open Bandit data: give the folder itself to evaluate")
    if is_decision_log(place):
        return DecisionLog.read(place)
    return dsjson_frame(place) if is_dsjson(place) else read_table(place, "LOG")


def evaluate(
    log: Log,
    policy: str | Path | Policy | AnyArray,
    *,
    columns: Columns | Mapping[str, Any] | None = None,
    estimators: Sequence[str] | str | None = None,
    level: float = 0.95,
    interval: str = "delta",
    seed: int = 0,
    by_user: bool | None = None,
    stream: bool | None = None,
    mapper: Mapper = map,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """What ``policy`` would have earned on the rounds of ``log``.

    Args:
        log: a path (decision log, CSV or Parquet table, DSJSON, Open Bandit folder), a
            :class:`DecisionLog`, a pandas DataFrame with one logged action a row, or a ``bandit_feedback``
            dictionary of Open Bandit Pipeline.
        policy: on a decision log a policy, the folder of a bundle, or ``uniform``. On a table the name of a
            column with the policy's probability of the logged action, or one of the words of
            ``shopgym evaluate``: ``uniform``, ``action:NAME``, ``choice:COLUMN``, ``columns:PREFIX``.
        columns: which columns of a table are what (:class:`.offline.formats.Columns`), e.g.
            ``{"context": ["age"], "user": "customer"}``.
        estimators: names; ``"all"`` for every one that the log allows; None: those of ips, snips, dm and dr
            that the log allows.
        level: coverage of the two-sided intervals.
        interval: one of :data:`.intervals.INTERVALS`.
        seed: decides the folds of the models and the resamples.
        by_user: whether intervals take users as independent; None: where they come back
            (:func:`.offline.formats.weigh_log`).
        stream, mapper, progress: see :func:`.offline.formats.weigh_log`.

    Raises:
        InvalidInput: no such file, a policy that makes no sense for the log, values that cannot be used, or
            an estimator that was asked for and cannot be had.
    """
    check_level(level)
    interval_named(interval)
    names = _estimator_names(estimators)
    rng = np.random.default_rng(seed)
    weighed = weigh_log(
        log,
        policy,
        rng=rng,
        columns=_columns(columns),
        estimators=names,
        by_user=by_user,
        stream=stream,
        mapper=mapper,
        progress=progress,
    )
    chosen = estimators not in (None, ALL)
    answer, made = answer_of(weighed, names, chosen=chosen, level=level, interval=interval, rng=rng)
    answer |= {"log": _log_name(log), "policy": _policy_name(policy), "seed": seed}
    return Evaluation({estimate.estimator: estimate for estimate in made}, answer, weighed)


def compare(
    log: Log,
    policy: str | Path | Policy | AnyArray,
    baseline: str | Path | Policy | AnyArray,
    *,
    columns: Columns | Mapping[str, Any] | None = None,
    estimator: str | None = None,
    level: float = 0.95,
    interval: str = "delta",
    seed: int = 0,
    by_user: bool | None = None,
) -> PolicyComparison:
    """How much more ``policy`` would have earned than ``baseline`` on the rounds of ``log``.

    Both share the errors of the log, so the interval comes from the difference of each round's influence
    (:func:`.offline.compare.compare_inputs`) and is often narrower than two intervals side by side.

    Args:
        log, columns, level, interval, seed, by_user: as in :func:`evaluate`.
        policy, baseline: as ``policy`` there.
        estimator: None: dr if there is a reward model for both policies, else snips.

    Raises:
        InvalidInput: as :func:`evaluate`.
    """
    options: dict[str, Any] = {"columns": _columns(columns), "by_user": by_user, "stream": False}
    rounds: list[OpeInputs] = []
    for target in (policy, baseline):
        rng = np.random.default_rng(seed)  # the same folds for both
        weighed = weigh_log(log, target, rng=rng, **options)
        assert isinstance(weighed.rounds, OpeInputs)  # it was not streamed
        rounds.append(weighed.rounds)
    if estimator is None:
        estimator = "dr" if all(each.has_model for each in rounds) else "snips"
    one_of("estimator", estimator, ESTIMATORS)
    rng = np.random.default_rng(seed)
    difference = compare_inputs(*rounds, estimator=estimator, level=level, interval=interval, rng=rng)
    return PolicyComparison(_policy_name(policy), _policy_name(baseline), difference)


def _estimator_names(estimators: Sequence[str] | str | None) -> list[str]:
    if estimators is None:
        return list(DEFAULT_ESTIMATORS)
    if estimators == ALL:
        return list(ESTIMATORS)
    names = [estimators] if isinstance(estimators, str) else list(estimators)
    for name in names:
        one_of("estimators", name, ESTIMATORS)
    return names


def _columns(columns: Columns | Mapping[str, Any] | None) -> Columns | None:
    if columns is None or isinstance(columns, Columns):
        return columns
    for name in columns:
        one_of("columns", name, [field.name for field in fields_of(Columns)])
    lists = {name: tuple(columns[name]) for name in ("context", "actions") if name in columns}
    return Columns(**{**columns, **lists})


def _log_name(log: Log) -> str:
    if isinstance(log, (str, Path)):
        return str(log)
    kinds = {"DecisionLog": "a decision log", "DataFrame": "a table"}
    return kinds.get(type(log).__name__, "a bandit feedback")


def _policy_name(policy: str | Path | Policy | AnyArray) -> str:
    if isinstance(policy, (str, Path)):
        return str(policy)
    return str(getattr(policy, "name", type(policy).__name__))
