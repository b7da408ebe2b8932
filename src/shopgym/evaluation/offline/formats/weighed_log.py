"""A log of any format, weighed for a target policy: estimates are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.random import Generator

from ....core.types import I64, AnyArray
from ..estimate import Estimate
from ..estimators import estimator_named
from ..inputs import OpeInputs
from ..streaming import SufficientStatistics, weight_histogram
from ..support import Support
from ..verdict import Reason


@dataclass(frozen=True, eq=False)
class WeighedLog:
    """Attributes:
    rounds: the weighed rounds, or the sums over them where the log was streamed.
    support: how often each action was logged and is taken; None where rounds have several slots.
    labels: of the actions in ``support``.
    facts: what else is known, JSON-able.
    groups: (n,) values of further columns by name, for segments and times.
    """

    rounds: OpeInputs | SufficientStatistics
    support: Support | None = None
    labels: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    groups: Mapping[str, AnyArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rounds)

    @property
    def unit(self) -> str:
        """Of the reward."""
        return self.rounds.unit

    @property
    def slots(self) -> int:
        """Of a round."""
        return self.rounds.slots

    @property
    def represented(self) -> float:
        """How many rounds the rows stand for: the sum of their sample weights."""
        size = self.rounds.sample_weight if isinstance(self.rounds, OpeInputs) else None
        return float(len(self) if size is None else size.sum())

    @property
    def logged_value(self) -> float:
        """Mean reward of a logged round."""
        return self.rounds.logged_value

    @property
    def histogram(self) -> I64:
        """Weights in each bin of :data:`..streaming.EDGES`."""
        if isinstance(self.rounds, SufficientStatistics):
            return self.rounds.histogram
        return weight_histogram(self.rounds.weight)

    @property
    def doubts(self) -> tuple[Reason, ...]:
        """What the reader of the log has against every number that is made of it."""
        return self.rounds.doubts

    @property
    def has_model(self) -> bool:
        """Whether there is a reward model."""
        return self.rounds.has_model

    def estimate(
        self, name: str, *, level: float = 0.95, interval: str = "delta", rng: Generator | None = None
    ) -> Estimate:
        """The estimate of that estimator.

        Raises:
            InvalidInput: what the estimator or the interval refuses.
        """
        if isinstance(self.rounds, SufficientStatistics):
            return self.rounds.estimate(name, level=level, interval=interval)
        return estimator_named(name).estimate(self.rounds, level=level, interval=interval, rng=rng)
