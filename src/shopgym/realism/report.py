"""The realism report of a profile: facts, effect sizes, distances and the discriminator, from one season."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..simulators import Catalog, ShopConfig
from ..simulators.profiles import profiles
from .applicability import FIT, HALVES, JUDGING, SPECIFIC, applicable_facts, half_of, why_not_applicable
from .comparisons import COMPARISONS, ComparisonResult, compare_with_record
from .effect_sizes import PUBLISHED, measure_effect_sizes
from .facts import measure
from .meanings import meanings_of
from .own_records import split_in_time
from .reference import StylisedFact, stylised_facts
from .resampling import RESAMPLES
from .scorecard import plain_rows, scorecard, similar_span
from .shop_events import Behaviour, Season, last_days, simulate_season

NO_DATA = "not compared with real visits and baskets: give --data FOLDER with the public data sets"


@dataclass(frozen=True, eq=False)
class Realism:
    """How similar a profile's shop is to real shops of its kind.

    Attributes:
        profile, seed: of the simulated shop.
        season: its records.
        facts: one row per fact that applies to this kind of shop: see :func:`~.scorecard.scorecard`.
        effect_sizes: table of :func:`~.effect_sizes.measure_effect_sizes`.
        not_applicable: facts that do not apply, with the reason.
        comparisons: with each real record.
        notes: what could not be done.
    """

    profile: str
    seed: int
    season: Season
    facts: pd.DataFrame
    effect_sizes: pd.DataFrame
    not_applicable: pd.DataFrame
    comparisons: tuple[ComparisonResult, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def inside(self) -> int:
        """Number of facts and effect sizes inside their interval."""
        return int(self._judged("inside").sum())

    @property
    def within_error(self) -> int:
        """Number outside whose own 95% interval meets the real one: the season's error may explain it."""
        return int((self._judged("overlaps") & ~self._judged("inside")).sum())

    @property
    def judged(self) -> int:
        """Number of facts and effect sizes that apply to this kind of shop, measured or not."""
        return len(self._judged("inside"))

    @property
    def parameters(self) -> int:
        """Number of free parameters: numbers of the profile that were fitted."""
        return free_parameters(self.profile)

    def of_half(self, name: str) -> dict[str, int]:
        """``facts`` of a half (``fit`` or ``judge``), and how many are ``inside`` and ``near``.

        Effect sizes are of the fitting half. Near is inside the interval or within 10% of the real value.
        """
        table = self.facts[self.facts["half"] == name]
        counts = {
            "facts": len(table),
            **{key: int(table[key].fillna(False).sum()) for key in ("inside", "near")},
        }
        if name == FIT:
            effects = self.effect_sizes[self.effect_sizes["why"] == ""]
            counts["facts"] += len(effects)
            for key in ("inside", "near"):  # ranges of effect sizes have no middle to be near to
                counts[key] += int(effects["inside"].fillna(False).sum())
        return counts

    def _judged(self, column: str) -> pd.Series[bool]:
        effects = self.effect_sizes[self.effect_sizes["why"] == ""]
        judged: pd.Series[bool] = pd.concat([self.facts[column], effects[column]]).fillna(False).astype(bool)
        return judged

    def summary(self) -> dict[str, Any]:
        """Everything as values that JSON can hold."""
        return {
            "profile": self.profile,
            "seed": self.seed,
            "visits": self.season.visits,
            "sessions": len(self.season.data.sessions),
            "orders": len(self.season.data.orders),
            "days": self.season.days,
            **{name: getattr(self, name) for name in ("inside", "within_error", "judged", "parameters")},
            "halves": {name: self.of_half(name) for name in HALVES},
            "facts": plain_rows(self.facts),
            "responses": plain_rows(self.effect_sizes),
            "meanings": meanings_of(self.facts) | meanings_of(self.effect_sizes),
            "not_applicable": plain_rows(self.not_applicable),
            "compared": [
                {
                    "name": c.comparison.name,
                    "left_out": c.comparison.left_out,
                    "distances": plain_rows(c.distances),
                    "auc": None if c.discrimination is None else c.discrimination.auc,
                    "auc_low": None if c.discrimination is None else c.discrimination.low,
                    "auc_high": None if c.discrimination is None else c.discrimination.high,
                    "auc_of_halves": c.baseline_discrimination and c.baseline_discrimination.auc,
                }
                for c in self.comparisons
            ],
            "notes": list(self.notes),
        }


