"""The points of a sweep: values of some settings, by their dotted names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import log
from typing import Any

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.hashing import hash_json
from .config import MOST_CELLS, RandomSection, RangeSection

TRIES = 50
"""Draws for each point, until all points differ."""
PointSettings = dict[str, Any]
"""Values by the dotted names of their settings."""


def points_of(grid: Mapping[str, Sequence[Any]], random: RandomSection | None) -> list[PointSettings]:
    """All combinations of the grid; with ``random`` each of them with each of its draws.

    Raises:
        InvalidInput: there are too many, or a setting stands in both.
    """
    count = 1 if random is None else random.count
    for values in grid.values():
        count *= len(values)
    if count > MOST_CELLS:
        raise InvalidInput("sweep", f"{count} points", f"at most {MOST_CELLS:,}")
    for name in random.ranges if random is not None else ():
        if name in grid:
            raise InvalidInput(f"sweep.random.ranges.{name}", name, "it is a grid already: keep one")
    drawn = [{}] if random is None else _drawn(random)
    combinations = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    return [{**point, **more} for point in combinations for more in drawn]


def _drawn(random: RandomSection) -> list[PointSettings]:
    """``count`` different points."""
    rng = np.random.default_rng(random.seed)
    points: dict[str, PointSettings] = {}
    for _ in range(TRIES * random.count):
        point = {name: _draw(values, rng) for name, values in random.ranges.items()}
        points.setdefault(hash_json(point), point)
        if len(points) == random.count:
            return list(points.values())
    fix = (
        f"the ranges have hardly more than {len(points)} different points (whole numbers give whole numbers: "
    )
    raise InvalidInput("sweep.random.count", random.count, fix + "write 0.0 for fractions)")


def _draw(values: RangeSection | list[Any], rng: Generator) -> Any:
    if isinstance(values, list):
        return values[int(rng.integers(len(values)))]
    low, high = values.low, values.high
    if isinstance(low, int) and isinstance(high, int):
        if values.scale == "linear":
            return int(rng.integers(low, high, endpoint=True))
        # each as often as its share of the scale, from half below to half above
        return min(max(round(_log_uniform(low - 0.5, high + 0.5, rng)), low), high)
    return _log_uniform(low, high, rng) if values.scale == "log" else float(rng.uniform(low, high))


def _log_uniform(low: float, high: float, rng: Generator) -> float:
    return float(np.exp(rng.uniform(log(low), log(high))))


def value_text(value: Any) -> str:
    """A value in a name or a heading."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def label(settings: PointSettings) -> str:
    """``training.rounds=10, agents.lints.alpha=0.5``."""
    return ", ".join(f"{name}={value_text(value)}" for name, value in settings.items())


def counted(count: int, noun: str) -> str:
    """``1 point``, ``1,200 seeds``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
