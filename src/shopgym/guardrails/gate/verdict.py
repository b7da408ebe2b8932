"""What the gate says of one candidate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ...evaluation.offline.estimate import without_infinity
from ...evaluation.offline.verdict import REFUSE, TRUST
from .clauses import Clause


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one candidate.

    Attributes:
        candidate, baseline: names.
        gain: doubly robust estimate of the north star's V(candidate) - V(baseline), in ``unit`` per decision.
        low: its lower bound, one-sided; see :mod:`.judge` for what ``level`` says of all bounds together.
        passed: whether every clause passed.
        reason: in words: of every clause that failed; if none did, of the north star.
        verdict: on the estimate of the gain: ``trust``, ``caution`` or ``refuse``.
        clauses: the north star, each cost, the reward's lint.
        override: why somebody let it out although a clause failed; empty: nobody did.
    """

    candidate: str
    baseline: str
    gain: float
    low: float
    level: float
    unit: str
    passed: bool
    reason: str
    verdict: str = TRUST
    clauses: tuple[Clause, ...] = ()
    override: str = ""

    @property
    def estimated(self) -> bool:
        """Whether ``gain`` and ``low`` may be shown."""
        return self.verdict != REFUSE

    @property
    def leaves(self) -> bool:
        """Whether it is exported: it passed, or somebody overrode the gate."""
        return self.passed or bool(self.override)

    @property
    def outcome(self) -> str:
        """``passed``, ``refused`` or ``overridden``."""
        if self.override and not self.passed:
            return "overridden"
        return "passed" if self.passed else "refused"

    @property
    def sentence(self) -> str:
        """The verdict in words, for the terminal and the report."""
        outcome = "passed the gate" if self.passed else "was refused by the gate"
        text = f"{self.candidate} {outcome}: {self.reason}"
        return text if self.outcome != "overridden" else f"{text}. OVERRIDDEN: {self.override}"

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        clauses = [clause.as_dict() for clause in self.clauses]
        return without_infinity({**asdict(self), "clauses": clauses})
