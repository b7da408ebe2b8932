"""Deep Q-learning of slates whose value is the sum of its slots."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions
from ...policies.policy import SlatePolicy
from ..network import scorer_of
from .batch_tensors import gather_filled, next_state, top_k
from .values import ExploringAgent, SlateValue, ValueAgent


class AdditiveValueAgent(ValueAgent):
    """A :class:`.ValueAgent` with Q(s, A) = V0(s) + sum over j of attention_j x gain(s, i_j)."""

    def slate_value(self, batch: Interactions, values: SlateValue) -> Tensor:
        """(n,) Q of the slates that were shown, under ``values``: the learner's or the target's."""
        tensors, requests, slates = self.tensors, batch.requests, batch.decisions.slates
        gain = values.item_gain(tensors.pairs(requests, slates))
        shown = tensors.on_device(slates >= 0) * tensors.attention
        return values.state_value(tensors.state(requests)) + (gain * shown).sum(1)

    def loss(self, batch: Interactions) -> Tensor:
        return (self.slate_value(batch, self.values) - self.targets(batch)).square().mean()


class DQN(ExploringAgent, AdditiveValueAgent):
    """Q(s, A) = V0(s) + sum over j of attention_j x gain(s, i_j), learnt by double DQN (Mnih et al. 2015).

    Because the value is a sum over slots (value decomposition: Sunehag et al. 2018), the best slate is the
    top k by gain. ``gamma=0`` learns rewards of pages only.

    Options are those of :class:`.ValueAgent` and :class:`.ExploringAgent`.
    """

    name = "dqn"

    def next_value(self, batch: Interactions) -> Tensor:
        following, _ = next_state(batch)
        tensors = self.tensors
        pairs = tensors.pairs(following, following.candidates)
        best = top_k(self.values.item_gain(pairs), tensors.allowed(following), self.task.slate_size)
        gain = gather_filled(self.target.item_gain(pairs), best)
        return self.target.state_value(tensors.state(following)) + (
            gain * tensors.slot_attention(following)
        ).sum(1)

    def policy(self) -> SlatePolicy:
        """Ranks items by gain."""
        task = self.task
        with torch.no_grad():
            scorer = scorer_of([self.values.gain], task, value=np.ones(len(task.items)))
        return task.policy(self.name, scorer, self.explorer)
