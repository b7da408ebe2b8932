"""A ranking for each slot: model j of the scorer ranks slot j."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.items import Items
from ...core.types import F64, I32, Bool
from .reranker import SlotScores


@dataclass(frozen=True)
class BySlot:
    """Model j of the scorer ranks slot j; the last model ranks all slots beyond it.

    All components of the mixture have the same rates, so this is one Plackett-Luce model whose rates change
    from slot to slot.
    """

    kind: ClassVar[str] = "by_slot"

    def begin(self, requests: Requests, items: Items, scores: F64, allowed: Bool) -> SlotScores:
        return BySlotScores(scores)


class BySlotScores:
    """See :class:`.SlotScores`."""

    def __init__(self, models: F64) -> None:
        self.models, self.slot = models, 0

    def scores(self) -> F64:
        model = min(self.slot, self.models.shape[1] - 1)
        return np.broadcast_to(self.models[:, model : model + 1], self.models.shape)

    def take(self, positions: I32) -> None:
        self.slot += 1
