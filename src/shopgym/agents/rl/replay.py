"""A replay buffer: a ring of past interactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from ...core.batches import Decisions, Interactions, Requests
from ...core.errors import InvalidInput, in_range
from ...core.types import AnyArray

_FAMILIES = ("live", "counters")
_REQUEST = tuple(name for name in Requests.__dataclass_fields__ if name not in _FAMILIES)
_DECISIONS = tuple(Decisions.__dataclass_fields__)


class Replay:
    """The last ``capacity`` interactions; drawn uniformly with replacement (Lin 1992; Mnih et al. 2015)."""

    def __init__(self, capacity: int) -> None:
        in_range("replay.capacity", capacity, 1, 2**31)
        self.capacity = capacity
        self.added = 0
        self._columns: dict[str, AnyArray] = {}

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, batch: Interactions) -> None:
        """Add a batch; the oldest interactions are dropped.

        Raises:
            InvalidInput: a batch of another shape, or with other events, than before.
        """
        new = _flatten(batch)
        if not self._columns:
            self._columns = {
                name: np.zeros((self.capacity, *values.shape[1:]), values.dtype)
                for name, values in new.items()
            }
        shapes = {name: values.shape[1:] for name, values in new.items()}
        expected = {name: values.shape[1:] for name, values in self._columns.items()}
        if shapes != expected:
            raise InvalidInput("interactions", shapes, f"give batches of one shape: {expected}")
        keep = min(len(batch), self.capacity)
        rows = (self.added + len(batch) - keep + np.arange(keep)) % self.capacity
        for name, values in new.items():
            self._columns[name][rows] = values[len(batch) - keep :]
        self.added += len(batch)

    def sample(self, count: int, rng: Generator) -> Interactions:
        """``count`` interactions, drawn uniformly with replacement."""
        rows = rng.integers(len(self), size=count)
        return _unflatten({name: values[rows] for name, values in self._columns.items()})


def concat(batches: Sequence[Interactions]) -> Interactions:
    """The batches one after another; all must have the same shape."""
    parts = [_flatten(batch) for batch in batches]
    return _unflatten({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _flatten(batch: Interactions) -> dict[str, AnyArray]:
    out: dict[str, AnyArray] = {"reward": batch.reward}
    parts: list[tuple[str, Any, tuple[str, ...]]] = [
        ("requests", batch.requests, _REQUEST),
        ("next", batch.next, _REQUEST),
        ("decisions", batch.decisions, _DECISIONS),
    ]
    for prefix, part, names in parts:
        out |= {f"{prefix}.{name}": getattr(part, name) for name in names if part is not None}
        for family in _FAMILIES:
            named = getattr(part, family, {})
            out |= {f"{prefix}/{family}.{name}": values for name, values in named.items()}
    out |= {f"events.{name}": values for name, values in batch.events.items()}
    out["terminated"] = batch.terminated  # type: ignore[assignment]  # None is dropped in the next line
    return {name: values for name, values in out.items() if values is not None}


def _unflatten(columns: dict[str, AnyArray]) -> Interactions:
    def part(prefix: str) -> dict[str, AnyArray]:
        return {
            name.removeprefix(prefix): values for name, values in columns.items() if name.startswith(prefix)
        }

    def requests(prefix: str) -> Requests:
        families = {family: part(f"{prefix}/{family}.") for family in _FAMILIES}
        return replace(Requests(**part(f"{prefix}.")), **families)  # type: ignore[arg-type]

    return Interactions(
        requests("requests"),
        Decisions(**part("decisions.")),
        columns["reward"],
        part("events."),
        requests("next") if "next.time" in columns else None,
        columns.get("terminated"),
    )
