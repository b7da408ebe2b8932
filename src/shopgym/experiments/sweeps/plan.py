"""From the mapping of a config to what is run: one config, or a sweep of points and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...core.config import build
from ...core.errors import InvalidInput
from ...core.hashing import hash_json
from ...core.setting_types import default_at, lists_for_scalars
from ..cells.cell import Cell
from ..entries import swept_options
from ..kinds import EXPERIMENT, KINDS, ConfigKind, kind_of
from ..overrides import with_setting
from .config import MOST_CELLS, SweepOptions
from .points import PointSettings, label, points_of

FIXED = {
    "seed": "give seeds: 20 for repetitions",
    "seeds": "seeds repeat every point: give one number",
    "name": "a name changes nothing: leave it out",
    "purpose": "a purpose changes nothing: leave it out",
    "kind": "the kind is one for all points",
    "imports": "the imports are the same for all points",
}
"""What no point may change, and what to do instead."""


@dataclass(frozen=True)
class Point:
    """One config of a sweep.

    Attributes:
        name: ``point-0003``; its settings stand in the tables.
        settings: values by dotted name, of what the sweep changes.
        config: typed.
    """

    name: str
    settings: PointSettings
    config: Any


@dataclass(frozen=True)
class Plan:
    """A sweep.

    Attributes:
        kind: of its configs.
        written: its config, with everything that was included and overridden.
        options: seeds and points.
        points: at least one.
    """

    kind: ConfigKind
    written: Mapping[str, Any]
    options: SweepOptions
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        """Of the sweep, and of its folder."""
        return str(self.written["name"])

    @property
    def settings(self) -> list[str]:
        """Dotted names of what the points differ in."""
        return list(self.points[0].settings)

    @property
    def seeds(self) -> int:
        """Repetitions of each point."""
        return int(self.points[0].config.seeds if self.kind.has_seeds else self.options.seeds)

    def stored(self) -> dict[str, Any]:
        """The config, as the run stores it."""
        return dict(self.written)

    @property
    def hash(self) -> str:
        """SHA-256 of what is stored."""
        return hash_json(self.stored())

    def cells(self, folder: Path) -> dict[str, list[Cell]]:
        """By point, its cells in their order; ``folder`` is that of the sweep."""
        return {point.name: self._cells(point, folder) for point in self.points}

    def _cells(self, point: Point, folder: Path) -> list[Cell]:
        repeated = (
            [point.config]
            if self.kind.has_seeds
            else [
                point.config.model_copy(update={"seed": point.config.seed + repetition})
                for repetition in range(self.options.seeds)
            ]
        )
        cells = [cell for config in repeated for cell in self.kind.cells_of(config, f"{point.name}_")]
        if not self.options.sweep.keep_runs:
            return cells
        return [replace(cell, folder=(folder / "runs" / cell.name).resolve()) for cell in cells]


def checked_config(values: Mapping[str, Any]) -> Any:
    """The typed config of a mapping, or the :class:`Plan` if it asks for a sweep.

    Raises:
        InvalidInput: a setting is unknown, or has a wrong value; or the sweep is none.
    """
    name = kind_of(values)
    kind = KINDS[name]
    if name == EXPERIMENT:  # the default, which a config need not write
        values = {key: value for key, value in values.items() if key != "kind"}
    single, asked = _parted(values, kind)
    lists = dict(_lists(kind, single))
    if not asked and not lists:
        return build(kind.config_class(), single)
    return _plan(kind, values, single, build(SweepOptions, asked), lists)


def _parted(values: Mapping[str, Any], kind: ConfigKind) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the config of one point, the keys of the sweep)."""
    keys = {"sweep"} if kind.has_seeds else {"sweep", "seeds"}
    asked = {name: value for name, value in values.items() if name in keys}
    return {name: value for name, value in values.items() if name not in keys}, asked


def _plan(
    kind: ConfigKind,
    values: Mapping[str, Any],
    single: dict[str, Any],
    options: SweepOptions,
    lists: dict[str, list[Any]],
) -> Plan:
    if not kind.value:
        fix = "this study compares no agents: run it once for each setting"
        raise InvalidInput("sweep", ", ".join(lists) or list(options.sweep.grid), fix)
    if kind.has_seeds and options.sweep.keep_runs:
        raise InvalidInput("sweep.keep_runs", True, "the cells of this kind have no run of their own")
    for name in options.sweep.grid:
        if name in lists:
            raise InvalidInput(
                f"sweep.grid.{name}", options.sweep.grid[name], "it is a list already: keep one"
            )
    grid = {**lists, **options.sweep.grid}
    random = options.sweep.random
    for name in (*grid, *(random.ranges if random is not None else ())):
        if name.split(".")[0] in FIXED:
            raise InvalidInput(f"sweep: {name}", grid.get(name, "swept"), FIXED[name.split(".")[0]])
    cls = kind.config_class()
    points: list[Point] = []
    seen: dict[str, PointSettings] = {}
    for settings in points_of(grid, random):
        changed = single
        for name, value in settings.items():
            changed = with_setting(cls, changed, name, value)
        config = build(cls, changed)
        digest = hash_json(config.stored())
        if digest in seen:
            fix = f"the same experiment as {label(seen[digest])}: give each value once"
            raise InvalidInput("sweep", label(settings), fix)
        seen[digest] = settings
        points.append(Point(f"point-{len(points):04d}", settings, config))
    plan = Plan(kind, dict(values), options, tuple(points))
    if len(points) * plan.seeds > MOST_CELLS:
        fix = f"with {plan.seeds:,} seeds each they make too many cells: at most {MOST_CELLS:,}"
        raise InvalidInput("sweep", f"{len(points)} points", fix)
    return plan


def _lists(kind: ConfigKind, values: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    """(dotted name, values) wherever a list stands in the place of one value."""
    places = [(".".join(place), choices) for place, choices in lists_for_scalars(kind.config_class(), values)]
    for section in ("log", "retrieve"):
        part = values.get(section)
        if isinstance(part, dict) and isinstance(part.get("options"), dict):
            agent = part.get("agent") or default_at(kind.config_class(), (section, "agent"))
            swept = swept_options(str(agent), part["options"], f"{section}.options")
            places += [(f"{section}.options.{name}", part["options"][name]) for name in swept]
    for name, choices in places:
        if not choices:
            raise InvalidInput(name, choices, "a grid needs at least one value")
    return places
