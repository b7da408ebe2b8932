"""The gate: what a policy must satisfy before it may leave."""

from .clauses import Clause, lint_clause
from .judge import check_reason, choose_candidate, judge_candidates, overridden
from .outcomes import north_star_log, outcome_logs
from .paired import PairedOutcomes, judge_paired
from .ranking import LoggedRankings, RankingFloor
from .verdict import Verdict

__all__ = [
    "Clause",
    "LoggedRankings",
    "PairedOutcomes",
    "RankingFloor",
    "Verdict",
    "check_reason",
    "choose_candidate",
    "judge_candidates",
    "judge_paired",
    "lint_clause",
    "north_star_log",
    "outcome_logs",
    "overridden",
]
