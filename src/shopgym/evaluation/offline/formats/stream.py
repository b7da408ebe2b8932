"""A Parquet table larger than memory: three passes over its row groups, each a sum that merges.

The first pass checks the values and summarises the columns. The second adds up the moments of the reward
model. The third weighs the rounds and adds up their statistics. A pass maps a function over parts; for
several machines, give a ``mapper`` of your own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import F64, I64, AnyArray
from ....tables import to_numbers
from ..accumulators import MeansAndScatter
from ..checks import CHUNK_CELLS
from ..estimators import estimator_named
from ..from_dataframe import MOST_CATEGORIES
from ..inputs import OpeInputs, weigh
from ..reward_model import FOLDS, CrossFitted, Moments
from ..streaming import SufficientStatistics, can_stream, streamable
from ..support import Support
from ..users import STREAMED
from ..verdict import CAUTION
from .columns import ALL, VALUE, Columns, check_columns
from .context import with_context
from .frames import names_as_text
from .propensities import FREQUENCIES
from .target import OFFERED, Target, all_labels, codes, taken_probability
from .validation import ValidationReport
from .weighed_log import WeighedLog

if TYPE_CHECKING:
    import pandas as pd

BATCH = 1 << 17
"""Rows in memory at once; fewer where there are many actions or features."""
Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""Like the built-in map: yields the results in order."""


@dataclass(frozen=True)
class RowGroup:
    """One row group of a file; ``first_row`` is its first row's number in the whole table."""

    path: str
    group: int
    first_row: int
    rows: int


