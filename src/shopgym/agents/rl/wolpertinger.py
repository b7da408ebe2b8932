"""Q-learning with very many candidates: an actor proposes a point, and its neighbours are evaluated."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...core.batches import Interactions, Requests
from ...core.errors import in_range
from ...policies.policy import SlatePolicy
from ...policies.scorers import ProtoScorer
from ..network import scorer_of, to_numpy, torch_generator
from ..task import Task
from .batch_tensors import gather_filled, next_state, top_k
from .dqn import DQN
from .values import gradient_step


class Wolpertinger(DQN):
    """:class:`.DQN` over the candidates nearest to a proto-action (Dulac-Arnold et al. 2015).

    The actor maps a request to a point in the space of the items' scaled features. It follows the gradient
    of the gain there (deterministic policy gradient: their sec. 4; Silver et al. 2014, eq. 9). A penalty on
    the distance to the item that was shown keeps it near real items. Policy and targets evaluate the
    ``nearest`` candidates to the point instead of all m.

    Args:
        nearest: number of candidates evaluated, at least the slate size.
        pull: weight of the penalty, in units of gain per squared scaled distance.
        options: see :class:`.DQN`.
    """

    name = "wolpertinger"

    def __init__(
        self, task: Task, rng: np.random.Generator, *, nearest: int = 20, pull: float = 0.01, **options: Any
    ) -> None:
        super().__init__(task, rng, **options)
        in_range("wolpertinger.nearest", nearest, task.slate_size, 2**31)
        in_range("wolpertinger.pull", pull, 0.0, 1e6)
        self.nearest, self.pull = nearest, pull
        features = task.items.features.astype(np.float64)
        spread = features.std(axis=0)
        self.centre = self.tensors.on_device(features.mean(axis=0))
        self.spread = self.tensors.on_device(np.where(spread > 1e-6, spread, 1.0))
        self.points = (self.tensors.on_device(features) - self.centre) / self.spread
        self.columns = item_columns(task)
        generator = torch_generator(rng)
        widths = [len(self.tensors.state_features), *self.hidden, features.shape[1]]
        self.layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
        actor = nn.ModuleList(self.layers)
        with torch.no_grad():
            for parameter in actor.parameters():
                bound = (1.0 / parameter.shape[-1]) ** 0.5
                parameter.uniform_(-bound, bound, generator=generator)
        self.actor_optimiser = torch.optim.Adam(actor.to(self.device).parameters(), lr=self.step)

    def proto_action(self, requests: Requests) -> Tensor:
        """(n, f) the point that the actor proposes, scaled like the features in ``self.points``."""
        base = self.values.base
        x = (self.tensors.state(requests) - base.mean) / base.scale
        for layer, linear in enumerate(self.layers):
            x = linear(torch.relu(x) if layer else x)
        return x

    def gain_at(self, requests: Requests, points: Tensor) -> Tensor:
        """(n,) gain at ``points`` (n, f) of scaled features, which need not be those of an item."""
        features = points * self.spread + self.centre
        ones = torch.ones(len(features), 1, device=features.device)
        item_side = torch.cat([ones, features], 1)[:, self.columns].prod(2)
        request_side = self.tensors.on_device(self.task.network_features.request_side(requests))
        gain: Tensor = self.values.gain(request_side * item_side)
        return gain

    def loss(self, batch: Interactions) -> Tensor:
        self._update_actor(batch)
        return super().loss(batch)

    def _update_actor(self, batch: Interactions) -> None:
        """One gradient step of the actor; the gain network is not changed."""
        points = self.proto_action(batch.requests)
        first_item = batch.decisions.slates[:, 0]
        shown = self.points[torch.as_tensor(np.maximum(first_item, 0), device=points.device).long()]
        distance = (points - shown).square().sum(1) * self.tensors.on_device(first_item >= 0)
        for parameter in self.values.gain.parameters():
            parameter.requires_grad_(False)
        gradient_step(
            self.actor_optimiser, (self.pull * distance - self.gain_at(batch.requests, points)).mean()
        )
        for parameter in self.values.gain.parameters():
            parameter.requires_grad_(True)

    def next_value(self, batch: Interactions) -> Tensor:
        following, _ = next_state(batch)
        tensors, k = self.tensors, self.task.slate_size
        rows = torch.as_tensor(np.maximum(following.candidates, 0), device=tensors.device).long()
        distance = (self.points[rows] - self.proto_action(following)[:, None]).square().sum(2)
        nearest = top_k(-distance, tensors.allowed(following), min(self.nearest, rows.shape[1]))
        items = rows.gather(1, nearest.clamp(min=0)).cpu().numpy()
        pairs = tensors.pairs(following, items)
        best = top_k(self.values.item_gain(pairs), nearest >= 0, k)
        gain = gather_filled(self.target.item_gain(pairs), best)
        return self.target.state_value(tensors.state(following)) + (
            gain * tensors.slot_attention(following)
        ).sum(1)

    def policy(self) -> SlatePolicy:
        """Ranks the nearest candidates by gain."""
        task, base = self.task, self.values.base

        scorer = ProtoScorer(
            scorer_of([self.values.gain], task, value=np.ones(len(task.items))),
            self.tensors.state_features,
            tuple((to_numpy(layer.weight.T), to_numpy(layer.bias)) for layer in self.layers),
            mean=to_numpy(base.mean),
            scale=to_numpy(base.scale),
            centre=to_numpy(self.centre),
            spread=to_numpy(self.spread),
            nearest=self.nearest,
        )
        return task.policy(self.name, scorer, self.explorer)


def item_columns(task: Task) -> Tensor:
    """(D, c) for each network feature its columns among [1, item features]; 0 pads."""
    place = {f"item.{name}": column for column, name in enumerate(task.items.feature_names, start=1)}
    rows = [[place[column] for column in term if column in place] for term in task.network_features.terms]
    width = max(1, *(len(row) for row in rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])
