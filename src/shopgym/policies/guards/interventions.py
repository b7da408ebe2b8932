"""How often rules changed what a policy would have shown, and why.

A policy without its rules is drawn with the same random numbers: what it would have shown. A rule intervened
at a slot of that page if it forbids what stands there, given the slots before it.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator

from ...core.batches import Decisions, Requests
from ...core.items import Items
from ...core.types import I32, I64, Bool
from .counters import GuardCounters
from .rule import Guard, allowed_at_all, allowed_next

LEANS = 0.2
"""From this share of masked first choices on, a policy is said to lean on its rules."""


class GuardedPolicy(Protocol):
    """A policy with rules, of which it can be asked what it would do without them."""

    @property
    def name(self) -> str:
        """In reports."""
        ...

    @property
    def guards(self) -> Sequence[Guard]:
        """Its rules."""
        ...

    @property
    def items(self) -> Items:
        """The catalogue."""
        ...

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Draw slates."""
        ...

    def first_choices(self, requests: Requests, rng: Generator) -> I32:
        """(n, k) positions that it would show without its rules."""
        ...


def decide_with_first_choices(
    policy: GuardedPolicy, requests: Requests, rng: Generator
) -> tuple[Decisions, I32]:
    """What a policy decides, and the positions (n, k) that it would show without its rules.

    Both are drawn with the same random numbers. A policy without rules is asked only once.
    """
    same = copy.deepcopy(rng) if policy.guards else rng
    decisions = policy.decide(requests, rng)
    return decisions, policy.first_choices(requests, same) if policy.guards else decisions.positions


