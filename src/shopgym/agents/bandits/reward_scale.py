"""What is known of the spread of rewards, from the rewards that were logged."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F64, I32, I64

POWERS = np.linspace(0.0, 1.0, 5)
"""Powers of the item's value among which the data choose."""


class RewardScale:
    """The standard deviation of a slot's reward grows as value^power: a power-of-the-mean variance model.

    A learner of reward / value assumes power 1. Where an order of an expensive item is rarer, or has fewer
    pieces, the spread grows more slowly. Then an upper bound on reward / value times the value is far too
    high for expensive items. So a regression is kept for each of :data:`POWERS`, and that is used under which
    the rewards are most likely: with r = value^power x e and e normal, minus twice the log-likelihood is

        n log(sum of (r / value^power)^2 / n) + 2 power x sum of log value    (Carroll & Ruppert 1988, ch. 3).

    All of it is sums: batches add up, and rewards can be corrected. A factor on all rewards, or on all
    values, changes nothing.

    Args:
        value: (N,) > 0, the value of each item.
        power: None = the most likely one.
    """

    def __init__(self, value: F64, power: float | None = None) -> None:
        if power is not None:
            in_range("power", power, 0.0, 1.0)
        told = 1.0 if (value == value[:1]).all() else power  # equal values: every power is the same
        self.value, self.powers = value, POWERS if told is None else np.array([told])
        self.squares = np.zeros(len(self.powers))
        self.log_value, self.count, self.reward_squares = 0.0, 0, 0.0

    def __len__(self) -> int:
        return len(self.powers)

    def add(self, y: F64, item: I32 | I64) -> F64:
        """Learn from r slots of reward / value y (r,); returns them as :meth:`scaled` does."""
        scaled = self.scaled(y, item)
        self.squares += (scaled**2).sum(axis=0)
        self.log_value += float(np.log(self.value[item]).sum())
        self.reward_squares += float(((y * self.value[item]) ** 2).sum())
        self.count += len(y)
        return scaled

    def correct(self, old: F64, new: F64, item: I32 | I64) -> tuple[F64, F64]:
        """Slots that were added with reward / value ``old`` have ``new``; returns both, scaled."""
        before, after, value = self.scaled(old, item), self.scaled(new, item), self.value[item]
        self.squares += (after**2).sum(axis=0) - (before**2).sum(axis=0)
        self.reward_squares += float(((new * value) ** 2).sum() - ((old * value) ** 2).sum())
        return before, after

    @property
    def column(self) -> int:
        """Which of ``powers``; the last, reward / value, while there is no reward."""
        if not (self.squares > 0.0).all():
            return len(self) - 1
        likelihood = self.count * np.log(self.squares / self.count) + 2.0 * self.powers * self.log_value
        return int(np.argmin(likelihood))

    @property
    def item_scale(self) -> F64:
        """(N,) value^power: what predictions are multiplied by."""
        scale: F64 = self.value ** self.powers[self.column]
        return scale

    @property
    def spread(self) -> float:
        """Root mean square of reward / value^power; 1 while there is no reward."""
        return _root_mean(float(self.squares[self.column]), self.count)

    @property
    def reward_spread(self) -> float:
        """Root mean square of a slot's reward; 1 while there is no reward."""
        return _root_mean(self.reward_squares, self.count)

    def scaled(self, y: F64, item: I32 | I64) -> F64:
        """(r, number of powers) reward / value^power from reward / value (r,)."""
        scaled: F64 = y[:, None] * self.value[item][:, None] ** (1.0 - self.powers)
        return scaled


def _root_mean(squares: float, count: int) -> float:
    return (squares / count) ** 0.5 if squares > 0.0 else 1.0


def shown_items(batch: Interactions) -> I32:
    """(r,) the items of the filled slots of a batch, in the order of :meth:`.Task.slot_rows`."""
    slates = batch.decisions.slates
    shown: I32 = slates[slates >= 0]
    return shown


def with_noise(name: str, noise: float | None, options: dict[str, Any]) -> dict[str, Any]:
    """``options`` of an agent called ``name`` that is told ``noise``, the spread of reward / value: power 1.

    Raises:
        InvalidInput: the noise is negative.
    """
    if noise is None:
        return options
    in_range(f"{name}.noise", noise, 0.0, 1e12)
    return {"power": 1.0, **options}
