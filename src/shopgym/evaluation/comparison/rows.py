"""The table: one row per policy, reward and group of rounds.

The intervals of one kind (values, differences, lifts) in one table (the whole log; the segments of a column;
the periods) hold together with the level asked for (:func:`..intervals.joint.joint_level`): whichever row is
picked afterwards, its interval is right. So the best of many policies may be chosen by this table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..answer import Estimates, estimates_of, preference
from ..errors import NotEstimable
from ..intervals.joint import joint_level
from ..offline.estimate import Estimate, without_infinity
from ..offline.formats.weighed_log import WeighedLog
from ..offline.verdict import REFUSE, TRUST
from .contrasts import DIFFERENCE, KINDS, LIFT, VALUE, Contrast, part_of
from .groups import Group, Period, groups_of

Logs = Mapping[str, Mapping[str, WeighedLog]]
"""By reward, then by policy."""
FEWEST = 30
"""Rounds below which nothing is said of a segment, as with effective rounds (:mod:`..offline.verdict`)."""
NO_BASELINE = "the baseline may have earned nothing: a share of it means nothing"


@dataclass(frozen=True)
class Options:
    """How a table is made.

    Attributes:
        names: of the estimators to choose from.
        level, interval: of the intervals.
        seed: of all that is drawn.
        baseline: the policy that others are compared with; None: none is.
        segments: columns of segments.
        period: by which times are grouped, or None.
    """

    names: Sequence[str]
    level: float = 0.95
    interval: str = "delta"
    seed: int = 0
    baseline: str | None = None
    segments: tuple[str, ...] = ()
    period: Period | None = None


@dataclass(frozen=True, eq=False)
class Row:
    """One policy, one reward, one group of rounds.

    Attributes:
        group: the rounds.
        reward, policy: their names.
        estimator: that is used for all policies here; empty if all refuse.
        log: weighed for the policy, these rounds alone.
        reason: why nothing is said of the policy; empty if something is.
        estimates: by kind; refused ones are among them.
        refusals: reasons by kind.
    """

    group: Group
    reward: str
    policy: str
    estimator: str
    log: WeighedLog
    estimates: dict[str, Estimate] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)

    def verdict(self, kind: str) -> str:
        """Of the estimate of that kind."""
        made = self.estimates.get(kind)
        return made.verdict if made is not None and kind not in self.refusals else REFUSE

    def reason(self, kind: str) -> str:
        """Why not trust it."""
        made = self.estimates.get(kind)
        return self.refusals.get(kind, "" if made is None else made.reason)

    def as_dict(self, with_baseline: bool) -> dict[str, Any]:
        """JSON-able; numbers of what is refused are None.

        Keys: ``by``, ``group``, ``reward``, ``policy``, ``estimator``, ``rounds``, ``logged_value``,
        ``value``, ``low``, ``high``, ``verdict``, ``reason``; with a baseline also ``difference``,
        ``difference_low``, ``difference_high``, ``difference_verdict``, ``difference_reason``, ``lift``,
        ``lift_low``, ``lift_high``, which are None in the baseline's own rows.
        """
        out: dict[str, Any] = {
            "by": self.group.by,
            "group": self.group.name,
            "reward": self.reward,
            "policy": self.policy,
            "estimator": self.estimator,
            "rounds": len(self.log),
            "logged_value": self.log.logged_value,
        }
        for kind in KINDS if with_baseline else (VALUE,):
            made = None if self.verdict(kind) == REFUSE else self.estimates[kind]
            prefix = "" if kind == VALUE else f"{kind}_"
            out[kind] = None if made is None else made.value
            out[f"{prefix}low"], out[f"{prefix}high"] = (
                (None, None) if made is None else (made.low, made.high)
            )
            if kind != LIFT:
                compared = kind == VALUE or self.compared
                out[f"{prefix}verdict"] = self.verdict(kind) if compared else None
                out[f"{prefix}reason"] = self.reason(kind) if compared else None
        return without_infinity(out)

    @property
    def compared(self) -> bool:
        """Whether it is compared with a baseline: that one itself is not."""
        return DIFFERENCE in self.estimates or DIFFERENCE in self.refusals


@dataclass(frozen=True)
class Family:
    """Intervals that hold together.

    Attributes:
        by: as in :class:`.groups.Group`.
        kind: of their numbers.
        intervals: how many.
        each_level: the level that each has alone.
    """

    by: str
    kind: str
    intervals: int
    each_level: float


@dataclass(frozen=True, eq=False)
class JointTable:
    """The rows and the families of their intervals.

    Attributes:
        rows: table by table: the whole log, segments, periods.
        families: of intervals that hold together.
        as_good: by reward, for several policies without a baseline: those that the log does not show to be
            worse than the best, by the joint intervals of all pairs.
    """

    rows: list[Row]
    families: list[Family]
    as_good: dict[str, list[str]] = field(default_factory=dict)


def compare_policies(logs: Logs, options: Options, *, minimise: bool = False) -> JointTable:
    """The table of several policies and rewards.

    For each reward and group one estimator serves all policies: the one that refuses the fewest of them, then
    that trusts the most, then the preferred one.

    Raises:
        InvalidInput: a baseline that is none of the policies, segments that cannot be made, inputs of
            different rounds.
    """
    rows: list[Row] = []
    families: list[Family] = []
    partitions = {key: _partitions(log, options) for key, log in _each(logs)}
    for number in range(1 + len(options.segments) + (options.period is not None)):
        table = _rows(logs, {key: groups[number] for key, groups in partitions.items()}, options)
        families += _join(table, logs, options)
        rows += table
    whole = [row for row in rows if not row.group.by]
    as_good = {}
    if options.baseline is None and len(next(iter(logs.values()))) > 1:
        as_good = {reward: _as_good(whole, reward, logs[reward], options, minimise) for reward in logs}
    return JointTable(rows, families, as_good)


def _each(logs: Logs) -> Iterator[tuple[tuple[str, str], WeighedLog]]:
    for reward, by_policy in logs.items():
        for policy, log in by_policy.items():
            yield (reward, policy), log


def _partitions(log: WeighedLog, options: Options) -> list[list[Group]]:
    if not options.segments and options.period is None:
        return [[Group()]]
    return [[Group()], *groups_of(log.groups, options.segments, options.period)]


def _rows(logs: Logs, groups: Mapping[tuple[str, str], list[Group]], options: Options) -> list[Row]:
    """The rows of one table, with their estimates alone: not joint yet."""
    names = sorted({group.name for each in groups.values() for group in each})
    out = []
    for name in names:
        for reward, by_policy in logs.items():
            own = {policy: _named(groups[reward, policy], name) for policy in by_policy}
            parts = {policy: part_of(by_policy[policy], g.rows) for policy, g in own.items() if g}
            made = {policy: _estimates(log, options) for policy, log in parts.items()}
            estimator = _estimator(made, options.names)
            for policy, log in parts.items():
                group = own[policy]
                assert group is not None  # parts are those with a group
                row = Row(group, reward, policy, estimator, log)
                reasons = {**made[policy].skipped, **made[policy].refused}
                _fill(row, VALUE, made[policy].named(estimator), reasons, estimator)
                out.append(row)
    return out


def _named(groups: Sequence[Group], name: str) -> Group | None:
    return next((group for group in groups if group.name == name), None)


def _estimates(log: WeighedLog, options: Options) -> Estimates:
    if len(log) < FEWEST:
        reason = f"{len(log)} rounds are too few to tell"
        return Estimates(refused=dict.fromkeys(options.names, reason))
    rng = np.random.default_rng(options.seed)
    how: dict[str, Any] = {"level": options.level, "interval": options.interval, "rng": rng}
    return estimates_of(log, options.names, chosen=False, **how)


def _estimator(made: Mapping[str, Estimates], names: Sequence[str]) -> str:
    """The estimator of all policies."""

    def quality(name: str) -> tuple[int, int, int]:
        verdicts = [each.verdict for one in made.values() if (each := one.named(name)) is not None]
        answered = sum(verdict != REFUSE for verdict in verdicts)
        return answered, sum(verdict == TRUST for verdict in verdicts), -preference(name)

    return max(names, key=quality)


def _fill(row: Row, kind: str, made: Estimate | None, refused: Mapping[str, str], estimator: str) -> None:
    if made is None or made.verdict == REFUSE:
        nothing = "this log has nothing for this policy"
        row.refusals[kind] = refused.get(estimator) or next(iter(refused.values()), nothing)
    if made is not None:
        row.estimates[kind] = made


def _join(table: list[Row], logs: Logs, options: Options) -> list[Family]:
    """Add differences and lifts to the rows, and widen all intervals of a kind so that they hold together."""
    families = []
    for kind in KINDS if options.baseline is not None else (VALUE,):
        contrasts: list[tuple[Row, Contrast]] = []
        for row in table:
            if kind != VALUE and row.policy == options.baseline:
                continue
            contrast = _contrast(kind, row, logs[row.reward], options)
            if kind != VALUE:
                _compare(row, kind, contrast, table, options)
            if row.verdict(kind) != REFUSE:
                contrasts.append((row, contrast))
        if not contrasts:
            continue
        rng = np.random.default_rng(options.seed)
        many = len(contrasts) > 1
        influences = [contrast.influence() if many else None for _, contrast in contrasts]
        each_level = joint_level(influences, options.level, rng)
        families.append(Family(table[0].group.by, kind, len(contrasts), each_level))
        if many:
            _widen(contrasts, kind, each_level, options)
    return families


def _contrast(kind: str, row: Row, by_policy: Mapping[str, WeighedLog], options: Options) -> Contrast:
    other = None if kind == VALUE or options.baseline is None else by_policy[options.baseline]
    return Contrast(kind, row.estimator, by_policy[row.policy], other, row.group.rows)


def _compare(row: Row, kind: str, contrast: Contrast, table: list[Row], options: Options) -> None:
    """Add the row's difference or lift, or why there is none."""
    own = (row.group.name, row.reward, options.baseline)
    baseline = next((each for each in table if (each.group.name, each.reward, each.policy) == own), None)
    for side in (row, baseline):
        if side is None or side.verdict(VALUE) == REFUSE:
            reason = "it has no rounds here" if side is None else side.reason(VALUE)
            row.refusals[kind] = reason if side is row else f"{options.baseline}: {reason}"
            return
    assert baseline is not None
    if kind == LIFT and not baseline.estimates[VALUE].low > 0:
        row.refusals[kind] = NO_BASELINE
        return
    try:
        made = contrast.estimate(options.level, options.interval, np.random.default_rng(options.seed))
    except NotEstimable as error:
        if error.field == "interval":  # an option that does not fit a comparison
            raise
        row.refusals[kind] = error.fix
        return
    if not np.isfinite(made.value):
        row.refusals[kind] = NO_BASELINE
        return
    _fill(row, kind, made, {row.estimator: made.reason}, row.estimator)


