"""Two towers: vectors of users and of items, computed from their features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn.functional import normalize, relu

from ...core.batches import EMPTY
from ...core.errors import InvalidInput, in_range
from ...core.types import F32
from ...policies.retrieval import TwoTowerModel
from ...policies.retrieval.model import distinct
from ..network import one_thread
from ._torch import Training, constant, device_generator, dropout, normal, train
from .data import Sequences


@dataclass(frozen=True, eq=False)
class TwoTower(Training):
    """In-batch softmax, corrected for how often an item is in a batch (Yi et al. 2019, eq. 5).

    An item's vector is unit(relu(features W_1 + b_1) W_2 + e), where e is the item's own vector. e starts at
    zero and is left out at random for a share ``forget`` of the items in each step, so that the features are
    enough for new items (Volkovs, Yu & Poutanen 2017). The query's vector is described at
    :class:`.TwoTowerModel`. A score is the cosine of the two vectors x ``sharpness``. The loss subtracts from
    it the log of how often its item is expected among the negatives. Some negatives are drawn uniformly from
    the catalogue, to lower the scores of items that are never clicked (Yang et al. 2020).

    Attributes:
        features: (N, f) float32, of the items.
        width: of the hidden layers.
        sharpness: 1 / temperature.
        forget: share of items whose own vector is left out in training.
        even: negatives of each step that are drawn uniformly from the catalogue.

    The others are those of :class:`.Training`; a row of a batch is an interaction with the history before it.
    """

    prefix: ClassVar[str] = "two_tower"
    least_batch: ClassVar[int] = 2
    features: F32 = field(repr=False)
    width: int = 128
    sharpness: float = 10.0
    forget: float = 0.5
    even: int = 256
    batch: int = field(default=512, kw_only=True)
    decay: float = field(default=0.01, kw_only=True)
    dropout: float = field(default=0.1, kw_only=True)

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or not np.isfinite(self.features).all():
            raise InvalidInput("two_tower.features", self.features.shape, "give (N, f) finite numbers")
        super().__post_init__()
        in_range("two_tower.width", self.width, 1, 65_536)
        in_range("two_tower.sharpness", self.sharpness, 0.0, 1e4, open_low=True)
        in_range("two_tower.forget", self.forget, 0.0, 1.0)
        in_range("two_tower.even", self.even, 0, 1_000_000)

    def fit(self, data: Sequences, rng: Generator) -> TwoTowerModel:
        """See :class:`.Recommender`; the users' features, if ``data`` has them, are part of the query."""
        if len(self.features) != data.num_items:
            raise InvalidInput("two_tower.features", self.features.shape, f"give {data.num_items} rows")
        with one_thread():
            g = device_generator(rng, self.device)
            item_features, _, _ = _standard(self.features)
            user = np.zeros((len(data), 0), np.float32) if data.user is None else data.user
            user_features, centre, scale = _standard(user)
            u, f, d, w = user_features.shape[1], item_features.shape[1], self.dim, self.width
            items = {
                "first": normal((f, w), max(f, 1) ** -0.5, g),
                "first_bias": constant((w,), 0.0, g),
                "second": normal((w, d), w**-0.5, g),
                "own": constant((data.num_items, d), 0.0, g),
            }
            query = {
                "first": normal((d + u, w), (d + u) ** -0.5, g),
                "first_bias": constant((w,), 0.0, g),
                "second": normal((w, d), w**-0.5, g),
                "second_bias": constant((d,), 0.0, g),
            }
            history, target, owner = _examples(data, self.length)
            expected_count = self.batch * data.counts / max(len(data.items), 1) + self.even / data.num_items
            log_q = torch.tensor(
                np.log(np.maximum(expected_count, 1e-12)), dtype=torch.float32, device=self.device
            )
            x = torch.from_numpy(item_features).to(self.device)
            users = torch.from_numpy(user_features).to(self.device)
            seen = torch.from_numpy((data.counts > 0)[:, None]).to(self.device)

            def vectors(keep: Tensor) -> Tensor:
                inner = relu(x @ items["first"] + items["first_bias"])
                return normalize(inner @ items["second"] + keep * items["own"], dim=1)

            def loss(batch_rows: Any) -> Tensor:
                uses_own = torch.rand((len(x), 1), generator=g, device=g.device) >= self.forget
                v = vectors(seen * uses_own)
                rows = torch.from_numpy(history[batch_rows]).long().to(self.device)
                real = (rows >= 0)[:, :, None]
                mean = (v[rows.clamp(min=0)] * real).sum(1) / real.sum(1).clamp(min=1)
                inputs = dropout(torch.cat([mean, users[owner[batch_rows]]], 1), self.dropout, g)
                q = relu(inputs @ query["first"] + query["first_bias"])
                q = normalize(q @ query["second"] + query["second_bias"], dim=1) * self.sharpness
                targets = torch.from_numpy(target[batch_rows]).long().to(self.device)
                drawn = torch.randint(data.num_items, (self.even,), generator=g, device=g.device)
                negatives = torch.cat([targets, drawn])
                score = q @ v[negatives].T - log_q[negatives]
                # a negative that is the target itself is left out
                repeated = targets[:, None] == negatives[None, :]
                diagonal = torch.arange(len(batch_rows), device=score.device)
                repeated[diagonal, diagonal] = False
                return torch.nn.functional.cross_entropy(score.masked_fill(repeated, float("-inf")), diagonal)

            train([*items.values(), *query.values()], loss, len(target), self, rng)
            with torch.no_grad():
                final = vectors(seen).cpu().numpy()
        arrays = {name: weight.detach().cpu().numpy() for name, weight in query.items()}
        bias = np.zeros(data.num_items, np.float32)
        return TwoTowerModel(
            final, bias, **arrays, centre=centre, scale=scale, sharpness=float(self.sharpness)
        )


def _examples(data: Sequences, length: int) -> tuple[Any, Any, Any]:
    """Every entry, with the first of each sequence: (histories (r, length), targets (r,), owner (r,)).

    An item that is repeated in a history counts once, as in serving.
    """
    history, target, owner = data.steps(length)
    starts = data.start[:-1][np.diff(data.start) > 0]
    empty_history = np.full((len(starts), length), EMPTY, np.int32)
    histories = np.concatenate([distinct(history), empty_history])
    return (
        histories,
        np.concatenate([target, data.items[starts]]),
        np.concatenate([owner, data.owner[starts]]),
    )


def _standard(values: F32) -> tuple[F32, F32, F32]:
    """(columns of mean 0 and standard deviation 1, mean, deviation); a constant column stays 0."""
    sample = values if len(values) else np.zeros((1, values.shape[1]))
    centre, scale = sample.mean(axis=0, dtype=np.float64), sample.std(axis=0, dtype=np.float64)
    centre, scale = centre.astype(np.float32), np.where(scale > 1e-12, scale, 1.0).astype(np.float32)
    return (values - centre) / scale, centre, scale
