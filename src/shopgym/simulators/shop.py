"""The shop: a catalogue, users, stock and a clock; pages are requested, shown and answered.

One tick of the clock: every lane with a visit under way requests a page (:meth:`Shop.requests`), gets a
slate (:meth:`Shop.respond`), and moves on (:meth:`Shop.advance`), which also settles the stock.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..core.batches import SLOT_TERMS, Feedback, Requests
from ..core.errors import InvalidInput, in_range, one_of
from ..core.protocols import Policy
from ..core.types import F32, F64, I32, I64, AnyArray, Bool
from . import policy_value as worth
from .build_params import build_params, context_names
from .catalog.catalog import OBSERVED, Catalog
from .config import ShopConfig
from .day_types import DayTables
from .engine.hash_rng import key
from .engine.thread_pool import ThreadPool, Work
from .engine.unboxed import unboxed_once
from .engine.work_queue import NEXT, work_queue
from .engine.workspace import collect, desk_for, slips_for
from .market.day_tables import DAYS_A_WEEK, every_week, one_day
from .market.market import Market
from .market.returns import Returns
from .market.stock import Stock
from .page import exact_means as expected
from .page import page_kernel as choice
from .page.buffers import BOUGHT, SOLD, PageBuffers, known, room_for
from .page.candidates import REMAINDERS
from .page.choice_model import reading_time
from .page.observe import LONGEST_GAP, observe
from .page.visit_start import arrive, come_back, enter
from .page.visit_step import advance, part
from .params import ShopParams
from .people.population import Population
from .people.users import Users
from .people.visits import Visits, empty_visits
from .policy_value import Comparison, Value

BLOCK = 1024
"""Lanes below which another thread is not worth it; results do not depend on it."""
AT_A_TIME = 1024
"""Lanes that a thread takes at a time, at most; results do not depend on it."""
CLOCKS = ("pages", "own", "season")
PAGES_PER_VISIT = 4
"""What stock levels are set for where traffic is counted in visits."""
NO_DISCOUNT: F64 = np.empty(0)
NOBODY: Bool = np.empty(0, np.bool_)


class Shop:
    """``lanes`` visits at a time in one shop.

    Args:
        catalog: the items.
        config: everything else.
        lanes: n concurrent visits.
        seed: of the users, the market, the opening stock and, by lane, of the visits.
        users: the people; drawn from ``seed`` if not given.
        clock: what time is. ``"pages"``: it goes on with the pages shown, and whoever comes is anyone,
            or, where some merely pass by, anyone as often as they would come in a season.
            ``"own"``: every lane is the life of one customer, on a calendar of its own, amid other
            customers who are not simulated. ``"season"``: everybody lives on one calendar.
        days: until the season ends, or the time after which a life is not followed any further.
        threads: workers for the kernels (0 = one per core). Results are the same for any number.
        block: lanes below which a worker is not worth it. Results are the same for any number.
    """

    def __init__(
        self,
        catalog: Catalog,
        config: ShopConfig | None = None,
        *,
        lanes: int = 1,
        seed: int = 0,
        users: Users | None = None,
        clock: str = "pages",
        days: float = 364.0,
        threads: int = 1,
        block: int = BLOCK,
    ) -> None:
        self.config = config or ShopConfig()
        self.config.check_catalog(catalog)
        if lanes < 1 or block < 1 or threads < 0:
            raise InvalidInput("shop.lanes, block, threads", (lanes, block, threads), "give positive numbers")
        one_of("shop.clock", clock, CLOCKS)
        in_range("shop.days", days, 0.0, 36_400.0, open_low=True)
        self.catalog, self.clock, self.days, self.seed = catalog, clock, days, seed
        people = self.config.people
        self.users = users or Users.draw(
            catalog,
            self.config.users,
            seed=seed,
            price_sensitivity=self.config.choice.price_sensitivity,
            noise=self.config.taste_noise,
            regions=len(self.config.delivery.region_days) if self.config.delivery.weight else 1,
            retention=people.retention if people.enabled else None,
            mission=(self.config.choice.mission_share, self.config.choice.mission_alike),
            size_alike=self.config.choice.size_alike,
            bulk_sd=self.config.choice.bulk_sd,
            returner_sd=self.config.returns.spread,
            established=self.config.arrivals.established,
            representative=self.config.arrivals.representative,
        )
        self.params: ShopParams = unboxed_once(build_params(catalog, self.users, self.config, days))
        self.lanes = lanes
        workers = max(1, min(threads or os.cpu_count() or 1, lanes // block))
        self._pool = ThreadPool(workers - 1) if workers > 1 else None
        step = min(AT_A_TIME, -(-lanes // (4 * workers))) if workers > 1 else lanes
        self._lanes = work_queue(lanes, step)
        self._workspaces = [unboxed_once(desk_for(self.config.slate_size)) for _ in range(workers)]
        self._event_rows = unboxed_once(slips_for(lanes, self.config.slate_size, step))
        self._weeks: DayTables | None = None
        self._all: Bool = np.ones(lanes, np.bool_)
        self.reset(seed)

    # what the columns of Requests.user and Requests.context mean

    @property
    def user_names(self) -> tuple[str, ...]:
        """Names of the user features."""
        return self.users.feature_names

    @cached_property
    def context_names(self) -> tuple[str, ...]:
        """Names of the context features: the item last looked at, page, clicks, device, and more."""
        return context_names(OBSERVED, self.config)

    def context_bounds(self) -> tuple[F32, F32]:
        """The least and the greatest context there can be, each (c,)."""
        intent = self.catalog.items.features[:, :OBSERVED]
        named = {
            "clicks": (0.0, float(np.log1p(self.config.max_pages * self.config.slate_size))),
            "visits": (0.0, 22.0),  # 2^31 visits
            "gap": (0.0, float(np.log1p(LONGEST_GAP))),
            **dict.fromkeys(("hour_cos", "hour_sin", "year_cos", "year_sin"), (-1.0, 1.0)),
        }
        rest = [named.get(name, (0.0, 1.0)) for name in self.context_names[OBSERVED:]]
        low = np.append(intent.min(axis=0), [low for low, _ in rest])
        high = np.append(intent.max(axis=0), [high for _, high in rest])
        return low.astype(np.float32), high.astype(np.float32)

    # the clock

    def reset(self, seed: int | Sequence[int]) -> None:
        """Open the shop anew: opening stock, day 0, no visits.

        ``seed`` is one number (lane i gets seed + i, as Gymnasium's vector envs do) or one per lane;
        the opening stock follows the first.
        """
        seeds = range(seed, seed + self.lanes) if isinstance(seed, int) else list(seed)
        if len(seeds) != self.lanes:
            raise InvalidInput("seed", f"{len(seeds)} seeds", f"give one per lane ({self.lanes})")
        size = self.catalog.embedding.shape[1]
        self.visits: Visits = unboxed_once(empty_visits(self.lanes, size, self.config.history))
        for lane, lane_seed in enumerate(seeds):
            if not 0 <= lane_seed < 2**64:
                raise InvalidInput("seed", lane_seed, "give whole numbers in [0, 2**64)")
            self.visits.seed[lane] = key(np.uint64(lane_seed), np.uint64(0))
        config, first = self.config, int(seeds[0])
        self.pages, self.now = 0, 0.0
        self.stock = Stock.open(self.catalog, config.stock, pages_per_day=self.pages_per_day, seed=first)
        self.returns = Returns()
        self.market = Market(
            self.catalog,
            config.market,
            config.campaigns,
            config.shocks,
            quality_weight=config.choice.quality_weight,
            reference_price=config.choice.reference_price,
            allow_losses=config.allow_losses,
            seed=self.seed,
        )
        self.population = (
            Population(
                self.users,
                config.arrivals,
                days=self.days,
                seed=first,
                remembers=config.people.enabled,
                history=config.history,
            )
            if self.clock == "season"
            else None
        )
        if self.clock == "own":
            self._weeks = self._weeks or every_week(
                self.catalog, self.market, config.stock, config.pages_per_day, self.days, self.seed
            )
            self.today = self._weeks
        else:
            self.today = one_day(self.catalog, self.market, self.stock, 0.0)

    @property
    def day(self) -> float:
        """Days since the shop opened; where every lane has a calendar of its own, always 0."""
        return self.pages / self.pages_per_day if self.clock == "pages" else self.now

    @cached_property
    def pages_per_day(self) -> float:
        """Traffic of a full shop."""
        if self.clock == "season":
            return PAGES_PER_VISIT * self.config.visits_per_day
        return self.lanes * self.config.pages_per_day

    # one tick

    def arrive(self, lanes: Bool | None = None) -> None:
        """Start the next visit on the lanes (n,) bool; default: on every lane whose visit is over.

        By clock: of anyone; of a new customer; of whoever comes next, if the season is not over.
        """
        begin = self.visits.over.copy() if lanes is None else lanes
        if self.clock == "pages":
            self.in_parts(
                lambda some, worker: arrive(
                    self.params, self.visits, begin, self._workspaces[worker].lanes, some
                )
            )
        elif self.clock == "own":
            self.in_parts(lambda some, _: come_back(self.params, self.visits, begin, begin, some))
            self._find_week()
        else:
            self._next_in_season(begin)

    def part(self, ended: Bool) -> tuple[Bool, Bool]:
        """What the visits that have ``ended`` (n,) bool leave behind; customers who stay come back.

        Where every lane is one life the next visit begins at once.

        Returns:
            (gone, late), each (n,) bool: who will never come back, and who would after ``days``.
        """
        stayed = np.zeros(self.lanes, np.bool_)
        if not self.config.people.enabled:
            return ended.copy(), stayed
        self.in_parts(lambda some, _: part(self.params, self.visits, ended, stayed, some))
        late = stayed & (self.visits.time + self.visits.gap >= self.days)
        if self.clock == "own":
            back, never = stayed & ~late, np.zeros_like(stayed)
            self.in_parts(lambda some, _: come_back(self.params, self.visits, back, never, some))
            self._find_week()
        elif self.population is not None:
            self.population.store(self.visits, ended, stayed)
        return ended & ~stayed, late

    def requests(self, lanes: Bool | None = None, *, begin: Bool | None = None) -> Requests:
        """The page each lane asks for now; where a visit is over, the one it would have asked for.

        Where few of many are wanted, ``lanes`` (n,) bool says which; the rows of the others mean nothing.
        Where the next visit is to ``begin`` (n,) bool it does so before: :meth:`arrive`, in one go with this.
        """
        if begin is not None and self.clock != "pages":
            self.arrive(begin)
            begin = None
        newcomers = NOBODY if begin is None else begin
        n, m = self.lanes, self.config.num_candidates
        asked = self._all if lanes is None else lanes
        request_id, user_id = np.empty(n, np.uint64), np.empty(n, np.int64)
        user = np.empty((n, self.users.features.shape[1]), np.float32)
        context = np.empty((n, len(self.context_names)), np.float32)
        candidates, in_stock = np.empty((n, m), np.int32), np.empty((n, m), np.bool_)
        time, slots = np.empty(n), np.empty(n, np.int32)
        if self.clock == "pages":
            self.visits.time[:] = self.day

        def work(some: I64, worker: int) -> None:
            observe(
                self.params, self.today, self.visits, asked, newcomers, self._workspaces[worker].lanes,
                np.empty(REMAINDERS, np.int64), request_id, user_id, user, context, candidates, in_stock,
                time, slots, some,
            )  # fmt: skip

        self.in_parts(work)
        different = slots if self.config.surfaces.enabled else None
        past = self.visits.history.copy() if self.config.history else None
        live = self._live(candidates) if self.config.live else {}
        return Requests(request_id, user_id, user, context, candidates, in_stock, time, different, past, live)

    def respond(self, slates: I32, lanes: Bool | None = None, *, price_off: F64 | None = None) -> Feedback:
        """What the visitors do with the slates (n, k) of item rows. Changes nothing: see :meth:`advance`.

        ``lanes`` (n,) bool says who is shown a page; default: everyone whose visit is not over.
        ``price_off`` (n,) in [0, 1) is taken off every price of a page.
        """
        slates, out, off = self._checked(slates), room_for(*slates.shape), self._off(price_off)
        active = self._active(lanes)

        def work(some: I64, worker: int) -> None:
            choice.respond(
                self.params, self.today, self.visits, active, slates, off, out,
                self._workspaces[worker], self._event_rows, some,
            )  # fmt: skip

        self.in_parts(work)
        return self._feedback(out, collect(self._event_rows, self._lanes, out.first)[1])

    def advance(self, slates: I32, feedback: Feedback, lanes: Bool | None = None) -> tuple[Bool, Bool]:
        """Settle the tick: visitors move on, stock is taken out, the clock goes on.

        Returns:
            (left, cut), each (n,) bool: who chose to leave, and who was cut off at ``max_pages``.
        """
        active, slates = self._active(lanes), self._checked(slates)
        noted = {
            name: getattr(feedback, name) for name in PageBuffers._fields if name not in ("page", "read")
        }
        out = PageBuffers(**noted, page=np.ascontiguousarray(feedback.page.T), read=np.empty(0, np.uint64))
        left, cut = np.zeros((2, self.lanes), np.bool_)
        self.in_parts(
            lambda some, _: advance(
                self.params, self.visits, active, slates, out, feedback.details, left, cut, some
            )
        )
        of, _, rows = feedback.rows
        there = active[of]
        self._settle(active, of[there], feedback.details[rows[there]])
        return left, cut

    def serve(
        self, slates: I32, lanes: Bool | None = None, *, price_off: F64 | None = None
    ) -> tuple[Feedback, Bool, Bool]:
        """:meth:`respond` and :meth:`advance` in one: (feedback, left, cut)."""
        slates, out, off = self._checked(slates), room_for(*slates.shape), self._off(price_off)
        active = self._active(lanes)
        left, cut = np.zeros((2, self.lanes), np.bool_)

        def work(some: I64, worker: int) -> None:
            choice.serve(
                self.params, self.today, self.visits, active, slates, off, out,
                self._workspaces[worker], self._event_rows, left, cut, some,
            )  # fmt: skip

        self.in_parts(work)
        of, details = collect(self._event_rows, self._lanes, out.first)
        self._settle(active, of, details)
        return self._feedback(out, details), left, cut

    # truth

    def expected(self, items: I32, *, price_off: F64 | None = None) -> dict[str, F64]:
        """Exact means of any items (n, j) in each lane's present state, by name of ``SLOT_TERMS``.

        Each is (n, j), per examined impression; ``stockout`` alone is per impression.
        """
        return self._expect(items, price_off)[0]

    def reads_on(self, items: I32) -> F64:
        """(n, j) probability that the visitor reads on after each of the items, once examined."""
        return self._expect(items, None)[1]

    def attention(self, slates: I32) -> F64:
        """(n, k) exact probability that each slot of the slates is examined by each lane's visitor."""
        slates = self._checked(slates)
        out, go_on = np.zeros(slates.shape), np.ones(slates.shape)
        if self.params.chain.any():
            go_on = self.reads_on(slates)
        self.in_parts(lambda some, _: expected.attention(self.params, self.visits, slates, go_on, out, some))
        return out

    @property
    def attention_curve(self) -> F64:
        """(n, k) probability that each slot of each lane's page is looked at when it is reached."""
        params, surface = self.params, self.visits.surface
        curve: F64 = params.attention[surface] * params.opened[surface, None]
        return curve

    @property
    def reads_in_chains(self) -> Bool:
        """(n,) whether the reading of each lane's page can end before its last slot."""
        return self.params.chain[self.visits.surface]

    @property
    def slots(self) -> I32:
        """(n,) slots of each lane's page."""
        return self.params.slots[self.visits.surface]

    def value(self, policy: Policy, **options: Any) -> Value:
        """What ``policy`` is worth per visit: :func:`.value.value`. Opens the shop anew."""
        return worth.value(self, policy, **options)

    def compare(self, first: Policy, second: Policy, **options: Any) -> Comparison:
        """``first`` against ``second`` on the same luck: :func:`.value.compare`. Opens the shop anew."""
        return worth.compare(self, first, second, **options)

    def in_parts(self, work: Work) -> None:
        """Have ``work(lanes, worker)`` done of all lanes, by several threads if there are."""
        self._lanes[NEXT] = 0
        if self._pool is None:
            work(self._lanes, 0)
        else:
            self._pool.run(work, self._lanes)

    # private

    def _live(self, candidates: I32) -> dict[str, F32]:
        at = (self.visits.row[:, None], candidates)
        found = {"price": self.today.price[at], "margin": self.today.margin[at]}
        found["stock"] = np.maximum(self.stock.on_hand[candidates], 0)
        return {name: values.astype(np.float32) for name, values in found.items()}

    def _expect(self, items: I32, price_off: F64 | None) -> tuple[dict[str, F64], F64]:
        items = np.ascontiguousarray(items, dtype=np.int32)
        out, go_on, off = (
            np.zeros((len(SLOT_TERMS), *items.shape)),
            np.zeros(items.shape),
            self._off(price_off),
        )
        self.in_parts(
            lambda some, _: expected.expect(
                self.params, self.today, self.visits, items, off, out, go_on, some
            )
        )
        return dict(zip(SLOT_TERMS, out, strict=True)), go_on

    def _checked(self, slates: I32) -> I32:
        shape = (self.lanes, self.config.slate_size)
        if slates.shape != shape:
            raise InvalidInput("slates", slates.shape, f"give shape {shape}")
        slates = np.ascontiguousarray(slates)
        if not known(slates, len(self.catalog)):
            span = [int(slates.min()), int(slates.max())]
            raise InvalidInput("slates", span, f"item rows are 0..{len(self.catalog) - 1}")
        return slates.astype(np.int32, copy=False)

    def _off(self, price_off: F64 | None) -> F64:
        if price_off is None:
            return NO_DISCOUNT
        off = np.ascontiguousarray(price_off, np.float64)
        if off.shape != (self.lanes,) or not ((off >= 0) & (off < 1)).all():
            raise InvalidInput("price_off", price_off, f"give {self.lanes} shares in [0, 1)")
        return off

    def _feedback(self, out: PageBuffers, details: F64) -> Feedback:
        reading = partial(reading_time, out.read, self.params.read_log, self.params.dwell_sd)
        return Feedback(
            out.clicked, out.carted, out.examined, out.unavailable,
            page=out.page[:, : self.lanes].T, first=out.first, details=details, reading=reading,
        )  # fmt: skip

    def _settle(self, active: Bool, lanes: AnyArray, details: F64) -> None:
        """Take out of the stock what was bought, note what will come back, and let the clock go on.

        ``details`` (r, 10) are of ``lanes`` (r,).
        """
        if self.clock == "own":  # there one customer is among many: the stock does not notice
            return
        bought = np.flatnonzero(details[:, BOUGHT])
        if len(bought):
            self._note_orders(lanes.take(bought), details.take(bought, axis=0))
        before = self.day
        self.pages += int(np.count_nonzero(active))
        if self.clock == "pages":
            self._pass_time(before)
        else:
            self.today.follow(self.stock.available)

    def _note_orders(self, lanes: AnyArray, lines: F64) -> None:
        """Lines (r, 10) of details, each an order line of one of ``lanes`` (r,)."""
        items, units = lines[:, SOLD].astype(np.int32), lines[:, BOUGHT].astype(np.int32)
        self.stock.sell(items, units)
        self.market.sold(self.day, items, units)
        if self.config.returns.enabled:
            self.returns.expect(lines, self.day if self.clock == "pages" else self.visits.time[lanes])

    def _pass_time(self, before: float) -> None:
        """What happens between ``before`` and now: returns, reviews of the stock, a new day's prices."""
        review = self.config.stock.review
        day = self.day
        for _ in range(int(day / review) - int(before / review)):
            self.stock.put_back(*self.returns.arrived(day))
            self.stock.next_review()
        if self.market.moves and int(day) > int(before):
            self.today = one_day(self.catalog, self.market, self.stock, day)
        else:
            self.today.follow(self.stock.available)

    def _find_week(self) -> None:
        last = len(self.today.price) - 1
        np.minimum(self.visits.time // DAYS_A_WEEK, last, out=self.visits.row, casting="unsafe")

    def _next_in_season(self, begin: Bool) -> None:
        assert self.population is not None
        # between two reviews of the stock lanes are filled in any order; the next begins with an empty shop,
        # so that nobody meets shelves as they will be only after others have bought and goods have come
        review = self.config.stock.review
        moment = self.now
        if self.visits.over.all() and self.population.next_time < self.days:
            moment = max(moment, self.population.next_time)
        before, until = self.now, (math.floor(moment / review) + 1) * review
        anyone, latest = self.population.admit(self.visits, begin, until)
        self.in_parts(lambda some, _: enter(self.params, self.visits, anyone, some))
        self.now = max(self.now, latest)
        self._pass_time(before)

    def _active(self, lanes: Bool | None) -> Bool:
        return ~self.visits.over if lanes is None else lanes & ~self.visits.over
