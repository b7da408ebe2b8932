"""The stylised facts of real shops that this package can measure, with their sources."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ..core.errors import InvalidInput


@dataclass(frozen=True)
class Stylised:
    """A fact about real shops.

    Attributes:
        name: what it is and of which data; ``pub_`` = published, its range judged from several pages.
        value, low, high: a figure and its 95% interval, or range if published.
        unit, group, source: as published.
        measure: the registered fact that measures the same of any shop.
        data: the loader of the data set it was computed from; None if published.
        days: for how long that shop was watched, where the value depends on it; else None.
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


@cache
def _all() -> tuple[Stylised, ...]:
    text = resources.files(__package__).joinpath("facts.json").read_text(encoding="utf-8")
    return tuple(Stylised(**entry) for entry in json.loads(text)["facts"])


def stylised_facts(
    *, groups: Sequence[str] | None = None, names: Sequence[str] | None = None
) -> tuple[Stylised, ...]:
    """The facts of these groups and names; None = all.

    Raises:
        InvalidInput: if a group or name does not occur.
    """
    known = _all()
    for field, asked, have in (
        ("groups", groups, {fact.group for fact in known}),
        ("names", names, {fact.name for fact in known}),
    ):
        unknown = sorted(set(asked or ()) - have)
        if unknown:
            raise InvalidInput(field, unknown, f"choose from {sorted(have)}")
    return tuple(
        fact
        for fact in known
        if (groups is None or fact.group in groups) and (names is None or fact.name in names)
    )
