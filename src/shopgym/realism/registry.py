"""The register of facts: a name, what is needed to measure it, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .resampling import Bootstrap, Measured
from .shop_data import ShopData

Measure = Callable[[ShopData, Bootstrap], Measured]


@dataclass(frozen=True)
class Fact:
    """Something that can be measured of a shop.

    Attributes:
        name, unit, group: as in the stylised facts; the definition is the docstring of ``measure``.
        measure: how.
        events: kinds of event that must occur; ``look`` stands for views or clicks.
        columns: columns of the event table that must have been recorded.
        sessions: columns of the session table that must have been recorded.
        grows: whether the value depends on for how long the shop was watched.
    """

    name: str
    unit: str
    group: str
    measure: Measure
    events: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    grows: bool = False

    @property
    def definition(self) -> str:
        return " ".join((self.measure.__doc__ or "").split())

    def lacks(self, data: ShopData) -> list[str]:
        """What these records lack for it; empty if it can be measured."""
        kinds = data.kinds | ({"look"} if data.look in data.kinds else frozenset())
        found = [f"event {name}" for name in self.events if name not in kinds]
        found += [f"column {name}" for name in self.columns if not self._recorded(data, name)]
        known = data.sessions
        return found + [
            f"session column {name}"
            for name in self.sessions
            if name not in known.columns or known[name].isna().all()
        ]

    def _recorded(self, data: ShopData, column: str) -> bool:
        """Whether the column is known of any of the events asked for."""
        if data.events is None or column not in data.events.columns:
            return False
        known = data.events["event"][data.events[column].notna()].unique()
        return any((data.look if name == "look" else name) in known for name in self.events)


FACTS: dict[str, Fact] = {}


def fact(
    name: str,
    unit: str,
    group: str,
    *,
    events: tuple[str, ...] = (),
    columns: tuple[str, ...] = (),
    sessions: tuple[str, ...] = (),
    grows: bool = False,
) -> Callable[[Measure], Measure]:
    """Register the decorated function as a fact."""

    def register(measure: Measure) -> Measure:
        assert name not in FACTS, name
        FACTS[name] = Fact(name, unit, group, measure, events, columns, sessions, grows)
        return measure

    return register
