"""The scorecard of a profile: facts, responses, distances and the discriminator, from one season."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..simulators import Catalog, ShopConfig
from ..simulators.profiles import profiles as known
from .applicability import SPECIFIC, applicable, applies
from .compare import SPAN_TOLERANCE, scorecard
from .comparisons import COMPARISONS, Compared, compare
from .effect_sizes import PUBLISHED, responses
from .facts import measure
from .reference import Stylised, stylised_facts
from .resampling import RESAMPLES
from .shop_events import Behaviour, Season, last_days, simulate_season

NO_DATA = "not compared with real visits and baskets: give --data FOLDER with the public data sets"
AUC_GOAL, INSIDE_GOAL = 0.75, 0.8


@dataclass(frozen=True, eq=False)
class Realism:
    """How like a real shop of its kind a profile's shop is.

    Attributes:
        profile, seed: what was opened.
        season: its records.
        facts: one row per fact that speaks of this kind of shop: see :func:`~.compare.scorecard`.
        responses: table of :func:`~.responses.responses`.
        others: facts that do not speak of it, with the reason.
        compared: beside each real record.
        notes: what could not be done.
    """

    profile: str
    seed: int
    season: Season
    facts: pd.DataFrame
    responses: pd.DataFrame
    others: pd.DataFrame
    compared: tuple[Compared, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def inside(self) -> int:
        """Facts and responses inside their interval."""
        return int(self._judged("inside").sum())

    @property
    def near(self) -> int:
        """Those outside it whose own 95% interval meets it: this season cannot tell them apart."""
        return int((self._judged("overlaps") & ~self._judged("inside")).sum())

    @property
    def judged(self) -> int:
        """Facts and responses that speak of this kind of shop, also those that could not be measured."""
        return len(self._judged("inside"))

    def _judged(self, column: str) -> pd.Series[bool]:
        answers = self.responses[self.responses["why"] == ""]
        found: pd.Series[bool] = pd.concat([self.facts[column], answers[column]]).fillna(False).astype(bool)
        return found

    def summary(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return {
            "profile": self.profile,
            "seed": self.seed,
            "visits": self.season.visits,
            "sessions": len(self.season.data.sessions),
            "orders": len(self.season.data.orders),
            "days": self.season.days,
            "inside": self.inside,
            "near": self.near,
            "judged": self.judged,
            "facts": _records(self.facts),
            "responses": _records(self.responses),
            "not_applicable": _records(self.others),
            "compared": [
                {
                    "name": c.comparison.name,
                    "left_out": c.comparison.left_out,
                    "distances": _records(c.distances),
                    "auc": None if c.told_apart is None else c.told_apart.auc,
                    "auc_low": None if c.told_apart is None else c.told_apart.low,
                    "auc_high": None if c.told_apart is None else c.told_apart.high,
                    "auc_of_halves": None if c.halves is None else c.halves.auc,
                }
                for c in self.compared
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
    """Open the shop of a profile for a season and judge it.

    Args:
        profile: ``gift``, ``fashion`` or ``grocery``.
        sessions: about how many visits; None = as many as the profile was fitted with.
        seed: of everything.
        data: folder of the public data sets, for distances and discriminator; None = without.
        config, catalog, behaviour: in place of the profile's.
        resamples: of the bootstraps.
        progress: called with what is done and the share of it that is done.

    Raises:
        InvalidInput: an unknown profile, or a value out of range.
    """
    size = known.size(profile)
    config = config or known.profile(profile, visits=sessions)
    catalog = catalog or known.profile_catalog(profile)
    behaviour = behaviour or Behaviour(**known.values(profile, known.BEHAVIOUR))
    told = progress or (lambda what, share: None)
    season = simulate_season(
        catalog,
        config,
        days=size.days,
        seed=seed,
        behaviour=behaviour,
        impressions=impressions(profile),
        progress=lambda day: told("a season", day / size.days),
    )
    told("facts", 0.0)
    facts = measured_facts(profile, season, seed=seed, resamples=resamples)
    told("responses", 0.0)
    answers = responses(profile, catalog, config, season, seed=seed, behaviour=behaviour, resamples=resamples)
    compared, notes = [], []
    if data is None:
        notes.append(NO_DATA)
    else:
        for comparison in COMPARISONS[profile]:
            told(comparison.name, 0.0)
            try:
                compared.append(compare(comparison, data, season.data, np.random.default_rng(seed)))
            except InvalidInput as error:
                notes.append(f"{comparison.name}: {error}")
        if any(c.told_apart is None for c in compared):
            notes.append("no discriminator: it needs scikit-learn (pip install scikit-learn)")
    return Realism(
        profile, seed, season, facts, answers, not_applicable(profile), tuple(compared), tuple(notes)
    )


def impressions(kind: str) -> float:
    """Share of visits whose impressions are kept: all where a fact asks for places on the page, else few."""
    return 1.0 if any(fact.group == "position" for fact in applicable(kind)) else 0.02


def measured_facts(kind: str, season: Season, *, seed: int, resamples: int = RESAMPLES) -> pd.DataFrame:
    """The scorecard of the facts that speak of ``kind``, over as many days as each real shop was watched."""
    responded = {known.fact for known in PUBLISHED.values()}
    by_span: dict[float | None, list[Stylised]] = {}
    for fact in applicable(kind):
        if fact.name not in responded:
            whole = fact.days is None or abs(season.days - fact.days) <= SPAN_TOLERANCE * fact.days
            by_span.setdefault(None if whole else fact.days, []).append(fact)
    tables = []
    for span, facts in by_span.items():
        data = season.data if span is None or span > season.days else last_days(season.data, span)
        names = list(dict.fromkeys(fact.measure for fact in facts))
        found = measure(data, np.random.default_rng(seed), names=names, resamples=resamples)
        tables.append(scorecard(found, facts, days=None if span is None else min(span, season.days)))
    order = {fact.name: place for place, fact in enumerate(stylised_facts())}
    table = pd.concat(tables, ignore_index=True)
    return table.sort_values("name", key=lambda names: names.map(order), ignore_index=True)


def not_applicable(kind: str) -> pd.DataFrame:
    """The shipped facts that do not speak of ``kind``: name, why."""
    answered = {published.fact for published in PUBLISHED.values()}
    judged = {fact.name for fact in applicable(kind)} | answered
    rows = [
        {"name": fact.name, "why": applies(fact.name, kind) or SPECIFIC}
        for fact in stylised_facts()
        if fact.name not in judged
    ]
    return pd.DataFrame(rows, columns=["name", "why"])


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    plain = table.astype(object).where(table.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
