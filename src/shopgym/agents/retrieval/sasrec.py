"""SASRec: self-attention over the last items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import layer_norm, relu

from ...core.errors import in_range
from ...core.types import F32
from ...policies.retrieval import SASRecModel
from ...policies.retrieval.sasrec import NORM
from ._torch import constant, dropout, normal
from .sequential import Sequential, Weights


@dataclass(frozen=True)
class SASRec(Sequential):
    """Kang & McAuley (2018), sec. III, with the softmax over the catalogue for a loss.

    With the published loss, one negative per positive, it is worse than others (Klenitskiy & Vasilev 2023).

    Attributes: see :class:`.Sequential`; ``blocks`` of attention, with one head.
    """

    blocks: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("sasrec.blocks", self.blocks, 1, 100)

    def new_weights(self, g: torch.Generator) -> Weights:
        """See :class:`.Sequential`."""
        b, d, std = self.blocks, self.dim, self.dim**-0.5
        identity_norm = torch.cat([torch.ones(d), torch.zeros(d)]).to(g.device)
        return {
            "positions": normal((self.length, d), 0.1 * std, g),
            "attention_norm": torch.nn.Parameter(identity_norm.repeat(b, 1)),
            "attention_in": normal((b, d, 3 * d), std, g),
            "attention_out": normal((b, d, d), std, g),
            "feed_norm": torch.nn.Parameter(identity_norm.repeat(b, 1)),
            "feed_in": normal((b, d, d), std, g),
            "feed_in_bias": constant((b, d), 0.0, g),
            "feed_out": normal((b, d, d), std, g),
            "feed_out_bias": constant((b, d), 0.0, g),
            "last_norm": torch.nn.Parameter(identity_norm.clone()),
        }

    def states(self, x: Tensor, weights: Mapping[str, Tensor], g: torch.Generator | None) -> Tensor:
        """See :class:`.Sequential`."""
        w, length = weights, x.shape[1]
        x = x + w["positions"][:length]
        future = torch.ones((length, length), dtype=torch.bool, device=x.device).triu(1)
        for b in range(self.blocks):
            query, key, value = (_norm(x, w["attention_norm"][b]) @ w["attention_in"][b]).chunk(3, 2)
            attention = query @ key.transpose(1, 2) / self.dim**0.5
            attention = dropout(attention.masked_fill(future, float("-inf")).softmax(2), self.dropout, g)
            x = x + dropout(attention @ value @ w["attention_out"][b], self.dropout, g)
            inner = relu(_norm(x, w["feed_norm"][b]) @ w["feed_in"][b] + w["feed_in_bias"][b])
            x = x + dropout(inner @ w["feed_out"][b] + w["feed_out_bias"][b], self.dropout, g)
        return _norm(x, w["last_norm"])

    def frozen(self, vectors: F32, bias: F32, weights: dict[str, F32]) -> SASRecModel:
        """See :class:`.Sequential`."""
        return SASRecModel(vectors, bias, weights, self.length)


def _norm(x: Tensor, scale_and_shift: Tensor) -> Tensor:
    scale, shift = scale_and_shift.chunk(2)
    return layer_norm(x, (x.shape[-1],), scale, shift, NORM)
