"""Scores from the user's history: any retrieval model as a scorer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.types import F64, AnyArray
from ..retrieval import Model, model_from_state
from ..retrieval.model import features_of, history_of
from ..state import State


@dataclass(frozen=True, eq=False)
class HistoryScorer:
    """The score of a candidate is the model's, for ``Requests.history`` and the user's features."""

    kind: ClassVar[str] = "history"
    model: Model

    def scores(self, requests: Requests) -> F64:
        """(n, 1, m)

        Raises:
            InvalidInput: the model reads histories and the requests have none.
        """
        history = history_of(self.model, requests)
        scores = self.model.scores_at(history, requests.candidates, features_of(self.model, requests))
        return scores[:, None, :].astype(np.float64)

    def state(self) -> State:
        spec, arrays = self.model.state()
        return {"kind": self.kind, "model": spec}, arrays

    @classmethod
    def from_state(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items
    ) -> HistoryScorer:
        model = model_from_state(spec["model"], arrays)
        if model.num_items != len(items):
            raise InvalidInput("scorer.model", model.num_items, f"the catalogue has {len(items)} items")
        return cls(model)
