"""SlateQ: the long-term value of a slate from the long-term values of its items once chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions
from ...core.errors import one_of
from ...policies.policy import SlatePolicy
from ...policies.scorers import SlateValueScorer
from ...policies.scorers.slate_value import BEST, first_k, slate_scores
from ..network import scorer_of, torch_generator
from ..task import Task
from .batch_tensors import gather_filled, next_state
from .choice_model import UserChoiceModel
from .values import ExploringAgent, ValueAgent, rowwise


class SlateQ(ExploringAgent, ValueAgent):
    """Q(s, A) = sum over i of P(i | s, A) Q(s, i), choosing nothing included (Ie et al. 2019, proposition 1).

    Reward and what comes next are assumed to depend on a slate only through what is chosen of it (their
    assumptions SC and RTDS). Here Q(s, nothing) = V0(s) and Q(s, i) = V0(s) + gain(s, i), so

        Q(s, A) = V0(s) + sum over slots j of P(i_j chosen | s, A) gain(s, i_j),

    P is learnt from clicks (:class:`.UserChoiceModel`), V0 and gain from what was really chosen: the target
    is the reward of the page plus the discounted value of the best next slate (their Q-learning update).
    The gains of several choices on one page add up.

    Args:
        choice: ``independent`` (the shop's own: several clicks) or ``logit`` (the paper's: at most one).
        best: how slates are composed under ``logit``: ``top_k``, ``greedy`` or ``exact``, see
            :class:`.SlateValueScorer`, which knows no guards but stock.
        options: see :class:`.ValueAgent` and :class:`.ExploringAgent`.
    """

    name = "slateq"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        choice: str = "independent",
        best: str = "top_k",
        **options: Any,
    ) -> None:
        super().__init__(task, rng, **options)
        one_of("slateq.best", best, BEST)
        self.best = best
        self.choice = UserChoiceModel(self.tensors, choice, self.hidden, self.step, torch_generator(rng))

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """As :class:`.ValueAgent`, with as many gradient steps for the choice model."""
        self.choice.chosen(batch)  # raises for a batch without clicks, before anything is learnt
        return super().learn(batch)

    def standardise(self, batch: Interactions) -> None:
        super().standardise(batch)
        self.choice.standardise(batch)

    def loss(self, batch: Interactions) -> Tensor:
        self.choice.gradient_step(batch)
        tensors, requests = self.tensors, batch.requests
        gain = self.values.item_gain(tensors.pairs(requests, batch.decisions.slates))
        value = self.values.state_value(tensors.state(requests)) + (self.choice.chosen(batch) * gain).sum(1)
        return (value - self.targets(batch)).square().mean()

    def next_value(self, batch: Interactions) -> Tensor:
        following, _ = next_state(batch)
        tensors, choice = self.tensors, self.choice
        pairs = tensors.pairs(following, following.candidates)
        logits = rowwise(choice.network, pairs)
        best = self._best(logits, self.values.item_gain(pairs), tensors.allowed(following))
        probability = choice.probabilities(
            gather_filled(logits, best), tensors.slot_attention(following) * (best >= 0)
        )
        gain = gather_filled(self.target.item_gain(pairs), best)
        return self.target.state_value(tensors.state(following)) + (probability * gain).sum(1)

    def _best(self, logits: Tensor, gain: Tensor, allowed: Tensor) -> Tensor:
        """(n, k) positions of the best slate, by the code that the frozen policy runs."""
        mask = allowed.cpu().numpy()
        choice_logits, gains = (part.detach().cpu().double().numpy() for part in (logits, gain))
        scores = slate_scores(choice_logits, gains, mask, self.task.attention, self.choice.model, self.best)
        best = first_k(scores, mask, self.task.slate_size)
        return torch.as_tensor(best, device=self.tensors.device).long()

    def policy(self) -> SlatePolicy:
        """The best slate by the present models."""
        task, ones = self.task, np.ones(len(self.task.items))
        with torch.no_grad():
            choice = scorer_of([self.choice.network], task, value=ones)
            gain = scorer_of([self.values.gain], task, value=ones)
        scorer = SlateValueScorer(choice, gain, task.attention.copy(), self.choice.model, self.best)
        return task.policy(self.name, scorer, self.explorer)
