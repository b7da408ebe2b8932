"""One call for every log: whatever it is, weighed for a target policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput
from ....core.protocols import Policy
from ....core.types import AnyArray
from ....policies.decision_log.log import DecisionLog
from ....tables import AUTO, Dialect, is_parquet, read_table
from ..estimators import DEFAULT_ESTIMATORS, estimator_named
from ..log import Features, log_inputs
from ..open_bandit import is_open_bandit, load, open_bandit_inputs
from ..streaming import SufficientStatistics, can_stream, streamable
from ..support import Support
from ..users import NO_USERS, STREAMED
from ..verdict import CAUTION
from .columns import Columns
from .obp import from_obp
from .stream import Mapper, parts_of, stream_table
from .table import table_source
from .vw import dsjson_source, is_dsjson
from .weighed_log import WeighedLog

if TYPE_CHECKING:
    import pandas as pd

NOT_STREAMED = "only Parquet can be streamed: convert the table"
AnyPolicy = str | Policy | AnyArray
Progress = Callable[[int, int], None] | None
STREAM_ROWS = 5_000_000
"""Parquet tables with more rows are streamed."""


def weigh_log(
    log: Path | str | DecisionLog | Mapping[str, Any] | Any,
    policy: str | Path | Policy | AnyArray | Any,
    *,
    rng: Generator,
    columns: Columns | None = None,
    estimators: Sequence[str] = tuple(DEFAULT_ESTIMATORS),
    by_user: bool | None = None,
    missing: str = "refuse",
    dialect: Dialect | None = None,
    stream: bool | None = None,
    mapper: Mapper = map,
    progress: Progress = None,
) -> WeighedLog:
    """Weigh a log for a target policy.

    Args:
        log: a path (decision log, CSV or Parquet table, DSJSON, Open Bandit folder), a decision log, a
            DataFrame, or the ``bandit_feedback`` dictionary of Open Bandit Pipeline.
        policy: for a table or DSJSON see :class:`.target.Target`, or the name of a column with the
            probability of the logged action; for a decision log ``uniform``, a bundle folder or a policy; for
            Open Bandit data ``uniform`` or another such folder; for ``bandit_feedback`` ``uniform`` or an
            array, see :func:`.obp.from_obp`.
        rng: decides folds and draws.
        columns: of a table.
        estimators: that a streamed log is counted for; others need no list.
        by_user: None: intervals take users as independent, not rounds, where the log names its users and they
            come back. True: in any case. False: never, and then no verdict is better than caution where they
            come back. A streamed log does not tell its users apart: no verdict on it is better than caution.
        missing: rows of a table that lack a value: ``refuse`` them, or ``drop`` them and say so
            (:func:`.missing.leave_out`).
        dialect: of a text table; None: recognised.
        stream: read part by part, in memory that does not grow with the rows; None: Parquet tables of
            more than 5 million rows.
        mapper: maps over the parts of a streamed table, e.g. the ``map`` of a process pool.
        progress: called with (done, in all) now and then.

    Raises:
        InvalidInput: no such file, a policy that makes no sense for the log, values that cannot be used.
    """
    columns = columns or Columns()
    if isinstance(policy, Path):
        policy = str(policy)
    if isinstance(log, DecisionLog):
        return _decision_log(log, policy, rng, by_user, progress)
    if by_user and isinstance(log, Mapping):
        raise InvalidInput("by_user", by_user, NO_USERS)
    if isinstance(log, Mapping):
        if not isinstance(policy, (str, np.ndarray)):
            raise InvalidInput("policy", type(policy).__name__, "write uniform, or give an array")
        return from_obp(log, policy, rng=rng)
    options: dict[str, Any] = {"rng": rng, "by_user": by_user, "missing": missing}
    if not isinstance(log, (str, Path)):
        return table_source(log, policy, columns, **options)
    path = Path(log)
    if not path.exists():
        raise InvalidInput("LOG", str(path), "there is no such file or folder")
    decisions = not is_open_bandit(path) and is_decision_log(path)
    if by_user and (stream or not (decisions or columns.user)):
        raise InvalidInput("by_user", by_user, NO_USERS)
    if decisions:
        if stream:
            return _streamed_decision_log(path, policy, estimators, rng, progress)
        return _decision_log(DecisionLog.read(path), policy, rng, by_user, progress)
    if is_open_bandit(path):
        return _open_bandit(path, _in_a_word(policy), rng)
    if is_dsjson(path):
        if stream:
            raise InvalidInput("LOG", str(path), NOT_STREAMED)
        return dsjson_source(path, policy, columns, **options)
    if stream is None:
        stream = not by_user and is_long(path)
    if stream:
        if not is_parquet(path):
            raise InvalidInput("LOG", str(path), NOT_STREAMED)
        if missing != "refuse":
            raise InvalidInput(
                "--missing", missing, "a streamed log leaves no rows out: fill in what is missing"
            )
        seed = int(rng.integers(2**62))
        return stream_table(
            path,
            _in_a_word(policy),
            columns,
            estimators=estimators,
            seed=seed,
            mapper=mapper,
            progress=progress,
        )
    return table_source(read_log_table(path, columns, policy, dialect), policy, columns, **options)


def is_long(path: Path) -> bool:
    """Whether the table is streamed unless the caller says otherwise."""
    return is_parquet(path) and sum(part.rows for part in parts_of(path)) > STREAM_ROWS


def read_log_table(
    path: Path, columns: Columns, policy: Any = "", dialect: Dialect | None = None
) -> pd.DataFrame:
    """The table at ``path`` with the names in ``columns``, and those that ``policy`` chooses, as text.

    Raises:
        InvalidInput: as :func:`~shopgym.tables.read_table`.
    """
    return read_table(path, "LOG", dialect=dialect or AUTO, text=columns.names(policy))


def _in_a_word(policy: AnyPolicy) -> str:
    if isinstance(policy, str):
        return policy
    raise InvalidInput("policy", type(policy).__name__, "write it in a word, e.g. uniform")


def is_decision_log(path: Path) -> bool:
    """Whether the file, or the folder's first part file, is a decision log of shopgym's own."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.is_dir():
        files = sorted(path.glob("*.parquet"))
        if files:
            return is_decision_log(files[0])
        return not any(path.rglob("*.parquet"))  # the decision log's reader says what an empty folder lacks
    if path.suffix != ".parquet":
        return False
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowInvalid, OSError):
        return False  # the table reader says what is wrong with the file
    return b"shopgym.version" in metadata


