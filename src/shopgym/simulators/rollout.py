"""The one rollout: a policy decides on pages, the shop answers, episodes end and start anew."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator

from ..core.batches import (
    EMPTY,
    Decisions,
    Feedback,
    PageBuffers,
    PageMeasures,
    Requests,
    take_rows,
)
from ..core.errors import InvalidInput
from ..core.protocols import DecisionRule
from ..core.types import F64, I32, I64, Bool
from .calendar import Clock
from .engine.hash_rng import key
from .engine.unboxed import unboxed_once
from .shop import Shop

CandidateSource = Callable[[Requests], Requests]
"""Gives requests of the whole catalogue the candidates that policies choose from."""
BeforePage = Callable[[I64, Requests, I32], Any]
"""Called with the rows (r,), their requests and the slates (n, k) of all rows, before a page is shown."""


class Counters(Protocol):
    """What rules of a policy with a state count, see :mod:`shopgym.policies.guards`."""

    def fill(self, requests: Requests) -> Requests:
        """The requests with the counters, before they are decided."""
        ...

    def record(self, requests: Requests, slates: I32, feedback: Feedback, rows: I64) -> None:
        """Count n pages of the ``rows`` (n,) of a shop."""
        ...

    def forget(self, users: Iterable[int]) -> None:
        """Users whose life begins anew."""
        ...


class Episode(StrEnum):
    """What an episode is."""

    PAGE = "page"
    VISIT = "visit"
    LIFE = "life"
    """Everything between the shop and one customer."""
    SEASON = "season"
    """Everything between the shop and all customers for some days."""

    @property
    def clock(self) -> Clock:
        """The clock of a shop for such episodes."""
        return {Episode.LIFE: Clock.OWN, Episode.SEASON: Clock.SEASON}.get(self, Clock.PAGES)


class EpisodicShop:
    """A shop with n rows in which episodes of one kind follow one another.

    Attributes:
        shop: its clock fits the episode.
        episode: what an episode is.
        reuses_arrays: whether requests and feedback of every page are written to the same arrays. That is
            faster with few rows; but what was read before changes with the next page.
        requests: the pages that the rows ask for, as last read.
    """

    def __init__(self, shop: Shop, episode: Episode, *, reuses_arrays: bool = False) -> None:
        self.shop, self.episode, self.reuses_arrays = shop, episode, reuses_arrays
        self.requests: Requests
        self._requests = shop.blank_requests() if reuses_arrays else None
        pages = PageBuffers.empty(shop.lanes, shop.config.slate_size)
        self._pages = unboxed_once(pages) if reuses_arrays else None
        self._seed = self._seasons = 0

    def open(self, seed: int | Sequence[int]) -> None:
        """Open the shop anew and start a visit in every row."""
        self._seed, self._seasons = seed if isinstance(seed, int) else int(seed[0]), 0
        self.shop.reset(seed)
        self.shop.start_visits(np.ones(self.shop.lanes, np.bool_))

    def next_requests(self, begin: Bool | None = None, needed: Bool | None = None) -> Requests:
        """Read the pages that are asked for next, after new episodes have started where ``begin`` (n,) bool.

        ``needed`` (n,) says which rows are read if none starts; the others have no meaning. Default: all.

        Raises:
            InvalidInput: a season is to start in some rows only.
        """
        if begin is not None and self.episode is Episode.SEASON:
            if not begin.all():
                raise InvalidInput("reset_mask", begin.tolist(), "a season is over for all lanes at once")
            self._seasons += 1
            season = key(np.uint64(self._seed), np.uint64(self._seasons))
            self.shop.reset([(int(season) + lane) % 2**64 for lane in range(self.shop.lanes)])
        if begin is None:
            self.requests = self.shop.requests(needed, out=self._requests)
        else:
            self.requests = self.shop.next_pages(begin, out=self._requests)
        return self.requests

    def serve(
        self, slates: I32, active: Bool, *, price_off: F64 | None = None
    ) -> tuple[Feedback, Bool, Bool]:
        """Show the slates (n, k) where ``active`` (n,); (feedback, terminated, truncated) of the episodes.

        The feedback holds what is counted of a page as a whole too.
        """
        shop, held = self.shop, self.shop.stock.holding_cost
        slots = shop.slots if shop.config.surfaces.enabled else slates.shape[1]
        feedback, left, cut = shop.serve(slates, active, price_off=price_off, out=self._pages)
        terminated, truncated, last_page = left, cut, left | cut
        kept, satisfaction, holding_cost = np.zeros((3, shop.lanes))
        if self.episode is Episode.PAGE:
            shop.visits.over[active] = True
            terminated, truncated, last_page = active.copy(), np.zeros_like(active), active
        elif self.episode is Episode.LIFE or self.episode is Episode.SEASON:
            gone, truncated = shop.end_visits(last_page)
            kept[last_page & ~gone] = 1.0
            satisfaction[last_page] = shop.visits.satisfaction[last_page]
            terminated = gone
        if self.episode is Episode.SEASON:
            shop.start_visits()
            terminated, truncated = np.zeros_like(active), np.full_like(active, self.season_is_over)
        if shop.stock.holding_cost != held:
            holding_cost[active] = (shop.stock.holding_cost - held) / np.count_nonzero(active)
        amounts = last_page.astype(np.float64), satisfaction, kept, holding_cost
        measures = PageMeasures(slates, active, slots, *amounts)
        seen = Feedback(feedback.buffers, feedback.events, feedback.reading_time, measures)
        return seen, terminated, truncated

    @property
    def season_is_over(self) -> bool:
        """Whether the last visit of a season has ended."""
        return self.episode is Episode.SEASON and bool(self.shop.visits.over.all())

    @property
    def waiting(self) -> Bool:
        """(n,) rows whose visitor waits for a page; in a season there may be no visitor for a row."""
        if self.episode is Episode.SEASON:
            return ~self.shop.visits.over
        return np.ones(self.shop.lanes, np.bool_)


@dataclass(frozen=True)
class Step:
    """One page in each of r rows of a shop of n.

    Attributes:
        rows: (r,) which.
        episode: (r,) number of the row's episode, from 0.
        requests, decisions: of those rows.
        feedback: of all n rows; where nothing was shown it is blank.
        next_requests: what the r rows ask for next. It is ``requests`` where nothing comes next.
        visit_over: (r,) bool, the visit ended with this page.
        terminated: (r,) bool, the episode ended because the customer left.
        truncated: (r,) bool, the episode ended because time was up.
        decision_seconds: CPU time of the policy.
        before: what ``before`` of :func:`rollout` returned.
    """

    rows: I64
    episode: I64
    requests: Requests
    decisions: Decisions
    feedback: Feedback
    next_requests: Requests
    visit_over: Bool
    terminated: Bool
    truncated: Bool
    decision_seconds: float
    before: Any


def rollout(
    world: EpisodicShop,
    policy: DecisionRule | Callable[[], DecisionRule],
    rng: Generator,
    *,
    pages: int | None = None,
    pages_in_all: int | None = None,
    episodes: int | None = None,
    candidates: CandidateSource | None = None,
    before: BeforePage | None = None,
    look_ahead: bool = True,
    decide_for_all: bool = False,
) -> Iterator[Step]:
    """Let a policy decide page after page in every row of an open shop.

    A policy whose rules have a state says so by ``open_counters()``. Then its requests hold the counters,
    which begin at 0 and move with every page. They begin anew with a season, those of a customer with a
    life.

    A step is yielded before any new episode starts, so the shop can still be read as it is after the page.

    Args:
        policy: given a function, it is asked for the policy of each page.
        pages, episodes: per row, after which the rollout ends; None = no limit. In a season a row without a
            visitor shows nothing, which counts as a page here.
        pages_in_all: ends the rollout as soon as all rows together have shown so many pages.
        candidates: gives the requests their candidates where the shop leaves them open.
        before: measures something of a page before it is shown, e.g. its exact value.
        look_ahead: read what is asked for next; without it ``Step.next_requests`` is ``requests``.
        decide_for_all: let the policy decide for rows without a visit too and drop these decisions. Then its
            random draws for a row do not depend on which other rows have ended.
    """
    shop, n = world.shop, world.shop.lanes
    if world.reuses_arrays:
        raise InvalidInput(
            "world.reuses_arrays", True, "give a vector environment: what a step holds must stay"
        )
    look_ahead = look_ahead and world.episode is not Episode.PAGE
    playing, finished = np.ones(n, np.bool_), np.zeros(n, np.int64)
    requests, shown = world.next_requests(), 0
    counters: Counters | None = None
    for page in itertools.count():
        active = playing & world.waiting
        rows = np.flatnonzero(active)
        if page == pages or not len(rows) or (pages_in_all is not None and shown >= pages_in_all):
            return
        shown += len(rows)
        asked = requests if len(rows) == n or decide_for_all else requests.take(rows)
        asked = asked if candidates is None else candidates(asked)
        current = policy() if callable(policy) else policy
        if page == 0:
            counters = _open_counters(current)
        if counters is not None:
            asked = counters.fill(asked)
        start = time.process_time()
        decisions = current.decide(asked, rng)
        seconds = time.process_time() - start
        if decide_for_all:
            asked, decisions = asked.take(rows), take_rows(decisions, rows)
        slates = np.full((n, decisions.slates.shape[1]), EMPTY, np.int32)
        slates[rows] = decisions.slates
        measured = None if before is None else before(rows, asked, slates)
        feedback, terminated, truncated = world.serve(slates, active)
        following = world.next_requests() if look_ahead else requests
        gone, cut, episode = terminated[rows], truncated[rows], finished[rows]
        # in a season the row's next visit may have started already
        visit_over = gone | cut | shop.visits.over[rows] | (shop.visits.page[rows] == 0)
        ended = np.full(n, True) if world.season_is_over else active & (terminated | truncated)
        finished += ended
        begin = ended & (finished < episodes) if episodes is not None else ended
        playing &= ~ended | begin
        next_requests = following.take(rows) if look_ahead else asked
        if counters is not None:
            counters.record(asked, decisions.slates, feedback, rows)
            next_requests = counters.fill(next_requests) if look_ahead else asked
            if world.season_is_over:
                counters = _open_counters(current)
            elif world.episode is Episode.LIFE:
                counters.forget(asked.user_id[(gone | cut)].tolist())
        yield Step(
            rows, episode, asked, decisions, feedback, next_requests, visit_over, gone, cut, seconds, measured
        )
        if begin.any():
            requests = world.next_requests(begin)
        else:
            needed = None if decide_for_all else playing & world.waiting
            requests = following if look_ahead else world.next_requests(needed=needed)


def _open_counters(policy: DecisionRule) -> Counters | None:
    """New counters of a policy; None where it counts nothing."""
    opened: Counters | None = getattr(policy, "open_counters", lambda: None)()
    return opened
