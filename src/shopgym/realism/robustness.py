"""Does a conclusion hold over the ranges of what is assumed?

A comparison is made in the shop as configured, and again with each assumed figure at both ends of its range
(:mod:`.assumed`): the same visitors, the same random draws, the same policies. Only the world varies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from ..core.errors import InvalidInput, in_range, one_of
from ..core.protocols import Policy
from ..core.statistics import mean_interval
from ..core.text import aligned
from ..core.types import F64
from ..simulators import Catalog, Shop, ShopConfig
from ..simulators.calendar import Clock
from ..simulators.policy_value import Value, trial
from .assumed import ASSUMED, AssumedWorld, assumed_worlds, configured_figure

Measure = Callable[[ShopConfig], Mapping[str, F64]]
"""Values (n,) of each alternative in a shop, by name. Row i is the same visitor in all of them."""
SINGLE_PAGES = "a visit has no later visits here: compare whole lives (clock 'own')"


@dataclass(frozen=True)
class GainAtEnd:
    """A comparison with one assumed figure at one end of its range.

    Attributes:
        parameter, end, value, reached, note: as in :class:`.assumed.AssumedWorld`.
        gain: of the first over the second.
        winner: the best here, if it beats the winner of the shop as configured beyond chance; else that one.
    """

    parameter: str
    end: str
    value: float
    reached: float
    gain: Value
    winner: str
    note: str = ""


@dataclass(frozen=True)
class Robustness:
    """A comparison over the ranges of what is assumed.

    Attributes:
        first, second: the alternatives; a gain is the value of ``first`` less that of ``second``.
        unit: of a gain.
        level: with which all intervals hold together (Bonferroni).
        configured: the gain in the shop as configured.
        winner: the best of all alternatives there.
        figures: the assumed figures as configured; NaN where the shop has none.
        ends: the gain at each end: ``low`` and ``high`` of one parameter after the other.
    """

    first: str
    second: str
    unit: str
    level: float
    configured: Value
    winner: str
    figures: Mapping[str, float]
    ends: tuple[GainAtEnd, ...]

    def pair(self, parameter: str) -> tuple[GainAtEnd, GainAtEnd]:
        """The two ends of a parameter."""
        one_of("parameter", parameter, self.figures)
        low, high = (end for end in self.ends if end.parameter == parameter)
        return low, high

    def flips(self, parameter: str) -> bool:
        """Whether the sign of the gain, or the winner, changes beyond chance over the range."""
        ends = self.pair(parameter)
        signs = {_sign(gain) for gain in (self.configured, *(end.gain for end in ends))} - {0}
        return len(signs) > 1 or any(end.winner != self.winner for end in ends)

    def fades(self, parameter: str) -> bool:
        """Whether a gain that is clear in the shop as configured is not clear at an end of the range."""
        clear = _sign(self.configured) != 0
        return clear and any(_sign(end.gain) == 0 for end in self.pair(parameter))

    def verdict(self, parameter: str) -> str:
        """``yes`` (it flips), ``no``, or ``not clear`` where the interval at an end holds 0."""
        if self.flips(parameter):
            return "yes"
        return "not clear" if self.fades(parameter) else "no"

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The parameters over whose range the conclusion flips."""
        return tuple(name for name in self.figures if self.flips(name))

    @property
    def sentence(self) -> str:
        """The conclusion, with what it depends on."""
        gain = f"{self.first} less {self.second}: {value_text(self.configured)} {self.unit}"
        if self.depends_on:
            causes = "; ".join(self._cause(name) for name in self.depends_on)
            return f"this conclusion depends on {causes}. As configured, {gain}"
        open_at = [name for name in self.figures if self.fades(name)]
        if open_at:
            return f"{gain}; it does not flip over any assumed range, but is not clear over that of " + (
                ", ".join(open_at)
            )
        if _sign(self.configured) == 0:
            return f"{gain}: no difference beyond chance, and none at the ends of the assumed ranges flips it"
        return f"{gain}; it does not flip over any assumed range"

    def _cause(self, parameter: str) -> str:
        parts = []
        for end in self.pair(parameter):
            part = f"at {end.value:g} the gain is {value_text(end.gain)}"
            if end.winner != self.winner:
                part += f" and {end.winner} is better than {self.winner}"
            parts.append(part)
        return f"{parameter} ({', '.join(parts)})"

    def rows(self) -> list[dict[str, str]]:
        """The table as texts, one row a parameter."""
        table = []
        for name in self.figures:
            low, high = self.pair(name)
            figure = self.figures[name]
            row = {"assumption": name, "configured": f"{figure:.3g}" if isfinite(figure) else "-"}
            row |= {"low end": f"{low.value:g}", "high end": f"{high.value:g}"}
            row |= {f"gain at {end.end} end": value_text(end.gain) for end in (low, high)}
            table.append(row | {"flips": self.verdict(name)})
        return table

    @property
    def notes(self) -> list[str]:
        """Why an end does not differ, or is not reached, one line each."""
        lines = {f"{end.parameter}: {end.note}": None for end in self.ends if end.note}
        return list(lines)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "first": self.first,
            "second": self.second,
            "unit": self.unit,
            "level": self.level,
            "gain": _interval(self.configured),
            "winner": self.winner,
            "depends_on": list(self.depends_on),
            "sentence": self.sentence,
            "assumptions": [self._row(name) for name in self.figures],
        }

    def _row(self, name: str) -> dict[str, Any]:
        ends: dict[str, Any] = {}
        for end in self.pair(name):
            ends[end.end] = {
                "value": end.value,
                "reached": end.reached if isfinite(end.reached) else None,
                "gain": _interval(end.gain),
                "winner": end.winner,
                "note": end.note,
            }
        figure, assumed = self.figures[name], ASSUMED[name]
        said = {"unit": assumed.unit, "source": assumed.source}
        configured = figure if isfinite(figure) else None
        return {"parameter": name, "configured": configured, **ends, "flips": self.verdict(name), **said}

    @property
    def table(self) -> str:
        """The rows, one line each, and the notes."""
        rows = self.rows()
        cells = [list(rows[0]), *(list(row.values()) for row in rows)] if rows else []
        return "\n".join([*aligned(cells), *self.notes])

    def __str__(self) -> str:
        return f"{self.sentence}\n\n{self.table}"


