"""A clause of the gate: the candidate ranks what users chose about as well as the baseline does.

It is a gate, not a proxy. A ranking metric on a log cannot show that a policy is better
(:mod:`shopgym.evaluation.offline.ranking`), so it never replaces the north star. It stops a policy that no
longer shows what users want.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...core.errors import in_range, one_of
from ...core.metrics import RANKING_METRICS
from ...core.types import F64, AnyArray
from ...evaluation.intervals.clusters import Clustered, cluster_codes
from ...evaluation.intervals.normal import Delta
from ...evaluation.intervals.statistic import Terms
from .clauses import Clause


@dataclass(frozen=True)
class RankingFloor:
    """How far below the baseline a candidate's ranking may be.

    Attributes:
        metric: one of :data:`.core.metrics.RANKING_METRICS`.
        outcome: the event that makes a shown item relevant.
        at_least: share of the baseline's mean that the candidate has to reach.
    """

    metric: str = "ndcg"
    outcome: str = "click"
    at_least: float = 0.5

    def __post_init__(self) -> None:
        one_of("gate.ranking.metric", self.metric, RANKING_METRICS)
        in_range("gate.ranking.at_least", self.at_least, 0.0, 10.0)

    @property
    def name(self) -> str:
        """As the clause is called."""
        return f"{self.metric} of {self.outcome}s"


@dataclass(frozen=True)
class LoggedRankings:
    """What the clause is judged on.

    Attributes:
        floor: what is asked.
        values: by policy (n,) the metric for each decision of one log; NaN where nothing was relevant.
        user_id: (n,) whose decisions they are.
    """

    floor: RankingFloor
    values: Mapping[str, F64]
    user_id: AnyArray

    def clause(self, candidate: str, baseline: str, error: float, confidence: str) -> Clause:
        """The clause for one candidate; see :func:`ranking_clause`."""
        one, other = self.values[candidate], self.values[baseline]
        return ranking_clause(self.floor, one, other, self.user_id, error, confidence)


def ranking_clause(
    floor: RankingFloor, candidate: F64, baseline: F64, user_id: AnyArray, error: float, confidence: str
) -> Clause:
    """Whether the candidate's mean reaches ``at_least`` times the baseline's, paired over decisions.

    The test is on the mean of candidate - at_least x baseline, which needs no ratio (Fieller 1954); users are
    independent, their decisions are not.

    Args:
        candidate, baseline: (n,) the metric for each decision; NaN where nothing was relevant.
        user_id: (n,) whose decisions they are.
        error: of the one-sided bound.
        confidence: as the reason calls it.
    """
    told = ~np.isnan(candidate) & ~np.isnan(baseline)
    paired, base = (candidate - floor.at_least * baseline)[told], baseline[told]
    user = cluster_codes(user_id[told])
    users = int(user.max()) + 1 if len(user) else 0
    if users < 2 or not base.any():
        why = f"the log does not tell: {users} users chose something that the baseline shows"
        return Clause(floor.name, False, why, limit=floor.at_least, further=math.inf)
    statistic = Clustered(Terms(paired[:, None]), user)
    mean, half = statistic.value, Delta().half_width(statistic, 1 - 2 * error)
    scale = float(base.mean())
    value, bound = floor.at_least + mean / scale, floor.at_least + (mean - half) / scale
    passed = mean - half >= 0
    # The half width falls with the root of the decisions; the estimate must be on the right side for that.
    further = 0.0 if passed else len(paired) * ((half / mean) ** 2 - 1) if mean > 0 else math.inf
    reason = f"its {floor.name} is at least {bound:.1%} of the baseline's at {confidence}"
    if not passed:
        reason += f"; it must be {floor.at_least:.0%}"
        more = f"about {further:,.0f} more decisions with a {floor.outcome} would settle it"
        wrong = f"the estimate {value:.1%} is itself below: more decisions are not expected to change that"
        reason += f"; {wrong if math.isinf(further) else more}"
    return Clause(
        floor.name,
        passed,
        reason,
        value,
        bound,
        floor.at_least,
        missing=0.0 if passed else floor.at_least - bound,
        further=further,
        unit="times the baseline's",
    )
