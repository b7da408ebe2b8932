"""What a state and a slate are worth: the part that all value learners share.

A slate's value is that of the state plus what its items add, as in a dueling network (Wang et al. 2016)::

    Q(s, A) = V0(s) + sum over slots j of weight_j x gain(s, i_j)

Learners differ in the weights: how often slot j is looked at (:mod:`.dqn`), or how likely its item is to
be chosen (:mod:`.slateq`). Whoever learns items only learns by how little they differ from one another.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ...core.batches import Interactions
from ...core.errors import InvalidInput, in_range
from ...policies.explorers import PlackettLuceRanking
from ...policies.policy import SlatePolicy
from ..network import Network, one_thread, torch_generator
from ..task import Task
from .batch_tensors import BatchTensors, Discount, what_came_next
from .replay import Replay

MAX_GRADIENT = 10.0


class Values(nn.Module):
    """V0 over what is known of the request, gain over a request and an item."""

    def __init__(self, views: BatchTensors, hidden: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        device = views.device
        width = len(views.state_features)
        self.base = Network(width, hidden=hidden, generator=generator, device=device)
        width = len(views.task.network_features)
        self.gain = Network(width, hidden=hidden, generator=generator, device=device)

    def of_state(self, state: Tensor) -> Tensor:
        """(n,) from (n, S)."""
        return each(self.base, state)

    def of_items(self, pairs: Tensor) -> Tensor:
        """(n, j) from (n, j, D)."""
        return each(self.gain, pairs)


def each(network: nn.Module, x: Tensor) -> Tensor:
    """The network at every row of the last axis: (...,) from (..., D)."""
    out: Tensor = network(x.flatten(0, -2)).reshape(x.shape[:-1])
    return out


def improve(optimiser: torch.optim.Optimizer, loss: Tensor) -> float:
    """One step down the loss, with a bounded gradient; returns the loss.

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


class ValueAgent:
    """Learns from a replay buffer by temporal differences against a slowly following copy of itself.

    The target of a page is its reward plus the discounted value of the best next slate. That slate is
    chosen by the learner and judged by the copy (double DQN: van Hasselt et al. 2016, eq. 4); the copy moves
    ``tau`` of the way after each step (Lillicrap et al. 2016, sec. 3).

    Args:
        gamma, daily: see :class:`.Discount`.
        hidden: widths of the networks' inner layers.
        step: of Adam.
        capacity: interactions kept.
        batch, updates: interactions per gradient step; gradient steps per call of ``learn``.
        tau: in (0, 1].
        device: ``cpu`` or ``cuda``.
        decay, floor: how the ranking is spread, see :class:`.PlackettLuceRanking`.
    """

    name: str

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        gamma: float = 0.99,
        daily: float = 1.0,
        hidden: Sequence[int] = (64, 32),
        step: float = 1e-3,
        capacity: int = 100_000,
        batch: int = 256,
        updates: int = 2,
        tau: float = 0.01,
        device: str = "cpu",
        decay: float = 3.0,
        floor: float = 0.1,
    ) -> None:
        in_range("rl.step", step, 0.0, 10.0, open_low=True)
        in_range("rl.batch", batch, 1, 2**20)
        in_range("rl.updates", updates, 0, 2**20)
        in_range("rl.tau", tau, 0.0, 1.0, open_low=True)
        self.task, self.rng, self.discount = task, rng, Discount(gamma, daily)
        self.views, self.replay = BatchTensors(task, device), Replay(capacity)
        self.batch, self.updates, self.tau = batch, updates, tau
        self.hidden, self.step, self.device = tuple(hidden), step, device
        self.explorer = PlackettLuceRanking(decay, floor)
        self.values = Values(self.views, hidden, torch_generator(rng))
        self.target = copy.deepcopy(self.values)
        self.optimiser = torch.optim.Adam(self.values.parameters(), lr=step)

    @one_thread()
    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Remember the batch, then take ``updates`` steps on samples of what is remembered.

        Raises:
            InvalidInput: the batch does not say what came next, or something in it is not finite.
        """
        what_came_next(batch)
        if len(batch):
            if not len(self.replay):
                self.begin(batch)
            self.replay.add(batch)
        losses = []
        for _ in range(self.updates if len(self.replay) else 0):
            sample = self.replay.sample(self.batch, self.rng)
            losses.append(improve(self.optimiser, self.loss(sample)))
            self.follow()
        return {"loss": float(np.mean(losses)) if losses else 0.0, "remembered": float(len(self.replay))}

    def begin(self, batch: Interactions) -> None:
        """Take means and scales from the first batch."""
        views, requests = self.views, batch.requests
        state, pairs = views.state(requests), views.each_pair(requests)
        for values in (self.values, self.target):
            values.base.standardise(state.cpu().double().numpy())
            values.gain.standardise(pairs.cpu().double().numpy())

    def follow(self) -> None:
        """Let the copy follow."""
        with torch.no_grad():
            for old, new in zip(self.target.parameters(), self.values.parameters()):
                old.lerp_(new, self.tau)

    def goals(self, batch: Interactions) -> Tensor:
        """(n,) reward of the page plus the discounted value of what came next."""
        with torch.no_grad():
            ahead = self.views.tensor(self.discount.of(batch))
            later = torch.where(ahead > 0, ahead * self.next_value(batch), 0.0)
            return self.views.tensor(batch.reward.sum(axis=1)) + later

    def loss(self, batch: Interactions) -> Tensor:
        """Of a sample: a scalar."""
        raise NotImplementedError

    def next_value(self, batch: Interactions) -> Tensor:
        """(n,) the value of the best slate of ``batch.next``."""
        raise NotImplementedError

    def policy(self) -> SlatePolicy:
        """What it would do now, frozen."""
        raise NotImplementedError
