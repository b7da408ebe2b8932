"""Networks that explore: epsilon-greedy, by a bootstrap, or by a posterior over the last layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F32, F64
from ...policies.scorers import NetworkScorer
from ..network import Network, fit, one_thread, scorer_of, torch_generator
from ..task import Task
from .bandit import Bandit
from .reward_scale import shown_items
from .ridge import BayesianRidge


def squared(out: Tensor, target: Tensor) -> Tensor:
    """(r,) squared errors."""
    return (out - target) ** 2


class RowBuffer:
    """The latest rows, at most ``size``: x (r, D), y (r, K), attention (r,) and times (r, B).

    ``times`` says how often each of B networks sees the row.
    """

    def __init__(self, size: int, width: int, models: int, scales: int) -> None:
        in_range("memory", size, 1, 1e9)
        self.size = size
        self.x, self.times = np.zeros((0, width), np.float32), np.zeros((0, models), np.float32)
        self.y, self.attention = np.zeros((0, scales)), np.zeros(0)

    def add(self, x: F64, y: F64, attention: F64, times: F64) -> None:
        """Append rows; drop the oldest."""
        keep = slice(-self.size, None)
        self.x = np.concatenate([self.x, x.astype(np.float32)])[keep]
        self.y = np.concatenate([self.y, y])[keep]
        self.attention = np.concatenate([self.attention, attention])[keep]
        self.times = np.concatenate([self.times, times.astype(np.float32)])[keep]


class NeuralAgent(Bandit):
    """B networks f_b of the reward of a slot that is looked at, in units of its spread.

    They are trained after every batch. With y = reward / (value^power x spread), see :class:`.RewardScale`,
    the expected y is attention x f(x), so that the squared error is attention^2 x (y / attention - f)^2.

    Args:
        models: B.
        hidden: widths of the hidden layers.
        step: of Adam (Kingma & Ba 2015).
        passes: after a batch of r rows the networks are trained on passes x r rows drawn from the memory.
        memory: rows that are kept.
        device: ``cpu`` or ``cuda``; the policy needs numpy alone.
        options: see :class:`.Bandit`.
    """

    name = "neural"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        models: int,
        *,
        hidden: Sequence[int] = (64, 32),
        step: float = 3e-3,
        passes: int = 8,
        memory: int = 20_000,
        device: str = "cpu",
        **options: Any,
    ) -> None:
        super().__init__(task, rng, **options)
        in_range(f"{self.name}.models", models, 1, 1000)
        in_range(f"{self.name}.step", step, 0.0, 10.0, open_low=True)
        in_range(f"{self.name}.passes", passes, 1, 1000)
        width = len(task.network_features)
        self.generator, self.passes = torch_generator(rng), passes
        self.networks = [
            Network(width, hidden=hidden, generator=self.generator, device=device) for _ in range(models)
        ]
        self.optimisers = [torch.optim.Adam(network.parameters(), lr=step) for network in self.networks]
        self.memory = RowBuffer(memory, width, models, len(self.scale))

    def times(self, rows: int) -> F64:
        """(rows, B) how often each network sees each new row: once."""
        return np.ones((rows, len(self.networks)))

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Keep the filled slots and train on rows drawn from all that are kept."""
        x, y, attention = self.task.network_rows(batch)
        memory = self.memory
        if len(x) and not len(memory.x):
            for network in self.networks:
                network.standardise(x)
        memory.add(x, self.scale.add(y, shown_items(batch)), attention, self.times(len(x)))
        rows = self.rng.integers(max(len(memory.y), 1), size=self.passes * len(x))
        target = (self.remembered() / memory.attention)[rows]
        train = partial(fit, x=memory.x[rows], y=target, loss=squared, generator=self.generator, batch=128)
        losses = []
        with one_thread():
            for network, optimiser, times in zip(self.networks, self.optimisers, memory.times.T):
                weight = (memory.attention**2 * times)[rows]
                losses.append(train(network, optimiser=optimiser, weight=weight))
        return {"remembered": float(len(memory.y)), "loss": float(np.mean(losses))}

    def remembered(self) -> F64:
        """(r,) the rewards in memory in units of their spread, as it is known now."""
        y: F64 = self.memory.y[:, self.scale.column] / self.scale.spread
        return y

    def scorer(self) -> NetworkScorer:
        """The networks as they are now."""
        return self._scorer(self.networks)

    def _scorer(self, networks: Sequence[Network]) -> NetworkScorer:
        return scorer_of(networks, self.task, value=self.scale.item_scale * self.scale.spread)


