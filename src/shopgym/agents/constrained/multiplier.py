"""Lagrangian multipliers: the price of breaking a limit, raised while it is broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...core.batches import Interactions
from ...core.errors import InvalidInput, in_range
from ...core.reward import CostLimit
from ...core.types import F64

MEMORY = 0.9
"""Share of the past in the running means that the scales of reward and costs are read from."""


@dataclass(frozen=True)
class Gains:
    """How a multiplier follows the violation v of its limit (Stooke, Achiam and Abbeel 2020, algorithm 2)::

        lambda = max(0, proportional v + integral sum(v) + derivative max(0, v - last v))

    where the sum never falls below 0. With the integral alone it is the gradient step of the Lagrangian.

    Attributes:
        integral, proportional, derivative: >= 0.
        most: no multiplier is above it.
    """

    integral: float = 0.2
    proportional: float = 0.0
    derivative: float = 0.0
    most: float = 100.0

    def __post_init__(self) -> None:
        for name in ("integral", "proportional", "derivative", "most"):
            in_range(f"lagrangian.{name}", getattr(self, name), 0.0, 1e6)


class Multipliers:
    """One multiplier for each limit, and the reward that is left once its price is paid.

    What is multiplied is the excess of a limit (:meth:`.CostLimit.excess`), which is linear: a limit on a
    ratio, such as return cost per revenue, holds for a total exactly where the excess of its pages adds up to
    0 or less. Excesses are in units of what the limit allows and rewards in units of their mean size, so that
    one set of gains fits all limits.

    Args:
        limits: as sentences (``"return_cost <= 0.10 per revenue"``), mappings or ``CostLimit``.
        gains: of all multipliers.

    Raises:
        InvalidInput: a limit against another policy, per life or season, or on a group of items.
    """

    def __init__(self, limits: Sequence[object], gains: Gains) -> None:
        if isinstance(limits, str):
            limits = (limits,)
        self.limits = tuple(CostLimit.read(limit) for limit in limits)
        for limit in self.limits:
            if limit.versus is not None:
                fix = "a learner does not know another policy's value: give a number"
                raise InvalidInput(f"lagrangian.limits.{limit.label}", limit.sentence, fix)
            if limit.per in ("life", "season") or limit.items is not None:
                fix = "a learner sees pages: limit a term per page or per another term"
                raise InvalidInput(f"lagrangian.limits.{limit.label}", limit.sentence, fix)
        self.gains = gains
        self.values: F64 = np.zeros(len(self.limits))
        """(limits,) the multipliers."""
        self._sums: F64 = np.zeros(len(self.limits))
        self._last: F64 = np.zeros(len(self.limits))
        self._reward = 0.0
        self._allowed: F64 = np.zeros(len(self.limits))

    def update(self, batch: Interactions) -> Mapping[str, float]:
        """Move the multipliers by what a batch of pages cost; multipliers and costs by limit.

        Raises:
            InvalidInput: the batch does not tell a term.
        """
        if not len(batch) or not self.limits:
            return {}
        size = float(np.abs(batch.reward.sum(axis=1)).mean())
        self._reward = size if not self._reward else MEMORY * self._reward + (1 - MEMORY) * size
        report = {}
        for i, limit in enumerate(self.limits):
            amount, counted = self._amounts(batch, limit)
            allowed = max(abs(limit.limit) * float(counted.sum()), 1e-3 * float(np.abs(amount).sum())) / len(
                batch
            )
            old = self._allowed[i]
            self._allowed[i] = allowed if not old else MEMORY * old + (1 - MEMORY) * allowed
            scale = self._allowed[i] or 1.0
            violation = float(limit.excess(amount.sum(), counted.sum())) / len(batch) / scale
            self._sums[i] = max(0.0, self._sums[i] + violation)
            rise = max(0.0, violation - self._last[i])
            gains, self._last[i] = self.gains, violation
            value = gains.proportional * violation + gains.integral * self._sums[i] + gains.derivative * rise
            self.values[i] = min(max(0.0, value), gains.most)
            total = float(counted.sum())
            report[f"multiplier {limit.label}"] = float(self.values[i])
            report[limit.label] = float(amount.sum()) / total if total else float("nan")
        return report

    @property
    def prices(self) -> F64:
        """(limits,) what one unit of each excess costs, in units of the reward."""
        scale = np.where(self._allowed > 0, self._allowed, 1.0)
        return np.asarray(self.values * (self._reward or 1.0) / scale)

    def excesses(self, batch: Interactions) -> list[F64]:
        """(n, k) the excess of each limit, slot by slot."""
        return [limit.excess(*self._amounts(batch, limit)) for limit in self.limits]

    def shaped(self, batch: Interactions) -> Interactions:
        """The batch with the price of the excesses taken off its rewards."""
        if not self.limits:
            return batch
        price = sum(price * excess for price, excess in zip(self.prices, self.excesses(batch), strict=True))
        return replace(batch, reward=batch.reward - price)

    def _amounts(self, batch: Interactions, limit: CostLimit) -> tuple[F64, F64]:
        """(n, k) the limited term, and what it is counted by."""
        if limit.per == "page":
            filled = batch.decisions.slates >= 0
            count = np.maximum(filled.sum(axis=1, keepdims=True), 1)
            return _term(batch, limit.term), np.where(filled.any(axis=1, keepdims=True), filled, 1) / count
        return _term(batch, limit.term), _term(batch, limit.per)


def _term(batch: Interactions, name: str) -> F64:
    """(n, k) a term, slot by slot."""
    if name == "impression":
        return (batch.decisions.slates >= 0).astype(np.float64)
    if name not in batch.events:
        fix = (
            f"the batch tells {', '.join(batch.events)}: write the limit into the environment's reward.costs"
        )
        raise InvalidInput("interactions.events", name, fix)
    return np.asarray(batch.events[name], np.float64)
