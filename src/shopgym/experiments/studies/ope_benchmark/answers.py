"""All estimators and intervals on all logs of a scenario."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from numpy.random import Generator

from ....evaluation.errors import NotEstimable
from ....evaluation.offline import ESTIMATORS, INTERVALS, Estimator, OpeInputs, judge
from ....evaluation.offline.influence import Influence
from .benchmark import Benchmark, TrueValue, resampling_rng
from .cells import LEVEL, Answer, BenchmarkCell, summarise_answers
from .scenarios import Scenario
from .table_logs import TABLES
from .weighing import benchmark_inputs

CLOSED = ("delta", "student", "bernstein", "hoeffding", "cressie-read", "sequence")
"""Intervals in closed form: had with every estimator."""
OTHERS: Mapping[str, tuple[str, ...]] = {
    "ips": ("betting",),
    "snips": ("bootstrap", "clopper-pearson"),
    "dr": ("bootstrap", "bca"),
}
"""Slower ones, and those for plain weighted rewards in [0, 1], by estimator."""
RESAMPLED = ("bootstrap", "bca")
LONG = 20_000
"""Rounds from which on a resample costs more than it tells: no bootstrap."""
LEFT_OUT = ("ips-by-logger", "dr-by-logger")
"""Estimators for several loggers; there is one here."""
FOR_PREFIXES = ("ips", "snips", "clipped-ips", "sg-ips", "log-smoothing", "exp-smoothing", "cascade-dr")
"""Estimators for prefix weights. The others need predictions of the target's own pages, not predictions
conditional on what the log shows before a slot."""


@dataclass(frozen=True)
class StudyPlan:
    """Which estimators with which intervals."""

    estimators: tuple[str, ...] = tuple(name for name in ESTIMATORS if name not in LEFT_OUT)
    closed: tuple[str, ...] = CLOSED
    others: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: OTHERS)

    def meant_for(self, scenario: Scenario) -> tuple[str, ...]:
        """Estimators that are right for the scenario's weights."""
        if scenario.weights == "independent":
            return self.estimators
        return tuple(name for name in self.estimators if name in FOR_PREFIXES)

    def intervals(self, estimator: str, scenario: Scenario) -> tuple[str, ...]:
        """Those of one estimator in one scenario."""
        binary = scenario.reward == "click" and scenario.slots == 1
        short, others = scenario.rounds <= LONG, self.others.get(estimator, ())
        return self.closed + tuple(name for name in others if (short if name in RESAMPLED else binary))


PLAN = StudyPlan()


def scenario_cells(scenario: Scenario, seed: int, plan: StudyPlan = PLAN) -> list[BenchmarkCell]:
    """Cells of one scenario."""
    if scenario.table:
        return table_cells(scenario, seed)
    benchmark, rng = Benchmark(scenario, seed), resampling_rng(seed, scenario)
    truth = benchmark.truth(benchmark.target)[0]
    answers: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for log in benchmark.logs(scenario.replicates):
        inputs = benchmark_inputs(benchmark, log, benchmark.target, rng)
        for name in plan.meant_for(scenario):
            for interval, answer in answers_of(ESTIMATORS[name], plan.intervals(name, scenario), inputs, rng):
                answers[name, interval].append(answer)
    return [
        summarise_answers(scenario, name, interval, truth, cells, scenario.replicates - len(cells))
        for (name, interval), cells in answers.items()
    ]


def table_cells(scenario: Scenario, seed: int) -> list[BenchmarkCell]:
    """Cells of a scenario whose logs are read as tables, with the verdicts that a user is told.

    Where the reader refuses a log, or the answer quotes no number, an answer is missing: it counts as failed.
    """
    kind, rng = TABLES[scenario.table], resampling_rng(seed, scenario)
    answers: dict[str, list[Answer]] = {kind.quoted: []}
    for log in range(scenario.replicates):
        for name, made in kind.answers(kind.draw(rng, scenario.rounds), log, LEVEL):
            influence = Influence(made.skewness, made.error_rounds, made.shift)
            answers.setdefault(name, []).append(
                Answer(made.value, made.low, made.high, made.verdict, made.ess, influence)
            )
    truth = TrueValue(kind.truth)
    return [
        summarise_answers(
            scenario, name, "delta", truth, cells, scenario.replicates - len(cells), kind.trustworthy
        )
        for name, cells in answers.items()
    ]


def answers_of(
    estimator: Estimator, intervals: Iterable[str], inputs: OpeInputs, rng: Generator
) -> Iterable[tuple[str, Answer]]:
    """(interval, answer) of those that have an answer for these inputs."""
    try:
        fitted = estimator.fitted(inputs)
        statistic = fitted.statistic(inputs)
        influence = Influence.from_statistic(statistic, fitted.raw(inputs))
    except NotEstimable:
        return
    verdict, _ = judge(
        inputs.diagnostics,
        weighted=fitted.weighted,
        influence=influence,
        reasons=fitted.misfits(inputs, inputs.diagnostics),
    )
    for interval in intervals:
        try:
            low, high = INTERVALS[interval](statistic, LEVEL, rng)
        except NotEstimable:
            continue
        yield interval, Answer(statistic.value, low, high, verdict, inputs.ess, influence)
