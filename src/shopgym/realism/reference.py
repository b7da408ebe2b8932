"""The stylised facts of real shops that this package can measure, with their sources."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ..core.errors import one_of


@dataclass(frozen=True)
class StylisedFact:
    """A fact about real shops.

    Attributes:
        name: begins with the data set; ``pub_``: published, with a range judged from several pages.
        value, low, high: a figure and its 95% interval, or its range if published.
        unit, group, source: as published.
        measure: the registered fact that measures the same figure of any shop.
        data: the loader of the data set it was computed from; None if published.
        days: how long that shop was watched, if the value depends on it; else None.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    source: str
    group: str
    measure: str
    data: str | None
    days: float | None


NEAR = 0.1
"""A value within this share of the real one is near enough for decisions, however narrow the interval."""


def near(value: float, fact: StylisedFact) -> bool:
    """Whether the value is inside the fact's interval, or within 10% of the real value."""
    return bool(fact.low <= value <= fact.high or abs(value - fact.value) <= NEAR * abs(fact.value))


@cache
def _all() -> tuple[StylisedFact, ...]:
    text = resources.files(__package__).joinpath("facts.json").read_text(encoding="utf-8")
    return tuple(StylisedFact(**entry) for entry in json.loads(text)["facts"])


def stylised_facts(
    *, groups: Sequence[str] | None = None, names: Sequence[str] | None = None
) -> tuple[StylisedFact, ...]:
    """The facts of these groups and names; None: all.

    Raises:
        InvalidInput: a group or name does not exist.
    """
    facts = _all()
    for group in groups or ():
        one_of("groups", group, sorted({fact.group for fact in facts}))
    for name in names or ():
        one_of("names", name, [fact.name for fact in facts])
    return tuple(
        fact
        for fact in facts
        if (groups is None or fact.group in groups) and (names is None or fact.name in names)
    )
