"""One policy on some kinds of page, another one elsewhere: home, product, cart, search and e-mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ..core.batches import EMPTY, Decisions, Requests
from ..core.errors import one_of
from ..core.protocols import DecisionRule
from ..core.types import Bool
from .guards import GuardCounters, open_counters_of

SURFACE = "on_"
"""The columns of the context that say which page is asked for begin like this."""


@dataclass(frozen=True, eq=False)
class SurfaceRouter:
    """Sends each request to the policy of its surface. Propensities are those of that policy.

    Attributes:
        by_surface: a policy for each surface that has one of its own, e.g. ``cart``.
        otherwise: decides everywhere else.
        context_names: columns of ``Requests.context``; those of the surfaces are ``on_home``, ``on_cart``...
        name: in reports.

    Raises:
        InvalidInput: a surface that the shop does not have.
    """

    by_surface: Mapping[str, DecisionRule]
    otherwise: DecisionRule
    context_names: Sequence[str]
    name: str = "by surface"

    def __post_init__(self) -> None:
        surfaces = [n.removeprefix(SURFACE) for n in self.context_names if n.startswith(SURFACE)]
        for surface in self.by_surface:
            one_of("by_surface", surface, surfaces)

    def open_counters(self) -> GuardCounters | None:
        """What the guards of its policies count: pages of all surfaces together."""
        return open_counters_of((*self.by_surface.values(), self.otherwise))

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Decide for n requests, in the order of the surfaces and then for the others."""
        column = {n: at for at, n in enumerate(self.context_names)}
        left: Bool = np.ones(len(requests), np.bool_)
        parts: list[tuple[Bool, DecisionRule]] = []
        for surface, policy in self.by_surface.items():
            here = requests.context[:, column[SURFACE + surface]] > 0
            parts.append((here, policy))
            left &= ~here
        parts.append((left, self.otherwise))
        return decide_in_parts(requests, parts, rng)


def decide_in_parts(
    requests: Requests, parts: Sequence[tuple[Bool, DecisionRule]], rng: Generator
) -> Decisions:
    """Decide for n requests, each by the policy whose mask (n,) holds it, in the order of ``parts``."""
    decided = [(rows, policy.decide(requests.take(rows), rng)) for rows, policy in parts if rows.any()]
    slots = max(part.slates.shape[1] for _, part in decided)
    positions = np.full((len(requests), slots), EMPTY, np.int32)
    slates, propensities = positions.copy(), np.ones(positions.shape)
    for rows, part in decided:
        positions[rows], slates[rows], propensities[rows] = part.positions, part.slates, part.propensities
    return Decisions(positions, slates, propensities)
