"""How users choose, learnt from clicks; and the agent that looks no further than the click."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions
from ...core.errors import InvalidInput, in_range, one_of
from ...policies.explorers import PlackettLuceRanking
from ...policies.policy import SlatePolicy
from ...policies.scorers.slate_value import CHOICES
from ..network import Network, one_thread, scorer_of, torch_generator
from ..task import Task
from .batch_tensors import BatchTensors, check_finite
from .replay import Replay
from .values import each, improve


class Choice:
    """P(item of slot j is chosen | request, slate), a network of logits c.

    - ``independent``: attention_j x sigmoid(c_i), each slot by itself (position-based model: Craswell et al.
      2008); several may be chosen;
    - ``logit``: attention_j e^c_i / (1 + sum over l of attention_l e^c_l), at most one is chosen (conditional
      logit; Ie et al. 2019). Where the data have c > 1 choices on a page, each counts as 1 / c.
    """

    def __init__(
        self, views: BatchTensors, model: str, hidden: Sequence[int], step: float, generator: torch.Generator
    ) -> None:
        one_of("rl.choice", model, CHOICES)
        in_range("rl.step", step, 0.0, 10.0, open_low=True)
        self.views, self.model = views, model
        width = len(views.task.network_features)
        self.network = Network(width, hidden=hidden, generator=generator, device=views.device)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=step)

    def chosen(self, batch: Interactions) -> Tensor:
        """(n, k) how far each slot was chosen: ``events["click"]``, shared where only one can be."""
        clicks = batch.events.get("click")
        if clicks is None:
            raise InvalidInput("interactions.events", sorted(batch.events), "give events['click']")
        clicked = np.where(batch.decisions.slates >= 0, clicks > 0, 0.0)
        if self.model == "logit":
            clicked = clicked / np.maximum(clicked.sum(axis=1, keepdims=True), 1.0)
        return self.views.tensor(clicked)

    def probabilities(self, logits: Tensor, reach: Tensor) -> Tensor:
        """(n, k) from logits (n, k) and the attention of each filled slot, 0 where it is empty."""
        if self.model == "independent":
            return reach * torch.sigmoid(logits)
        weight = reach * logits.clamp(-30.0, 30.0).exp()
        return weight / (1.0 + weight.sum(1, keepdim=True))

    def improve(self, batch: Interactions) -> float:
        """One step up the likelihood of the clicks; returns the mean loss of a page."""
        views, slates = self.views, batch.decisions.slates
        reach = views.tensor(slates >= 0) * views.attention
        chance = self.probabilities(each(self.network, views.pairs(batch.requests, slates)), reach)
        chosen, tiny = self.chosen(batch), 1e-7
        yes = torch.log(chance.clamp(min=tiny))
        if self.model == "independent":
            loss = -(chosen * yes + (1 - chosen) * torch.log1p(-chance.clamp(max=1 - tiny))).sum(1)
        else:
            none = (1 - chosen.sum(1)) * torch.log1p(-chance.sum(1).clamp(max=1 - tiny))
            loss = -(chosen * yes).sum(1) - none
        return improve(self.optimiser, loss.mean())


class GreedyClicks:
    """Shows what is clicked most: the ``independent`` model of choice and nothing else.

    The myopic rival of those that look ahead. Needs no ``next``; learns from ``events["click"]``.

    Args:
        hidden, step, capacity, batch, updates, device, decay, floor: see :class:`.ValueAgent`.
    """

    name = "greedy_clicks"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        hidden: Sequence[int] = (64, 32),
        step: float = 1e-3,
        capacity: int = 100_000,
        batch: int = 256,
        updates: int = 2,
        device: str = "cpu",
        decay: float = 3.0,
        floor: float = 0.1,
    ) -> None:
        self.task, self.rng, self.explorer = task, rng, PlackettLuceRanking(decay, floor)
        self.batch, self.updates = batch, updates
        self.views, self.replay = BatchTensors(task, device), Replay(capacity)
        self.choice = Choice(self.views, "independent", hidden, step, torch_generator(rng))

    @one_thread()
    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Remember the batch, then take ``updates`` steps."""
        check_finite("interactions.requests", batch.requests)
        if len(batch):
            if not len(self.replay):
                self.choice.network.standardise(self.views.each_pair(batch.requests).cpu().double().numpy())
            self.replay.add(batch)
        losses = [
            self.choice.improve(self.replay.sample(self.batch, self.rng))
            for _ in range(self.updates if len(self.replay) else 0)
        ]
        return {"loss": float(np.mean(losses)) if losses else 0.0, "remembered": float(len(self.replay))}

    def policy(self) -> SlatePolicy:
        """Items by the probability of a click."""
        task = self.task
        scorer = scorer_of([self.choice.network], task, link="logistic", value=np.ones(len(task.items)))
        return task.policy(self.name, scorer, self.explorer)
