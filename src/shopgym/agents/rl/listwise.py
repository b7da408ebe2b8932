"""The probability of a slate under softmax scores in torch, equal to that of the numpy policy."""

from __future__ import annotations

import torch
from torch import Tensor


def slot_log_probs(scores: Tensor, allowed: Tensor, positions: Tensor) -> Tensor:
    """(n, k) log-probability of each slot's candidate given the slots before it; 0 at empty slots.

    Plackett-Luce: slot j draws in proportion to exp(score) from what is allowed and not yet shown (Plackett
    1975). Equal to the propensities of a policy with :class:`.Softmax` of temperature 1.

    Args:
        scores: (n, m).
        allowed: (n, m) bool. What was shown counts as allowed, even if a guard forbids it today.
        positions: (n, k) long, ``EMPTY`` = empty slot.
    """
    rows = torch.arange(len(scores), device=scores.device)
    free = allowed.clone()
    filled = positions >= 0
    for slot in range(positions.shape[1]):
        free[rows[filled[:, slot]], positions[filled[:, slot], slot]] = True
    out = []
    for slot in range(positions.shape[1]):
        position, in_slot = positions[:, slot].clamp(min=0), filled[:, slot]
        total = scores.masked_fill(~free, -1e30).logsumexp(1)
        chosen = scores.gather(1, position[:, None])[:, 0]
        out.append(torch.where(in_slot, chosen - total, torch.zeros_like(total)))
        free = free.clone()
        free[rows[in_slot], position[in_slot]] = False
    return torch.stack(out, dim=1)


def first_slot(scores: Tensor, allowed: Tensor) -> Tensor:
    """(n, m) log-probability of each candidate in the first slot; very small where not allowed."""
    return torch.log_softmax(scores.masked_fill(~allowed, -1e30), dim=1)


def entropy(scores: Tensor, allowed: Tensor) -> Tensor:
    """(n,) entropy in nats of the first slot; 0 where nothing is allowed."""
    log_p = first_slot(scores, allowed)
    return -(log_p.exp() * log_p).masked_fill(~allowed, 0.0).sum(1)
