"""The frozen policy: filter -> rank -> guard -> explore, with exact propensities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import Generator

from ..core.errors import InvalidInput
from ..core.hashing import hash_arrays
from ..core.items import Items
from ..core.nouns import EMPTY, Decisions, Requests
from ..core.types import F64, I32, AnyArray, Bool
from . import plackett_luce
from .explorers import EXPLORERS, Explorer, explorer_spec, with_floor
from .guards import CategoryCap, InStock, MarginFloor, guard_from_spec, guard_spec
from .plackett_luce import Between
from .scorers import SCORERS, Scorer


@dataclass(frozen=True, eq=False)
class SlatePolicy:
    """Shows ``slate_size`` of a request's candidates (implements :class:`shopgym.core.Policy`).

    Attributes:
        name: what reports call it.
        items: the catalogue it was made for.
        scorer: ranks.
        explorer: spreads.
        guards: rules; what they forbid has probability 0.
        slate_size: k.
    """

    name: str
    items: Items
    scorer: Scorer
    explorer: Explorer
    guards: tuple[InStock | MarginFloor | CategoryCap, ...]
    slate_size: int

    def __post_init__(self) -> None:
        if self.slate_size < 1:
            raise InvalidInput("policy.slate_size", self.slate_size, "show at least one item")

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Draw a slate for each request; see :class:`shopgym.core.Decisions`."""
        requests = _with_candidates(requests)
        log_rates, weights, allowed = self._rates(requests)
        between = self._between(requests)
        positions = plackett_luce.draw(log_rates, weights, allowed, self.slate_size, rng, between)
        positions[self._beyond(requests)] = EMPTY
        propensities = plackett_luce.slot_propensities(log_rates, weights, allowed, positions, between)
        propensities[self._beyond(requests)] = 1.0
        return Decisions(positions, item_rows(requests, positions), propensities)

    def slates(self, requests: Requests, rng: Generator) -> I32:
        """(n, k) item rows as ``decide`` would draw them, without the propensities: several times faster."""
        requests = _with_candidates(requests)
        log_rates, weights, allowed = self._rates(requests)
        between = self._between(requests)
        positions = plackett_luce.draw(log_rates, weights, allowed, self.slate_size, rng, between)
        positions[self._beyond(requests)] = EMPTY
        return item_rows(requests, positions)

    def propensities(self, requests: Requests, positions: I32) -> F64:
        """(n, k) probability of each slot given the slots before it."""
        requests = _with_candidates(requests)
        log_rates, weights, allowed = self._rates(requests)
        if positions.ndim != 2 or len(positions) != len(requests):
            raise InvalidInput("positions", positions.shape, f"give shape ({len(requests)}, k)")
        if positions.size and positions.max() >= requests.num_candidates:
            raise InvalidInput(
                "positions", int(positions.max()), f"there are {requests.num_candidates} candidates"
            )
        propensities = plackett_luce.slot_propensities(
            log_rates, weights, allowed, positions, self._between(requests)
        )
        beyond = self._beyond(requests)[:, : positions.shape[1]]
        propensities[beyond] = positions[beyond] == EMPTY
        return propensities

    def marginals(self, requests: Requests) -> F64:
        """(n, k, m) probability that a candidate stands at a slot.

        Raises:
            InvalidInput: a guard looks back at earlier slots; use ``propensities`` instead.
        """
        for guard in self.guards:
            if guard.looks_back:
                raise InvalidInput(
                    "policy.guards", guard.kind, "slot marginals need rules that do not look at earlier slots"
                )
        rates = self._rates(_with_candidates(requests))
        marginals = plackett_luce.slot_marginals(*rates, self.slate_size)[:, :, : requests.num_candidates]
        marginals[self._beyond(requests)] = 0.0
        return marginals

    def _beyond(self, requests: Requests) -> Bool:
        """(n, k) slots that the page does not have. What stands before them is drawn as ever."""
        if requests.slots is None:
            return np.zeros((len(requests), self.slate_size), np.bool_)
        return np.arange(self.slate_size) >= requests.slots[:, None]

    def _rates(self, requests: Requests) -> tuple[F64, F64, Bool]:
        if requests.candidates.size and requests.candidates.max() >= len(self.items):
            raise InvalidInput(
                "requests.candidates",
                int(requests.candidates.max()),
                f"the catalogue has {len(self.items)} items",
            )
        allowed = requests.candidates >= 0
        for guard in self.guards:
            allowed = allowed & guard.before(requests, self.items)
        scores = self.scorer.scores(requests)
        finite = np.isfinite(scores).all(axis=1) | ~allowed
        if not finite.all():
            row = int(np.flatnonzero(~finite.all(axis=1))[0])
            raise InvalidInput(
                f"requests[{row}]",
                "a score is not finite",
                "remove NaN and infinity from user, context and live features",
            )
        log_rates, weights = with_floor(self.explorer.log_rates(scores, allowed), self.explorer.floor)
        return log_rates, weights, allowed

    def _between(self, requests: Requests) -> Between | None:
        looking = [guard for guard in self.guards if guard.looks_back]
        if not looking:
            return None

        def between(positions: I32) -> Bool:
            allowed = looking[0].after(requests, self.items, positions)
            for guard in looking[1:]:
                allowed = allowed & guard.after(requests, self.items, positions)
            return allowed

        return between

    def state(self) -> tuple[Mapping[str, Any], Mapping[str, AnyArray]]:
        """(spec, arrays) from which :func:`policy_from_state` builds the same policy; items not included."""
        scorer, arrays = self.scorer.state()
        spec = {
            "name": self.name,
            "slate_size": self.slate_size,
            "scorer": scorer,
            "explorer": explorer_spec(self.explorer),
            "guards": [guard_spec(guard) for guard in self.guards],
        }
        return spec, arrays

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the spec, the arrays and the items: equal hash, equal decisions."""
        spec, arrays = self.state()
        columns = {f"items.{name}": _plain(values) for name, values in self.items.columns().items()}
        return hash_arrays({**arrays, **columns}, spec)


def _with_candidates(requests: Requests) -> Requests:
    """A request without candidates is one whose only candidate is padding."""
    if requests.num_candidates:
        return requests
    n = len(requests)
    return replace(requests, candidates=np.full((n, 1), EMPTY, np.int32), in_stock=np.zeros((n, 1), np.bool_))


def item_rows(requests: Requests, positions: I32) -> I32:
    """(n, k) item rows at positions among the candidates; ``EMPTY`` stays."""
    rows = np.take_along_axis(requests.candidates, np.maximum(positions, 0), axis=1)
    return np.where(positions >= 0, rows, EMPTY).astype(np.int32)


def policy_from_state(spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items) -> SlatePolicy:
    """The policy whose ``state()`` was (spec, arrays)."""
    try:
        scorer_kind, explorer = spec["scorer"]["kind"], dict(spec["explorer"])
        explorer_kind = explorer.pop("kind")
        if scorer_kind not in SCORERS or explorer_kind not in EXPLORERS:
            raise InvalidInput("policy.kind", (scorer_kind, explorer_kind), "this version does not know it")
        return SlatePolicy(
            name=spec["name"],
            items=items,
            scorer=SCORERS[scorer_kind].from_state(spec["scorer"], arrays, items),
            explorer=EXPLORERS[explorer_kind](**explorer),
            guards=tuple(guard_from_spec(guard) for guard in spec["guards"]),
            slate_size=spec["slate_size"],
        )
    except (KeyError, TypeError) as error:
        raise InvalidInput(
            "policy.spec", str(error), "the description is incomplete: export it again"
        ) from error


def _plain(values: AnyArray) -> AnyArray:
    """Strings as fixed-width unicode, so that their bytes can be hashed."""
    return np.array(values.tolist(), dtype=np.str_) if values.dtype.kind in "OT" else values
