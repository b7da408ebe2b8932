"""A ranking for each slot: the ranker's models are the slots', one each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.items import Items
from ...core.types import F64, I32, Bool
from .reranker import Slots


@dataclass(frozen=True)
class BySlot:
    """Slot j is ranked by the ranker's model j, slots beyond the last model by that one.

    All components of the mixture rank alike at every slot, so it is one Plackett-Luce whose rates change
    from slot to slot.
    """

    kind: ClassVar[str] = "by_slot"

    def begin(self, requests: Requests, items: Items, scores: F64, allowed: Bool) -> Slots:
        return _Slots(scores)


class _Slots:
    def __init__(self, models: F64) -> None:
        self.models, self.slot = models, 0

    def scores(self) -> F64:
        at = min(self.slot, self.models.shape[1] - 1)
        return np.broadcast_to(self.models[:, at : at + 1], self.models.shape)

    def take(self, positions: I32) -> None:
        self.slot += 1
