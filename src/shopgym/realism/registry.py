"""The registry of facts: the name of each, what it needs, and how it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .resampling import ClusterBootstrap, Measurement
from .shop_data import PAGE_VIEW, ShopData

Measure = Callable[[ShopData, ClusterBootstrap], Measurement]


@dataclass(frozen=True)
class Fact:
    """A figure that can be measured of any shop.

    Attributes:
        name, unit, group: as in the stylised facts.
        measure: computes it; its docstring is the definition.
        events: kinds of event that must occur; ``PAGE_VIEW`` stands for views or clicks.
        columns: columns of the event table that must have been recorded.
        sessions: columns of the session table that must have been recorded.
        items: columns of the item table that must be known.
        cumulative: whether the value grows with the time that the shop was watched.
    """

    name: str
    unit: str
    group: str
    measure: Measure
    events: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    cumulative: bool = False

    @property
    def definition(self) -> str:
        return " ".join((self.measure.__doc__ or "").split())

    def lacks(self, data: ShopData) -> list[str]:
        """What these records lack for this fact; empty if it can be measured."""
        sessions = data.sessions
        lacking = [f"event {name}" for name in self.events if name not in data.measurable_kinds]
        lacking += [f"column {name}" for name in self.columns if not self._recorded(data, name)]
        of_items = () if data.items is None else tuple(data.items.columns)
        lacking += [f"{name} of the items" for name in self.items if name not in of_items]
        return lacking + [
            f"session column {name}"
            for name in self.sessions
            if name not in sessions.columns or sessions[name].isna().all()
        ]

    def _recorded(self, data: ShopData, column: str) -> bool:
        """Whether the column has a value in any of the events that this fact needs."""
        if data.events is None or column not in data.events.columns:
            return False
        kinds = data.events["event"][data.events[column].notna()].unique()
        return any((data.page_view_kind if name == PAGE_VIEW else name) in kinds for name in self.events)


FACTS: dict[str, Fact] = {}


def fact(
    name: str,
    unit: str,
    group: str,
    *,
    events: tuple[str, ...] = (),
    columns: tuple[str, ...] = (),
    sessions: tuple[str, ...] = (),
    items: tuple[str, ...] = (),
    cumulative: bool = False,
) -> Callable[[Measure], Measure]:
    """Register the decorated function as a fact."""

    def register(measure: Measure) -> Measure:
        assert name not in FACTS, name
        FACTS[name] = Fact(name, unit, group, measure, events, columns, sessions, items, cumulative)
        return measure

    return register
