"""Two towers: users and items meet as vectors that are made from what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
from ._torch import check_device, constant, descend, dropout, generator_of, normal
from .data import Sequences


@dataclass(frozen=True, eq=False)
class TwoTower:
    """In-batch softmax with the correction for how often an item is in a batch (Yi et al. 2019, eq. 5).

    An item's vector is unit(relu(features W_1 + b_1) W_2 + e), where e is the item's own; e starts at
    zero and is left out at random for ``forget`` of the items in a batch, so that the features learn to
    speak for those which nobody has met yet (as Volkovs, Yu & Poutanen 2017). A query's is described at
    :class:`.TwoTowerModel`. A score is the two vectors' cosine x ``sharpness``; the loss takes the log of how
    often its item is expected among the negatives off it. Some negatives are drawn evenly from the
    catalogue, or nothing would hold down what is never clicked (Yang et al. 2020).

    Attributes:
        features: (N, f) float32, what is known of each item.
        dim, width: of the vectors, and of the hidden layers.
        length: how many of the items before are averaged.
        sharpness: 1 / temperature.
        forget: share of items whose own vector is left out in training.
        even: negatives of each step that are drawn evenly from the catalogue.
        epochs, batch, rate, decay, dropout: as in :class:`.Sequential`; a row of a batch is one
            interaction with what came before it.
        device: ``cpu`` or ``cuda``.
    """

    features: F32 = field(repr=False)
    dim: int = 64
    width: int = 128
    length: int = 20
    sharpness: float = 10.0
    forget: float = 0.5
    even: int = 256
    epochs: int = 10
    batch: int = 512
    rate: float = 0.002
    decay: float = 0.01
    dropout: float = 0.1
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or not np.isfinite(self.features).all():
            raise InvalidInput("two_tower.features", self.features.shape, "give (N, f) finite numbers")
        in_range("two_tower.dim", self.dim, 1, 4096)
        in_range("two_tower.width", self.width, 1, 65_536)
        in_range("two_tower.length", self.length, 1, 10_000)
        in_range("two_tower.sharpness", self.sharpness, 0.0, 1e4, open_low=True)
        in_range("two_tower.forget", self.forget, 0.0, 1.0)
        in_range("two_tower.even", self.even, 0, 1_000_000)
        in_range("two_tower.epochs", self.epochs, 1, 100_000)
        in_range("two_tower.batch", self.batch, 2, 1_000_000)
        in_range("two_tower.rate", self.rate, 0.0, 10.0, open_low=True)
        in_range("two_tower.decay", self.decay, 0.0, 10.0)
        in_range("two_tower.dropout", self.dropout, 0.0, 1.0, open_high=True)
        check_device(self.device)

    def fit(self, data: Sequences, rng: Generator) -> TwoTowerModel:
        """See :class:`.Recommender`; the users' features, if ``data`` has them, are part of the query."""
        if len(self.features) != data.num_items:
            raise InvalidInput("two_tower.features", self.features.shape, f"give {data.num_items} rows")
        with one_thread():
            g = generator_of(rng, self.device)
            known, _, _ = _standard(self.features)
            user = np.zeros((len(data), 0), np.float32) if data.user is None else data.user
            about, centre, scale = _standard(user)
            u, f, d, w = about.shape[1], known.shape[1], self.dim, self.width
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
            often = self.batch * data.counts / max(len(data.items), 1) + self.even / data.num_items
            log_q = torch.tensor(np.log(np.maximum(often, 1e-12)), dtype=torch.float32, device=self.device)
            x = torch.from_numpy(known).to(self.device)
            people = torch.from_numpy(about).to(self.device)
            met = torch.from_numpy((data.counts > 0)[:, None]).to(self.device)

            def vectors(keep: Tensor) -> Tensor:
                inner = relu(x @ items["first"] + items["first_bias"])
                return normalize(inner @ items["second"] + keep * items["own"], dim=1)

            def loss(some: Any) -> Tensor:
                kept = torch.rand((len(x), 1), generator=g, device=g.device) >= self.forget
                v = vectors(met * kept)
                rows = torch.from_numpy(history[some]).long().to(self.device)
                real = (rows >= 0)[:, :, None]
                mean = (v[rows.clamp(min=0)] * real).sum(1) / real.sum(1).clamp(min=1)
                given = dropout(torch.cat([mean, people[owner[some]]], 1), self.dropout, g)
                q = relu(given @ query["first"] + query["first_bias"])
                q = normalize(q @ query["second"] + query["second_bias"], dim=1) * self.sharpness
                answer = torch.from_numpy(target[some]).long().to(self.device)
                drawn = torch.randint(data.num_items, (self.even,), generator=g, device=g.device)
                others = torch.cat([answer, drawn])
                score = q @ v[others].T - log_q[others]
                # the same item in another place is no other item
                same = answer[:, None] == others[None, :]
                right = torch.arange(len(some), device=score.device)
                same[right, right] = False
                return torch.nn.functional.cross_entropy(score.masked_fill(same, float("-inf")), right)

            descend(
                [*items.values(), *query.values()],
                loss,
                rows=len(target),
                batch=self.batch,
                epochs=self.epochs,
                rate=self.rate,
                decay=self.decay,
                rng=rng,
            )
            with torch.no_grad():
                final = vectors(met).cpu().numpy()
        arrays = {name: weight.detach().cpu().numpy() for name, weight in query.items()}
        bias = np.zeros(data.num_items, np.float32)
        return TwoTowerModel(
            final, bias, **arrays, centre=centre, scale=scale, sharpness=float(self.sharpness)
        )


def _examples(data: Sequences, length: int) -> tuple[Any, Any, Any]:
    """Every entry, the first of a sequence too: (histories (r, length), targets (r,), owner (r,)).

    What is repeated in a history counts once, as in serving.
    """
    history, target, owner = data.steps(length)
    first = data.start[:-1][np.diff(data.start) > 0]
    alone = np.full((len(first), length), EMPTY, np.int32)
    every = np.concatenate([distinct(history), alone])
    return every, np.concatenate([target, data.items[first]]), np.concatenate([owner, data.owner[first]])


def _standard(values: F32) -> tuple[F32, F32, F32]:
    """(columns of mean 0 and standard deviation 1, mean, deviation); a constant column stays 0."""
    some = values if len(values) else np.zeros((1, values.shape[1]))
    centre, scale = some.mean(axis=0, dtype=np.float64), some.std(axis=0, dtype=np.float64)
    centre, scale = centre.astype(np.float32), np.where(scale > 1e-12, scale, 1.0).astype(np.float32)
    return (values - centre) / scale, centre, scale