@dataclass
class Interventions:
    """Counts over pages; ``add`` moves them.

    Attributes:
        guards: the rules.
        items: the catalogue.
        pages: that were counted.
        slots: that the policy would have filled without rules.
        masked: slots whose first choice some rule forbids.
        by_rule: (g,) slots whose first choice the rule forbids.
        alone: (g,) those that no other rule forbids.
        pages_by_rule: (g,) pages with such a slot.
        gave_way: (g,) slots at which a floor asked for something and nothing of it was left.
        forbidden: by rule, how often each item row was a first choice that the rule forbids.
    """

    guards: tuple[Guard, ...]
    items: Items
    pages: int = 0
    slots: int = 0
    masked: int = 0
    by_rule: I64 = field(init=False)
    alone: I64 = field(init=False)
    pages_by_rule: I64 = field(init=False)
    gave_way: I64 = field(init=False)
    forbidden: list[Counter[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.by_rule, self.alone, self.pages_by_rule, self.gave_way = np.zeros(
            (4, len(self.guards)), np.int64
        )
        self.forbidden = [Counter() for _ in self.guards]

    def add(self, requests: Requests, choices: I32, positions: I32) -> None:
        """Count n pages.

        Args:
            requests: with the counters that the decision read.
            choices: (n, k) positions that the policy would have shown without its rules.
            positions: (n, k) what it shows.
        """
        self.pages += len(requests)
        self.slots += int((choices >= 0).sum())
        for at, guard in enumerate(self.guards):
            if guard.gives_way:
                self.gave_way[at] += self._gave_way(guard, requests, positions)
        changed = (choices != positions).any(axis=1)  # what is shown as it is, no rule forbids
        if changed.any():
            self._add_changed(requests.take(changed), choices[changed])

    def _add_changed(self, requests: Requests, choices: I32) -> None:
        """Count pages that the rules changed."""
        allowed = allowed_at_all(self.guards, requests, self.items)
        forbids = np.array([self._forbids(guard, requests, choices, allowed) for guard in self.guards])
        forbids = forbids.reshape(len(self.guards), *choices.shape)
        count = forbids.sum(axis=0)
        self.masked += int((count > 0).sum())
        self.by_rule += forbids.sum(axis=(1, 2))
        self.alone += (forbids & (count == 1)).sum(axis=(1, 2))
        self.pages_by_rule += forbids.any(axis=2).sum(axis=1)
        rows = np.take_along_axis(requests.candidates, np.maximum(choices, 0), axis=1)
        for at in range(len(self.guards)):
            if forbids[at].any():
                items, counts = np.unique(rows[forbids[at]], return_counts=True)
                self.forbidden[at].update(dict(zip(items.tolist(), counts.tolist(), strict=True)))

    def _forbids(self, guard: Guard, requests: Requests, choices: I32, allowed: Bool) -> Bool:
        """(n, k) slots of ``choices`` that the rule forbids there; a floor only where it can be met."""
        rows, out = np.arange(len(choices)), np.zeros(choices.shape, np.bool_)
        at_all = guard.before(requests, self.items)
        if not guard.looks_back:
            return (choices >= 0) & ~np.take_along_axis(at_all, np.maximum(choices, 0), axis=1)
        others = [rule for rule in self.guards if not rule.gives_way]
        for slot in range(choices.shape[1]):
            earlier, position = choices[:, :slot], choices[:, slot]
            mask = at_all & guard.after(requests, self.items, earlier)
            if guard.gives_way:
                possible = allowed_next((*others, guard), requests, self.items, allowed, earlier)
                mask = mask | ~(possible & mask).any(axis=1, keepdims=True)
            out[:, slot] = (position >= 0) & ~mask[rows, np.maximum(position, 0)]
        return out

    def _gave_way(self, guard: Guard, requests: Requests, positions: I32) -> int:
        """Slots of the pages shown at which the floor asked for something else than what stands there."""
        rows, count = np.arange(len(positions)), 0
        for slot in range(positions.shape[1]):
            position = positions[:, slot]
            mask = guard.after(requests, self.items, positions[:, :slot])
            count += int(((position >= 0) & ~mask[rows, np.maximum(position, 0)]).sum())
        return count

    @property
    def share(self) -> float:
        """Share of slots whose first choice some rule forbids."""
        return self.masked / self.slots if self.slots else 0.0

    @property
    def leans(self) -> bool:
        """Whether the policy leans on its rules: it shows much else than it would."""
        return self.share > LEANS

    def rows(self, most: int = 3) -> list[dict[str, Any]]:
        """One JSON-able row per rule: how often, why, and the item ids that it forbade most often.

        ``slots`` and ``share`` count first choices that the rule forbids, ``alone`` those that no other rule
        forbids, ``unmet`` the slots at which a floor found no candidate.
        """
        return [
            {
                "rule": guard.label,
                "why": guard.why,
                "pages": int(self.pages_by_rule[at]),
                "slots": int(self.by_rule[at]),
                "share": self.by_rule[at] / self.slots if self.slots else 0.0,
                "alone": int(self.alone[at]),
                "unmet": int(self.gave_way[at]),
                "items": ", ".join(
                    str(self.items.item_id[row]) for row, _ in self.forbidden[at].most_common(most)
                ),
            }
            for at, guard in enumerate(self.guards)
        ]

    def warning(self, name: str) -> str | None:
        """A sentence if the policy ``name`` leans on its rules."""
        if not self.leans:
            return None
        first = self.guards[int(np.argmax(self.by_rule))]
        return (
            f"{name} leans on its guards: they forbid {self.share:.0%} of its first choices, more than "
            f"{LEANS:.0%}; most often {first.label} does ({first.why})"
        )


@dataclass(frozen=True)
class CountingPolicy:
    """A policy that decides as it does, and counts the interventions of its rules."""

    policy: GuardedPolicy
    counts: Interventions

    @classmethod
    def of_policy(cls, policy: GuardedPolicy) -> CountingPolicy:
        """With counts at 0."""
        return cls(policy, Interventions(tuple(policy.guards), policy.items))

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """The policy's own decision."""
        decisions, choices = decide_with_first_choices(self.policy, requests, rng)
        self.counts.add(requests, choices, decisions.positions)
        return decisions

    def open_counters(self) -> GuardCounters | None:
        """Those of the policy."""
        counters: GuardCounters | None = self.policy.open_counters()  # type: ignore[attr-defined]
        return counters