def _widen(contrasts: list[tuple[Row, Contrast]], kind: str, each_level: float, options: Options) -> None:
    note = f"the intervals of {len(contrasts)} {kind}s hold together"
    for row, contrast in contrasts:
        rng = np.random.default_rng(options.seed)
        wide = contrast.estimate(each_level, options.interval, rng)
        alone = row.estimates[kind]
        notes = "; ".join(filter(None, (alone.note, note)))
        row.estimates[kind] = replace(alone, low=wide.low, high=wide.high, note=notes)


def _as_good(
    whole: list[Row], reward: str, by_policy: Mapping[str, WeighedLog], options: Options, minimise: bool
) -> list[str]:
    """The best policy of a reward, then those that are not shown to be worse.

    The intervals of all pairs hold together, so comparing with the best is allowed although the log chose it
    (Hsu 1996, Multiple comparisons, chapter 4; Tukey's all pairs).
    """
    own = [row for row in whole if row.reward == reward]
    rows = [row for row in own if row.verdict(VALUE) != REFUSE]
    if not rows:
        return []
    sign = -1.0 if minimise else 1.0
    best = max(rows, key=lambda row: sign * row.estimates[VALUE].value)
    logs = [by_policy[row.policy] for row in rows]
    pairs = [
        Contrast(DIFFERENCE, best.estimator, one, two) for i, one in enumerate(logs) for two in logs[i + 1 :]
    ]
    try:
        influences = [pair.influence() for pair in pairs]
        each_level = joint_level(influences, options.level, np.random.default_rng(options.seed))
        out = [best.policy]
        for row in rows:
            if row is best:
                continue
            pair = Contrast(DIFFERENCE, best.estimator, by_policy[best.policy], by_policy[row.policy])
            gap = pair.estimate(each_level, options.interval, np.random.default_rng(options.seed))
            worse = gap.high < 0 if minimise else gap.low > 0
            out += [] if worse and gap.verdict != REFUSE else [row.policy]
    except NotEstimable:  # a streamed log: nothing is known of pairs
        return [best.policy, *(row.policy for row in rows if row is not best)]
    return out
