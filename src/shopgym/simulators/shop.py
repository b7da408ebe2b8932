"""The shop: a catalogue, users, stock and a clock; pages are requested, shown and answered.

One tick of the clock: every lane with a visit under way requests a page (:meth:`Shop.requests`), gets a
slate (:meth:`Shop.respond`), and moves on (:meth:`Shop.advance`), which also settles the stock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..core.errors import InvalidInput
from ..core.nouns import SLOT_TERMS, Feedback, Requests
from ..core.protocols import Policy
from ..core.types import F32, F64, I32, Bool
from . import choice
from . import value as worth
from .catalog import OBSERVED, Catalog
from .config import ShopConfig
from .draws import key
from .observe import MOMENT, observe
from .stock import Stock
from .users import Users
from .value import Comparison, Value
from .visits import Visits, arrive, empty_visits, move_on
from .world import World, build_world

BLOCK = 1024
"""Lanes that one thread takes at a time; results do not depend on it."""


class Shop:
    """``lanes`` visits at a time in one shop.

    Args:
        catalog: the items.
        config: everything else.
        lanes: n concurrent visits.
        seed: of the users, the opening stock and, by lane, of the visits.
        users: the people; drawn from ``seed`` if not given.
        threads: workers for the kernels (0 = one per core). Results are the same for any number.
        block: lanes a worker takes at a time. Results are the same for any number.
    """

    def __init__(
        self,
        catalog: Catalog,
        config: ShopConfig | None = None,
        *,
        lanes: int = 1,
        seed: int = 0,
        users: Users | None = None,
        threads: int = 1,
        block: int = BLOCK,
    ) -> None:
        self.config = config or ShopConfig()
        self.config.check_catalog(len(catalog))
        if lanes < 1 or block < 1 or threads < 0:
            raise InvalidInput("shop.lanes, block, threads", (lanes, block, threads), "give positive numbers")
        self.catalog = catalog
        self.users = users or Users.draw(
            catalog,
            self.config.users,
            seed=seed,
            price_sensitivity=self.config.choice.price_sensitivity,
            noise=self.config.taste_noise,
        )
        self.world: World = build_world(catalog, self.users, self.config)
        self.lanes = lanes
        self._bounds = [(low, min(low + block, lanes)) for low in range(0, lanes, block)]
        workers = min(threads or os.cpu_count() or 1, len(self._bounds))
        self._pool = ThreadPoolExecutor(workers) if workers > 1 else None
        self.reset(seed)

    # what the columns of Requests.user and Requests.context mean

    @property
    def user_names(self) -> tuple[str, ...]:
        """Names of the user features."""
        return self.users.feature_names

    @property
    def context_names(self) -> tuple[str, ...]:
        """Names of the context features: the item last looked at, page and clicks so far, device."""
        return (*(f"intent_{c}" for c in range(OBSERVED)), *MOMENT)

    def context_bounds(self) -> tuple[F32, F32]:
        """The least and the greatest context there can be, each (c,)."""
        intent = self.catalog.items.features[:, :OBSERVED]
        clicks = np.log1p(self.config.max_pages * self.config.slate_size)
        low = np.append(intent.min(axis=0), [0.0, 0.0, 0.0])
        high = np.append(intent.max(axis=0), [1.0, clicks, 1.0])
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
        self.visits: Visits = empty_visits(self.lanes, self.catalog.embedding.shape[1])
        for lane, lane_seed in enumerate(seeds):
            if not 0 <= lane_seed < 2**64:
                raise InvalidInput("seed", lane_seed, "give whole numbers in [0, 2**64)")
            self.visits.seed[lane] = key(np.uint64(lane_seed), np.uint64(0))
        self.pages = 0
        self.stock = Stock.open(
            self.catalog,
            self.config.stock,
            pages_per_day=self.pages_per_day,
            seed=int(seeds[0]),
        )

    @property
    def day(self) -> float:
        """Days since the shop opened; the clock counts pages shown."""
        return self.pages / self.pages_per_day

    @property
    def pages_per_day(self) -> int:
        """Traffic of a full shop."""
        return self.lanes * self.config.pages_per_day

    # one tick

    def arrive(self, lanes: Bool | None = None) -> None:
        """Start the next visit on the lanes (n,) bool; default: on every lane whose visit is over."""
        begin = self.visits.over.copy() if lanes is None else lanes
        self._blocks(lambda low, high: arrive(self.world, self.visits, begin, low, high))

    def requests(self) -> Requests:
        """The page each lane asks for now; where a visit is over, the one it would have asked for."""
        n, m = self.lanes, self.config.num_candidates
        request_id, user_id = np.empty(n, np.uint64), np.empty(n, np.int64)
        user = np.empty((n, self.users.features.shape[1]), np.float32)
        context = np.empty((n, OBSERVED + len(MOMENT)), np.float32)
        candidates, in_stock = np.empty((n, m), np.int32), np.empty((n, m), np.bool_)
        time, day, available = np.empty(n), self.day, self.stock.available
        self._blocks(
            lambda low, high: observe(
                self.world, self.visits, available, day,
                request_id, user_id, user, context, candidates, in_stock, time, low, high,
            )
        )  # fmt: skip
        return Requests(request_id, user_id, user, context, candidates, in_stock, time)

    def respond(self, slates: I32, lanes: Bool | None = None) -> Feedback:
        """What the visitors do with the slates (n, k) of item rows. Changes nothing: see :meth:`advance`.

        ``lanes`` (n,) bool says who is shown a page; default: everyone whose visit is not over.
        """
        slates, outcomes = self._checked(slates), self._blank()
        active, available = self._active(lanes), self.stock.available
        self._blocks(
            lambda low, high: choice.respond(
                self.world, self.visits, active, slates, available, *outcomes, low, high
            )
        )
        return Feedback(*outcomes)

    def advance(self, slates: I32, feedback: Feedback, lanes: Bool | None = None) -> tuple[Bool, Bool]:
        """Settle the tick: visitors move on, stock is taken out, the clock goes on.

        Returns:
            (left, cut), each (n,) bool: who chose to leave, and who was cut off at ``max_pages``.
        """
        active, slates = self._active(lanes), self._checked(slates)
        left, cut = np.zeros(self.lanes, np.bool_), np.zeros(self.lanes, np.bool_)
        self._blocks(
            lambda low, high: move_on(
                self.world, self.visits, active, slates, feedback.clicked, left, cut, low, high
            )
        )
        self._settle(slates, feedback.quantity, active)
        return left, cut

    def serve(self, slates: I32, lanes: Bool | None = None) -> tuple[Feedback, Bool, Bool]:
        """:meth:`respond` and :meth:`advance` in one: (feedback, left, cut)."""
        slates, outcomes = self._checked(slates), self._blank()
        active, available = self._active(lanes), self.stock.available
        left, cut = np.zeros(self.lanes, np.bool_), np.zeros(self.lanes, np.bool_)
        self._blocks(
            lambda low, high: choice.serve(
                self.world, self.visits, active, slates, available, *outcomes, left, cut, low, high
            )
        )
        feedback = Feedback(*outcomes)
        self._settle(slates, feedback.quantity, active)
        return feedback, left, cut

    # truth

    def expected(self, items: I32) -> dict[str, F64]:
        """Exact means of any items (n, j) in each lane's present state, by name of ``SLOT_TERMS``.

        Each is (n, j), per examined impression; ``stockout`` alone is per impression.
        """
        items = np.ascontiguousarray(items, dtype=np.int32)
        out = np.zeros((len(SLOT_TERMS), *items.shape))
        available = self.stock.available
        self._blocks(
            lambda low, high: choice.expect(self.world, self.visits, items, available, out, low, high)
        )
        return dict(zip(SLOT_TERMS, out, strict=True))

    @property
    def examination(self) -> F64:
        """(k,) probability that a slot is looked at."""
        return self.world.examination

    def value(self, policy: Policy, **options: Any) -> Value:
        """What ``policy`` is worth per visit: :func:`.value.value`. Opens the shop anew."""
        return worth.value(self, policy, **options)

    def compare(self, first: Policy, second: Policy, **options: Any) -> Comparison:
        """``first`` against ``second`` on the same luck: :func:`.value.compare`. Opens the shop anew."""
        return worth.compare(self, first, second, **options)

    # private

    def _checked(self, slates: I32) -> I32:
        shape = (self.lanes, self.config.slate_size)
        if slates.shape != shape:
            raise InvalidInput("slates", slates.shape, f"give shape {shape}")
        slates = np.ascontiguousarray(slates)
        if not choice.known(slates, len(self.catalog)):
            raise InvalidInput(
                "slates", [int(slates.min()), int(slates.max())], f"item rows are 0..{len(self.catalog) - 1}"
            )
        return slates.astype(np.int32, copy=False)

    def _blank(self) -> tuple[Bool, Bool, I32, F64, F64, Bool, F64]:
        """What :class:`Feedback` is made of, before anything has happened."""
        shape = (self.lanes, self.config.slate_size)
        return (
            np.zeros(shape, np.bool_),
            np.zeros(shape, np.bool_),
            np.zeros(shape, np.int32),
            np.zeros(shape),
            np.zeros(shape),
            np.zeros(shape, np.bool_),
            np.zeros((self.lanes, len(SLOT_TERMS))),
        )

    def _settle(self, slates: I32, quantity: I32, active: Bool) -> None:
        """Take out of the stock what was bought and let the clock go on."""
        self.stock.sell(slates, quantity)
        review, before = self.config.stock.review, self.day
        self.pages += int(np.count_nonzero(active))
        for _ in range(int(self.day / review) - int(before / review)):
            self.stock.next_review()

    def _active(self, lanes: Bool | None) -> Bool:
        return ~self.visits.over if lanes is None else lanes & ~self.visits.over

    def _blocks(self, work: Callable[[int, int], None]) -> None:
        """Run ``work(low, high)`` over all lanes, in parallel if there are threads."""
        if self._pool is None:
            for low, high in self._bounds:
                work(low, high)
        else:
            list(self._pool.map(lambda bound: work(*bound), self._bounds))
