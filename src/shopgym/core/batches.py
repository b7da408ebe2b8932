"""Batches that flow between the rooms: requests, decisions, feedback, interactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from .errors import InvalidInput, one_of
from .types import F32, F64, I32, I64, U64, AnyArray, Bool

EMPTY = -1
"""An empty slot, or padding in a candidate list."""


@dataclass(frozen=True)
class Requests:
    """A batch of n page requests, each with m candidate items.

    Attributes:
        request_id: (n,) uint64, unique within a log.
        user_id: (n,) int64.
        user: (n, u) float32, observable user features.
        context: (n, c) float32, observable context features.
        candidates: (n, m) int32 item rows; ``EMPTY`` pads short lists.
        in_stock: (n, m) bool, known availability when the request arrived; False at padding.
        time: (n,) float64, days since the shop opened.
        slots: (n,) int32, slots on the page asked for, at most the slate size; None = all of them.
        history: (n, h) int32 item rows that the user opened before, the latest first; ``EMPTY`` pads; None =
            not known.
        live: what is true of the candidates at the moment, by name, each (n, m) float32; 0 at padding.
            ``price`` (currency) is what is asked now, ``margin`` (currency per unit) that less the unit cost,
            ``stock`` the units on hand; other names are the shop's own. Nothing = as the catalogue says.
    """

    request_id: U64
    user_id: I64
    user: F32
    context: F32
    candidates: I32
    in_stock: Bool
    time: F64
    slots: I32 | None = None
    history: I32 | None = None
    live: Mapping[str, F32] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.candidates)

    @property
    def num_candidates(self) -> int:
        """m, padding included."""
        return int(self.candidates.shape[1])

    def take(self, rows: AnyArray | slice) -> Requests:
        """The requests at ``rows`` (indices, mask or slice), in that order."""
        return Requests(
            self.request_id[rows],
            self.user_id[rows],
            self.user[rows],
            self.context[rows],
            self.candidates[rows],
            self.in_stock[rows],
            self.time[rows],
            None if self.slots is None else self.slots[rows],
            None if self.history is None else self.history[rows],
            {name: values[rows] for name, values in self.live.items()},
        )

    def at(self, positions: AnyArray) -> Requests:
        """The same requests with only the candidates at ``positions`` (n, j); ``EMPTY`` becomes padding."""
        there = positions >= 0
        place = np.maximum(positions, 0)

        def picked(values: AnyArray) -> AnyArray:
            return np.take_along_axis(values, place, axis=1)

        return replace(
            self,
            candidates=np.where(there, picked(self.candidates), EMPTY).astype(np.int32),
            in_stock=picked(self.in_stock) & there,
            live={name: np.where(there, picked(values), 0) for name, values in self.live.items()},
        )


@dataclass(frozen=True)
class Decisions:
    """What a policy showed for n requests, and how likely that was.

    Attributes:
        positions: (n, k) int32, index into the request's candidates; ``EMPTY`` = empty slot.
        slates: (n, k) int32, the item rows shown; ``EMPTY`` = empty slot.
        propensities: (n, k) float64 in (0, 1]: the exact probability of each slot's item given the
            request and the slots before it; 1 at an empty slot that could not have been filled. Their
            product over slots is the probability of the slate.
    """

    positions: I32
    slates: I32
    propensities: F64

    def __len__(self) -> int:
        return len(self.slates)


SLOT_TERMS = (
    "click",
    "cart",
    "purchase",
    "units",
    "revenue",
    "margin",
    "stockout",
    "dwell",
    "return_cost",
)
"""What can be counted of a slot; the columns of ``Feedback.page`` are their sums over slots."""
EVENTS = ("click", "cart", "purchase", "revenue", "margin")
"""Those of them that learners are told beside the reward."""
DETAILS = (
    "dwell",
    "cart_units",
    "removed",
    "sold",
    "quantity",
    "revenue",
    "margin",
    "returned",
    "return_cost",
    "return_delay",
)
"""What there is to say of an item that was opened or put in the cart; the columns of ``Feedback.details``."""


@dataclass(frozen=True)
class Feedback:
    """What happened to n slates of k slots.

    Few items are opened, and much is about those alone: it is kept row by row, and laid out slot by slot,
    (n, k), when it is asked for.

    Attributes:
        clicked, carted: (n, k) bool.
        examined: (n, k) bool, the slot was looked at.
        unavailable: (n, k) bool, an item was shown that had run out.
        page: (n, 9) float64, the sum over slots of each of ``SLOT_TERMS``.
        first: (n,) int64, the row of ``details`` with which each lane begins, where it has any.
        details: (r, 10) float64, columns :data:`DETAILS`: of each lane one row for every slot that was
            clicked or put in the cart, in order; other rows mean nothing.
        reading: works out the (n,) float32 seconds spent on the page itself, which few ask for.
    """

    clicked: Bool
    carted: Bool
    examined: Bool
    unavailable: Bool
    page: F64
    first: I64
    details: F64
    reading: Callable[[], F32]

    @cached_property
    def seconds(self) -> F32:
        """(n,) seconds spent on the page and on the items opened from it."""
        seconds = self.reading()
        lanes, _, rows = self.rows
        np.add.at(seconds, lanes, self.details[rows, DETAILS.index("dwell")])
        return seconds

    @cached_property
    def dwell(self) -> F32:
        """(n, k) seconds on the item's page."""
        return self._laid_out("dwell", np.float32)

    @cached_property
    def cart_units(self) -> I32:
        """(n, k) units in the cart when the visitor was done with it.

        Whoever adds an item adds one; a number above 1 is an edit of the quantity.
        """
        return self._laid_out("cart_units", np.int32)

    @cached_property
    def removed(self) -> Bool:
        """(n, k) put in the cart and taken out again before an order."""
        return self._laid_out("removed", np.bool_)

    @cached_property
    def sold(self) -> I32:
        """(n, k) the item row that was bought, which is not the one shown where a substitute was taken.

        ``EMPTY`` where nothing was.
        """
        return self._laid_out("sold", np.int32, EMPTY)

    @cached_property
    def quantity(self) -> I32:
        """(n, k) units bought, 0 where nothing was."""
        return self._laid_out("quantity", np.int32)

    @cached_property
    def revenue(self) -> F64:
        """(n, k) currency."""
        return self._laid_out("revenue", np.float64)

    @cached_property
    def margin(self) -> F64:
        """(n, k) currency."""
        return self._laid_out("margin", np.float64)

    @cached_property
    def returned(self) -> Bool:
        """(n, k) bought and, in time, sent back."""
        return self._laid_out("returned", np.bool_)

    @cached_property
    def return_cost(self) -> F64:
        """(n, k) currency: margin undone and handling, known after the delay."""
        return self._laid_out("return_cost", np.float64)

    @cached_property
    def return_delay(self) -> F32:
        """(n, k) days from order to return."""
        return self._laid_out("return_delay", np.float32)

    def events(self) -> dict[str, F64]:
        """What learners are told beside the reward: ``EVENTS`` by name, each (n, k)."""
        return {name: self.term(name) for name in EVENTS}

    def term(self, name: str) -> F64:
        """(n, k) one of ``SLOT_TERMS``, slot by slot."""
        one_of("term", name, SLOT_TERMS)
        if name == "purchase":
            return (self.quantity > 0).astype(np.float64)
        column: AnyArray = getattr(self, _COLUMN.get(name, name))
        return column.astype(np.float64)

    @cached_property
    def rows(self) -> tuple[AnyArray, AnyArray, AnyArray]:
        """(lanes, slots, rows of ``details``) of all that was opened or put in the cart."""
        lanes, slots = np.nonzero(self.clicked | self.carted)
        return lanes, slots, self.first[lanes] + np.arange(len(lanes)) - np.searchsorted(lanes, lanes)

    def _laid_out(self, name: str, dtype: type[np.generic], nothing: int = 0) -> AnyArray:
        lanes, slots, rows = self.rows
        out = np.full(self.clicked.shape, nothing, dtype)
        out[lanes, slots] = self.details[rows, DETAILS.index(name)]
        return out


