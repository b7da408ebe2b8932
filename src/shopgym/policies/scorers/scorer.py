"""What ranks: scores for every candidate, from one or several models at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

from ...core.items import Items
from ...core.nouns import Requests
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
