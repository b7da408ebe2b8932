"""Is a config's shop like one's own? A season of it beside the records, fact by fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..core.config import with_settings
from ..core.errors import InvalidInput, in_range
from ..simulators import Catalog, ShopConfig
from .facts import FACTS
from .meanings import meanings_of
from .own_facts import OWN_FACTS, facts_of, own_values
from .own_records import as_recorded, split_in_time
from .reference import StylisedFact, near
from .resampling import RESAMPLES
from .scorecard import plain_rows, scorecard, similar_span
from .shop_data import DAY, ShopData
from .shop_events import Behaviour, Season, beginning_in, simulate_season, week_of_year, with_share

VOLUMES = ("orders_per_day", "visits_per_day", "new_customers_per_day")
VISITS_PER_SECOND = 6000.0
"""Simulated on one core, about; with short visits more, with long ones less."""
LONGEST_DAYS = 1100.0
CHANGED, MISSED = "changed", "missed"
SHARED_ITEMS = 0.5
"""The catalogue says what is known of the items if it has this share of those of the record."""


@dataclass(frozen=True, eq=False)
class OwnRealism:
    """How similar a config's shop is to one's own records.

    Attributes:
        facts: the scorecard: see :func:`~.scorecard.scorecard`. Where the config was calibrated on earlier
            records, also ``before``, the value in the last days of those, and ``cause`` of what is not near:
            ``changed`` if ``before`` is not near either, else ``missed`` by the calibration.
        not_given: facts of the list that the records do not give: name, why.
        real: the records, and ``simulated`` the season reduced to what they hold.
        season: the whole season.
        share: of the shop's people that were simulated; figures per day are scaled up by it.
        drift: in words, that the records are later than those of the calibration; "" if they are not.
        notes: what was assumed.
    """

    facts: pd.DataFrame
    not_given: pd.DataFrame
    real: ShopData
    simulated: ShopData
    season: Season
    share: float
    drift: str = ""
    notes: tuple[str, ...] = ()

    @property
    def inside(self) -> int:
        """Number of facts inside the interval of the records."""
        return int(self.facts["inside"].fillna(False).sum())

    @property
    def near(self) -> int:
        """Number inside, or within 10% of the value of the records."""
        return int(self.facts["near"].fillna(False).sum())

    @property
    def more_columns(self) -> list[str]:
        """Columns of ``facts`` that only drift has."""
        return [name for name in ("before", "cause") if name in self.facts]

    def summary(self) -> dict[str, Any]:
        """Everything as values that JSON can hold."""
        return {
            "days": self.real.days,
            "visits": self.season.visits,
            "share": self.share,
            "inside": self.inside,
            "near": self.near,
            "judged": len(self.facts),
            "drift": self.drift,
            "facts": plain_rows(self.facts),
            "meanings": meanings_of(self.facts),
            "not_given": plain_rows(self.not_given),
            "notes": list(self.notes),
        }


def expected_visits(config: ShopConfig, days: float) -> float:
    """About how many visits a season has."""
    return config.visits_per_day * days


def own_realism(
    real: ShopData,
    catalog: Catalog,
    config: ShopConfig,
    *,
    calibrated_on: ShopData | None = None,
    behaviour: Behaviour | None = None,
    people: float = 1.0,
    visits: float | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    progress: Callable[[str, float], None] | None = None,
) -> OwnRealism:
    """Simulate a season as long as the records and compare it with them.

    The season begins in the week of the year in which the records begin. It is reduced to what the records
    hold before it is measured, so that every fact has one definition.

    Args:
        real: one's own records, see :func:`~.own_records.record_data`.
        catalog, config: the shop.
        calibrated_on: the records that the config was calibrated on, if these are others. Later
            ones show drift: that adds the columns ``before`` and ``cause``.
        behaviour: what the shop shows.
        people: share of the shop's people that the config has; figures per day are scaled up.
        visits: at most about so many are simulated, of fewer people; figures per day are scaled up. None:
            all.
        seed: of the shop, its visitors and the resamples.
        resamples: of the bootstrap.
        progress: called with the name of the current step and the finished share of it.

    Raises:
        InvalidInput: the records hold no events, are too long, or give no fact.
    """
    progress = progress or (lambda what, share: None)
    days = float(np.ceil(_watched(real).days - 1e-9))
    if not 1.0 <= days <= LONGEST_DAYS:
        raise InvalidInput("records", f"{days:.0f} days", f"give records of 1 to {LONGEST_DAYS:.0f} days")
    real = replace(_watched(real), items=_items_of(real, catalog))
    progress("facts of the records", 0.0)
    of_record = own_values(real, rng=np.random.default_rng(seed), resamples=resamples)
    facts = facts_of(of_record, real.days)
    if not facts:
        raise InvalidInput("records", len(real.required_events()), "they give none of the facts: give more")
    config, notes = _ready(config)
    in_range("people", people, 0.0, 1.0, open_low=True)
    fewer = 1.0 if visits is None else min(1.0, visits / expected_visits(config, days))
    share = people * fewer
    assert real.watched is not None
    week = week_of_year(real.watched[0])
    season = simulate_season(
        catalog,
        with_share(beginning_in(config, week), fewer),
        days=days,
        seed=seed,
        behaviour=behaviour,
        impressions=1.0 if "impression" in real.kinds else 0.0,
        progress=lambda day: progress("a season", day / days),
    )
    progress("facts of the season", 0.0)
    simulated = as_recorded(_later(season.data, 7.0 * DAY * week), real)
    names = [fact.name for fact in facts]
    values = own_values(simulated, rng=np.random.default_rng(seed), resamples=resamples)
    values = values[values["name"].isin(names)].copy()
    of_volume = values["name"].isin(VOLUMES)
    values.loc[of_volume, ["value", "low", "high"]] /= share
    table = scorecard(values, facts, days=simulated.days)
    drift = "" if calibrated_on is None else _drift(calibrated_on, real)
    if calibrated_on is not None and drift:
        table["before"] = _before(calibrated_on, real, names, catalog, seed)
        table["cause"] = [
            _cause(row, fact) for row, fact in zip(table.to_dict("records"), facts, strict=True)
        ]
    if share < 1.0:
        notes += (f"{share:.2g} of the people were simulated: popularity and recall depend on their number",)
    not_given = of_record.loc[of_record["lacks"] != "", ["name", "lacks"]].rename(columns={"lacks": "why"})
    return OwnRealism(table, not_given, real, simulated, season, share, drift, notes)


def _watched(data: ShopData) -> ShopData:
    """The records with the time watched in whole days."""
    if data.watched is not None:
        return data
    times = data.required_events()["time"]
    return replace(data, watched=(times.iloc[0] // DAY * DAY, (times.iloc[-1] // DAY + 1) * DAY))


def _items_of(data: ShopData, catalog: Catalog) -> pd.DataFrame | None:
    """What the catalogue knows of the record's items, so that both have the same categories."""
    names = np.asarray(catalog.items.category_names, np.object_)
    columns = {"name": catalog.items.name.astype(np.object_), "category": names[catalog.items.category]}
    table = pd.DataFrame(columns, index=catalog.items.item_id.astype(np.object_))
    sold = data.required_events()["item_id"].dropna().unique()
    shared = pd.Series(sold).astype(str).isin(table.index).mean() if len(sold) else 0.0
    return table if shared >= SHARED_ITEMS else data.items


