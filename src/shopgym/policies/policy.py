"""The frozen policy: filter -> rank -> guard -> re-rank -> explore, with exact propensities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.random import Generator

from ..core.batches import EMPTY, Decisions, Requests
from ..core.errors import InvalidInput
from ..core.hashing import hash_arrays
from ..core.items import Items
from ..core.types import F64, I32, AnyArray, Bool
from . import plackett_luce, sequential
from .explorers import EXPLORERS, Explorer, explorer_spec, with_floor
from .guards import (
    Guard,
    GuardCounters,
    allowed_at_all,
    allowed_next,
    guard_from_spec,
    guard_spec,
    open_counters,
)
from .plackett_luce import Between
from .rerankers import Reranker, reranker_from_spec, reranker_spec
from .scorers import Scorer, scorer_from_state

Draw = Callable[[int, Generator], I32]
Probabilities = Callable[[I32], F64]


@dataclass(frozen=True, eq=False)
class SlatePolicy:
    """Shows ``slate_size`` of a request's candidates (implements :class:`shopgym.core.Policy`).

    Attributes:
        name: its name in reports.
        items: the catalogue it was made for.
        scorer: scores the candidates.
        explorer: turns scores into probabilities.
        guards: rules; a candidate that they forbid has probability 0.
        slate_size: k.
        reranker: changes the scores from slot to slot, by the items already on the page.
    """

    name: str
    items: Items
    scorer: Scorer
    explorer: Explorer
    guards: tuple[Guard, ...]
    slate_size: int
    reranker: Reranker | None = None

    def __post_init__(self) -> None:
        if self.slate_size < 1:
            raise InvalidInput("policy.slate_size", self.slate_size, "show at least one item")

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Draw a slate for each request; see :class:`shopgym.core.Decisions`."""
        requests = _with_candidates(requests)
        draw, probabilities = self._sampler(requests)
        positions = draw(self.slate_size, rng)
        positions[self._beyond(requests)] = EMPTY
        propensities = probabilities(positions)
        propensities[self._beyond(requests)] = 1.0
        return Decisions(positions, item_rows(requests, positions), propensities)

    def slates(self, requests: Requests, rng: Generator) -> I32:
        """(n, k) item rows as ``decide`` would draw them, without the propensities: several times faster."""
        requests = _with_candidates(requests)
        draw, _ = self._sampler(requests)
        positions = draw(self.slate_size, rng)
        positions[self._beyond(requests)] = EMPTY
        return item_rows(requests, positions)

    def first_choices(self, requests: Requests, rng: Generator) -> I32:
        """(n, k) positions that ``decide`` would draw with these random numbers if there were no guards."""
        requests = _with_candidates(requests)
        draw, _ = replace(self, guards=())._sampler(requests)
        positions = draw(self.slate_size, rng)
        positions[self._beyond(requests)] = EMPTY
        return positions

    def open_counters(self) -> GuardCounters | None:
        """Counters of its guards at 0; None where no guard has a state."""
        return open_counters(self.guards, self.items)

    def propensities(self, requests: Requests, positions: I32) -> F64:
        """(n, k) probability of each slot given the slots before it."""
        if positions.ndim != 2 or len(positions) != len(requests):
            raise InvalidInput("positions", positions.shape, f"give shape ({len(requests)}, k)")
        if positions.size and positions.max() >= requests.num_candidates:
            fix = f"there are {requests.num_candidates} candidates"
            raise InvalidInput("positions", int(positions.max()), fix)
        requests = _with_candidates(requests)
        _, probabilities = self._sampler(requests)
        propensities = probabilities(positions)
        beyond = self._beyond(requests)[:, : positions.shape[1]]
        propensities[beyond] = positions[beyond] == EMPTY
        return propensities

    @property
    def has_marginals(self) -> bool:
        """True if no guard and no re-ranker looks at earlier slots: then marginals have a closed form."""
        return self.reranker is None and not any(guard.looks_back for guard in self.guards)

    def marginals(self, requests: Requests) -> F64:
        """(n, k, m) probability that a candidate stands at a slot.

        Raises:
            InvalidInput: a guard or the re-ranker looks back at earlier slots; use ``propensities`` instead.
        """
        if self.reranker is not None:
            fix = "slot marginals need scores that do not change by slot"
            raise InvalidInput("policy.reranker", self.reranker.kind, fix)
        for guard in self.guards:
            if guard.looks_back:
                fix = "slot marginals need rules that do not look at earlier slots"
                raise InvalidInput("policy.guards", guard.kind, fix)
        padded = _with_candidates(requests)
        marginals = plackett_luce.slot_marginals(*self._rates(*self._scores(padded)), self.slate_size)
        marginals[self._beyond(requests)] = 0.0
        return marginals[:, :, : requests.num_candidates]

    def _beyond(self, requests: Requests) -> Bool:
        """(n, k) slots that the page does not have; the slots before them are drawn as on a full page."""
        if requests.slots is None:
            return np.zeros((len(requests), self.slate_size), np.bool_)
        return np.arange(self.slate_size) >= requests.slots[:, None]

    def _sampler(self, requests: Requests) -> tuple[Draw, Probabilities]:
        """(draws slates, gives the probability of each slot of a slate) for these requests."""
        scores, allowed = self._scores(requests)
        between = self._between(requests, allowed)
        if self.reranker is None:
            log_rates, weights, allowed = self._rates(scores, allowed)
            return (
                partial(plackett_luce.draw, log_rates, weights, allowed, between=between),
                partial(plackett_luce.slot_propensities, log_rates, weights, allowed, between=between),
            )
        slots = partial(self.reranker.begin, requests, self.items, scores, allowed)
        begin = partial(sequential.SlotRates, self.explorer, slots, allowed, between)
        weights = with_floor(scores[:, :, :0], self.explorer.floor)[1]
        return partial(sequential.draw, begin, weights), partial(sequential.slot_propensities, begin, weights)

    def _rates(self, scores: F64, allowed: Bool) -> tuple[F64, F64, Bool]:
        log_rates, weights = with_floor(self.explorer.log_rates(scores, allowed), self.explorer.floor)
        return log_rates, weights, allowed

    def _scores(self, requests: Requests) -> tuple[F64, Bool]:
        """(n, B, m) scores, and (n, m) which candidates the guards allow before the first slot."""
        if requests.candidates.size and requests.candidates.max() >= len(self.items):
            fix = f"the catalogue has {len(self.items)} items"
            raise InvalidInput("requests.candidates", int(requests.candidates.max()), fix)
        allowed = allowed_at_all(self.guards, requests, self.items)
        scores = self.scorer.scores(requests)
        finite = np.isfinite(scores).all(axis=1) | ~allowed
        if not finite.all():
            row = int(np.flatnonzero(~finite.all(axis=1))[0])
            fix = "remove NaN and infinity from user, context and live features"
            raise InvalidInput(f"requests[{row}]", "a score is not finite", fix)
        return scores, allowed

    def _between(self, requests: Requests, allowed: Bool) -> Between | None:
        """The guards that depend on earlier slots, as one rule; None where there are none."""
        if not any(guard.looks_back for guard in self.guards):
            return None
        return partial(allowed_next, self.guards, requests, self.items, allowed)

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
        if self.reranker is not None:
            spec["reranker"] = reranker_spec(self.reranker)
        return spec, arrays

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the spec, the arrays and the items. Policies with equal hashes decide alike."""
        spec, arrays = self.state()
        columns = {f"items.{name}": _plain(values) for name, values in self.items.columns().items()}
        return hash_arrays({**arrays, **columns}, spec)


def _with_candidates(requests: Requests) -> Requests:
    """Requests without candidates get one column of padding, so that nothing else needs a special case."""
    if requests.num_candidates:
        return requests
    zeros = np.zeros((len(requests), 1))
    return replace(
        requests,
        candidates=np.full(zeros.shape, EMPTY, np.int32),
        in_stock=zeros.astype(np.bool_),
        live={name: zeros.astype(np.float32) for name in requests.live},
        counters={
            name: values if values.ndim == 1 else zeros.astype(np.float32)
            for name, values in requests.counters.items()
        },
    )


def item_rows(requests: Requests, positions: I32) -> I32:
    """(n, k) item rows at positions among the candidates; ``EMPTY`` stays."""
    rows = np.take_along_axis(requests.candidates, np.maximum(positions, 0), axis=1)
    return np.where(positions >= 0, rows, EMPTY).astype(np.int32)


def policy_from_state(spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items) -> SlatePolicy:
    """The policy whose ``state()`` was (spec, arrays)."""
    try:
        explorer = dict(spec["explorer"])
        explorer_kind = explorer.pop("kind")
        if explorer_kind not in EXPLORERS:
            raise InvalidInput("policy.explorer", explorer_kind, "this version does not know it")
        return SlatePolicy(
            name=spec["name"],
            items=items,
            scorer=scorer_from_state(spec["scorer"], arrays, items),
            explorer=EXPLORERS[explorer_kind](**explorer),
            guards=tuple(guard_from_spec(guard) for guard in spec["guards"]),
            slate_size=spec["slate_size"],
            reranker=reranker_from_spec(spec["reranker"]) if "reranker" in spec else None,
        )
    except (KeyError, TypeError) as error:
        fix = "the description is incomplete: export it again"
        raise InvalidInput("policy.spec", str(error), fix) from error


def _plain(values: AnyArray) -> AnyArray:
    """Strings as fixed-width unicode, so that their bytes can be hashed."""
    return np.array(values.tolist(), dtype=np.str_) if values.dtype.kind in "OT" else values
