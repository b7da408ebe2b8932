"""The parts of a record, the facts of each, and the same figures of a simulated season."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import F64
from ..facts import measure
from ..own_facts import near, own_facts
from ..own_records import as_recorded, split_in_time
from ..reference import StylisedFact
from ..shop_data import ShopData

FITTED, HELD_OUT = "fitted", "held out"
PER_DAY = frozenset(("orders_per_day", "new_customers_per_day", "visits_per_day"))
"""Facts that grow with the number of people: of a share of them, they are divided by the share."""


@dataclass(frozen=True, eq=False)
class Part:
    """A time of the record.

    Attributes:
        name: ``fitted`` or ``held out``.
        data: the record, as if the shop had been watched only then.
        facts: those that it gives, each with its interval.
    """

    name: str
    data: ShopData
    facts: tuple[StylisedFact, ...]

    @property
    def tolerance(self) -> F64:
        """(m,) how far from each fact is near: half its interval, or a tenth of the value if that is more."""
        half = np.array([(fact.high - fact.low) / 2 for fact in self.facts])
        value = np.abs([fact.value for fact in self.facts])
        return np.asarray(np.maximum(half, 0.1 * value))


def parts_of(data: ShopData, holdout: float, rng: Generator, resamples: int) -> tuple[Part, ...]:
    """The part that is fitted and, unless ``holdout`` is 0, the last share of the days.

    Raises:
        InvalidInput: the record cannot be parted, or its first part gives no fact.
    """
    split = (data,) if holdout == 0 else split_in_time(data, 1.0 - holdout)
    names = (FITTED, HELD_OUT)[: len(split)]
    parts = tuple(
        Part(name, part, own_facts(part, rng=rng, resamples=resamples))
        for name, part in zip(names, split, strict=True)
    )
    if not parts[0].facts:
        raise InvalidInput("records", 0, "they give no fact that a shop can be compared by")
    return parts


def figures(season: ShopData, parts: tuple[Part, ...], holdout: float, share: float) -> list[F64]:
    """For each part, (m,) the figures of a season at the same time; NaN for what it does not give."""
    alike = as_recorded(season, parts[0].data)
    split = (alike,) if len(parts) == 1 else split_in_time(alike, 1.0 - holdout)
    return [_figures(data, part.facts, share) for data, part in zip(split, parts, strict=True)]


def _figures(data: ShopData, facts: tuple[StylisedFact, ...], share: float) -> F64:
    table = measure(data, np.random.default_rng(0), names=[fact.measure for fact in facts], resamples=0)
    values = table["value"].to_numpy(np.float64)
    divided = [share if fact.measure in PER_DAY else 1.0 for fact in facts]
    return np.asarray(values / divided)


def compare_parts(
    parts: tuple[Part, ...], shop: list[F64], untouched: list[F64] | None = None
) -> pd.DataFrame:
    """One row per part and fact: of the record, of the shop, and of the profile as it is."""
    rows = []
    for number, part in enumerate(parts):
        for at, fact in enumerate(part.facts):
            row: dict[str, object] = {
                "part": part.name,
                "name": fact.name,
                "group": fact.group,
                "unit": fact.unit,
            }
            row |= {"mine": fact.value, "low": fact.low, "high": fact.high}
            row |= {"shop": shop[number][at], "near": near(float(shop[number][at]), fact)}
            if untouched is not None:
                value = float(untouched[number][at])
                row |= {"untouched": value, "untouched_near": near(value, fact)}
            rows.append(row)
    return pd.DataFrame(rows)


def counts(table: pd.DataFrame, column: str = "near") -> dict[str, tuple[int, int]]:
    """By part: how many facts are near, and how many there are."""
    by_part = table.groupby("part", sort=False)[column]
    return {str(name): (int(near.sum()), len(near)) for name, near in by_part}
