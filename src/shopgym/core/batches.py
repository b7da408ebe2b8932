"""Batches that flow between the rooms: requests, decisions, feedback, interactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .errors import InvalidInput, finite, one_of
from .types import F32, F64, I32, I64, U64, AnyArray, Bool

T = TypeVar("T")

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
        counters: what rules with a state have counted before the request, by name: (n,) float64 of the
            request, or (n, m) float32 of each candidate, 0 at padding. See :mod:`shopgym.policies.guards`.
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
    counters: Mapping[str, AnyArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.candidates)

    @property
    def num_candidates(self) -> int:
        """m, padding included."""
        return int(self.candidates.shape[1])

    def take(self, rows: AnyArray | slice) -> Requests:
        """The requests at ``rows`` (indices, mask or slice), in that order."""
        return take_rows(self, rows)

    def at(self, positions: AnyArray) -> Requests:
        """The same requests with only the candidates at ``positions`` (n, j); ``EMPTY`` becomes padding."""
        filled = positions >= 0
        column = np.maximum(positions, 0)

        def picked(values: AnyArray) -> AnyArray:
            return np.take_along_axis(values, column, axis=1)

        return replace(
            self,
            candidates=np.where(filled, picked(self.candidates), EMPTY).astype(np.int32),
            in_stock=picked(self.in_stock) & filled,
            live={name: np.where(filled, picked(values), 0) for name, values in self.live.items()},
            counters={
                name: values if values.ndim == 1 else np.where(filled, picked(values), 0)
                for name, values in self.counters.items()
            },
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
    *("click", "cart", "purchase", "units", "revenue", "margin", "stockout", "dwell", "return_cost"),
    *("discount_cost", "expected_return_cost"),
)
"""What is counted of a slot. The columns of ``Feedback.page`` are the sums over its slots."""
TERM_CLICK, TERM_CART, TERM_PURCHASE, TERM_UNITS, TERM_REVENUE = range(5)
TERM_MARGIN, TERM_STOCKOUT, TERM_DWELL, TERM_RETURN_COST = range(5, 9)
TERM_DISCOUNT_COST, TERM_EXPECTED_RETURN_COST = range(9, 11)

PAGE_TERMS = ("impression", "diversity")
"""What is counted of a page as a whole. ``PageBuffers.page`` holds these after ``SLOT_TERMS``."""
TERM_IMPRESSION, TERM_DIVERSITY = range(11, 13)

VISIT_TERMS = ("visit", "satisfaction", "retention", "holding_cost")
"""What only whoever runs episodes knows of a page: the fields of ``PageMeasures``."""

LEARNER_EVENTS = ("click", "cart", "purchase", "revenue", "margin")
"""The terms that learners are told beside the reward."""

EVENT_COLUMNS = (
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
    "discount_cost",
    "expected_return_cost",
    "return_probability",
)
"""What is known of an item that was clicked or put in the cart: the columns of ``Feedback.events``."""
EVENT_DWELL, EVENT_CART_UNITS, EVENT_REMOVED, EVENT_SOLD, EVENT_QUANTITY = range(5)
EVENT_REVENUE, EVENT_MARGIN, EVENT_RETURNED, EVENT_RETURN_COST, EVENT_RETURN_DELAY = range(5, 10)
EVENT_DISCOUNT_COST, EVENT_EXPECTED_RETURN_COST, EVENT_RETURN_PROBABILITY = range(10, 13)

PADDING = 72
"""Unused columns of ``PageBuffers.page``: rows whose length is a power of two would evict one another."""


class PageBuffers(NamedTuple):
    """Arrays that the shop fills for n pages of k slots. :class:`Feedback` reads them.

    The sums over the page are stored term by term, so that one term of all pages is one piece of memory.
    """

    clicked: Bool  # (n, k)
    carted: Bool  # (n, k)
    examined: Bool  # (n, k)
    unavailable: Bool  # (n, k)
    page: F64  # (13, n + PADDING)
    first: I64  # (n,)
    read: U64  # (n,) key of the page if the visitor spent time on it, else 0

    @classmethod
    def empty(cls, n: int, k: int) -> PageBuffers:
        """Buffers with arbitrary content."""
        clicked, carted, examined, unavailable = np.empty((4, n, k), np.bool_)
        page, first = np.empty((len(SLOT_TERMS) + len(PAGE_TERMS), n + PADDING)), np.empty(n, np.int64)
        return cls(clicked, carted, examined, unavailable, page, first, np.empty(n, np.uint64))


class PageMeasures(NamedTuple):
    """What whoever runs episodes knows of n pages: where visits end, who comes back, what stock costs."""

    slates: I32  # (n, k) item rows; ``EMPTY`` = empty slot
    active: Bool  # (n,) who was shown a page
    slots: I32 | int  # (n,) or one for all: so many slots are on the page
    visit: F64  # (n,) 1 on the last page of a visit
    satisfaction: F64  # (n,) of the customer, on the last page of a visit
    retention: F64  # (n,) 1 on the last page of a visit if the customer will come back
    holding_cost: F64  # (n,) cost of the stock since the last step, in equal parts

    @property
    def shown(self) -> I32:
        """(n, k) the slates without what was not on the page."""
        reached = self.active * self.slots
        return np.where(np.arange(self.slates.shape[1]) < reached[:, None], self.slates, EMPTY)


@dataclass(frozen=True)
class Feedback:
    """What happened on n pages of k slots.

    Few items are clicked, and most columns concern those alone. They are stored as one row per such item
    and spread over the slots, (n, k), on first use.

    Attributes:
        buffers: what is known of every slot and every page.
        events: (r, 13) float64, columns :data:`EVENT_COLUMNS`. Each page has one row for every slot that
            was clicked or put in the cart, in order of slots. Other rows have no meaning.
        reading_time: returns the (n,) float32 seconds spent on the page itself. Few callers need them.
        measures: what only whoever runs episodes knows; None where only the shop was asked.
    """

    buffers: PageBuffers
    events: F64
    reading_time: Callable[[], F32]
    measures: PageMeasures | None = None

    @property
    def clicked(self) -> Bool:
        """(n, k) the item's page was opened."""
        return self.buffers.clicked

    @property
    def carted(self) -> Bool:
        """(n, k) the item was put in the cart."""
        return self.buffers.carted

    @property
    def examined(self) -> Bool:
        """(n, k) the slot was looked at."""
        return self.buffers.examined

    @property
    def unavailable(self) -> Bool:
        """(n, k) the item shown was out of stock."""
        return self.buffers.unavailable

    @property
    def page(self) -> F64:
        """(n, 11) the sum over slots of each of ``SLOT_TERMS``."""
        return self.buffers.page[: len(SLOT_TERMS), : len(self.buffers.first)].T

    @property
    def first(self) -> I64:
        """(n,) the row of ``events`` with which each page begins, if it has any."""
        return self.buffers.first

    @cached_property
    def seconds(self) -> F32:
        """(n,) seconds spent on the page and on the items opened from it."""
        seconds = self.reading_time()
        pages, _, rows = self.rows
        np.add.at(seconds, pages, self.events[rows, EVENT_DWELL])
        return seconds

    @cached_property
    def dwell(self) -> F32:
        """(n, k) seconds on the item's page."""
        return self._by_slot(EVENT_DWELL, np.float32)

    @cached_property
    def cart_units(self) -> I32:
        """(n, k) units in the cart at the end.

        Putting an item in the cart adds one unit. A number above 1 is an edit of the quantity.
        """
        return self._by_slot(EVENT_CART_UNITS, np.int32)

    @cached_property
    def removed(self) -> Bool:
        """(n, k) put in the cart and taken out again before an order."""
        return self._by_slot(EVENT_REMOVED, np.bool_)

    @cached_property
    def sold(self) -> I32:
        """(n, k) the item row that was bought; a substitute differs from the item shown.

        ``EMPTY`` where nothing was bought.
        """
        return self._by_slot(EVENT_SOLD, np.int32, EMPTY)

    @cached_property
    def quantity(self) -> I32:
        """(n, k) units bought."""
        return self._by_slot(EVENT_QUANTITY, np.int32)

    @cached_property
    def revenue(self) -> F64:
        """(n, k) currency."""
        return self._by_slot(EVENT_REVENUE, np.float64)

    @cached_property
    def margin(self) -> F64:
        """(n, k) currency."""
        return self._by_slot(EVENT_MARGIN, np.float64)

    @cached_property
    def returned(self) -> Bool:
        """(n, k) bought, and sent back later."""
        return self._by_slot(EVENT_RETURNED, np.bool_)

    @cached_property
    def return_cost(self) -> F64:
        """(n, k) currency: the margin that is undone and the handling. Known after the delay."""
        return self._by_slot(EVENT_RETURN_COST, np.float64)

    @cached_property
    def return_delay(self) -> F32:
        """(n, k) days from order to return."""
        return self._by_slot(EVENT_RETURN_DELAY, np.float32)

    @cached_property
    def discount_cost(self) -> F64:
        """(n, k) currency that the page's own discount took off what was bought."""
        return self._by_slot(EVENT_DISCOUNT_COST, np.float64)

    @cached_property
    def expected_return_cost(self) -> F64:
        """(n, k) currency: the mean of ``return_cost`` at the moment of the order."""
        return self._by_slot(EVENT_EXPECTED_RETURN_COST, np.float64)

    def learner_events(self) -> dict[str, F64]:
        """What learners are told beside the reward: ``LEARNER_EVENTS`` by name, each (n, k)."""
        return {name: self.term(name) for name in LEARNER_EVENTS}

    def term(self, name: str) -> F64:
        """(n, k) one of ``SLOT_TERMS``, slot by slot."""
        one_of("term", name, SLOT_TERMS)
        if name == "purchase":
            return (self.quantity > 0).astype(np.float64)
        column: AnyArray = getattr(self, _COLUMN.get(name, name))
        return column.astype(np.float64)

    @cached_property
    def rows(self) -> tuple[AnyArray, AnyArray, AnyArray]:
        """(pages, slots, rows of ``events``) of every item that was clicked or put in the cart."""
        pages, slots = np.nonzero(self.clicked | self.carted)
        return pages, slots, self.first[pages] + np.arange(len(pages)) - np.searchsorted(pages, pages)

    def _by_slot(self, column: int, dtype: type[np.generic], fill: int = 0) -> AnyArray:
        pages, slots, rows = self.rows
        out = np.full(self.clicked.shape, fill, dtype)
        out[pages, slots] = self.events[rows, column]
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
            fix = f"give one reward per slot, shape {self.decisions.slates.shape}"
            raise InvalidInput("interactions.reward", self.reward.shape, fix)
        finite("interactions.reward", self.reward)
        if (self.next is None) != (self.terminated is None):
            raise InvalidInput("interactions.terminated", self.terminated, "give it together with next")
        if self.next is not None and len(self.next) != len(self.requests):
            raise InvalidInput("interactions.next", len(self.next), f"give {len(self.requests)} requests")

    def __len__(self) -> int:
        return len(self.requests)

    def take(self, rows: AnyArray | slice) -> Interactions:
        """The interactions at ``rows``, in that order."""
        return take_rows(self, rows)


def take_rows(batch: T, rows: AnyArray | slice) -> T:
    """``batch``, a dataclass of arrays, mappings of arrays, such dataclasses or None, at ``rows``."""

    def taken(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {name: taken(values) for name, values in part.items()}
        if is_dataclass(part):
            return take_rows(part, rows)
        return None if part is None else part[rows]

    whole: Any = batch
    result: T = replace(whole, **{f.name: taken(getattr(whole, f.name)) for f in fields(whole)})
    return result