def _ready(config: ShopConfig) -> tuple[ShopConfig, tuple[str, ...]]:
    """The config with dwell, because events need times within the visit."""
    if config.dwell.enabled:
        return config, ()
    note = "shop.dwell is off in the config: it was switched on, because events need times"
    return with_settings(config, {"dwell.enabled": True}), (note,)


def _later(data: ShopData, seconds: float) -> ShopData:
    """The same events so much later; for what is derived from events alone."""
    events = data.required_events()
    start, end = data.watched or (events["time"].iloc[0], events["time"].iloc[-1])
    return replace(
        data, events=events.assign(time=events["time"] + seconds), watched=(start + seconds, end + seconds)
    )


def _before(old: ShopData, real: ShopData, names: list[str], catalog: Catalog, seed: int) -> list[float]:
    """The facts in the last days of the old records, as many as the new ones have."""
    old = replace(_watched(old), items=_items_of(old, catalog))
    if old.days > real.days * 1.01:
        old = split_in_time(old, 1.0 - real.days / old.days)[1]
    values = own_values(old, rng=np.random.default_rng(seed), resamples=0).set_index("name")
    if not similar_span(old.days, real.days):  # facts that grow with time cannot be compared
        growing = [name for name in OWN_FACTS if FACTS[name].cumulative]
        values.loc[growing, "value"] = np.nan
    return [float(x) for x in values.loc[names, "value"]]


def _cause(row: Mapping[Any, Any], fact: StylisedFact) -> str:
    """Why the shop's value is not near: the records changed, or the calibration missed them."""
    if row["near"] is not False or np.isnan(row["before"]):
        return ""
    return MISSED if near(row["before"], fact) else CHANGED


def _drift(old: ShopData, real: ShopData) -> str:
    assert real.watched is not None
    last, first = float(old.required_events()["time"].iloc[-1]), real.watched[0]
    if first < last // DAY * DAY:
        return ""
    then, since = (pd.Timestamp(time, unit="s").date() for time in (last, first))
    return (
        f"drift: the config was calibrated on records to {then}, these begin on {since}; facts 'changed' "
        "since the last days of the old records, or the calibration 'missed' them"
    )
