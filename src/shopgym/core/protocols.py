"""The Protocols that let rooms be exchanged: who decides and who learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from numpy.random import Generator

from .batches import Decisions, Interactions, Requests
from .types import F64, I32, AnyArray


class DecisionRule(Protocol):
    """Whatever decides on pages; a :class:`Policy` also knows its propensities."""

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Choose n slates."""
        ...


@runtime_checkable
class Policy(Protocol):
    """A frozen decision rule: it never learns and never holds a random generator.

    A policy says by ``has_marginals`` whether :meth:`marginals` has an answer. Type checkers ask for the
    property. A running program does not, so that older policies still are policies: read it by
    :func:`has_marginals`.
    """

    if TYPE_CHECKING:

        @property
        def has_marginals(self) -> bool:
            """Whether :meth:`marginals` has an answer for every request."""
            ...

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
        """(n, k, m) the probability that candidate c stands at slot j, whatever stands before it.

        Raises:
            InvalidInput: the policy has no marginals (``has_marginals`` is False).
        """
        ...

    def state(self) -> tuple[Mapping[str, Any], Mapping[str, AnyArray]]:
        """(spec, arrays): all that is needed to build the policy again; JSON-able, and plain arrays."""
        ...


def has_marginals(policy: Policy) -> bool:
    """Whether ``policy.marginals`` has an answer.

    That is the policy's own ``has_marginals``. A policy without this property is taken to have marginals if
    it defines the method; if the method then fails, its error is not hidden.
    """
    if hasattr(type(policy), "has_marginals") or "has_marginals" in getattr(policy, "__dict__", {}):
        return bool(policy.has_marginals)  # an error inside the property is shown, too
    return callable(getattr(policy, "marginals", None))


@runtime_checkable
class Agent(Protocol):
    """A learner: it learns from interactions and hands out a frozen :class:`Policy`."""

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Learn from a batch; returns diagnostics by name."""
        ...

    def policy(self) -> Policy:
        """What the agent would do now, frozen."""
        ...
