"""How SASRec and GRU4Rec are trained: every entry of a sequence is predicted from those before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from ...core.batches import EMPTY
from ...core.errors import in_range
from ...core.types import F32, I32
from ...policies.retrieval.model import popularity_bias
from ...policies.retrieval.sequence import SequenceModel, in_order
from ..network import one_thread
from ._torch import Training, device_generator, dropout, normal, sampled_softmax, softmax, train
from .data import Sequences

Weights = dict[str, torch.nn.Parameter]


@dataclass(frozen=True)
class Sequential(Training):
    """What SASRec and GRU4Rec share; a row of a batch is a sequence, longer ones are cut into windows.

    Attributes: see :class:`.Training`; ``negatives`` are drawn for the softmax of each step, 0 = all items.
    """

    prefix: ClassVar[str] = "sequential"
    negatives: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("sequential.negatives", self.negatives, 0, 10_000_000)

    def fit(self, data: Sequences, rng: Generator) -> SequenceModel:
        """See :class:`.Recommender`."""
        with one_thread():
            g = device_generator(rng, self.device)
            weights = self.new_weights(g)
            vectors = normal((data.num_items, self.dim), self.dim**-0.5, g)
            windows = torch.from_numpy(windows_of(data, self.length)).long().to(self.device)
            probability = (data.counts + 1.0) ** 0.5
            probability /= probability.sum()

            def loss(batch_rows: Any) -> Tensor:
                rows = windows[batch_rows]
                inputs, target = rows[:, :-1], rows[:, 1:]
                x = dropout(vectors[inputs.clamp(min=0)], self.dropout, g)
                hidden = self.states(x, weights, g)[target >= 0]
                hidden, target = dropout(hidden, self.dropout, g), target[target >= 0]
                if not self.negatives:
                    return softmax(hidden, target, vectors)
                drawn = rng.choice(data.num_items, self.negatives, p=probability)
                log_q = torch.tensor(
                    np.log(probability[drawn] * self.negatives), dtype=x.dtype, device=x.device
                )
                negatives = torch.from_numpy(drawn).to(self.device)
                return sampled_softmax(hidden, target, vectors, negatives, log_q)

            train([vectors, *weights.values()], loss, len(windows), self, rng)
        arrays: dict[str, F32] = {name: w.detach().cpu().numpy() for name, w in weights.items()}
        return self.frozen(vectors.detach().cpu().numpy(), popularity_bias(data.counts), arrays)

    def new_weights(self, g: torch.Generator) -> Weights:
        """New weights of the layers, by their names in the served model."""
        raise NotImplementedError

    def states(self, x: Tensor, weights: Mapping[str, Tensor], g: torch.Generator | None) -> Tensor:
        """(b, L, d) the state after each item, from the items' vectors (b, L, d)."""
        raise NotImplementedError

    def frozen(self, vectors: F32, bias: F32, weights: dict[str, F32]) -> SequenceModel:
        """The model that is served."""
        raise NotImplementedError


def windows_of(data: Sequences, length: int) -> I32:
    """(w, length + 1) the sequences of at least two items, in order of time, ``EMPTY`` after the last.

    Longer ones are cut into windows that overlap by one item, so that every entry but the first is
    predicted once.
    """
    parts = [np.empty((0, length + 1), np.int32)]
    start, end = data.start[:-1], data.start[1:]
    while True:
        unfinished = end - start > 1
        if not unfinished.any():
            return np.concatenate(parts)
        start, end = start[unfinished], end[unfinished]
        stop = np.minimum(end, start + length + 1)
        index = stop[:, None] - 1 - np.arange(length + 1)
        rows = np.where(index >= start[:, None], data.items[np.maximum(index, 0)], EMPTY).astype(np.int32)
        parts.append(in_order(rows, length + 1)[0])
        start = stop - 1
