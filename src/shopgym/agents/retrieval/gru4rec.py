"""GRU4Rec: a recurrent network over the last items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ...core.types import F32
from ...policies.retrieval import GRU4RecModel
from ._torch import constant, normal
from .sequential import Sequential, Weights


@dataclass(frozen=True)
class GRU4Rec(Sequential):
    """One GRU layer (Hidasi et al. 2016), items' vectors shared between input and output, softmax loss.

    Later work by the same authors found sampled softmax, shared vectors and dropout to matter most
    (Hidasi & Karatzoglou 2018; Hidasi & Czapp 2023). Attributes: see :class:`.Sequential`.
    """

    def new_weights(self, g: torch.Generator) -> Weights:
        """See :class:`.Sequential`."""
        d, std = self.dim, self.dim**-0.5
        return {
            "gate_in": normal((d, 3 * d), std, g),
            "gate_state": normal((d, 3 * d), std, g),
            "gate_in_bias": constant((3 * d,), 0.0, g),
            "gate_state_bias": constant((3 * d,), 0.0, g),
        }

    def states(self, x: Tensor, weights: Mapping[str, Tensor], g: torch.Generator | None) -> Tensor:
        """See :class:`.Sequential`."""
        w = weights
        layer = [w["gate_in"].T, w["gate_state"].T, w["gate_in_bias"], w["gate_state_bias"]]
        start = x.new_zeros((1, len(x), self.dim))
        # torch's fused loop over time; torch.nn.GRU would draw weights from the global generator
        states, _ = torch.gru(
            x, start, [part.contiguous() for part in layer], True, 1, 0.0, g is not None, False, True
        )
        return states

    def frozen(self, vectors: F32, bias: F32, weights: dict[str, F32]) -> GRU4RecModel:
        """See :class:`.Sequential`."""
        return GRU4RecModel(vectors, bias, weights, self.length)
