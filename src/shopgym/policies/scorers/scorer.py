"""What a scorer is: a score for every candidate, from one model or from several at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.types import F64, AnyArray
from ..state import State


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


SCORERS: dict[str, type[Scorer]] = {}
"""By ``kind``; the package's ``__init__`` fills it, so that no scorer imports what imports it."""


def scores_in_parts(requests: Requests, cells: int, most: int, scores: Callable[[Requests], F64]) -> F64:
    """(n, B, m) ``scores`` of as many requests at a time as have ``most`` cells, of ``cells`` each."""
    step = max(1, most // max(1, cells))
    starts = range(0, max(1, len(requests)), step)
    return np.concatenate([scores(requests.take(slice(start, start + step))) for start in starts])


def scorer_from_state(spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items) -> Scorer:
    """The scorer whose ``state()`` was (spec, arrays)."""
    if spec["kind"] not in SCORERS:
        raise InvalidInput("policy.scorer", spec["kind"], "this version does not know it")
    return SCORERS[spec["kind"]].from_state(spec, arrays, items)
