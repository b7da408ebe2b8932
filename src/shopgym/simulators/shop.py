"""The shop: visits request pages, get slates and respond; time goes on.

One step, for all visits at once::

    requests = shop.next_pages(shop.visits.over)       # next visits start where one is over
    feedback, left, cut = shop.serve(slates)           # visitors respond and move on
    gone, late = shop.end_visits(left | cut)           # where people come back: what a visit leaves behind

:meth:`Shop.requests`, :meth:`Shop.counterfactual`, :meth:`Shop.expected` and :meth:`Shop.attention` read
the shop and change nothing. What time changes (stock, prices, returns) is in :mod:`.calendar`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np

from ..core.batches import SLOT_TERMS, Feedback, PageBuffers, Requests
from ..core.errors import InvalidInput, in_range, one_of
from ..core.types import F32, F64, I32, I64, AnyArray, Bool
from .build_params import build_params, context_bounds, context_names, draw_users
from .calendar import Calendar, Clock
from .catalog.catalog import OBSERVED, Catalog
from .config import ShopConfig
from .day_types import DayTables
from .engine.hash_rng import key
from .engine.thread_pool import ThreadPool, Work
from .engine.unboxed import unboxed_once
from .engine.work_queue import NEXT, work_queue
from .market.market import Market
from .market.returns import Returns
from .market.stock import Stock
from .page import exact_means, page_kernel
from .page.candidates import REMAINDERS
from .page.choice_model import reading_time
from .page.observe import blank_requests, observe
from .page.visit_start import admit, return_visits, start_visits
from .page.workspace import EventRows, Workspace, compact
from .params import ShopParams
from .people.population import Population
from .people.users import Users
from .people.visit_end import end_visits
from .people.visits import Visits, empty_visits

MIN_VISITS_PER_THREAD = 1024
"""A further thread starts only if it gets as many visits. Results do not depend on it."""
MAX_CLAIM = 1024
"""Visits that a thread claims at a time, at most: what it writes for them still fits its cache. Results do
not depend on it."""
NO_DISCOUNT: F64 = np.empty(0)
NONE: Bool = np.empty(0, np.bool_)


class Shop:
    """A shop with ``lanes`` concurrent visits.

    Args:
        catalog: the items.
        config: everything else.
        lanes: n concurrent visits.
        seed: of the users, the market and the opening stock; visit row i gets ``seed`` + i.
        users: the people; drawn from ``seed`` if not given.
        clock: what time is: ``"pages"``, ``"own"`` or ``"season"``, see :class:`.calendar.Clock`.
        days: length of the season, or of the life of a customer.
        threads: threads that run the kernels (0 = one per core). Results do not depend on it.
        block: least number of visits per thread. Results do not depend on it.

    Raises:
        InvalidInput: an argument is out of range, or the config does not fit the catalogue.
    """

    value: ClassVar[Callable[..., Any]]
    compare: ClassVar[Callable[..., Any]]
    """:func:`.policy_value.value` and :func:`.policy_value.compare`. They use a rollout, which
    imports the shop, so :mod:`shopgym.simulators` sets them here after both are imported."""

    def __init__(
        self,
        catalog: Catalog,
        config: ShopConfig | None = None,
        *,
        lanes: int = 1,
        seed: int = 0,
        users: Users | None = None,
        clock: str = Clock.PAGES,
        days: float = 364.0,
        threads: int = 1,
        block: int = MIN_VISITS_PER_THREAD,
    ) -> None:
        self.config = config or ShopConfig()
        self.config.check_catalog(catalog)
        if lanes < 1 or block < 1 or threads < 0:
            raise InvalidInput("shop.lanes, block, threads", (lanes, block, threads), "give positive numbers")
        one_of("shop.clock", clock, [kind.value for kind in Clock])
        in_range("shop.days", days, 0.0, 36_400.0, open_low=True)
        self.catalog, self.clock, self.days, self.seed = catalog, Clock(clock), days, seed
        self.users = users or draw_users(catalog, self.config, seed)
        self.params: ShopParams = unboxed_once(build_params(catalog, self.users, self.config, days))
        self.lanes = lanes
        self.calendar = Calendar(
            catalog, self.users, self.config, clock=self.clock, days=days, seed=seed, num_visits=lanes
        )
        workers = max(1, min(threads or os.cpu_count() or 1, lanes // block))
        self._pool = ThreadPool(workers - 1) if workers > 1 else None
        step = min(MAX_CLAIM, -(-lanes // (4 * workers)) if workers > 1 else lanes)
        self._queue = work_queue(lanes, step)
        k = self.config.slate_size
        self._workspaces = [unboxed_once(Workspace.empty(step, k)) for _ in range(workers)]
        self._takers: list[I64] = [np.empty(REMAINDERS, np.int64) for _ in range(workers)]
        self._event_rows = unboxed_once(EventRows.empty(lanes, k, step))
        self._everyone: Bool = np.ones(lanes, np.bool_)
        self._unwritten_slots: I32 = np.empty(lanes, np.int32)
        self.reset(seed)

    # names and bounds of the columns of Requests

    @property
    def user_names(self) -> tuple[str, ...]:
        """Names of the columns of ``Requests.user``."""
        return self.users.feature_names

    @cached_property
    def context_names(self) -> tuple[str, ...]:
        """Names of the columns of ``Requests.context``."""
        return context_names(OBSERVED, self.config)

    def context_bounds(self) -> tuple[F32, F32]:
        """Least and greatest value of each column of ``Requests.context``, each (c,)."""
        return context_bounds(self.catalog, self.config)

    # the state of the shop

    @property
    def stock(self) -> Stock:
        """Units of every item, shared by all visits."""
        return self.calendar.stock

    @property
    def market(self) -> Market:
        """Prices, range, campaigns and shocks."""
        return self.calendar.market

    @property
    def returns(self) -> Returns:
        """What was sold and will come back."""
        return self.calendar.returns

    @property
    def population(self) -> Population | None:
        """Who comes when in a season; None with another clock."""
        return self.calendar.population

    @property
    def today(self) -> DayTables:
        """What every item is today."""
        return self.calendar.today

    @property
    def day(self) -> float:
        """Days since the shop opened; always 0 where every customer has a calendar of their own."""
        return self.calendar.day

    def reset(self, seed: int | Sequence[int]) -> None:
        """Open the shop anew: opening stock, day 0, no visits.

        ``seed`` is one number (row i gets seed + i, as in Gymnasium's vector environments) or one number
        per row. The opening stock follows the first.
        """
        seeds = range(seed, seed + self.lanes) if isinstance(seed, int) else list(seed)
        if len(seeds) != self.lanes:
            raise InvalidInput("seed", f"{len(seeds)} seeds", f"give one per lane ({self.lanes})")
        self.visits: Visits = unboxed_once(self._blank_visits(self.lanes))
        self.restart(self._everyone, seeds)
        self.calendar.open(int(seeds[0]))

    def restart(self, rows: Bool, seeds: Sequence[int]) -> None:
        """Forget the visits in the ``rows`` (n,) bool; the next ones follow from ``seeds``, one per such row.

        Stock, prices and day stay as they are.
        """
        at = np.flatnonzero(rows)
        for seed in seeds:
            if not 0 <= seed < 2**64:
                raise InvalidInput("seed", seed, "give whole numbers in [0, 2**64)")
        for name, blank in self._blank_visits(len(at))._asdict().items():
            getattr(self.visits, name)[at] = blank
        self.visits.seed[at] = [key(np.uint64(seed), np.uint64(0)) for seed in seeds]

    # one step

    def start_visits(self, begin: Bool | None = None) -> None:
        """Start the next visit where ``begin`` (n,); default: wherever a visit is over.

        By clock it is a visit of anyone, of a new customer, or of whoever comes next in the season; after
        the last of a season nobody comes.
        """
        begin = self.visits.over.copy() if begin is None else begin
        if self.clock is Clock.PAGES:
            self.in_parallel(
                lambda queue, worker: start_visits(
                    self.params, self.visits, begin, self._workspaces[worker].visit, queue
                )
            )
        elif self.clock is Clock.OWN:
            self._return_visits(begin, begin)
        else:
            filled = self.calendar.assign(self.visits, begin)
            self.in_parallel(lambda queue, _: admit(self.params, self.visits, filled, queue))

    def end_visits(self, ended: Bool) -> tuple[Bool, Bool]:
        """Settle what the visits that have ``ended`` (n,) leave behind: :mod:`.people.visit_end`.

        Where every row is the life of one customer, the next visit of those who stay starts at once.

        Returns:
            (gone, late), each (n,) bool: who will never come back, and who would come back after ``days``.
            Where people do not come back (``people.enabled`` is False) all ``ended`` are gone and none late.
        """
        stayed = np.zeros(self.lanes, np.bool_)
        if not self.config.people.enabled:
            return ended.copy(), stayed
        self.in_parallel(lambda queue, _: end_visits(self.params, self.visits, ended, stayed, queue))
        late = stayed & (self.visits.time + self.visits.gap >= self.days)
        if self.clock is Clock.OWN:
            self._return_visits(stayed & ~late, np.zeros_like(stayed))
        elif self.population is not None:
            self.population.store(self.visits, ended, stayed)
        return ended & ~stayed, late

    def requests(self, lanes: Bool | None = None, *, out: Requests | None = None) -> Requests:
        """The page that every visit asks for; where a visit is over, the one that it would have asked for.

        Changes nothing. ``lanes`` (n,) says which rows are needed; the others have no meaning. ``out`` of
        :meth:`blank_requests` is filled and returned; default: new arrays.
        """
        return self._observe(self._everyone if lanes is None else lanes, NONE, out)

    def next_pages(self, begin: Bool, *, out: Requests | None = None) -> Requests:
        """:meth:`start_visits` where ``begin`` (n,), then :meth:`requests`."""
        if self.clock is Clock.PAGES:  # one kernel does both
            return self._observe(self._everyone, begin, out)
        self.start_visits(begin)
        return self.requests(out=out)

    def blank_requests(self) -> Requests:
        """Requests with arbitrary content."""
        return blank_requests(self.lanes, self.users.features.shape[1], len(self.context_names), self.config)

    def serve(
        self,
        slates: I32,
        lanes: Bool | None = None,
        *,
        price_off: F64 | None = None,
        out: PageBuffers | None = None,
    ) -> tuple[Feedback, Bool, Bool]:
        """Show the slates (n, k) of item rows. Visitors respond and move on; stock and time follow.

        The page itself is in :mod:`.page.page_kernel`, stock and time in :meth:`.calendar.Calendar.settle`.

        Args:
            slates: item rows; ``EMPTY`` = empty slot.
            lanes: (n,) who is shown a page; default: every visit that is not over.
            price_off: (n,) share in [0, 1) taken off every price of a page; it stops at the cost of an item
                unless ``allow_losses``.
            out: the buffers of the feedback; default: new ones.

        Returns:
            (feedback, left, cut): ``left`` (n,) chose to leave, ``cut`` (n,) was cut off at ``max_pages``.

        Raises:
            InvalidInput: slates or discounts have a wrong shape or are out of range.
        """
        if self.clock is Clock.PAGES:
            self.visits.time.fill(self.day)
        active = self._active(lanes)
        left, cut = np.zeros(self.lanes, np.bool_), np.zeros(self.lanes, np.bool_)
        feedback, rows = self._respond(slates, active, price_off, left, cut, out)
        self.calendar.settle(self.visits, active, rows, feedback)
        return feedback, left, cut

    # reading the shop

    def counterfactual(
        self, slates: I32, lanes: Bool | None = None, *, price_off: F64 | None = None
    ) -> Feedback:
        """What :meth:`serve` would return as feedback. Changes nothing."""
        feedback, rows = self._respond(slates, self._active(lanes), price_off, NONE, NONE, None)
        self.calendar.charge_campaigns(feedback, rows, on_trial=True)
        return feedback

    def expected(self, items: I32, *, price_off: F64 | None = None) -> dict[str, F64]:
        """Exact means of any items (n, j) in the present state of every visit, by name of ``SLOT_TERMS``.

        Each is (n, j), per examined impression; ``stockout`` alone is per impression. In the one step in
        which the budget of a campaign runs out, lines beyond it earn more: :mod:`.market.campaigns`.
        Where items compete, the means from ``purchase`` to ``return_cost`` are those of an item alone on its
        page: see :meth:`least_shares`.
        """
        return self._expect(items, price_off)[0]

    def reads_on(self, items: I32, *, price_off: F64 | None = None) -> F64:
        """(n, j) probability that the visitor reads on after each of the items, once it is examined."""
        return self._expect(items, price_off)[1]

    def attention(self, slates: I32) -> F64:
        """(n, k) exact probability that each slot of the slates is examined."""
        slates = self._checked(slates)
        out, go_on = np.zeros(slates.shape), np.ones(slates.shape)
        if self.params.chain.any():
            go_on = self.reads_on(slates)
        self.in_parallel(
            lambda queue, _: exact_means.attention(self.params, self.visits, slates, go_on, out, queue)
        )
        return out

    def least_shares(self, slates: I32, *, price_off: F64 | None = None) -> F64:
        """(n, k) share of its demand that each item keeps if the whole page is examined.

        1 where items do not compete. An item sells at least this share of its mean alone (:meth:`expected`).
        """
        out: F64 = np.ones(slates.shape)
        if self.params.competition > 0.0:
            slates, off = self._checked(slates), self._discounts(price_off)
            on_page = (slates >= 0) & (np.arange(slates.shape[1]) < self.slots[:, None])
            state = self.params, self.today, self.visits, slates, on_page, off, out
            self.in_parallel(lambda queue, _: exact_means.least_shares(*state, queue))
        return out

    @property
    def attention_curve(self) -> F64:
        """(n, k) probability that each slot of each visit's page is examined when it is reached."""
        params, surface = self.params, self.visits.surface
        curve: F64 = params.attention[surface] * params.opened[surface, None]
        return curve

    @property
    def reads_in_chains(self) -> Bool:
        """(n,) whether reading can end before the last slot of each visit's page."""
        return self.params.chain[self.visits.surface]

    @property
    def slots(self) -> I32:
        """(n,) slots of each visit's page."""
        return self.params.slots[self.visits.surface]

    def in_parallel(self, work: Work) -> None:
        """Run ``work(queue, worker)`` on every thread until the queue of all n visits is empty."""
        self._queue[NEXT] = 0
        if self._pool is None:
            work(self._queue, 0)
        else:
            self._pool.run(work, self._queue)

    # private

    def _blank_visits(self, n: int) -> Visits:
        width = self.catalog.embedding.shape[1]
        return empty_visits(n, width, self.config.history, self.config.people.purchases)

    def _return_visits(self, begin: Bool, replace: Bool) -> None:
        self.in_parallel(lambda queue, _: return_visits(self.params, self.visits, begin, replace, queue))
        self.calendar.set_weeks(self.visits)

    def _observe(self, asked: Bool, begin: Bool, out: Requests | None) -> Requests:
        seen = self.blank_requests() if out is None else out
        if self.clock is Clock.PAGES:
            seen.time.fill(self.day)
        else:
            seen.time[:] = self.visits.time
        slots = self._unwritten_slots if seen.slots is None else seen.slots

        def work(queue: I64, worker: int) -> None:
            observe(
                self.params, self.today, self.visits, asked, begin, self._workspaces[worker].visit,
                self._takers[worker], seen.request_id, seen.user_id, seen.user, seen.context,
                seen.candidates, seen.in_stock, seen.time, slots, queue,
            )  # fmt: skip

        self.in_parallel(work)
        if seen.history is not None:
            seen.history[:] = self.visits.history
        return replace(seen, live=self._live(seen.candidates, asked)) if self.config.live else seen

    def _live(self, candidates: I32, asked: Bool) -> dict[str, F32]:
        rows = np.where(asked[:, None], candidates, 0)  # the others are not written
        at, stock = (self.visits.day_row[:, None], rows), np.maximum(self.stock.on_hand[rows], 0)
        figures = {"price": self.today.price[at], "margin": self.today.margin[at], "stock": stock}
        return {name: values.astype(np.float32) for name, values in figures.items()}

    def _respond(
        self,
        slates: I32,
        active: Bool,
        price_off: F64 | None,
        left: Bool,
        cut: Bool,
        out: PageBuffers | None,
    ) -> tuple[Feedback, AnyArray]:
        """(feedback, (r,) visit of each row of its events); see :func:`.page_kernel.serve`."""
        slates, off = self._checked(slates), self._discounts(price_off)
        pages = PageBuffers.empty(*slates.shape) if out is None else out

        def work(queue: I64, worker: int) -> None:
            page_kernel.serve(
                self.params, self.today, self.visits, active, slates, off, pages,
                self._workspaces[worker], self._event_rows, left, cut, queue,
            )  # fmt: skip

        self.in_parallel(work)
        rows, events = compact(self._event_rows, self._queue, pages.first)
        reading = partial(reading_time, pages.read, self.params.read_log, self.params.dwell_sd)
        return Feedback(pages, events, reading), rows

    def _expect(self, items: I32, price_off: F64 | None) -> tuple[dict[str, F64], F64]:
        items = np.ascontiguousarray(items, dtype=np.int32)
        out, go_on = np.zeros((len(SLOT_TERMS), *items.shape)), np.zeros(items.shape)
        off = self._discounts(price_off)
        self.in_parallel(
            lambda queue, _: exact_means.expect(
                self.params, self.today, self.visits, items, off, out, go_on, queue
            )
        )
        return dict(zip(SLOT_TERMS, out, strict=True)), go_on

    def _checked(self, slates: I32) -> I32:
        shape = (self.lanes, self.config.slate_size)
        if slates.shape != shape:
            raise InvalidInput("slates", slates.shape, f"give shape {shape}")
        slates = np.ascontiguousarray(slates)
        if not page_kernel.are_item_rows(slates, len(self.catalog)):
            span = [int(slates.min()), int(slates.max())]
            raise InvalidInput("slates", span, f"item rows are 0..{len(self.catalog) - 1}")
        return slates.astype(np.int32, copy=False)

    def _discounts(self, price_off: F64 | None) -> F64:
        if price_off is None:
            return NO_DISCOUNT
        off = np.ascontiguousarray(price_off, np.float64)
        if off.shape != (self.lanes,) or not ((off >= 0) & (off < 1)).all():
            raise InvalidInput("price_off", price_off, f"give {self.lanes} shares in [0, 1)")
        return off

    def _active(self, lanes: Bool | None) -> Bool:
        return ~self.visits.over if lanes is None else lanes & ~self.visits.over
