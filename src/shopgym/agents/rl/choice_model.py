"""A model of how users choose from a slate, learnt from clicks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions
from ...core.errors import InvalidInput, in_range, one_of
from ...policies.scorers.slate_value import CHOICES
from ..network import Network
from .batch_tensors import BatchTensors
from .values import gradient_step, rowwise


class UserChoiceModel:
    """P(item of slot j is chosen | request, slate), a network of logits c.

    - ``independent``: attention_j x sigmoid(c_i) for each slot independently (position-based model: Craswell
      et al. 2008); several items may be chosen;
    - ``logit``: attention_j e^c_i / (1 + sum over l of attention_l e^c_l), at most one item is chosen
      (conditional logit; Ie et al. 2019). If c > 1 items of a page were chosen, each counts 1 / c.
    """

    def __init__(
        self,
        tensors: BatchTensors,
        model: str,
        hidden: Sequence[int],
        step: float,
        generator: torch.Generator,
    ) -> None:
        one_of("rl.choice", model, CHOICES)
        in_range("rl.step", step, 0.0, 10.0, open_low=True)
        self.tensors, self.model = tensors, model
        width = len(tensors.task.network_features)
        self.network = Network(width, hidden=hidden, generator=generator, device=tensors.device)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=step)

    def standardise(self, batch: Interactions) -> None:
        """Set the means and scales of the inputs from the candidates of this batch."""
        self.network.standardise(self.tensors.candidate_pairs(batch.requests).cpu().double().numpy())

    def chosen(self, batch: Interactions) -> Tensor:
        """(n, k) 1 where ``events["click"]``; under ``logit`` divided by the number of clicks on the page."""
        clicks = batch.events.get("click")
        if clicks is None:
            raise InvalidInput("interactions.events", sorted(batch.events), "give events['click']")
        clicked = np.where(batch.decisions.slates >= 0, clicks > 0, 0.0)
        if self.model == "logit":
            clicked = clicked / np.maximum(clicked.sum(axis=1, keepdims=True), 1.0)
        return self.tensors.on_device(clicked)

    def probabilities(self, logits: Tensor, slot_attention: Tensor) -> Tensor:
        """(n, k) from logits (n, k) and the attention (n, k) of each filled slot, 0 where it is empty."""
        if self.model == "independent":
            return slot_attention * torch.sigmoid(logits)
        weight = slot_attention * logits.clamp(-30.0, 30.0).exp()
        return weight / (1.0 + weight.sum(1, keepdim=True))

    def gradient_step(self, batch: Interactions) -> float:
        """One gradient step on the likelihood of the clicks; returns the mean loss of a page."""
        tensors, slates = self.tensors, batch.decisions.slates
        slot_attention = tensors.on_device(slates >= 0) * tensors.attention
        probability = self.probabilities(
            rowwise(self.network, tensors.pairs(batch.requests, slates)), slot_attention
        )
        chosen, tiny = self.chosen(batch), 1e-7
        log_probability = torch.log(probability.clamp(min=tiny))
        if self.model == "independent":
            loss = -(
                chosen * log_probability + (1 - chosen) * torch.log1p(-probability.clamp(max=1 - tiny))
            ).sum(1)
        else:
            nothing_chosen = (1 - chosen.sum(1)) * torch.log1p(-probability.sum(1).clamp(max=1 - tiny))
            loss = -(chosen * log_probability).sum(1) - nothing_chosen
        return gradient_step(self.optimiser, loss.mean())
