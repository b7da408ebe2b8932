"""What the torch learners share: a generator of their own, dropout that uses it, and the softmax loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from ...core.errors import InvalidInput
from ...core.types import AnyArray


def generator_of(rng: np.random.Generator, device: str) -> torch.Generator:
    """A generator on ``device``, seeded by ``rng``; torch's global one is never touched."""
    check_device(device)
    return torch.Generator(device=device).manual_seed(int(rng.integers(2**62)))


def check_device(device: str) -> None:
    """Raise unless torch can use ``device``."""
    try:
        known = torch.device(device).type != "cuda" or torch.cuda.is_available()
    except RuntimeError:
        known = False
    if not known:
        raise InvalidInput("device", device, "give cpu, or cuda where torch finds a GPU")


def normal(shape: tuple[int, ...], std: float, g: torch.Generator) -> torch.nn.Parameter:
    """A parameter drawn from N(0, std^2)."""
    return torch.nn.Parameter(torch.randn(shape, generator=g, device=g.device) * std)


def constant(shape: tuple[int, ...], value: float, g: torch.Generator) -> torch.nn.Parameter:
    """A parameter that starts as ``value`` everywhere."""
    return torch.nn.Parameter(torch.full(shape, value, device=g.device))


def dropout(x: Tensor, share: float, g: torch.Generator | None) -> Tensor:
    """Zero ``share`` of x and scale the rest up; None = not training."""
    if g is None or not share:
        return x
    return x * (torch.rand(x.shape, generator=g, device=x.device) >= share) / (1.0 - share)


def sampled_softmax(hidden: Tensor, target: Tensor, vectors: Tensor, others: Tensor, log_q: Tensor) -> Tensor:
    """Mean cross-entropy of r targets against shared, sampled other items.

    Each score has the log of the rate at which its item was sampled taken off, so that the minimum is that
    of the full softmax (Bengio & Senécal 2008; Yi et al. 2019, eq. 3); another that is the target itself
    counts not.

    Args:
        hidden: (r, d). target: (r,) item rows. vectors: (N, d).
        others: (s,) item rows. log_q: (s,) log expected number of times that each was drawn.
    """
    mine = (hidden * vectors[target]).sum(1, keepdim=True)
    theirs = hidden @ vectors[others].T - log_q
    theirs = theirs.masked_fill(target[:, None] == others[None, :], float("-inf"))
    return (torch.logsumexp(torch.cat([mine, theirs], 1), 1) - mine[:, 0]).mean()


def softmax(hidden: Tensor, target: Tensor, vectors: Tensor) -> Tensor:
    """Mean cross-entropy of r targets against all N items."""
    return torch.nn.functional.cross_entropy(hidden @ vectors.T, target)


def batches(n: int, size: int, rng: np.random.Generator) -> Iterator[AnyArray]:
    """0 .. n-1 in random order, ``size`` at a time."""
    order = rng.permutation(n)
    for low in range(0, n, size):
        yield order[low : low + size]


def descend(
    parameters: list[torch.nn.Parameter],
    loss: Callable[[AnyArray], Tensor],
    *,
    rows: int,
    batch: int,
    epochs: int,
    rate: float,
    decay: float,
    rng: np.random.Generator,
) -> list[float]:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019) on ``loss(rows of a batch)``.

    Returns:
        The mean loss of each epoch.

    Raises:
        InvalidInput: the loss is not finite any more.
    """
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    history = []
    for _ in range(epochs):
        losses = []
        for some in batches(rows, batch, rng):
            optimiser.zero_grad(set_to_none=True)
            now = loss(some)
            now.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(now.detach())
        mean = float(torch.stack(losses).mean()) if losses else 0.0
        if not np.isfinite(mean):
            raise InvalidInput("rate", rate, "the loss is not finite: lower the step size")
        history.append(mean)
    return history
