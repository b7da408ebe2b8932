"""Small networks that rank: trained with torch, handed out as a :class:`NetworkScorer`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from ..core.errors import InvalidInput, in_range
from ..core.types import F32, F64
from ..policies.features import FeatureMap
from ..policies.scorers import NetworkScorer
from .task import Task

Loss = Callable[[Tensor, Tensor], Tensor]
"""From outputs and targets, both (r,), to losses (r,)."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread, then restore the setting: sums on the CPU have the same order every time.

    One thread is also fastest for networks this small.
    """
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


def torch_generator(rng: np.random.Generator) -> torch.Generator:
    """A torch generator on the CPU, seeded by a numpy generator."""
    return torch.Generator().manual_seed(int(rng.integers(2**62)))


class Network(nn.Module):
    """Cross layers (DCN-v2, Wang et al. 2021, eq. 1), then dense layers with ReLU between them.

    Args:
        width: D inputs.
        hidden: widths of the dense layers before the last, which has one output.
        crosses: cross layers.
        generator: of the first weights (uniform, He et al. 2015).
        device: ``cpu`` or ``cuda``.
    """

    def __init__(
        self,
        width: int,
        *,
        hidden: Sequence[int] = (64, 32),
        crosses: int = 0,
        generator: torch.Generator,
        device: str = "cpu",
    ) -> None:
        super().__init__()
        self.mean: Tensor
        self.scale: Tensor
        for layer, size in enumerate(hidden):
            in_range(f"network.hidden[{layer}]", size, 1, 65_536)
        in_range("network.crosses", crosses, 0, 100)
        widths = [width, *hidden, 1]
        self.crosses = nn.ModuleList(nn.Linear(width, width) for _ in range(crosses))
        self.dense = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        with torch.no_grad():
            for layer in (*self.crosses, *self.dense):
                bound = (1.0 / layer.in_features) ** 0.5
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)
        self.to(device)

    def standardise(self, x: F64) -> None:
        """Set mean and scale from (r, D) rows; a constant column keeps scale 1."""
        spread = x.std(axis=0)
        scale = np.where(spread > 1e-6, spread, 1.0)
        self.mean.copy_(torch.as_tensor(x.mean(axis=0), dtype=torch.float32))
        self.scale.copy_(torch.as_tensor(scale, dtype=torch.float32))

    def last_hidden(self, x: Tensor) -> Tensor:
        """(r, H) the input of the last layer: features for a linear model (Riquelme et al. 2018)."""
        inputs = (x - self.mean) / self.scale
        x = inputs
        for cross in self.crosses:
            x = inputs * cross(x) + x
        for depth, layer in enumerate(self.dense[:-1]):
            x = layer(torch.relu(x) if depth else x)
        return torch.relu(x) if len(self.dense) > 1 else x

    def forward(self, x: Tensor) -> Tensor:
        """(r,) from (r, D)."""
        out: Tensor = self.dense[-1](self.last_hidden(x))[:, 0]
        return out


def fit(
    network: Network,
    x: F64 | F32,
    y: F64 | F32,
    *,
    loss: Loss,
    generator: torch.Generator,
    optimiser: torch.optim.Optimizer,
    epochs: int = 1,
    batch: int = 512,
    weight: F64 | None = None,
) -> float:
    """Train on minibatches of r rows x (r, D), y (r,); returns the mean loss of the last epoch.

    Raises:
        InvalidInput: the loss is not finite.
    """
    device = network.mean.device
    xs = torch.as_tensor(x, dtype=torch.float32, device=device)
    ys = torch.as_tensor(y, dtype=torch.float32, device=device)
    ws = (
        torch.ones_like(ys) if weight is None else torch.as_tensor(weight, dtype=torch.float32, device=device)
    )
    mean = 0.0
    for _ in range(epochs if len(xs) else 0):
        order = torch.randperm(len(xs), generator=generator).to(device)
        total = torch.zeros((), device=device)
        for rows in torch.split(order, batch):
            optimiser.zero_grad()
            losses = loss(network(xs[rows]), ys[rows]) * ws[rows]
            losses.mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += losses.detach().sum()
        mean = float(total) / len(xs)
        if not np.isfinite(mean):
            raise InvalidInput("network.loss", mean, "training diverged: lower its step or scale its rewards")
    return mean


def to_numpy(values: Tensor) -> F32:
    """A copy on the CPU."""
    return np.array(values.detach().cpu().numpy(), order="C")


def scorer_of(
    networks: Sequence[Network],
    task: Task,
    *,
    link: str = "identity",
    value: F64 | None = None,
    features: FeatureMap | None = None,
) -> NetworkScorer:
    """The networks, all of one shape over ``features`` (default: the task's), frozen as B models."""

    def layers(name: str) -> tuple[tuple[F32, F32], ...]:
        stacks = zip(*(getattr(network, name) for network in networks), strict=True)
        return tuple(
            (
                np.stack([to_numpy(layer.weight.T) for layer in stack]),
                np.stack([to_numpy(layer.bias) for layer in stack]),
            )
            for stack in stacks
        )

    network = networks[0]
    return NetworkScorer(
        task.network_features if features is None else features,
        task.items,
        to_numpy(network.mean),
        to_numpy(network.scale),
        layers("crosses"),
        layers("dense"),
        task.item_value if value is None else value,
        link,
    )
