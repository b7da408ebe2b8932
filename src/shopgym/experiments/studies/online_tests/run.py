"""``shopgym abtest run``: train the arms, run the test in the shop, analyse it, and ask for the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from ....core.files import new_folder
from ....core.hashing import hash_json
from ....evaluation.offline.verdict import REFUSE
from ....evaluation.online import AssignedRows, TestAnalysis, analyse_rows
from ....evaluation.online.preference import Preference, preference
from ....policies.policy import SlatePolicy
from ....simulators import Catalog
from ...catalogs import load_catalog
from ...results import environment, write_json
from ...run_folder import CONFIG, SUMMARY, check_folder, sole_writer
from ...stages import stage_rng, stage_seed
from .arms import season_shop, train_arms
from .config import INTERLEAVING, RAMP, SWITCHBACK, AbtestConfig
from .designs import NOUNS, Arms, interleaved, run_design
from .ramp import RampStage, run_ramp
from .report import page_of_test
from .truth import TotalEffect, total_effects

ROWS_FILE = "rows.csv"
FIRST_DAY = date(2024, 1, 1)
"""Day 0 of a season is a Monday; so is this."""


@dataclass(frozen=True)
class AbtestResult:
    """A finished test.

    Attributes:
        config: of it.
        analysis: what the test says; None for interleaving.
        preferences: of interleaving, one a metric.
        stages: of a ramp.
        truth: what it should say: all users in one arm, and in the other; empty where it was not asked.
        rows: what was analysed; None for interleaving.
        policies: hash of each arm's policy, by its name.
    """

    config: AbtestConfig
    analysis: TestAnalysis | None
    preferences: tuple[Preference, ...]
    stages: tuple[RampStage, ...]
    truth: tuple[TotalEffect, ...]
    rows: AssignedRows | None
    policies: dict[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What the test says, and what is true."""
        if self.stages and self.stages[-1].analysis is None:
            said = f"the ramp ended at {self.stages[-1].share:.0%} with too few users to say anything"
        elif self.analysis is not None:
            said = self.analysis.sentence
        else:
            said = self.preferences[0].sentence
        refused = self.analysis is not None and self.analysis.verdict == REFUSE
        return said if refused or not self.truth else f"{said}. {self.truth_sentence}"

    @property
    def truth_sentence(self) -> str:
        """What would happen if all users had the first treatment."""
        first = self.truth[0]
        true = f"{first.relative.value:+.1%} [{first.relative.low:+.1%}, {first.relative.high:+.1%}]"
        return f"The truth: {first.arm} for everybody changes {first.metric} by {true}"

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.config.name,
            "design": self.config.design.kind,
            "sentence": self.sentence,
            "analysis": None if self.analysis is None else self.analysis.as_dict(),
            "preferences": [{**asdict(p), "sentence": p.sentence} for p in self.preferences],
            "stages": [
                {
                    "share": stage.share,
                    "days": stage.days,
                    "decision": stage.decision,
                    "reason": stage.reason,
                    "sentence": None if stage.analysis is None else stage.analysis.sentence,
                }
                for stage in self.stages
            ],
            "truth": [asdict(effect) for effect in self.truth],
            "policies": self.policies,
            "config_hash": hash_json(self.config.stored()),
        }


def run_abtest(
    config: AbtestConfig,
    folder: Path,
    *,
    overwrite: bool = False,
    on_stage: Callable[[str], None] = lambda name: None,
) -> AbtestResult:
    """Run a test into ``folder``, which appears whole or not at all.

    One process at a time writes it.

    Raises:
        InvalidInput: ``folder`` exists, and is no test or may not be replaced; or a bundle is that of
            another shop.
    """
    check_folder(folder, config.stored(), SUMMARY, overwrite)
    catalog, _ = load_catalog(config.catalog, stage_seed(config.seed, "catalog"))
    with sole_writer(folder), new_folder(folder) as new:
        policies = train_arms(config, catalog, lambda name: on_stage(f"train {name}"))
        on_stage("the test")
        hashes = {name: policy.hash for name, policy in zip(config.arms, policies, strict=True)}
        result = replace(simulate(config, catalog, policies), policies=hashes)
        if config.truth:
            truth = _truth(config, catalog, policies, lambda name: on_stage(f"everybody gets {name}"))
            result = replace(result, truth=truth)
        if result.rows is not None:
            table_of(result.rows, config).to_csv(new / ROWS_FILE, index=False, lineterminator="\n")
        write_json(new / SUMMARY, result.as_dict())
        write_json(new / "environment.json", environment())
        (new / "report.html").write_text(page_of_test(result), encoding="utf-8")
        (new / CONFIG).write_text(yaml.safe_dump(config.stored(), sort_keys=False))
    return result


def simulate(config: AbtestConfig, catalog: Catalog, policies: tuple[SlatePolicy, ...]) -> AbtestResult:
    """One test with frozen arms, without the truth."""
    shop, arms = season_shop(config, catalog), Arms(config.arms, policies, config.shares)
    metrics, seed, rng = (
        config.read_metrics(),
        stage_seed(config.seed, "test"),
        stage_rng(config.seed, "test"),
    )
    if config.design.kind == INTERLEAVING:
        names = (arms.names[0], arms.names[1])
        credits = [interleaved(shop, arms, m, seed, stage_rng(config.seed, "test")) for m in metrics]
        judged = tuple(
            preference(names, m.name, credit, config.rule, m.minimise) for m, credit in zip(metrics, credits)
        )
        return AbtestResult(config, None, judged, (), (), None)
    if config.design.kind == RAMP:
        stages, rows = run_ramp(config.design.stages, shop, arms, metrics, config.options(), seed, rng)
        return AbtestResult(config, stages[-1].analysis, (), stages, (), rows)
    rows, compared = run_design(config.design, shop, arms, metrics, seed, rng)
    analysis = analyse_rows(rows, compared, config.options(), NOUNS.get(config.design.kind, "user"))
    return AbtestResult(config, analysis, (), (), (), rows)


def _truth(
    config: AbtestConfig, catalog: Catalog, policies: tuple[SlatePolicy, ...], on_arm: Callable[[str], None]
) -> tuple[TotalEffect, ...]:
    metrics = config.read_metrics()
    if config.design.kind == SWITCHBACK:
        metrics = tuple(replace(m, denominator=m.denominator or "visits") for m in metrics)
    shop, seed = season_shop(config, catalog), stage_seed(config.seed, "truth") % 2**62
    return tuple(total_effects(shop, config.arms, policies, metrics, config.truth, seed, on_arm))


def table_of(rows: AssignedRows, config: AbtestConfig) -> pd.DataFrame:
    """The rows as a table that ``shopgym abtest analyse`` reads."""
    unit = NOUNS.get(config.design.kind, "user")
    columns: dict[str, Any] = {"arm": np.array(rows.arms)[rows.arm], unit: rows.unit}
    if rows.day is not None:
        days = {day: (FIRST_DAY + timedelta(days=day)).isoformat() for day in np.unique(rows.day).tolist()}
        columns["day"] = [days[day] for day in rows.day.tolist()]
    return pd.DataFrame(columns | dict(rows.values))
