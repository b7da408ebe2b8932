"""The Protocols that let rooms be exchanged: who decides and who learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from numpy.random import Generator

from .batches import Decisions, Interactions, Requests
from .types import F64, I32, AnyArray


@runtime_checkable
class Policy(Protocol):
    """A frozen decision rule: it never learns and never holds a random generator."""

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Choose n slates and say how likely each choice was."""
        ...

    def propensities(self, requests: Requests, positions: I32) -> F64:
        """(n, k) the probability of each slot's candidate given the slots before it.

        ``positions`` is (n, k), an index into the candidates or ``EMPTY``. For the slates that
        ``decide`` returned these are exactly the propensities that it returned.
        """
        ...

    def marginals(self, requests: Requests) -> F64:
        """(n, k, m) the probability that candidate c stands at slot j, whatever stands before it."""
        ...

    def state(self) -> tuple[Mapping[str, Any], Mapping[str, AnyArray]]:
        """(spec, arrays): all that is needed to build the policy again; JSON-able, and plain arrays."""
        ...


@runtime_checkable
class Agent(Protocol):
    """A learner: it learns from interactions and hands out a frozen :class:`Policy`."""

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Learn from a batch; returns diagnostics by name."""
        ...

    def policy(self) -> Policy:
        """What the agent would do now, frozen."""
        ...
