"""A batch as torch tensors: states, pairs of request and item, masks, discounts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions, Requests
from ...core.errors import InvalidInput, finite, in_range
from ...core.types import F64, AnyArray, Bool
from ...policies.guards import allowed_at_all
from ..task import Task


@dataclass(frozen=True)
class Discount:
    """Discount of the value of the next page, d days later: ``gamma`` x ``daily`` ^ d.

    Times between pages differ, so time is discounted too (semi-Markov; Bradtke & Duff 1995).

    Attributes:
        gamma: per page, in [0, 1]; 0 = only this page counts.
        daily: per day between the two pages, in (0, 1].
    """

    gamma: float = 0.99
    daily: float = 1.0

    def __post_init__(self) -> None:
        in_range("discount.gamma", self.gamma, 0.0, 1.0)
        in_range("discount.daily", self.daily, 0.0, 1.0, open_low=True)

    def factors(self, batch: Interactions) -> F64:
        """(n,) discount of each interaction's next page; 0 where the episode has ended."""
        following, terminated = next_state(batch)
        out: F64 = np.zeros(len(batch))
        days = np.maximum(following.time - batch.requests.time, 0.0)[~terminated]
        out[~terminated] = self.gamma * self.daily**days
        return out


def next_state(batch: Interactions) -> tuple[Requests, Bool]:
    """``(batch.next, batch.terminated)``.

    Raises:
        InvalidInput: the batch has no ``next`` or ``terminated``, or a feature is not finite.
    """
    if batch.next is None or batch.terminated is None:
        fix = "this agent learns from sequences: give next and terminated (see shopgym.training)"
        raise InvalidInput("interactions.next", None, fix)
    check_finite("interactions.requests", batch.requests)
    check_finite("interactions.next", batch.next, ~batch.terminated)
    return batch.next, batch.terminated


def check_finite(name: str, requests: Requests, where: AnyArray | None = None) -> None:
    """Raise :class:`InvalidInput` if a user or context feature of the rows ``where`` (n,) is not finite."""
    for part in ("user", "context"):
        values = getattr(requests, part)
        finite(f"{name}.{part}", values if where is None else np.where(where[:, None], values, 0.0))


class BatchTensors:
    """Makes tensors of requests, on one device.

    Args:
        task: its features are the inputs of the networks.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, task: Task, device: str = "cpu") -> None:
        self.task, self.device = task, device
        self.state_features = task.request_features
        self.items = self.on_device(task.network_item_side)
        self.attention = self.on_device(task.attention)

    def on_device(self, values: AnyArray) -> Tensor:
        """float32 on the device."""
        return torch.as_tensor(values, dtype=torch.float32, device=self.device)

    def state(self, requests: Requests) -> Tensor:
        """(n, S) features of the request without an item: 1, user and context."""
        return self.on_device(self.state_features.request_side(requests))

    def pairs(self, requests: Requests, rows: AnyArray) -> Tensor:
        """(n, j, D) the features of each request with item rows (n, j); ``EMPTY`` gets those of item 0."""
        request_side = self.on_device(self.task.network_features.request_side(requests))
        return (
            request_side[:, None, :]
            * self.items[torch.as_tensor(np.maximum(rows, 0), device=self.device).long()]
        )

    def allowed(self, requests: Requests) -> Tensor:
        """(n, m) bool: no padding, and no guard forbids it, apart from guards that look at earlier slots."""
        allowed = allowed_at_all(self.task.guards, requests, self.task.items)
        return torch.as_tensor(allowed, device=self.device)

    def candidate_pairs(self, requests: Requests) -> Tensor:
        """(r, D) the features of every request with each of its candidates, without padding."""
        pairs = self.pairs(requests, requests.candidates)
        return pairs[torch.as_tensor(requests.candidates >= 0, device=self.device)]

    def slot_attention(self, requests: Requests) -> Tensor:
        """(n, k) attention of each slot; 0 where the page does not have the slot."""
        k = self.task.slate_size
        if requests.slots is None:
            return self.attention.expand(len(requests), k)
        exists = np.arange(k) < requests.slots[:, None]
        return self.attention * torch.as_tensor(exists, device=self.device)


def gather_filled(values: Tensor, positions: Tensor) -> Tensor:
    """(n, k) ``values`` (n, m) at ``positions`` (n, k); 0 where a position is ``EMPTY``."""
    chosen = values.gather(1, positions.clamp(min=0))
    return chosen.masked_fill(positions < 0, 0.0)


def top_k(scores: Tensor, allowed: Tensor, k: int) -> Tensor:
    """(n, k) positions of the best allowed candidates, best first; ``EMPTY`` where there are too few."""
    width = min(k, scores.shape[1])
    best = scores.masked_fill(~allowed, -torch.inf).topk(width, dim=1)
    positions = best.indices.masked_fill(best.values == -torch.inf, -1)
    return torch.nn.functional.pad(positions, (0, k - width), value=-1)
