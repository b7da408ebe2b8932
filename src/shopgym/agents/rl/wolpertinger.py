"""Q-learning among very many candidates: a proto-item is proposed, only its neighbours are judged."""

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
from ..network import scorer_of, torch_generator
from ..task import Task
from .batch_tensors import gathered, top_k, what_came_next
from .dqn import DQN
from .values import improve


class Wolpertinger(DQN):
    """:class:`.DQN` whose slates come from the candidates nearest to a proto-item (Dulac-Arnold et al. 2015).

    The actor maps a request to a point among the items' features (scaled). It climbs the gain there, a
    deterministic policy gradient (their sec. 4; Silver et al. 2014, eq. 9), kept near real items by a penalty
    on its distance to the one that was shown. Only the ``nearest`` candidates are judged: policy and targets
    run the network on these instead of all m.

    Args:
        nearest: candidates judged, at least the slate size.
        pull: of the penalty, in units of gain per squared scaled distance.
        options: see :class:`.ValueAgent`.
    """

    name = "wolpertinger"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        nearest: int = 20,
        pull: float = 0.01,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, **options)
        in_range("wolpertinger.nearest", nearest, task.slate_size, 2**31)
        in_range("wolpertinger.pull", pull, 0.0, 1e6)
        self.nearest, self.pull = nearest, pull
        features = task.items.features.astype(np.float64)
        spread = features.std(axis=0)
        self.centre = self.views.tensor(features.mean(axis=0))
        self.spread = self.views.tensor(np.where(spread > 1e-6, spread, 1.0))
        self.places = (self.views.tensor(features) - self.centre) / self.spread
        self.columns = item_columns(task)
        generator = torch_generator(rng)
        widths = [len(self.views.state_features), *self.hidden, features.shape[1]]
        self.layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
        actor = nn.ModuleList(self.layers)
        with torch.no_grad():
            for parameter in actor.parameters():
                bound = (1.0 / parameter.shape[-1]) ** 0.5
                parameter.uniform_(-bound, bound, generator=generator)
        self.actors_optimiser = torch.optim.Adam(actor.to(self.device).parameters(), lr=self.step)

    def proto(self, requests: Requests) -> Tensor:
        """(n, f) scaled like :attr:`places`."""
        base = self.values.base
        x = (self.views.state(requests) - base.mean) / base.scale
        for layer, linear in enumerate(self.layers):
            x = linear(torch.relu(x) if layer else x)
        return x

    def gain_at(self, requests: Requests, places: Tensor) -> Tensor:
        """(n,) gain of items that need not exist: ``places`` (n, f) scaled features."""
        raw = places * self.spread + self.centre
        one = torch.ones(len(raw), 1, device=raw.device)
        item_side = torch.cat([one, raw], 1)[:, self.columns].prod(2)
        left = self.views.tensor(self.task.network_features.request_side(requests))
        gain: Tensor = self.values.gain(left * item_side)
        return gain

    def loss(self, batch: Interactions) -> Tensor:
        self._climb(batch)
        return super().loss(batch)

    def _climb(self, batch: Interactions) -> None:
        """One step of the actor; the gain itself stays as it is."""
        places = self.proto(batch.requests)
        first = batch.decisions.slates[:, 0]
        shown = self.places[torch.as_tensor(np.maximum(first, 0), device=places.device).long()]
        far = (places - shown).square().sum(1) * self.views.tensor(first >= 0)
        for parameter in self.values.gain.parameters():
            parameter.requires_grad_(False)
        improve(self.actors_optimiser, (self.pull * far - self.gain_at(batch.requests, places)).mean())
        for parameter in self.values.gain.parameters():
            parameter.requires_grad_(True)

    def next_value(self, batch: Interactions) -> Tensor:
        following, _ = what_came_next(batch)
        views, k = self.views, self.task.slate_size
        rows = torch.as_tensor(np.maximum(following.candidates, 0), device=views.device).long()
        away = (self.places[rows] - self.proto(following)[:, None]).square().sum(2)
        near = top_k(-away, views.allowed(following), min(self.nearest, rows.shape[1]))
        items = rows.gather(1, near.clamp(min=0)).cpu().numpy()
        pairs = views.pairs(following, items)
        best = top_k(self.values.of_items(pairs), near >= 0, k)
        gain = gathered(self.target.of_items(pairs), best)
        return self.target.of_state(views.state(following)) + (gain * views.reach(following)).sum(1)

    def policy(self) -> SlatePolicy:
        """The nearest candidates by gain."""
        task, base = self.task, self.values.base

        def plain(values: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            return np.ascontiguousarray(values.detach().cpu().numpy().copy())

        scorer = ProtoScorer(
            scorer_of([self.values.gain], task, value=np.ones(len(task.items))),
            self.views.state_features,
            tuple((plain(layer.weight.T), plain(layer.bias)) for layer in self.layers),
            plain(base.mean),
            plain(base.scale),
            plain(self.centre),
            plain(self.spread),
            self.nearest,
        )
        return task.policy(self.name, scorer, self.explorer)


def item_columns(task: Task) -> Tensor:
    """(D, c) for each network feature its columns among [1, item features]; 0 pads."""
    place = {f"item.{name}": at for at, name in enumerate(task.items.feature_names, start=1)}
    rows = [[place[column] for column in term if column in place] for term in task.network_features.terms]
    width = max(1, *(len(row) for row in rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])
