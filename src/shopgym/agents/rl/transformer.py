"""Decision transformer: imitate what was logged before a high return (Chen et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, scaled_dot_product_attention

from ...core.batches import Interactions, Requests
from ...core.errors import in_range
from ...policies.explorers import Softmax
from ...policies.policy import SlatePolicy
from ...policies.scorers.transformer import EPSILON, TransformerScorer, opened_items, weight_shapes
from ..network import one_thread, to_numpy, torch_generator
from ..task import Task
from .advantages import advantages
from .batch_tensors import BatchTensors, Discount, next_state
from .listwise import slot_log_probs
from .values import gradient_step


class DecisionTransformer:
    """Maximises the likelihood of logged slates given the return that followed and the items opened before.

    The return of a page is the discounted sum of rewards from it to the last page of its episode in the
    batch. It is one token, in standard deviations from the batch's mean. Requests do not carry earlier
    returns and pages, so the tokens between the return and the request are the items opened before
    (``Requests.history``, if given). The policy asks for a return ``ask`` deviations above the mean.

    Args:
        ask: return to ask for, in standard deviations, in [-10, 10].
        gamma, daily: see :class:`.Discount`.
        history: number h of opened items that are read; width: d; blocks: of the transformer.
        epochs, batch, step: passes over each batch of ``learn``, interactions per step, of Adam.
        device: ``cpu`` or ``cuda``.
    """

    name = "decision_transformer"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        ask: float = 1.5,
        gamma: float = 0.99,
        daily: float = 1.0,
        history: int = 10,
        width: int = 32,
        blocks: int = 2,
        epochs: int = 10,
        batch: int = 256,
        step: float = 1e-3,
        device: str = "cpu",
    ) -> None:
        in_range("decision_transformer.ask", ask, -10.0, 10.0)
        in_range("decision_transformer.history", history, 0, 10_000)
        in_range("decision_transformer.width", width, 1, 65_536)
        in_range("decision_transformer.blocks", blocks, 1, 1000)
        in_range("rl.epochs", epochs, 1, 10_000)
        in_range("rl.batch", batch, 1, 2**20)
        in_range("rl.step", step, 0.0, 10.0, open_low=True)
        self.task, self.discount = task, Discount(gamma, daily)
        self.ask, self.history, self.blocks = ask, history, blocks
        self.epochs, self.batch, self.generator = epochs, batch, torch_generator(rng)
        self.tensors = BatchTensors(task, device)
        features = task.items.features
        spread = features.std(axis=0)
        self.centre = self.tensors.on_device(features.mean(axis=0))
        self.spread = self.tensors.on_device(np.where(spread > 1e-6, spread, 1.0))
        self.items = (self.tensors.on_device(features) - self.centre) / self.spread
        states = len(self.tensors.state_features)
        self.mean, self.scale = (
            self.tensors.on_device(np.zeros(states)),
            self.tensors.on_device(np.ones(states)),
        )
        shapes = weight_shapes(states, features.shape[1], width, history, blocks)
        self.weights = {
            name: nn.Parameter(self._initial(name, shape).to(device)) for name, shape in shapes.items()
        }
        self.optimiser = torch.optim.Adam(list(self.weights.values()), lr=step)
        self.standardised = False

    def _initial(self, name: str, shape: tuple[int, ...]) -> Tensor:
        if "norm" in name:
            return torch.stack([torch.ones(shape[1]), torch.zeros(shape[1])])
        if name.endswith("bias") or name == "query":
            return torch.zeros(shape)  # uniform before training
        return torch.randn(shape, generator=self.generator) / float(np.sqrt(shape[0]))

    def scores(self, requests: Requests, goal: Tensor) -> Tensor:
        """(n, m) given the returns asked for, (n,) in standard deviations."""
        w, tensors = self.weights, self.tensors
        opened, valid = opened_items(requests, self.history)
        embedding = self.items @ w["item"] + w["item_bias"]
        state = ((tensors.state(requests) - self.mean) / self.scale) @ w["state"]
        rows = torch.as_tensor(opened, device=tensors.device).long()
        x = torch.cat([(goal[:, None] @ w["goal"])[:, None], embedding[rows], state[:, None]], 1) + w["place"]
        mask = torch.as_tensor(valid, device=tensors.device)[:, None, :]
        for b in range(self.blocks):
            query, key, value = (_normed(x, w[f"{b}_norm"]) @ w[f"{b}_attend"]).chunk(3, dim=-1)
            x = x + scaled_dot_product_attention(query, key, value, attn_mask=mask) @ w[f"{b}_mix"]
            inner = torch.relu(_normed(x, w[f"{b}_norm2"]) @ w[f"{b}_up"] + w[f"{b}_up_bias"])
            x = x + inner @ w[f"{b}_down"] + w[f"{b}_down_bias"]
        query = _normed(x[:, -1], w["norm"]) @ w["query"] + w["query_bias"]
        candidates = torch.as_tensor(np.maximum(requests.candidates, 0), device=tensors.device).long()
        return (embedding[candidates] @ query[:, :, None])[:, :, 0]

    @one_thread()
    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Train ``epochs`` times over the batch; ``loss`` is minus the mean log-likelihood of a slate.

        Raises:
            InvalidInput: the batch has no ``next`` or ``terminated``, or a number is not finite.
        """
        next_state(batch)
        if not len(batch):
            return {"loss": 0.0}
        zeros = np.zeros(len(batch))
        returns = advantages(batch, batch.reward.sum(axis=1), self.discount.factors(batch), zeros, zeros, 1.0)
        if not self.standardised:
            self._standardise(batch)
        # relative to this batch, so that an agent that improves is not asked for less than it has
        goal = self.tensors.on_device((returns - returns.mean()) / (float(returns.std()) or 1.0))
        loss = 0.0
        for _ in range(self.epochs):
            order = torch.randperm(len(batch), generator=self.generator).numpy()
            parts = np.array_split(order, -(-len(order) // self.batch))
            loss = float(np.mean([self._improve(batch.take(rows), goal[rows]) for rows in parts]))
        return {"loss": loss, "return": float(returns.mean())}

    def _standardise(self, batch: Interactions) -> None:
        state = self.tensors.state(batch.requests)
        self.mean, spread = state.mean(0), state.std(0, unbiased=False)
        self.scale = torch.where(spread > 1e-6, spread, 1.0)
        self.standardised = True

    def _improve(self, batch: Interactions, goal: Tensor) -> float:
        positions = torch.as_tensor(batch.decisions.positions, device=self.tensors.device).long()
        scores = self.scores(batch.requests, goal)
        likelihood = slot_log_probs(scores, self.tensors.allowed(batch.requests), positions).sum(1)
        return gradient_step(self.optimiser, -likelihood.mean())

    def policy(self) -> SlatePolicy:
        """What was logged before returns like ``ask``, frozen."""
        task = self.task
        scorer = TransformerScorer(
            self.tensors.state_features,
            task.items,
            {name: to_numpy(values) for name, values in self.weights.items()},
            **{name: to_numpy(getattr(self, name)) for name in ("mean", "scale", "centre", "spread")},
            goal=self.ask,
            history=self.history,
            blocks=self.blocks,
        )
        return task.policy(self.name, scorer, Softmax())


def _normed(x: Tensor, gain_bias: Tensor) -> Tensor:
    return layer_norm(x, x.shape[-1:], gain_bias[0], gain_bias[1], EPSILON)
