"""Guards of policies inside an environment: what they forbid is masked, and cannot be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.batches import EMPTY, Requests
from ..core.errors import InvalidInput
from ..core.items import Items
from ..core.types import I32, AnyArray, Bool
from ..policies.guards import Guard, allowed_at_all, allowed_next, guard_from_spec


def read_guards(guards: Any) -> tuple[Guard, ...]:
    """The guards in a list of them, or of mappings such as ``{"kind": "category_cap", "maximum": 2}``.

    Raises:
        InvalidInput: something else stands in the list, or it is no list.
    """
    if isinstance(guards, str | Mapping) or not isinstance(guards, Sequence):
        raise InvalidInput("guards", guards, "give a list of guards of shopgym.policies")
    read: list[Guard] = []
    for number, guard in enumerate(guards):
        if not isinstance(guard, Guard | Mapping):
            raise InvalidInput(f"guards[{number}]", guard, "give a guard, or a mapping with its kind")
        read.append(guard_from_spec(guard))
    return tuple(read)


def permitted(guards: Sequence[Guard], requests: Requests, items: Items, positions: I32) -> Bool:
    """(n, m) candidates that all ``guards`` allow after the slots ``positions`` (n, j)."""
    allowed = allowed_at_all(guards, requests, items)
    return allowed_next(guards, requests, items, allowed, positions)


def positions_of(slates: I32, filled: I32, candidates: I32) -> I32:
    """(n, k) candidate in each of the first ``filled`` (n,) slots of the slates; elsewhere ``EMPTY``."""
    same = slates[:, :, None] == candidates[:, None, :]
    same &= (np.arange(slates.shape[1]) < filled[:, None])[:, :, None]
    return np.where(same.any(axis=2), same.argmax(axis=2), EMPTY).astype(np.int32)


def without_forbidden(guards: Sequence[Guard], requests: Requests, items: Items, asked: I32) -> I32:
    """(n, k) the positions ``asked`` (n, k), with an empty slot for what the guards forbid there.

    Slot by slot, like the sampler of a policy: a guard that looks back sees only what is left.
    """
    positions = asked.copy()
    allowed = allowed_at_all(guards, requests, items)
    for slot in range(asked.shape[1]):
        next_allowed = allowed_next(guards, requests, items, allowed, positions[:, :slot])
        positions[:, slot] = unless_forbidden(next_allowed, positions[:, slot])
    return positions


def unless_forbidden(allowed: Bool, picks: AnyArray) -> AnyArray:
    """(n,) one pick of each row; ``EMPTY`` where ``allowed`` (n, m) forbids it."""
    return np.where(allowed[np.arange(len(picks)), np.maximum(picks, 0)], picks, EMPTY)
