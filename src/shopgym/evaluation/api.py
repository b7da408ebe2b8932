"""Offline evaluation in three calls: read a log, evaluate policies on it, compare two policies on it.

They do what ``shopgym evaluate`` does: same numbers, same sentences. :mod:`shopgym` offers all three.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidInput
from ..policies.decision_log.log import DecisionLog
from ..tables import AUTO, Dialect, read_table
from .arguments import action_names, named_policies, python_words, words
from .evaluate_log import Request, evaluate_log
from .offline.formats import Columns, dsjson_frame
from .offline.formats.readers import is_decision_log
from .offline.formats.vw import is_dsjson
from .offline.open_bandit import is_open_bandit
from .results import Evaluation, PolicyComparison

if TYPE_CHECKING:
    import pandas as pd

    Log = Path | str | DecisionLog | pd.DataFrame | Mapping[str, Any]


def read_log(path: Path | str, *, dialect: Dialect | None = None) -> DecisionLog | pd.DataFrame:
    """A log from disk.

    Args:
        path: a decision log, a CSV or Parquet table (file or folder), or Vowpal Wabbit's DSJSON.
        dialect: of a text table; None: recognised.

    Returns:
        A decision log as :class:`DecisionLog`, anything else as a table with one logged action a row.

    Raises:
        InvalidInput: no such file, or it cannot be read.
    """
    place = Path(path)
    with python_words():
        if not place.exists():
            raise InvalidInput("path", str(place), "there is no such file or folder")
        if is_open_bandit(place):
            raise InvalidInput(
                "path", str(place), "it is Open Bandit data: give the folder itself to evaluate"
            )
        if is_decision_log(place):
            return DecisionLog.read(place)
        return dsjson_frame(place) if is_dsjson(place) else read_table(place, "path", dialect=dialect or AUTO)


def evaluate(
    log: Log | Sequence[Log],
    policy: Any,
    *,
    reward: str | Sequence[str] = "reward",
    action: str = "action",
    propensity: str | float | Fraction | None = None,
    context: str | Sequence[str] = (),
    user: str | None = None,
    weight: str | None = None,
    id: str | None = None,
    unit: str | None = None,
    actions: Sequence[str] = (),
    slate: str | None = None,
    slot: str | None = None,
    segment: str | Sequence[str] = (),
    time: str | None = None,
    by_time: str | None = None,
    baseline: Any = None,
    minimise: bool = False,
    missing: str = "refuse",
    estimators: Sequence[str] | str | None = None,
    level: float = 0.95,
    interval: str = "delta",
    seed: int = 0,
    by_user: bool | None = None,
    dialect: Dialect | None = None,
    stream: bool | None = None,
) -> Evaluation | PolicyComparison:
    """What a policy, or each of several, would have earned on the rounds of ``log``.

    One policy and one reward make an :class:`Evaluation` with every estimator. Several policies, several
    rewards, a baseline, segments or periods make a :class:`PolicyComparison`: one table, whose intervals hold
    together. For each reward and group one estimator serves all policies. Differences from the baseline have
    paired intervals (:func:`.offline.compare.compare_inputs`), lifts those of the delta method
    (:class:`.intervals.statistic.Lift`), and the intervals of each kind are as wide as their largest error
    needs (:func:`.intervals.joint.joint_level`). Without a baseline the best of several policies is named
    with its joint interval, which allows for the choice.

    Args:
        log: a path (decision log, CSV or Parquet table, DSJSON, Open Bandit folder), a :class:`DecisionLog`,
            a table with one logged action a row (pandas, or pyarrow or polars, which are converted), a
            ``bandit_feedback`` dictionary of Open Bandit Pipeline; or a list of tables with the same columns
            or of decision logs, which are put one after the other.
        policy: one, a list, or a dictionary by name. On a decision log a policy, the folder of a bundle, or
            ``uniform``. On a table the name of a column with the policy's probability of the logged action;
            one of the words of ``shopgym evaluate``: ``uniform``, ``action:NAME``, ``choice:COLUMN``,
            ``columns:PREFIX``; a matrix (n, A) of probabilities, in the order of the sorted actions or of
            ``actions``; a callable that makes this matrix from the table; or a classifier of scikit-learn.
        reward: its column; several make one table.
        action, propensity, context, user, weight, id, unit, slate, slot: columns of a table
            (:class:`.offline.formats.Columns`). ``propensity`` may be one number for all rows, also as a
            fraction such as ``"1/3"``.
        actions: all actions there are, where the log may lack some.
        segment: columns; a table by the values of each.
        time, by_time: a column with times and ``day`` or ``week``: a table by period.
        baseline: the policy with which the others are compared, one of ``policy`` by its name, or another.
        minimise: the reward is a cost: less is better.
        missing: ``refuse`` or ``drop`` rows with missing values.
        estimators: names; ``"all"`` for every one that the log allows; None: those of ips, snips, dm and dr
            that the log allows.
        level: coverage of the two-sided intervals.
        interval: one of :data:`.intervals.INTERVALS`.
        seed: decides the folds of the models and the resamples.
        by_user: whether intervals take users as independent; None: where they come back.
        dialect: of a text table; None: recognised.
        stream: read part by part; None: Parquet tables of more than 5 million rows.

    Raises:
        InvalidInput: no such file, a policy that makes no sense for the log, values that cannot be used, or
            an estimator that was asked for and cannot be had.
    """
    with python_words():
        columns = Columns(
            action=action,
            propensity=propensity,
            context=words("--context-column", context),
            user=user,
            id=id,
            unit=unit,
            actions=action_names(actions),
            weight=weight,
            slate=slate,
            slot=slot,
        )
        request = Request(
            named_policies(policy),
            words("--reward-column", reward),
            columns,
            segments=words("--segment", segment),
            time=time,
            by_time=by_time,
            minimise=minimise,
            missing=missing,
            estimators=estimators,
            level=level,
            interval=interval,
            seed=seed,
            by_user=by_user,
            dialect=dialect,
            stream=stream,
        )
        return evaluate_log(log, request.compared_with(_baseline(baseline, request.policies)))


def compare(log: Log | Sequence[Log], policy: Any, baseline: Any, **options: Any) -> PolicyComparison:
    """How much more ``policy`` would have earned than ``baseline`` on the rounds of ``log``.

    It is :func:`evaluate` with a baseline: both share the errors of the log, so the interval comes from the
    difference of each round's influence and is often narrower than two intervals side by side.

    Args:
        log, policy: as in :func:`evaluate`.
        baseline: as ``policy`` there.
        options: the keywords of :func:`evaluate`.

    Raises:
        InvalidInput: as :func:`evaluate`; both are the same policy.
    """
    if isinstance(policy, str) and isinstance(baseline, str) and policy == baseline:
        raise InvalidInput("baseline", baseline, "compare it with another policy")
    result = evaluate(log, policy, baseline=baseline, **options)
    assert isinstance(result, PolicyComparison)  # there is a baseline
    return result


def _baseline(baseline: Any, policies: Mapping[str, Any]) -> dict[str, Any] | None:
    """The baseline by name: one of the policies where it is one."""
    if baseline is None:
        return None
    for name, policy in policies.items():
        if baseline is policy or (isinstance(baseline, str) and baseline == name):
            return {name: policy}
    named = named_policies(baseline)
    if len(named) != 1:
        raise InvalidInput("--baseline", list(named), "give one policy")
    return named
