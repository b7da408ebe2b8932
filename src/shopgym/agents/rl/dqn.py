"""Deep Q-learning of slates whose value is the sum of its slots."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions
from ...policies.policy import SlatePolicy
from ..network import scorer_of
from .batch_tensors import gathered, top_k, what_came_next
from .values import ValueAgent, Values


class DQN(ValueAgent):
    """Q(s, A) = V0(s) + sum over j of attention_j x gain(s, i_j), learnt by double DQN (Mnih et al. 2015).

    A sum over slots (value decomposition: Sunehag et al. 2018) makes the best of all slates the top k
    by gain: k! (m over k) slates cost one sort. ``gamma=0`` is the myopic learner of page rewards.

    Options are those of :class:`.ValueAgent`.
    """

    name = "dqn"

    def slate_value(self, batch: Interactions, values: Values) -> Tensor:
        """(n,) Q of the slates that were shown, by the learner's values or the copy's."""
        views, requests, slates = self.views, batch.requests, batch.decisions.slates
        gain = values.of_items(views.pairs(requests, slates))
        shown = views.tensor(slates >= 0) * views.attention
        return values.of_state(views.state(requests)) + (gain * shown).sum(1)

    def loss(self, batch: Interactions) -> Tensor:
        return (self.slate_value(batch, self.values) - self.goals(batch)).square().mean()

    def next_value(self, batch: Interactions) -> Tensor:
        following, _ = what_came_next(batch)
        views = self.views
        pairs = views.pairs(following, following.candidates)
        best = top_k(self.values.of_items(pairs), views.allowed(following), self.task.slate_size)
        gain = gathered(self.target.of_items(pairs), best)
        return self.target.of_state(views.state(following)) + (gain * views.reach(following)).sum(1)

    def policy(self) -> SlatePolicy:
        """Items by gain."""
        task = self.task
        with torch.no_grad():
            scorer = scorer_of([self.values.gain], task, value=np.ones(len(task.items)))
        return task.policy(self.name, scorer, self.explorer)
