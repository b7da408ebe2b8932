"""What a run found, and how it is written down."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from .._version import __version__
from ..core.batches import Requests
from ..core.reward import UNITS, RewardSpec
from ..core.types import F64
from ..evaluation.offline.estimate import without_infinity
from ..evaluation.offline.verdict import REFUSE
from ..guardrails.gate import Verdict, overridden
from ..guardrails.monitor import RewardMonitor
from ..guardrails.reward.findings import NOT_LINTED, LintReport
from ..guardrails.reward.price import ProxyPrice
from ..policies.policy import SlatePolicy
from ..realism.robustness import Robustness
from ..simulators import Catalog
from ..simulators.rollout import Episode
from .config import ExperimentConfig
from .episodes import UNIT
from .guarding import INTERVENTIONS, GuardingReport


@dataclass
class Results:
    """Everything a report is made from."""

    config: ExperimentConfig
    catalog: Catalog
    reward: RewardSpec
    attention: F64
    learning: pd.DataFrame
    agents: pd.DataFrame
    evaluation: pd.DataFrame
    verdicts: dict[str, Verdict]
    chosen: Verdict
    policies: dict[str, SlatePolicy]
    showcase: Requests
    log_size: int
    unit: str
    lint: LintReport
    """Of the reward in this shop; its verdict says so where it could not be linted."""
    served: dict[str, Any] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """Why an agent has no row, by name."""
    clicks: ProxyPrice | None = None
    """What the best pages for clicks alone would have cost."""
    guarding: GuardingReport = field(default_factory=GuardingReport)
    """What the guards changed, by stage and agent."""
    monitors: dict[str, RewardMonitor] = field(default_factory=dict)
    """By agent, what was seen of the reward while it learnt; empty in a season, where visitors change."""
    days: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Deployments day by day; empty where an episode has no days."""
    robust: Robustness | None = None
    """The gain of the candidate over the ranges of what is assumed, if that was asked for."""

    @property
    def episode(self) -> Episode:
        """What an episode is."""
        return Episode(self.config.episode)

    @property
    def per(self) -> str:
        """What a value is per: ``decision``, ``visit``, ``customer`` or ``season``."""
        return UNIT[self.episode]

    @property
    def headline(self) -> str:
        """The gate's verdict. Where the true gain flips over an assumed range, that stands before it."""
        if self.robust is None:
            return self.chosen.sentence
        if self.robust.depends_on:
            return f"{self.robust.sentence}. {self.chosen.sentence}"
        return f"{self.chosen.sentence}. {self.robust.sentence}"

    def override(self, reason: str) -> None:
        """Let the candidate out whatever the gate says, because of ``reason``."""
        self.chosen = overridden(self.chosen, reason)
        self.verdicts[self.chosen.candidate] = self.chosen

    @property
    def names(self) -> list[str]:
        """The agents that have a row, in order."""
        return list(self.policies)

    def agent(self, name: str) -> dict[str, Any]:
        """What one agent's policy was worth when deployed."""
        return {str(k): v for k, v in self.agents.set_index("agent").to_dict("index")[name].items()}

    def truth(self, agent: str) -> float:
        """The exact value that estimates are held against: see :func:`.stages.evaluate.estimates`."""
        row = self.agent(agent)
        return float(row["value_on_log"] if self.episode is Episode.PAGE else row["value"])

    def estimate(self, agent: str, estimator: str, interval: str = "delta") -> dict[str, Any] | None:
        """One row of the evaluation; None if it was not asked for."""
        rows = self.evaluation.query("agent == @agent and estimator == @estimator and interval == @interval")
        return {str(k): v for k, v in rows.to_dict("records")[0].items()} if len(rows) else None

    def summary(self) -> dict[str, Any]:
        """The outcome in one JSON-able mapping."""
        candidate = self.agent(self.chosen.candidate)
        names = ("interval", "value", "low", "high", "verdict", "reason", "covers_truth", "covers_deployed")
        offline = [self.estimate(self.chosen.candidate, "dr", by) for by in ("delta", "bootstrap")]
        summary = {
            "name": self.config.name,
            "config_hash": self.config.hash,
            "unit": self.unit,
            "candidate": self.chosen.candidate,
            "baseline": self.chosen.baseline,
            "true_value": candidate["value"],
            "true_value_on_log": candidate["value_on_log"],
            "true_gain": [candidate["gain"], candidate["gain_low"], candidate["gain_high"]],
            "offline": [
                without_infinity({name: row.get(name) for name in names})
                for row in offline
                if row is not None
            ],
            "gate": self.chosen.as_dict(),
            "served": self.served,
            "failed": self.failed,
            **({"leans_on_guards": warnings} if (warnings := self.guarding.warnings()) else {}),
            **({"reward_not_linted": self.lint.headline} if self.lint.verdict == NOT_LINTED else {}),
            **({} if self.robust is None else {"robust": self.robust.as_dict()}),
            **({} if self.episode is Episode.PAGE else {"episode": str(self.episode)}),
        }
        return without_infinity(summary)


def is_told(estimate: Mapping[Any, Any] | None) -> bool:
    """Whether the numbers of an estimate may be shown: there is one, and it is not refused."""
    return estimate is not None and estimate["verdict"] != REFUSE


def interval_text(estimate: Mapping[Any, Any] | None, digits: int) -> str:
    """``0.123 [0.101, 0.145]``; ``-`` where the log does not tell."""
    if estimate is None or not is_told(estimate):
        return "-"
    value, low, high = (f"{estimate[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def covers_text(estimate: Mapping[Any, Any] | None) -> str:
    """``yes`` or ``no``; ``-`` where the log does not tell."""
    if estimate is None or not is_told(estimate):
        return "-"
    return "yes" if estimate["covers_truth"] else "no"


def write_tables(folder: Path, results: Results) -> None:
    """Each table as CSV and as Parquet."""
    folder.mkdir()
    for name in ("learning", "agents", "evaluation"):
        table: pd.DataFrame = getattr(results, name)
        table.to_csv(folder / f"{name}.csv", index=False)
        table.to_parquet(folder / f"{name}.parquet", index=False)
    if len(results.days):
        results.days.to_csv(folder / "days.csv", index=False)
        results.days.to_parquet(folder / "days.parquet", index=False)
    interventions = results.guarding.table()
    interventions.to_csv(folder / f"{INTERVENTIONS}.csv", index=False)
    interventions.to_parquet(folder / f"{INTERVENTIONS}.parquet", index=False)


def write_json(path: Path, value: Any) -> None:
    """Readable JSON."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def reward_unit(reward: RewardSpec, catalog: Catalog) -> str:
    """The unit of a reward in this shop, e.g. ``GBP of margin`` or ``click``."""
    unit = catalog.items.currency if reward.unit == "currency" else reward.unit
    terms = list(reward.terms)
    return f"{unit} of {terms[0]}" if len(terms) == 1 and terms[0] != unit else unit


def value_scale(reward: RewardSpec) -> str:
    """What the reward of a slot scales with: see :class:`shopgym.agents.Task`."""
    scales = {"margin": "margin", "revenue": "price"}
    money = [scales.get(name, "one") for name in reward.terms if UNITS[name] == "currency"]
    return money[0] if len(money) == len(reward.terms) else "one"


def environment() -> dict[str, str]:
    """Versions that a result depends on."""
    names = ("numpy", "numba", "scipy", "pandas", "pyarrow", "gymnasium")
    return {
        "shopgym": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: version(name) for name in names},
    }