def parts_of(path: Path) -> list[RowGroup]:
    """The row groups of a Parquet file, or of all part files of a folder in the order of their names.

    Raises:
        InvalidInput: there is no such file, or it is no Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    parts, row = [], 0
    for file in files:
        try:
            metadata = pq.read_metadata(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise InvalidInput("LOG", str(file), f"it is no readable table ({error})") from error
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            parts.append(RowGroup(str(file), group, row, rows))
            row += rows
    if not row:
        raise InvalidInput("LOG", str(path), "it holds no .parquet file with rows")
    return parts


@dataclass
class Scan:
    """What the first pass found out about the columns."""

    report: ValidationReport = field(default_factory=ValidationReport)
    n: int = 0
    logged: Counter[Any] = field(default_factory=Counter)
    chosen: Counter[Any] = field(default_factory=Counter)
    units: Counter[Any] = field(default_factory=Counter)
    numbers: dict[str, MeansAndScatter] = field(default_factory=dict)
    words: dict[str, Counter[str]] = field(default_factory=dict)

    def merge(self, other: Scan) -> None:
        """Add later rows."""
        self.report.merge(other.report)
        self.n += other.n
        self.logged.update(other.logged)
        self.chosen.update(other.chosen)
        self.units.update(other.units)
        for name, moments in other.numbers.items():
            self.numbers.setdefault(name, MeansAndScatter(1)).merge(moments)
        for name, levels in other.words.items():
            self.words.setdefault(name, Counter()).update(levels)
            if len(self.words[name]) > MOST_CATEGORIES:
                fix = f"at most {MOST_CATEGORIES} different values for context"
                raise InvalidInput(name, len(self.words[name]), fix)


@dataclass(frozen=True)
class StreamPlan:
    """What the later passes need; it is sent to other processes."""

    policy: str
    columns: Columns
    labels: tuple[Any, ...]
    frequencies: tuple[float, ...]
    scan: Scan
    estimators: tuple[str, ...]
    seed: int
    unit: str

    @property
    def target(self) -> Target:
        """The policy to evaluate."""
        return Target.parse(self.policy)

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.scan.numbers) + sum(map(len, self.scan.words.values()))

    def features(self, frame: pd.DataFrame) -> F64:
        """(r, D) as :func:`..from_dataframe.context_features`, by mean, spread and levels of all rows."""
        out = []
        for name in self.columns.context:
            if name in self.scan.numbers:
                moments = self.scan.numbers[name]
                spread = float(np.sqrt(moments.scatter[0, 0] / moments.n)) or 1.0
                out.append((frame[name].to_numpy(dtype=np.float64)[:, None] - moments.mean) / spread)
            else:
                levels = sorted(self.scan.words[name])
                out.append(np.eye(len(levels))[np.searchsorted(levels, frame[name].to_numpy().astype(str))])
        return np.hstack(out) if out else np.empty((len(frame), 0))

    def propensity(self, frame: pd.DataFrame, action: I64) -> F64:
        """(r,) logged, or given, or else the action's frequency."""
        if self.columns.constant is not None:
            return np.full(len(frame), self.columns.constant)
        if self.columns.propensity_column:
            return to_numbers(frame[self.columns.propensity_column], self.columns.propensity_column)
        return np.asarray(self.frequencies)[action]

    def fold(self, frame: pd.DataFrame, first_row: int) -> I64:
        """(r,) from the user or else the row's number, so that it does not depend on the parts."""
        from pandas.util import hash_array

        if self.columns.user:
            units: AnyArray = frame[self.columns.user].to_numpy()
            units = units.astype(object) if units.dtype.kind not in "iuf" else units
        else:
            units = np.arange(first_row, first_row + len(frame))
        seed = hash_array(np.array([self.seed], dtype=np.uint64))
        return np.asarray(hash_array(hash_array(units) ^ seed) % np.uint64(FOLDS), dtype=np.int64)

    def frames(self, part: RowGroup) -> Iterator[tuple[int, pd.DataFrame]]:
        """(number of the first row, rows) of the part, batch by batch."""
        size = max(1, min(BATCH, CHUNK_CELLS // max(len(self.labels), self.width, 1)))
        return _frames(part, self.columns, self.target, size)


def stream_table(
    path: Path,
    policy: str,
    columns: Columns,
    *,
    estimators: Sequence[str],
    seed: int = 0,
    mapper: Mapper = map,
    progress: Callable[[int, int], None] | None = None,
) -> WeighedLog:
    """As :func:`.table.table_source`, in memory that does not grow with the rows.

    Args:
        path: a Parquet file or folder.
        policy, columns: as there; ids are not compared, and without propensities only frequencies are taken.
        estimators: names; those that cannot be had of this log or be streamed are left out.
        seed: decides the folds, which are drawn by user, or by row number.
        mapper: maps over the parts of a pass, in order.
        progress: called with (rows read, rows to read) over all passes.

    Raises:
        InvalidInput: as there; ids; context without propensities.
    """
    parts = parts_of(path)
    header = _header(parts[0])
    target = Target.parse(policy, header)
    columns, about_context = _resolved(parts[0], columns, target)
    _refuse_what_needs_memory(header, columns, target)
    requested = [estimator_named(name) for name in estimators]
    names = [e.name for e in requested if can_stream(e) and (target.all_actions or not e.needs_model)]
    model = any(estimator_named(name).needs_model for name in names)
    rows = sum(part.rows for part in parts)
    if rows < FOLDS:
        raise InvalidInput("LOG", f"{rows} rows", f"{FOLDS} rounds are the least: give more")
    for part in parts:
        for name in [*columns.used, *target.columns(header)]:
            if name not in _header(part):
                raise InvalidInput("column", name, f"{part.path} lacks it, other files have it")
    passes = 3 if model else 2
    done = 0

    def each(function: Callable[[RowGroup], Any]) -> Iterator[Any]:
        nonlocal done
        for part, result in zip(parts, mapper(function, parts)):
            yield result
            done += part.rows
            if progress:
                progress(done, passes * rows)

    scan = Scan()
    for part_scan in each(partial(_scan, target=target, columns=columns)):
        scan.merge(part_scan)
    scan.report.stop(scan.n)
    if len(scan.units) > 1:
        raise InvalidInput(columns.unit or "", dict(scan.units), "rewards of several units: convert them")
    labels = all_labels(scan.logged, target, target.labels(header, scan.chosen), columns.actions)
    outside = {*scan.logged, *scan.chosen} - set(labels)
    if outside:
        counts = {label: count for label, count in scan.logged.items() if label in outside}
        raise InvalidInput(columns.action, counts or sorted(outside), "these are not among the actions given")
    unit = str(next(iter(scan.units))) if columns.unit else columns.reward
    share = tuple(scan.logged.get(label, 0) / scan.n for label in labels)
    plan = StreamPlan(str(target), columns, tuple(labels), share, scan, tuple(names), seed, unit)
    fitted = None
    if model:
        moments = Moments(FOLDS, len(labels), plan.width)
        for part_moments in each(partial(_moments, plan)):
            moments.merge(part_moments)
        fitted = moments.fit()
    sums, support = _empty(plan)
    for counted, supported in each(partial(_count, plan, fitted)):
        sums.merge(counted)
        support.merge(supported)
    sums.propensity_p, sums.propensity_excess = support.calibration().values()
    sums.unsupported = support.unsupported
    facts: dict[str, Any] = {"actions": len(labels), "streamed": True, **about_context}
    if not columns.propensity:
        facts["propensities"] = {"method": "frequencies"}
        sums.doubt([(CAUTION, FREQUENCIES)])
    if columns.user:
        sums.doubt([(CAUTION, STREAMED)])
    return WeighedLog(sums, support, tuple(labels), facts)


def _empty(plan: StreamPlan) -> tuple[SufficientStatistics, Support]:
    estimators = [streamable(estimator_named(name), plan.scan.n) for name in plan.estimators]
    return SufficientStatistics(estimators, unit=plan.unit), Support(len(plan.labels), plan.width)


def _scan(part: RowGroup, *, target: Target, columns: Columns) -> Scan:
    scan = Scan()
    for first_row, frame in _frames(part, columns, target, BATCH):
        scan.n += len(frame)
        check_columns(frame, columns, scan.report, first_row)
        target.check(frame, scan.report, first_row)
        scan.logged.update(_counted(frame[columns.action]))
        if target.kind == "choice":
            scan.chosen.update(_counted(frame[target.name]))
        if columns.unit:
            scan.units.update(_counted(frame[columns.unit]))
        for name in columns.context:
            if frame[name].dtype.kind in "iufb":
                values = frame[name].to_numpy(dtype=np.float64)[:, None]
                scan.numbers.setdefault(name, MeansAndScatter(1)).add(values)
            else:
                scan.words.setdefault(name, Counter()).update(map(str, frame[name].dropna().unique()))
    return scan


def _moments(plan: StreamPlan, part: RowGroup) -> Moments:
    sums = Moments(FOLDS, len(plan.labels), plan.width)
    for first_row, frame in plan.frames(part):
        action = codes(frame[plan.columns.action], plan.labels)
        reward = to_numbers(frame[plan.columns.reward], plan.columns.reward)
        sums.add(plan.features(frame), action, reward, plan.fold(frame, first_row))
    return sums


def _count(
    plan: StreamPlan, model: CrossFitted | None, part: RowGroup
) -> tuple[SufficientStatistics, Support]:
    sums, support = _empty(plan)
    target = plan.target
    for first_row, frame in plan.frames(part):
        action = codes(frame[plan.columns.action], plan.labels)
        propensity = plan.propensity(frame, action)
        features = plan.features(frame)
        q_logged = v_target = mass = None
        if target.all_actions:
            matrix = target.matrix(frame, plan.labels)
            mass = matrix.sum(axis=0)
            if model is None:
                weight = taken_probability(matrix, action) / propensity
            else:
                q = model.predict(features, plan.fold(frame, first_row))
                weight, q_logged, v_target = weigh(action, propensity, matrix, q)
        else:
            weight = to_numbers(frame[target.name], target.name) / propensity
        support.add(action, propensity, mass, features)
        columns = (to_numbers(frame[plan.columns.reward], plan.columns.reward), weight, q_logged, v_target)
        sums.add(OpeInputs.of_rounds(*columns, unit=plan.unit, propensity=propensity))
    return sums, support


def _resolved(part: RowGroup, columns: Columns, target: Target) -> tuple[Columns, dict[str, Any]]:
    """The columns, checked; what ``*`` stands for is told by the first rows."""
    header = _header(part)
    from_target = target.columns(header)
    columns = columns.resolved(header, from_target)
    rows = _first_rows(part, header if columns.context == (ALL,) else [])
    return with_context(rows, columns, from_target)


def _refuse_what_needs_memory(header: Sequence[str], columns: Columns, target: Target) -> None:
    """Refuse what is only done where the whole log is in memory, each by its option."""
    streamed = "a streamed log has it not: read the log into memory (--no-stream), or a sample of it"
    refused = {
        "--weight-column": columns.weight,
        "--slate-column": columns.slate,
        "--segment": ", ".join(columns.groups),
        "--policy": str(target) if target.kind == VALUE else None,
        "--id-column": columns.id,
        "column": OFFERED if OFFERED in header else None,
    }
    for option, value in refused.items():
        if value:
            raise InvalidInput(option, value, streamed)
    if not columns.propensity and columns.context:
        fix = "evaluate a sample, add a propensity column, or leave the context out"
        fix = f"propensities are estimated from context in memory only: {fix}"
        raise InvalidInput("--context-column", columns.context, fix)


def _frames(
    part: RowGroup, columns: Columns, target: Target, size: int
) -> Iterator[tuple[int, pd.DataFrame]]:
    import pyarrow.parquet as pq

    row = part.first_row
    with pq.ParquetFile(part.path) as file:
        names = list(dict.fromkeys([*columns.used, *target.columns(_header(part))]))
        for batch in file.iter_batches(size, row_groups=[part.group], columns=names):
            yield row, names_as_text(batch.to_pandas(), columns.names(str(target)))
            row += batch.num_rows


def _first_rows(part: RowGroup, names: Sequence[str]) -> pd.DataFrame:
    """The first rows of these columns."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(part.path) as file:
        batch = next(file.iter_batches(BATCH, row_groups=[part.group], columns=list(names)))
        frame: pd.DataFrame = batch.to_pandas()
    return frame


def _header(part: RowGroup) -> list[str]:
    import pyarrow.parquet as pq

    return [str(name) for name in pq.read_schema(part.path).names]


def _counted(column: pd.Series) -> Counter[Any]:
    return Counter(column.value_counts().to_dict())
