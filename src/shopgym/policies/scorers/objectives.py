"""Several objectives in one score, with the weights written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.config import build
from ...core.errors import InvalidInput, one_of
from ...core.items import Items
from ...core.types import F64, AnyArray
from ..live_values import NAMES, unit_value
from ..state import State, prefix_state, sub_state
from .scorer import Scorer, scorer_from_state


@dataclass(frozen=True)
class Head:
    """One objective: the prediction of a model times the value of one unit of the candidate.

    Attributes:
        name: e.g. ``revenue``.
        unit: of the objective, e.g. ``GBP``; part of the policy's description.
        weight: units of the score per unit of the objective.
        model: index of the model that predicts it.
        worth: value of one unit of the candidate: ``one``, ``price`` or ``margin``, the request's live number
            if it has one, else the catalogue's.
    """

    name: str
    unit: str
    weight: float = 1.0
    model: int = 0
    worth: str = "one"

    def __post_init__(self) -> None:
        if not np.isfinite(self.weight):
            raise InvalidInput(f"heads.{self.name}.weight", self.weight, "give a finite number")
        one_of(f"heads.{self.name}.worth", self.worth, NAMES)


@dataclass(frozen=True, eq=False)
class ObjectivesScorer:
    """score = sum over heads of weight x worth(candidate) x model(request, candidate).

    Attributes:
        items: the catalogue.
        models: scorers, each with one model or with as many as the others.
        heads: the objectives.
    """

    kind: ClassVar[str] = "objectives"
    items: Items
    models: tuple[Scorer, ...]
    heads: tuple[Head, ...]

    def __post_init__(self) -> None:
        if not self.heads:
            raise InvalidInput("scorer.heads", self.heads, "name at least one objective")
        for head in self.heads:
            if not 0 <= head.model < len(self.models):
                raise InvalidInput(f"heads.{head.name}.model", head.model, f"there are {len(self.models)}")

    def objectives(self, requests: Requests) -> dict[str, F64]:
        """(n, B, m) each objective in its own unit, before weighting."""
        predicted = [model.scores(requests) for model in self.models]
        return {
            head.name: predicted[head.model] * unit_value(head.worth, requests, self.items)[:, None, :]
            for head in self.heads
        }

    def scores(self, requests: Requests) -> F64:
        """(n, B, m)"""
        values = self.objectives(requests)
        total: F64 = sum(
            (head.weight * values[head.name] for head in self.heads[1:]),
            start=self.heads[0].weight * values[self.heads[0].name],
        )
        return total

    def state(self) -> State:
        parts = [prefix_state(f"model{i}", model) for i, model in enumerate(self.models)]
        arrays = {name: values for _, part in parts for name, values in part.items()}
        heads = [asdict(head) for head in self.heads]
        return {"kind": self.kind, "heads": heads, "models": [spec for spec, _ in parts]}, arrays

    @classmethod
    def from_state(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items
    ) -> ObjectivesScorer:
        models = (
            scorer_from_state(model, sub_state(f"model{i}", arrays), items)
            for i, model in enumerate(spec["models"])
        )
        return cls(items, tuple(models), tuple(build(Head, head, "heads") for head in spec["heads"]))