def robustness(
    measure: Measure,
    catalog: Catalog,
    config: ShopConfig,
    first: str,
    second: str,
    *,
    unit: str = "",
    level: float = 0.95,
    parameters: Sequence[str] = tuple(ASSUMED),
    seed: int = 0,
    later_visits: bool = True,
    progress: Callable[[str], None] = lambda name: None,
) -> Robustness:
    """Compare alternatives in the shop as configured and at both ends of each assumed range.

    Args:
        measure: the values of every alternative in a shop, at least ``first`` and ``second``. It may change
            the shop on top of what is assumed, for instance to lower a price.
        catalog, config: the shop.
        first, second: the gain is the value of ``first`` less that of ``second``.
        unit: of a value.
        level: with which all intervals hold together.
        parameters: of :data:`.assumed.ASSUMED`.
        seed: of the search for the ends.
        later_visits: whether ``measure`` sees later visits of the same people; without them the range of
            ``return_effects`` says nothing.
        progress: called with the name of each shop before it is measured.

    Raises:
        InvalidInput: an unknown parameter, or an alternative that ``measure`` does not give.
    """
    in_range("level", level, 0.5, 1.0, open_high=True)
    for name in parameters:
        one_of("parameters", name, ASSUMED)
    progress("as configured")
    values = measure(config)
    for field, name in (("first", first), ("second", second)):
        one_of(field, name, values)
    worlds: list[AssumedWorld] = []
    for name in parameters:
        progress(f"ends of {name}")
        worlds += _worlds(name, catalog, config, seed, later_visits)
    each = 1.0 - (1.0 - level) / ((len(worlds) + 1) * max(len(values) - 1, 1))
    winner = max(values, key=lambda name: float(values[name].mean()))
    ends = []
    for world in worlds:
        progress(f"{world.parameter}, {world.end} end")
        moved = values if world.config == config else measure(world.config)
        gain = _value(moved[first] - moved[second], each)
        best = max(moved, key=lambda name: float(moved[name].mean()))
        beaten = best != winner and _sign(_value(moved[best] - moved[winner], each)) > 0
        end = (world.parameter, world.end, world.value, world.reached)
        ends.append(GainAtEnd(*end, gain, best if beaten else winner, world.note))
    figures = {
        name: configured_figure(name, catalog, config, seed=seed)
        if later_visits or name != "return_effects"
        else float("nan")
        for name in parameters
    }
    gain = _value(values[first] - values[second], each)
    return Robustness(first, second, unit, level, gain, winner, figures, tuple(ends))


def compare_over_ranges(
    shop: Shop,
    first: Policy,
    second: Policy,
    *,
    visits: int = 20_000,
    term: str = "margin",
    level: float = 0.95,
    seed: int = 0,
    parameters: Sequence[str] = tuple(ASSUMED),
) -> Robustness:
    """``shop.compare(first, second)`` over the ranges of what is assumed. Resets ``shop``.

    Both policies stay as they are. The shops at the ends have the catalogue, lanes, clock and days of
    ``shop``, and people drawn from its seed.

    Raises:
        InvalidInput: as :func:`shopgym.simulators.policy_value.compare`, and for an unknown parameter.
    """
    names = tuple(getattr(policy, "name", "") for policy in (first, second))
    names = names if names[0] != names[1] and all(names) else ("first", "second")

    def measure(config: ShopConfig) -> dict[str, F64]:
        world = Shop(shop.catalog, config, lanes=shop.lanes, seed=shop.seed, clock=shop.clock, days=shop.days)
        policies = zip(names, (first, second), strict=True)
        return {n: trial(world, p, visits=visits, term=term, seed=seed).expected for n, p in policies}

    return robustness(
        measure, shop.catalog, shop.config, names[0], names[1], unit=f"{term} a visit", level=level,
        parameters=parameters, seed=seed, later_visits=shop.clock is not Clock.PAGES,
    )  # fmt: skip


def value_text(value: Value, digits: int = 3) -> str:
    """``+0.123 [+0.101, +0.145]``."""
    mean, low, high = (f"{number:+.{digits}g}" for number in (value.mean, value.low, value.high))
    return f"{mean} [{low}, {high}]"


def _worlds(
    parameter: str, catalog: Catalog, config: ShopConfig, seed: int, later_visits: bool
) -> list[AssumedWorld]:
    if parameter == "return_effects" and not later_visits:
        low, high = ASSUMED[parameter].low, ASSUMED[parameter].high
        nan = float("nan")
        return [
            AssumedWorld(parameter, "low", low, config, nan, SINGLE_PAGES),
            AssumedWorld(parameter, "high", high, config, nan, SINGLE_PAGES),
        ]
    return list(assumed_worlds(catalog, config, parameters=(parameter,), seed=seed))


def _value(differences: F64, level: float) -> Value:
    if len(differences) < 2:
        raise InvalidInput("measure", len(differences), "an interval needs at least 2 values")
    return Value(*mean_interval(np.asarray(differences), level), level, len(differences))


def _sign(value: Value) -> int:
    """1 or -1 where the interval is above or below 0; else 0."""
    return int(value.low > 0) - int(value.high < 0)


def _interval(value: Value) -> list[float]:
    return [value.mean, value.low, value.high]