def realism(
    profile: str,
    *,
    sessions: float | None = None,
    seed: int = 0,
    data: Path | None = None,
    config: ShopConfig | None = None,
    catalog: Catalog | None = None,
    behaviour: Behaviour | None = None,
    resamples: int = RESAMPLES,
    progress: Callable[[str, float], None] | None = None,
) -> Realism:
    """Simulate a season of a profile's shop and compare it with real shops.

    Args:
        profile: ``gift``, ``fashion`` or ``grocery``.
        sessions: approximate number of visits; None: as many as the profile was fitted with.
        seed: of all random draws.
        data: folder of the public data sets, for distances and discriminator; None: without both.
        config, catalog, behaviour: in place of the profile's.
        resamples: of the bootstraps.
        progress: called with the name of the current step and the finished share of it.

    Raises:
        InvalidInput: the profile is unknown, or a value is out of range.
    """
    size = profiles.size(profile)
    config = config or profiles.profile(profile, visits=sessions)
    catalog = catalog or profiles.profile_catalog(profile)
    behaviour = behaviour or Behaviour(**profiles.values(profile, profiles.BEHAVIOUR))
    progress = progress or (lambda what, share: None)
    season = simulate_season(
        catalog,
        config,
        days=size.days,
        seed=seed,
        behaviour=behaviour,
        impressions=recorded_impressions(profile),
        progress=lambda day: progress("a season", day / size.days),
    )
    progress("facts", 0.0)
    facts = measured_facts(profile, season, seed=seed, resamples=resamples)
    progress("effect sizes", 0.0)
    effects = measure_effect_sizes(
        profile, catalog, config, season, seed=seed, behaviour=behaviour, resamples=resamples
    )
    comparisons, notes = [], []
    if data is None:
        notes.append(NO_DATA)
    else:
        for comparison in COMPARISONS[profile]:
            progress(comparison.name, 0.0)
            try:
                result = compare_with_record(comparison, data, season.data, np.random.default_rng(seed))
                comparisons.append(result)
            except InvalidInput as error:
                notes.append(f"{comparison.name}: {error}")
        if any(c.discrimination is None for c in comparisons):
            notes.append("no discriminator: it needs scikit-learn (pip install scikit-learn)")
    return Realism(
        profile, seed, season, facts, effects, not_applicable(profile), tuple(comparisons), tuple(notes)
    )


def recorded_impressions(kind: str) -> float:
    """Share of visits whose impressions are recorded: all if a fact needs positions on the page, else few."""
    return 1.0 if any(fact.group == "position" for fact in applicable_facts(kind)) else 0.02


def measured_facts(
    kind: str, season: Season, *, seed: int, resamples: int = RESAMPLES, half: str | None = None
) -> pd.DataFrame:
    """The scorecard of the facts that apply to ``kind``, over as many days as each real shop was watched.

    Args:
        kind: of shop.
        season: its records.
        seed, resamples: of the bootstrap.
        half: ``fit`` or ``judge``; None: both. The table has a column ``half``.
    """
    effects = {published.fact for published in PUBLISHED.values()}
    by_span: dict[tuple[float | None, float | None], list[StylisedFact]] = {}
    for fact in applicable_facts(kind, half):
        if fact.name not in effects:
            later = JUDGING.get(fact.data or "")
            whole = fact.days is None or later is not None or similar_span(season.days, fact.days)
            by_span.setdefault((later, None if whole else fact.days), []).append(fact)
    tables = []
    for (later, span), facts in by_span.items():
        data, days = season.data, None
        if later is not None:
            data = split_in_time(season.data, later)[1]
            days = data.days
        elif span is not None:
            data = season.data if span > season.days else last_days(season.data, span)
            days = min(span, season.days)
        names = list(dict.fromkeys(fact.measure for fact in facts))
        values = measure(data, np.random.default_rng(seed), names=names, resamples=resamples)
        table = scorecard(values, facts, days=days)
        table["half"] = [half_of(fact) for fact in facts]
        tables.append(table)
    order = {fact.name: row for row, fact in enumerate(stylised_facts())}
    table = pd.concat(tables, ignore_index=True)
    return table.sort_values("name", key=lambda names: names.map(order), ignore_index=True)


def free_parameters(profile: str) -> int:
    """How many numbers of a profile were fitted: those whose source begins with ``fitted:``."""
    fitted = [number.value for number in profiles.numbers(profile) if number.source.startswith("fitted:")]
    return sum(len(value) if isinstance(value, tuple) else 1 for value in fitted)


def not_applicable(kind: str) -> pd.DataFrame:
    """The shipped facts that do not apply to ``kind``: name, why."""
    effects = {published.fact for published in PUBLISHED.values()}
    judged = {fact.name for fact in applicable_facts(kind)} | effects
    rows = [
        {"name": fact.name, "why": why_not_applicable(fact.name, kind) or SPECIFIC}
        for fact in stylised_facts()
        if fact.name not in judged
    ]
    return pd.DataFrame(rows, columns=["name", "why"])
