"""What ranks: scores for every candidate, from one or several models at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

from ...core.batches import Requests
from ...core.items import Items
from ...core.types import F64, AnyArray

State = tuple[dict[str, Any], dict[str, AnyArray]]


class Scorer(Protocol):
    """Scores candidates; the number of models B is fixed.

    A scorer is frozen and servable: numpy only, whatever library it was trained with.
    """

    kind: ClassVar[str]

    def scores(self, requests: Requests) -> F64:
        """(n, B, m) the score of each candidate under each model, higher is better; anything at padding."""
        ...

    def state(self) -> State:
        """JSON-able spec, in it ``kind``, and plain arrays."""
        ...

    @classmethod
    def from_state(cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items) -> Self:
        """The scorer whose ``state()`` was (spec, arrays)."""
        ...


def nested(name: str, scorer: Scorer) -> State:
    """The state of a scorer inside another: its arrays are called ``NAME_...``."""
    spec, arrays = scorer.state()
    return spec, {f"{name}_{key}": values for key, values in arrays.items()}


def part_of(name: str, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items) -> Scorer:
    """The scorer that :func:`nested` described."""
    from . import scorer_from_state  # the registry knows this file's importers

    own = {key[len(name) + 1 :]: v for key, v in arrays.items() if key.startswith(f"{name}_")}
    return scorer_from_state(spec, own, items)
