"""Values of states and slates, and the training that all value learners share.

The value of a slate is that of the state plus the gains of its items, as in a dueling network (Wang et al.
2016)::

    Q(s, A) = V0(s) + sum over slots j of weight_j x gain(s, i_j)

The weight is how often slot j is looked at (:mod:`.dqn`) or the probability that its item is chosen
(:mod:`.slateq`). V0 takes up what all slates have in common, so the gains only tell items apart.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...core.batches import Interactions
from ...core.errors import InvalidInput, in_range
from ...policies.explorers import PlackettLuceRanking
from ...policies.policy import SlatePolicy
from ..network import Network, one_thread, torch_generator
from ..task import Task
from .batch_tensors import BatchTensors, Discount, check_finite, next_state
from .replay import Replay

MAX_GRADIENT = 10.0


class SlateValue(nn.Module):
    """Two networks: V0 of a request, gain of a request and an item."""

    def __init__(self, tensors: BatchTensors, hidden: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        device = tensors.device
        width = len(tensors.state_features)
        self.base = Network(width, hidden=hidden, generator=generator, device=device)
        width = len(tensors.task.network_features)
        self.gain = Network(width, hidden=hidden, generator=generator, device=device)

    def state_value(self, state: Tensor) -> Tensor:
        """(n,) from (n, S)."""
        return rowwise(self.base, state)

    def item_gain(self, pairs: Tensor) -> Tensor:
        """(n, j) from (n, j, D)."""
        return rowwise(self.gain, pairs)


def rowwise(network: nn.Module, x: Tensor) -> Tensor:
    """The network at every row of the last axis: (...,) from (..., D)."""
    out: Tensor = network(x.flatten(0, -2)).reshape(x.shape[:-1])
    return out


def gradient_step(optimiser: torch.optim.Optimizer, loss: Tensor) -> float:
    """One optimiser step with a clipped gradient; returns the loss.

    Raises:
        InvalidInput: it is not finite.
    """
    value = float(loss.detach())
    if not np.isfinite(value):
        raise InvalidInput("rl.loss", value, "training diverged: lower its step or scale its rewards")
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    for group in optimiser.param_groups:
        nn.utils.clip_grad_norm_(group["params"], MAX_GRADIENT)
    optimiser.step()
    return value


class ReplayAgent:
    """Learns from samples of a replay buffer.

    Args:
        hidden: widths of the networks' inner layers.
        step: of Adam.
        capacity: interactions kept.
        batch, updates: interactions per gradient step; gradient steps per call of ``learn``.
        device: ``cpu`` or ``cuda``.
    """

    name: str

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
    ) -> None:
        in_range("rl.step", step, 0.0, 10.0, open_low=True)
        in_range("rl.batch", batch, 1, 2**20)
        in_range("rl.updates", updates, 0, 2**20)
        self.task, self.rng, self.batch, self.updates = task, rng, batch, updates
        self.tensors, self.replay = BatchTensors(task, device), Replay(capacity)
        self.hidden, self.step, self.device = tuple(hidden), step, device

    @one_thread()
    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Add the batch to the replay buffer, then take ``updates`` gradient steps on samples of it.

        Raises:
            InvalidInput: the batch lacks something that the agent learns from, or a number is not finite.
        """
        self.check(batch)
        if len(batch):
            if not len(self.replay):
                self.standardise(batch)
            self.replay.add(batch)
        updates = self.updates if len(self.replay) else 0
        losses = [self.improve(self.replay.sample(self.batch, self.rng)) for _ in range(updates)]
        return {"loss": float(np.mean(losses)) if losses else 0.0, "remembered": float(len(self.replay))}

    def check(self, batch: Interactions) -> None:
        """Raise :class:`InvalidInput` if the agent cannot learn from the batch."""
        check_finite("interactions.requests", batch.requests)

    def standardise(self, batch: Interactions) -> None:
        """Set the means and scales of all inputs from the first batch."""
        raise NotImplementedError

    def improve(self, batch: Interactions) -> float:
        """One gradient step on a sample; returns the loss."""
        raise NotImplementedError

    def policy(self) -> SlatePolicy:
        """What the agent would do now, frozen."""
        raise NotImplementedError


class ExploringAgent(ReplayAgent):
    """A :class:`ReplayAgent` whose policy ranks items and explores a little.

    Args:
        decay, floor: of :class:`.PlackettLuceRanking`.
        options: see the other parents.
    """

    def __init__(
        self, task: Task, rng: np.random.Generator, *, decay: float = 3.0, floor: float = 0.1, **options: Any
    ) -> None:
        super().__init__(task, rng, **options)
        self.explorer = PlackettLuceRanking(decay, floor)


class ValueAgent(ReplayAgent):
    """Learns by temporal differences against a target network.

    The target of a page is its reward plus the discounted value of the best next slate. That slate is
    chosen by the learner and evaluated by the target network (double DQN: van Hasselt et al. 2016, eq. 4),
    which moves ``tau`` of the way to the learner after each step (Lillicrap et al. 2016, sec. 3).

    Args:
        gamma, daily: see :class:`.Discount`.
        tau: in (0, 1].
        options: see :class:`ReplayAgent`.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        gamma: float = 0.99,
        daily: float = 1.0,
        tau: float = 0.01,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, **options)
        in_range("rl.tau", tau, 0.0, 1.0, open_low=True)
        self.discount, self.tau = Discount(gamma, daily), tau
        self.values = SlateValue(self.tensors, self.hidden, torch_generator(rng))
        self.target = copy.deepcopy(self.values)
        self.optimiser = torch.optim.Adam(self.values.parameters(), lr=self.step)

    def check(self, batch: Interactions) -> None:
        next_state(batch)

    def standardise(self, batch: Interactions) -> None:
        tensors, requests = self.tensors, batch.requests
        state, pairs = tensors.state(requests), tensors.candidate_pairs(requests)
        for values in (self.values, self.target):
            values.base.standardise(state.cpu().double().numpy())
            values.gain.standardise(pairs.cpu().double().numpy())

    def improve(self, batch: Interactions) -> float:
        loss = gradient_step(self.optimiser, self.loss(batch))
        self.update_target()
        return loss

    def update_target(self) -> None:
        """Move the target network towards the learner."""
        with torch.no_grad():
            for target_weight, weight in zip(self.target.parameters(), self.values.parameters()):
                target_weight.lerp_(weight, self.tau)

    def targets(self, batch: Interactions) -> Tensor:
        """(n,) reward of the page plus the discounted value of the next state."""
        with torch.no_grad():
            discounts = self.tensors.on_device(self.discount.factors(batch))
            next_values = torch.where(discounts > 0, discounts * self.next_value(batch), 0.0)
            return self.tensors.on_device(batch.reward.sum(axis=1)) + next_values

    def loss(self, batch: Interactions) -> Tensor:
        """The loss of a sample, a scalar."""
        raise NotImplementedError

    def next_value(self, batch: Interactions) -> Tensor:
        """(n,) the value of the best slate of ``batch.next``."""
        raise NotImplementedError
