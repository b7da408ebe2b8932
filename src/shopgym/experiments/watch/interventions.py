"""What the guards of a policy changed on a page, and why.

The policy decides twice with the same random numbers: with its guards, which is what is shown, and without.
What only the second page holds was left out, and a guard says that it forbids it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ...core.batches import Decisions, Requests
from ...core.items import Items
from ...core.types import I32
from ...policies.guards import Guard, GuardCounters, open_counters
from ...policies.guards.interventions import decide_with_first_choices
from ...policies.policy import SlatePolicy


@dataclass(frozen=True)
class LeftOut:
    """An item that the policy would have shown.

    Attributes:
        row: of the request.
        slot: where it would have stood, from 0.
        item: its row in the catalogue.
        guard: the first guard that forbids it there.
    """

    row: int
    slot: int
    item: int
    guard: Guard


class ExplainedPolicy:
    """Decides as a policy does; ``left_out`` holds what its guards left out of the last pages.

    Args:
        policy: that decides.
        counted: the guards of all policies that may take over, so that what they count goes on.
    """

    def __init__(self, policy: SlatePolicy, counted: Sequence[Guard]) -> None:
        self.policy, self.left_out, self._counted = policy, list[LeftOut](), counted

    def open_counters(self) -> GuardCounters | None:
        """Counters of all guards at 0; None where none has a state."""
        return open_counters(self._counted, self.policy.items)

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """The policy's own decision."""
        decisions, free = decide_with_first_choices(self.policy, requests, rng)
        guards, items = self.policy.guards, self.policy.items
        self.left_out = left_out(guards, requests, items, free, decisions.positions)
        return decisions


def left_out(
    guards: Sequence[Guard], requests: Requests, items: Items, free: I32, shown: I32
) -> list[LeftOut]:
    """What stands on the pages ``free`` (n, k) and not on ``shown`` (n, k) because of a guard.

    Both are positions among the candidates of n requests.
    """
    out = []
    absent = (free >= 0) & ~(free[:, :, None] == shown[:, None, :]).any(axis=2)
    for row, slot in zip(*(at.tolist() for at in np.nonzero(absent)), strict=True):
        one, position = requests.take(slice(row, row + 1)), int(free[row, slot])
        for guard in guards:
            allowed = guard.before(one, items)[0, position]
            if allowed and guard.looks_back:
                allowed = guard.after(one, items, free[row : row + 1, :slot])[0, position]
            if not allowed:
                out.append(LeftOut(row, slot, int(one.candidates[0, position]), guard))
                break
    return out