class NeuralGreedy(NeuralAgent):
    """The best by one network with probability 1 - epsilon, else uniform.

    Args:
        epsilon: probability of a uniform slate.
        decay: of :class:`.PlackettLuceRanking`.
        options: see :class:`NeuralAgent`.
    """

    name = "neural_greedy"
    fixed_options = ("floor",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        epsilon: float = 0.1,
        decay: float = 20.0,
        **options: Any,
    ) -> None:
        in_range("neural_greedy.epsilon", epsilon, 0.0, 1.0)
        super().__init__(task, rng, 1, decay=decay, floor=epsilon, **options)


class NeuralBootstrap(NeuralAgent):
    """Each request follows one of B networks, which differ in their first weights and in the data they saw.

    Osband et al. 2016 share the lower layers and mask rows at random. Here the networks share nothing and see
    each row a Poisson(1) number of times, the bootstrap of a stream (Oza & Russell 2001).

    Args:
        models: B.
        options: see :class:`NeuralAgent`.
    """

    name = "neural_bootstrap"

    def __init__(self, task: Task, rng: np.random.Generator, *, models: int = 5, **options: Any) -> None:
        super().__init__(task, rng, models, **options)

    def times(self, rows: int) -> F64:
        """(rows, B) draws from Poisson(1)."""
        return self.rng.poisson(1.0, (rows, len(self.networks))).astype(np.float64)


class NeuralLinear(NeuralAgent):
    """Bayesian ridge regression on the last hidden layer (Riquelme, Tucker & Snoek 2018, sec. 4).

    The network is trained as a point estimate. Its last layer is then drawn from the posterior given the
    rows that are kept. The frozen policy holds ``draws`` networks that share all other layers.

    Args:
        draws: samples of the last layer; each request follows one of them.
        alpha: width of exploration in posterior standard deviations.
        ridge: prior precision of the last layer.
        options: see :class:`NeuralAgent`.
    """

    name = "neural_linear"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        draws: int = 8,
        alpha: float = 1.0,
        ridge: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, 1, **options)
        in_range("neural_linear.draws", draws, 1, 1000)
        in_range("neural_linear.alpha", alpha, 0.0, 1e6)
        in_range("neural_linear.ridge", ridge, 0.0, 1e12, open_low=True)
        self.draws, self.alpha, self.ridge = draws, alpha, ridge

    def last_hidden(self, x: F32) -> F64:
        """(r, H + 1) the last hidden layer of rows x, and 1."""
        network = self.networks[0]
        with torch.no_grad():
            out = network.last_hidden(torch.as_tensor(x, device=network.mean.device)).cpu().numpy()
        return np.column_stack([out, np.ones(len(out))]).astype(np.float64)

    def last_layer(self) -> BayesianRidge:
        """The posterior of the last layer's weights and bias."""
        h = self.last_hidden(self.memory.x)
        model = BayesianRidge(h.shape[1], self.ridge)
        model.add(h * self.memory.attention[:, None], self.remembered())
        return model

    def scorer(self) -> NetworkScorer:
        """New samples of the last layer."""
        mean, factor, sigma = self.last_layer().solve()
        noise = self.rng.standard_normal((self.draws, len(mean)))
        networks = []
        for theta in mean + self.alpha * sigma * noise @ factor.T:
            network = deepcopy(self.networks[0])
            layer = cast(nn.Linear, network.dense[-1])
            with torch.no_grad():
                layer.weight.copy_(torch.as_tensor(theta[None, :-1]))
                layer.bias.copy_(torch.as_tensor(theta[-1:]))
            networks.append(network)
        return self._scorer(networks)
