"""A staged ramp: a small share of users first, then more, with the stop rule at the end of every day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from numpy.random import Generator

from ....core.errors import InvalidInput
from ....evaluation.online import AssignedRows, Metric, TestAnalysis, TestOptions, analyse_rows
from ....evaluation.online.outcomes import LOST, WORSE
from ....simulators.shop import Shop
from .assignment import ArmRouter, ByUser
from .config import StageSection
from .designs import Arms, user_rows, whole_days
from .season import UserRecorder, season

WENT_ON, STOPPED = "went on", "stopped"


@dataclass(frozen=True)
class RampStage:
    """What a stage did.

    Attributes:
        share: of the users in the treatment.
        days: that it lasted.
        decision: ``went on`` or ``stopped``; ``reason`` says why.
        analysis: at its last look; None where an arm had too few users.
    """

    share: float
    days: int
    decision: str
    reason: str
    analysis: TestAnalysis | None


def run_ramp(
    stages: Sequence[StageSection],
    shop: Shop,
    arms: Arms,
    metrics: Sequence[Metric],
    options: TestOptions,
    seed: int,
    rng: Generator,
) -> tuple[tuple[RampStage, ...], AssignedRows]:
    """All stages until one does harm: (what each did, the rows of the last).

    A user who is in the treatment stays in it. A stage stops when the treatment is surely worse on a metric,
    or surely beyond the margin of a guardrail, at a level that all stages share (Bonferroni).
    """
    done: list[RampStage] = []
    ends = [sum(stage.days for stage in stages[: number + 1]) for number in range(len(stages))]
    number, day, recorder = 0, 0, _recorder(stages[0], seed)
    rows: AssignedRows | None = None

    def router() -> ArmRouter:
        return ArmRouter(arms.policies, _assignment(stages[number], seed))

    for step in season(shop, router, seed, rng):
        today = int(step.requests.time.min())
        if today > day and recorder.pages:
            day = today
            rows = user_rows(arms.names, recorder.user_days())
            looked = _look(rows, stages[number], metrics, options, len(stages))
            harm = harm_of(looked)
            if harm or today >= ends[number]:
                began = ends[number] - stages[number].days
                decision = STOPPED if harm else WENT_ON
                reason = harm or "no harm is shown"
                done.append(RampStage(stages[number].share, today - began, decision, reason, looked))
                if harm or number == len(stages) - 1:
                    return tuple(done), rows
                number += 1
                recorder = _recorder(stages[number], seed)
                continue  # this page was decided in the stage before
        recorder.add(step)
    rows = user_rows(arms.names, recorder.user_days())
    looked = _look(rows, stages[number], metrics, options, len(stages))
    harm = harm_of(looked)
    last = stages[number]
    decision = STOPPED if harm else WENT_ON
    done.append(RampStage(last.share, last.days, decision, harm or "no harm is shown", looked))
    return tuple(done), rows


def harm_of(analysis: TestAnalysis | None) -> str:
    """What the treatment surely makes worse, in words; empty where nothing is."""
    if analysis is None:
        return ""
    bad = [f"{row.metric.name} is {row.outcome}" for row in analysis.rows if row.outcome in (WORSE, LOST)]
    return "; ".join(bad)


def _assignment(stage: StageSection, seed: int) -> ByUser:
    # the treatment has the highest numbers, so who is in it stays in it when its share grows
    return ByUser(seed, (1.0 - stage.share, stage.share))


def _recorder(stage: StageSection, seed: int) -> UserRecorder:
    return UserRecorder(_assignment(stage, seed).arms, whole_days)


def _look(
    rows: AssignedRows, stage: StageSection, metrics: Sequence[Metric], options: TestOptions, stages: int
) -> TestAnalysis | None:
    split = {rows.arms[0]: 1.0 - stage.share, rows.arms[1]: stage.share}
    own = replace(options, level=1.0 - (1.0 - options.level) / stages, split=split)
    try:
        return analyse_rows(rows, metrics, own)
    except InvalidInput:  # an arm has too few users yet, or nothing has happened
        return None
