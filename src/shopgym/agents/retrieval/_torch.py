"""What the torch learners share: a seeded generator, dropout that uses it, and the softmax losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ...core.errors import InvalidInput, in_range
from ...core.types import AnyArray


def device_generator(rng: np.random.Generator, device: str) -> torch.Generator:
    """A generator on ``device``, seeded by ``rng``; torch's global one is never touched."""
    check_device(device)
    return torch.Generator(device=device).manual_seed(int(rng.integers(2**62)))


def check_device(device: str) -> None:
    """Raise unless torch can use ``device``."""
    try:
        usable = torch.device(device).type != "cuda" or torch.cuda.is_available()
    except RuntimeError:
        usable = False
    if not usable:
        raise InvalidInput("device", device, "give cpu, or cuda where torch finds a GPU")


def normal(shape: tuple[int, ...], std: float, g: torch.Generator) -> torch.nn.Parameter:
    """A parameter drawn from N(0, std^2)."""
    return torch.nn.Parameter(torch.randn(shape, generator=g, device=g.device) * std)


def constant(shape: tuple[int, ...], value: float, g: torch.Generator) -> torch.nn.Parameter:
    """A parameter that starts as ``value`` everywhere."""
    return torch.nn.Parameter(torch.full(shape, value, device=g.device))


def dropout(x: Tensor, share: float, g: torch.Generator | None) -> Tensor:
    """Zero ``share`` of x and scale up what remains; without a generator x is returned unchanged."""
    if g is None or not share:
        return x
    return x * (torch.rand(x.shape, generator=g, device=x.device) >= share) / (1.0 - share)


def sampled_softmax(
    hidden: Tensor, target: Tensor, vectors: Tensor, negatives: Tensor, log_q: Tensor
) -> Tensor:
    """Mean cross-entropy of r targets against s sampled negatives, which all targets share.

    The log of the rate at which an item is sampled is subtracted from its score, so that the minimum is that
    of the full softmax (Bengio & Senécal 2008; Yi et al. 2019, eq. 3). A negative that is the target itself
    is left out.

    Args:
        hidden: (r, d). target: (r,) item rows. vectors: (N, d).
        negatives: (s,) item rows. log_q: (s,) log expected number of times that each was drawn.
    """
    target_score = (hidden * vectors[target]).sum(1, keepdim=True)
    negative_scores = hidden @ vectors[negatives].T - log_q
    negative_scores = negative_scores.masked_fill(target[:, None] == negatives[None, :], float("-inf"))
    return (torch.logsumexp(torch.cat([target_score, negative_scores], 1), 1) - target_score[:, 0]).mean()


def softmax(hidden: Tensor, target: Tensor, vectors: Tensor) -> Tensor:
    """Mean cross-entropy of r targets against all N items."""
    return torch.nn.functional.cross_entropy(hidden @ vectors.T, target)


@dataclass(frozen=True, eq=False, kw_only=True)
class Training:
    """How a model of vectors is trained.

    Attributes:
        dim: d, of the vectors.
        length: how many of the latest items are read.
        epochs, batch, rate: passes, rows per step, step size of Adam.
        dropout: share of the inputs that is zeroed in training.
        decay: decoupled weight decay.
        device: ``cpu`` or ``cuda``.
    """

    prefix: ClassVar[str]
    least_batch: ClassVar[int] = 1
    dim: int = 64
    length: int = 20
    epochs: int = 10
    batch: int = 128
    rate: float = 0.002
    dropout: float = 0.3
    decay: float = 0.0
    device: str = "cpu"

    def __post_init__(self) -> None:
        in_range(f"{self.prefix}.dim", self.dim, 1, 4096)
        in_range(f"{self.prefix}.length", self.length, 1, 10_000)
        in_range(f"{self.prefix}.epochs", self.epochs, 1, 100_000)
        in_range(f"{self.prefix}.batch", self.batch, self.least_batch, 1_000_000)
        in_range(f"{self.prefix}.rate", self.rate, 0.0, 10.0, open_low=True)
        in_range(f"{self.prefix}.dropout", self.dropout, 0.0, 1.0, open_high=True)
        in_range(f"{self.prefix}.decay", self.decay, 0.0, 10.0)
        check_device(self.device)


def minibatches(n: int, size: int, rng: np.random.Generator) -> Iterator[AnyArray]:
    """0 .. n-1 in random order, ``size`` at a time."""
    order = rng.permutation(n)
    for low in range(0, n, size):
        yield order[low : low + size]


def train(
    parameters: list[torch.nn.Parameter],
    loss: Callable[[AnyArray], Tensor],
    rows: int,
    settings: Training,
    rng: np.random.Generator,
) -> list[float]:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019) on ``loss(rows of a batch)``.

    Returns:
        The mean loss of each epoch.

    Raises:
        InvalidInput: the loss is not finite any more.
    """
    optimiser = torch.optim.AdamW(parameters, lr=settings.rate, weight_decay=settings.decay)
    history = []
    for _ in range(settings.epochs):
        losses = []
        for rows_of_batch in minibatches(rows, settings.batch, rng):
            optimiser.zero_grad(set_to_none=True)
            batch_loss = loss(rows_of_batch)
            batch_loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(batch_loss.detach())
        mean = float(torch.stack(losses).mean()) if losses else 0.0
        if not np.isfinite(mean):
            raise InvalidInput("rate", settings.rate, "the loss is not finite: lower the step size")
        history.append(mean)
    return history