_COLUMN = {"click": "clicked", "cart": "carted", "units": "quantity", "stockout": "unavailable"}


@dataclass(frozen=True)
class Interactions:
    """Requests, what was decided and what came of it: what an agent learns from.

    Attributes:
        requests: n requests.
        decisions: n decisions.
        reward: (n, k) float64, the reward of each slot, in the reward's unit.
        events: further per-slot outcomes by name, each (n, k), e.g. ``click``, ``purchase``.
        next: n requests, the page that each visitor asked for next; None where only pages are looked at.
            Anything where ``terminated``.
        terminated: (n,) bool, whether the episode ended with this page, so that nothing comes after; None
            where ``next`` is. An episode that was cut off goes on in ``next``.
    """

    requests: Requests
    decisions: Decisions
    reward: F64
    events: Mapping[str, F64] = field(default_factory=dict)
    next: Requests | None = None
    terminated: Bool | None = None

    def __post_init__(self) -> None:
        if self.reward.shape != self.decisions.slates.shape:
            raise InvalidInput(
                "interactions.reward",
                self.reward.shape,
                f"give one reward per slot, shape {self.decisions.slates.shape}",
            )
        if not np.isfinite(self.reward).all():
            row = int(np.flatnonzero(~np.isfinite(self.reward).all(axis=1))[0])
            raise InvalidInput(
                f"interactions.reward[{row}]", self.reward[row].tolist(), "remove NaN and infinity"
            )
        if (self.next is None) != (self.terminated is None):
            raise InvalidInput("interactions.terminated", self.terminated, "give it together with next")
        if self.next is not None and len(self.next) != len(self.requests):
            raise InvalidInput("interactions.next", len(self.next), f"give {len(self.requests)} requests")

    def __len__(self) -> int:
        return len(self.requests)

    def take(self, rows: AnyArray | slice) -> Interactions:
        """The interactions at ``rows``, in that order."""
        decisions = replace(
            self.decisions,
            positions=self.decisions.positions[rows],
            slates=self.decisions.slates[rows],
            propensities=self.decisions.propensities[rows],
        )
        events = {name: values[rows] for name, values in self.events.items()}
        return Interactions(
            self.requests.take(rows),
            decisions,
            self.reward[rows],
            events,
            None if self.next is None else self.next.take(rows),
            None if self.terminated is None else self.terminated[rows],
        )
