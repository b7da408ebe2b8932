"""The gate: a policy may leave only if the log shows that it beats the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..core.errors import InvalidInput
from ..evaluation.errors import NotEstimable
from ..evaluation.offline.compare import compare_inputs
from ..evaluation.offline.estimate import without_infinity
from ..evaluation.offline.inputs import OpeInputs
from ..evaluation.offline.verdict import CAUTION, REFUSE, TRUST


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one candidate.

    Attributes:
        candidate, baseline: names.
        gain: doubly robust estimate of V(candidate) - V(baseline), in ``unit`` per decision.
        low: its lower bound; all candidates' bounds hold together with probability ``level``.
        passed: whether ``low`` > 0, and the estimate is not refused
            (:mod:`shopgym.evaluation.offline.verdict`).
        reason: in words.
        verdict: on the estimate of the gain: ``trust``, ``caution`` or ``refuse``.
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

    @property
    def estimated(self) -> bool:
        """Whether ``gain`` and ``low`` may be shown."""
        return self.verdict != REFUSE

    @property
    def outcome(self) -> str:
        """``passed`` or ``refused``."""
        return "passed" if self.passed else "refused"

    @property
    def sentence(self) -> str:
        """The verdict in words, for the terminal and the report."""
        outcome = "passed the gate" if self.passed else "was refused by the gate"
        return f"{self.candidate} {outcome}: {self.reason}"

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return without_infinity(asdict(self))


def judge_candidates(inputs: Mapping[str, OpeInputs], baseline: str, level: float) -> dict[str, Verdict]:
    """A verdict on every policy but the baseline, from one log.

    Lower bounds are one-sided and split the error 1 - level evenly over the candidates (Bonferroni),
    so picking the best of them afterwards is allowed.
    """
    candidates = [name for name in inputs if name != baseline]
    if baseline not in inputs or not candidates:
        raise InvalidInput("gate.baseline", baseline, "evaluate it and at least one other policy")
    error = (1 - level) / len(candidates)
    verdicts = {}
    for name in candidates:
        try:
            difference = compare_inputs(inputs[name], inputs[baseline], estimator="dr", level=1 - 2 * error)
        except NotEstimable as doubt:  # no estimate at all
            reason, unit = f"the log does not tell: {doubt.fix}", inputs[name].unit
            verdicts[name] = Verdict(name, baseline, math.nan, -math.inf, level, unit, False, reason, REFUSE)
            continue
        refused = difference.verdict == REFUSE
        passed = difference.low > 0 and not refused
        bound = f"{difference.low:.4g} {difference.unit} a decision at joint confidence {level:.0%}"
        reason = f"on the log its gain over {baseline} may be as low as {bound}; it must be above 0"
        if passed:
            reason = f"on the log its gain over {baseline} is at least {bound}"
            reason += f"; with caution: {difference.reason}" if difference.verdict == CAUTION else ""
        elif refused:
            reason = f"the log does not tell: {difference.reason}"
        gain, low, unit = difference.value, difference.low, difference.unit
        verdict = difference.verdict
        verdicts[name] = Verdict(name, baseline, gain, low, level, unit, passed, reason, verdict)
    return verdicts


def choose_candidate(verdicts: Mapping[str, Verdict], candidate: str) -> Verdict:
    """The verdict on ``candidate``, or with ``"best"`` the one whose lower bound is highest."""
    if candidate == "best":
        return max(verdicts.values(), key=lambda verdict: verdict.low)
    if candidate not in verdicts:
        raise InvalidInput("gate.candidate", candidate, f"choose 'best' or one of {', '.join(verdicts)}")
    return verdicts[candidate]
