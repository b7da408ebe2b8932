"""What reinforcement learners see of a batch: tensors of states, items, masks, rewards and discounts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions, Requests
from ...core.errors import InvalidInput, in_range
from ...core.types import F64, AnyArray, Bool
from ...policies.features import FeatureMap
from ..task import Task


@dataclass(frozen=True)
class Discount:
    """What a reward after one more page and d more days is worth now: ``gamma`` x ``daily`` ^ d.

    Pages are not equally long apart, so time discounts too (semi-Markov; Bradtke & Duff 1995).

    Attributes:
        gamma: per page, in [0, 1]; 0 = only this page counts.
        daily: per day between the two pages, in (0, 1].
    """

    gamma: float = 0.99
    daily: float = 1.0

    def __post_init__(self) -> None:
        in_range("discount.gamma", self.gamma, 0.0, 1.0)
        in_range("discount.daily", self.daily, 0.0, 1.0, open_low=True)

    def of(self, batch: Interactions) -> F64:
        """(n,) of what comes next; 0 where nothing does."""
        following, terminated = what_came_next(batch)
        out: F64 = np.zeros(len(batch))
        days = np.maximum(following.time - batch.requests.time, 0.0)[~terminated]
        out[~terminated] = self.gamma * self.daily**days
        return out


def what_came_next(batch: Interactions) -> tuple[Requests, Bool]:
    """``(batch.next, batch.terminated)``.

    Raises:
        InvalidInput: the batch does not say what came next, or a feature is not finite.
    """
    if batch.next is None or batch.terminated is None:
        fix = "this agent learns from sequences: give next and terminated (see experiments.sequences)"
        raise InvalidInput("interactions.next", None, fix)
    check_finite("interactions.requests", batch.requests)
    check_finite("interactions.next", batch.next, ~batch.terminated)
    return batch.next, batch.terminated


def check_finite(name: str, requests: Requests, where: AnyArray | None = None) -> None:
    """Raise :class:`InvalidInput` where a user or context feature is NaN or infinite; ``where`` (n,) bool."""
    for part in ("user", "context"):
        values = getattr(requests, part)
        wrong = ~np.isfinite(values).all(axis=1)
        if where is not None:
            wrong &= where
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InvalidInput(f"{name}.{part}[{row}]", values[row].tolist(), "remove NaN and infinity")


class BatchTensors:
    """Tensors on one device.

    Args:
        task: whose features the networks see.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, task: Task, device: str = "cpu") -> None:
        self.task, self.device = task, device
        names = [f"user.{name}" for name in task.user_names]
        names += [f"context.{name}" for name in task.context_names]
        self.state_features = FeatureMap(
            ((), *((name,) for name in names)), task.user_names, task.context_names
        )
        self.items = self.tensor(task.network_item_side)
        self.attention = self.tensor(task.attention)

    def tensor(self, values: AnyArray) -> Tensor:
        """float32 on the device."""
        return torch.as_tensor(values, dtype=torch.float32, device=self.device)

    def state(self, requests: Requests) -> Tensor:
        """(n, S) what is known before any item: 1, user and context."""
        return self.tensor(self.state_features.request_side(requests))

    def pairs(self, requests: Requests, rows: AnyArray) -> Tensor:
        """(n, j, D) the features of each request with the item rows (n, j); ``EMPTY`` looks like item 0."""
        left = self.tensor(self.task.network_features.request_side(requests))
        return left[:, None, :] * self.items[torch.as_tensor(np.maximum(rows, 0), device=self.device).long()]

    def allowed(self, requests: Requests) -> Tensor:
        """(n, m) bool: no padding, and no guard forbids it outright. Guards that look back are not asked."""
        allowed = requests.candidates >= 0
        for guard in self.task.guards:
            allowed = allowed & guard.before(requests, self.task.items)
        return torch.as_tensor(allowed, device=self.device)

    def each_pair(self, requests: Requests) -> Tensor:
        """(r, D) the features of every request with each of its candidates, padding left out."""
        pairs = self.pairs(requests, requests.candidates)
        return pairs[torch.as_tensor(requests.candidates >= 0, device=self.device)]

    def reach(self, requests: Requests) -> Tensor:
        """(n, k) how much each slot is looked at; 0 where the page does not have it."""
        k = self.task.slate_size
        if requests.slots is None:
            return self.attention.expand(len(requests), k)
        there = np.arange(k) < requests.slots[:, None]
        return self.attention * torch.as_tensor(there, device=self.device)


def gathered(values: Tensor, positions: Tensor) -> Tensor:
    """(n, k) ``values`` (n, m) at ``positions`` (n, k); 0 where a position is ``EMPTY``."""
    taken = values.gather(1, positions.clamp(min=0))
    return taken.masked_fill(positions < 0, 0.0)


def top_k(scores: Tensor, allowed: Tensor, k: int) -> Tensor:
    """(n, k) positions of the best allowed candidates, best first; ``EMPTY`` where there are none left."""
    width = min(k, scores.shape[1])
    best = scores.masked_fill(~allowed, -torch.inf).topk(width, dim=1)
    positions = best.indices.masked_fill(best.values == -torch.inf, -1)
    return torch.nn.functional.pad(positions, (0, k - width), value=-1)
