"""SlateQ: what a slate is worth in the long run, from what each item is worth once it is chosen."""

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
from .batch_tensors import gathered, what_came_next
from .choice import Choice
from .values import ValueAgent, each


class SlateQ(ValueAgent):
    """Q(s, A) = sum over i of P(i | s, A) Q(s, i), choosing nothing included (Ie et al. 2019, proposition 1).

    Reward and what comes next are assumed to depend on a slate only through what is chosen of it (their
    assumptions SC and RTDS). Here Q(s, nothing) = V0(s) and Q(s, i) = V0(s) + gain(s, i), so

        Q(s, A) = V0(s) + sum over slots j of P(i_j chosen | s, A) gain(s, i_j),

    P is learnt from clicks (:class:`.Choice`), and V0 and gain from what really was chosen: the goal is the
    reward of the page plus the discounted value of the best next slate (their Q-learning update). The
    gains of several choices on one page add up.

    Args:
        choice: ``independent`` (the shop's own: several clicks) or ``logit`` (the paper's: at most one).
        best: how slates are put together under ``logit``: ``top_k``, ``greedy`` or ``exact``, see
            :class:`.SlateValueScorer`. Guards other than stock are not known there.
        options: see :class:`.ValueAgent`.
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
        self.choice = Choice(self.views, choice, self.hidden, self.step, torch_generator(rng))

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """As :class:`.ValueAgent`, and as many steps for the model of choice."""
        self.choice.chosen(batch)  # refuses a batch without clicks before anything is learnt
        return super().learn(batch)

    def begin(self, batch: Interactions) -> None:
        super().begin(batch)
        self.choice.network.standardise(self.views.each_pair(batch.requests).cpu().double().numpy())

    def loss(self, batch: Interactions) -> Tensor:
        self.choice.improve(batch)
        views, requests = self.views, batch.requests
        gain = self.values.of_items(views.pairs(requests, batch.decisions.slates))
        got = self.values.of_state(views.state(requests)) + (self.choice.chosen(batch) * gain).sum(1)
        return (got - self.goals(batch)).square().mean()

    def next_value(self, batch: Interactions) -> Tensor:
        following, _ = what_came_next(batch)
        views, choice = self.views, self.choice
        pairs = views.pairs(following, following.candidates)
        logits = each(choice.network, pairs)
        best = self._best(logits, self.values.of_items(pairs), views.allowed(following))
        chance = choice.probabilities(gathered(logits, best), views.reach(following) * (best >= 0))
        gain = gathered(self.target.of_items(pairs), best)
        return self.target.of_state(views.state(following)) + (chance * gain).sum(1)

    def _best(self, logits: Tensor, gain: Tensor, allowed: Tensor) -> Tensor:
        """(n, k) positions: the same code that the frozen policy runs."""
        may = allowed.cpu().numpy()
        rates, gains = (part.detach().cpu().double().numpy() for part in (logits, gain))
        scores = slate_scores(rates, gains, may, self.task.attention, self.choice.model, self.best)
        best = first_k(scores, may, self.task.slate_size)
        return torch.as_tensor(best, device=self.views.device).long()

    def policy(self) -> SlatePolicy:
        """The best slate by the present models."""
        task, one = self.task, np.ones(len(self.task.items))
        with torch.no_grad():
            choice = scorer_of([self.choice.network], task, value=one)
            gain = scorer_of([self.values.gain], task, value=one)
        scorer = SlateValueScorer(choice, gain, task.attention.copy(), self.choice.model, self.best)
        return task.policy(self.name, scorer, self.explorer)
