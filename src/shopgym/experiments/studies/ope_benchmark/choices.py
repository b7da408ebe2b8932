"""Choosing the best of several policies on one log: by each estimator, by SLOPE++ and by PAS-IF."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from ....evaluation.offline import ESTIMATORS
from ....evaluation.offline.selection import Slope, pas_if, top_k
from .benchmark import Benchmark, SyntheticPolicy, resampling_rng
from .scenarios import BASE, Scenario
from .weighing import action_logs

FAMILY = ("ips", "snips", "dm", "dr", "sndr", "switch-dr", "dr-os", "sg-dr")
TARGETS = tuple(SyntheticPolicy(slope, blind) for slope in (0.0, 1.0, 2.0, 4.0) for blind in ("", "items"))
"""Policies to choose among: from uniform to nearly greedy, with and without the best sellers."""
SPLITS = 5
PORTFOLIO = 3
"""k of SharpeRatio@k."""

CHOICES: tuple[Scenario, ...] = (
    replace(BASE, name="choice: 300", axis="choice", rounds=300, replicates=60),
    replace(BASE, name="choice: far", axis="choice", rounds=3_000, logging=-1.0, replicates=60),
    replace(BASE, name="choice: margin", axis="choice", rounds=3_000, reward="margin", replicates=60),
)


@dataclass(frozen=True)
class PolicyChoice:
    """One way to choose in one scenario.

    Attributes:
        scenario: its name.
        chooser: an estimator, ``slope++``, or ``pas-if``, which takes for each policy the estimator it picks.
        replicates: logs.
        error: mean |estimate - truth| / truth over policies and logs.
        regret: mean of (best - chosen) / best, with its standard error ``regret_error``.
        right: share of logs in which the best policy was chosen.
        sharpe: median SharpeRatio@3 (:class:`shopgym.evaluation.offline.selection.TopK`); the baseline is the
            behaviour policy.
    """

    scenario: str
    chooser: str
    replicates: int
    error: float
    regret: float
    regret_error: float
    right: float
    sharpe: float


def scenario_choices(scenario: Scenario, seed: int) -> list[PolicyChoice]:
    """Every chooser in one scenario."""
    benchmark, rng = Benchmark(scenario, seed), resampling_rng(seed, scenario)
    true_values = benchmark.truth(benchmark.behaviour, *TARGETS)
    baseline, true = true_values[0].value, np.array([truth.value for truth in true_values[1:]])
    family = [ESTIMATORS[name] for name in FAMILY]
    choosers = [*family, Slope(tuple(family))]
    estimated: dict[str, list[list[float]]] = defaultdict(list)
    for log in benchmark.logs(scenario.replicates):
        logs = action_logs(benchmark, log, TARGETS, rng)
        inputs = [each.inputs() for each in logs]
        for chooser in choosers:
            estimated[chooser.name].append([chooser.fitted(each).statistic(each).value for each in inputs])
        picked = [ESTIMATORS[pas_if(each, family, rng=rng, splits=SPLITS).best] for each in logs]
        estimated["pas-if"].append(
            [best.fitted(each).statistic(each).value for best, each in zip(picked, inputs, strict=True)]
        )
    out = []
    for name, values in estimated.items():
        ranked = [top_k(np.array(row), true, baseline) for row in values]
        regret = np.array([row[0].regret for row in ranked]) / true.max()
        numbers = {
            "error": (np.abs(np.array(values) - true) / true).mean(),
            "regret": regret.mean(),
            "regret_error": regret.std() / len(regret) ** 0.5,
            "right": (regret == 0).mean(),
            "sharpe": np.median([row[PORTFOLIO - 1].sharpe for row in ranked]),
        }
        numbers = {key: float(number) for key, number in numbers.items()}
        out.append(PolicyChoice(scenario.name, name, len(values), **numbers))
    return out