def _open_bandit(log: Path, policy: str, rng: Generator) -> WeighedLog:
    behaviour = load(log)
    facts: dict[str, float] = {}
    if policy == "uniform":
        table = np.full((behaviour.positions, behaviour.items), 1.0 / behaviour.items)
    elif is_open_bandit(Path(policy)):
        target = load(Path(policy))
        table = target.frequencies()
        facts["value_in_log_of_policy"] = float(target.reward.mean())
    else:
        raise InvalidInput("--policy", policy, "write uniform or the folder of another Open Bandit log")
    inputs = open_bandit_inputs(behaviour, table, rng=rng)
    support = Support(behaviour.items, behaviour.features.shape[1])
    mass = np.bincount(behaviour.position, minlength=behaviour.positions) @ table
    support.add(behaviour.action, behaviour.propensity, mass, behaviour.features)
    return WeighedLog(inputs, support, tuple(map(str, range(behaviour.items))), facts)


def _decision_log(
    log: DecisionLog, policy: AnyPolicy, rng: Generator, by_user: bool | None, progress: Progress
) -> WeighedLog:
    target, features = _target(log, policy)
    return WeighedLog(log_inputs(log, target, rng=rng, features=features, by_user=by_user, progress=progress))


def _streamed_decision_log(
    path: Path, policy: AnyPolicy, estimators: Sequence[str], rng: Generator, progress: Progress
) -> WeighedLog:
    """Part file by part file, without a reward model."""
    import pyarrow.parquet as pq

    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    named = [estimator_named(name) for name in estimators]
    rows = sum(int(pq.read_metadata(file).num_rows) for file in files)
    sums, unseen = None, 0.0
    for done, file in enumerate(files, 1):
        log = DecisionLog.read(file)
        part = replace(log_inputs(log, _target(log, policy)[0], rng=rng), cluster=None)
        if sums is None:
            kept = [streamable(each, rows) for each in named if can_stream(each) and not each.needs_model]
            sums = SufficientStatistics(kept, log.slate_size, log.unit)
        sums.add(part)
        unseen += part.unsupported * len(part)
        if progress:
            progress(done, len(files))
    assert sums is not None  # a decision log has a part
    sums.doubt([(CAUTION, STREAMED)])
    sums.unsupported = unseen / len(sums)
    if len(files) > 1:
        sums.notes["unsupported is counted part by part: an upper bound of that of the whole log"] = None
    return WeighedLog(sums, facts={"streamed": True})


def _target(log: DecisionLog, policy: AnyPolicy) -> tuple[Policy, Features | None]:
    """The target, and features of its items for the reward model where it says which items it is for."""
    from ..uniform import UniformPolicy

    if isinstance(policy, np.ndarray):
        raise InvalidInput("policy", policy.shape, "of a decision log give a policy, a bundle or uniform")
    if not isinstance(policy, str):
        return policy, _features(policy, log) if hasattr(policy, "items") else None
    if policy == "uniform":
        return UniformPolicy(log.slate_size), None
    if not Path(policy).is_dir():
        fix = "write uniform, or the folder of a bundle or of a policy of a run (runs/RUN/policies/NAME)"
        raise InvalidInput("--policy", policy, fix)
    target = _saved_policy(Path(policy), log)
    return target, _features(target, log)


def _saved_policy(folder: Path, log: DecisionLog) -> Policy:
    """The policy of a bundle, or of a folder ``policies/NAME`` of a run, made for the features of the log."""
    from ....policies.serving.saved_policy import load_saved_policy

    saved = load_saved_policy(folder)
    sides = ("user", saved.user_names, log.user_names), ("context", saved.context_names, log.context_names)
    for side, expected, logged in sides:
        if expected != logged:
            fix = f"{folder} was made for {', '.join(expected)}"
            raise InvalidInput(f"log.{side}_names", logged, fix)
    return saved.policy


def _features(policy: Any, log: DecisionLog) -> Features:
    """Features of the policy's items, times what its scorer multiplies them with."""
    from ....policies.scorers import LinearScorer
    from ..log import item_features

    scorer = getattr(policy, "scorer", None)
    return item_features(log, policy.items, scorer.value if isinstance(scorer, LinearScorer) else None)
