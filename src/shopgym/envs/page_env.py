"""The environment of n concurrent visits of one shop: observations, three forms of actions, rewards.

The single and the vector environments share it. They differ only in the shape of their arrays and in when
they reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded

from ..core.batches import EMPTY, SLOT_TERMS, Feedback, Requests
from ..core.errors import InvalidInput, one_of, refuse_rows
from ..core.reward import RewardSpec
from ..core.types import F64, I32, I64, AnyArray, Bool
from ..policies.guards import DiscountBudget, Guard, Interventions, bind_guards, open_counters
from ..simulators import Shop
from ..simulators.rollout import Episode as Episode
from ..simulators.rollout import EpisodicShop
from .actions import FORMS, are_known, fill_pages, fill_slots, mark
from .guarding import permitted, positions_of, unless_forbidden, without_forbidden
from .observation import observation
from .page_terms import PageReward, PageTerms


@dataclass
class StepResult:
    """What one step returns for n visits; all (n,)."""

    pages: PageReward
    shown: Bool
    terminated: Bool
    truncated: Bool


@dataclass(frozen=True)
class RenderFrame:
    """The visits before they respond to a page, for rendering; all (n,) except ``price`` (n, k)."""

    user: I32
    surface: I32
    query: I32
    anchor: I32
    mobile: Bool
    page: I32
    time: F64
    price: F64

    @classmethod
    def capture(cls, env: PageEnv) -> RenderFrame:
        """The frame of the page that is about to be shown."""
        visits, shop = env.shop.visits, env.shop
        at = (visits.day_row[:, None], np.maximum(env.slates, 0))
        price = shop.today.price[at]
        if env.price_off is not None:
            most = np.inf if shop.config.allow_losses else np.maximum(shop.today.margin[at], 0.0)
            price = price - np.minimum(price * env.price_off[:, None], most)
        names = ("user", "surface", "query", "anchor", "mobile", "page")
        columns = {name: getattr(visits, name).copy() for name in names}
        return cls(**columns, time=env.requests.time.copy(), price=price)


class PageEnv:
    """n concurrent visits of one shop, step by step.

    Args:
        form: what an action is. ``slot``: one candidate for the next slot (the page is shown when all
            slots are chosen). ``slate``: one candidate per slot. ``items``: one item row per slot, from
            the whole catalogue.
        episode: an :class:`Episode` or its value.
        discounts: shares that may be taken off all prices of a page; the last part of an action chooses
            one. The first must be 0. Empty = no discounts. Not with form ``slot``. A discount stops at the
            cost of an item unless ``shop.allow_losses``.
        guards: what they forbid is masked, and leaves its slot empty if it is chosen anyway. Where a discount
            budget is spent, a page gets no discount, whichever the action chose. :attr:`interventions`
            counts how often, since the environment was made.
        identity: whether observations hold the item rows too.
        reuses_arrays: whether :attr:`requests` and :attr:`feedback` are overwritten by the next page: faster
            with one visit. What :meth:`observe` and :meth:`mask` return is new anyway.
    """

    def __init__(
        self,
        shop: Shop,
        reward: RewardSpec,
        form: str,
        *,
        episode: str,
        discounts: Sequence[float] = (),
        guards: tuple[Guard, ...] = (),
        identity: bool = False,
        reuses_arrays: bool = False,
    ) -> None:
        one_of("form", form, FORMS)
        episode = Episode(episode)
        if (form == "items") == bool(shop.config.num_candidates):
            fix = "must be 0 with form 'items'" if form == "items" else "must be above 0 with this form"
            raise InvalidInput("num_candidates", shop.config.num_candidates, f"{fix} ({form!r})")
        if episode is Episode.LIFE and not shop.config.people.enabled:
            raise InvalidInput("shop.people.enabled", False, "nobody would come back: switch it on")
        if guards and form == "items":
            fix = "guards choose among candidates: use form 'slot' or 'slate'"
            raise InvalidInput("guards", [guard.kind for guard in guards], fix)
        self.discounts = np.array(discounts, np.float64)
        if len(discounts) and (
            form == "slot" or discounts[0] != 0 or not ((self.discounts >= 0) & (self.discounts < 1)).all()
        ):
            raise InvalidInput(
                "discounts", list(discounts), "give shares in [0, 1), first 0, and form slate or items"
            )
        self.shop, self.reward, self.form, self.episode = shop, reward, form, episode
        self.identity = identity
        columns = {"user": shop.user_names, "context": shop.context_names}
        self.guards = bind_guards(guards, shop.catalog.items, columns, shop.config.slate_size)
        self._counters = open_counters(self.guards, shop.catalog.items)
        self.interventions = Interventions(self.guards, shop.catalog.items)
        self._terms = PageTerms(shop, reward, episode, copies=not reuses_arrays)
        self._blank = self._terms.blank() if reuses_arrays else None
        self.world = EpisodicShop(shop, episode, reuses_arrays=reuses_arrays)
        n, k = shop.lanes, shop.config.slate_size
        self.slates: I32 = np.full((n, k), EMPTY, np.int32)
        self._asked: I32 = np.full((n, k), EMPTY, np.int32)  # form "slot": what was chosen for the page
        self.slot: I32 = np.zeros(n, np.int32)  # form "slot": slots of the present page that are filled
        self.price_off: F64 | None = np.zeros(n) if len(discounts) else None
        self.feedback: Feedback | None = None
        self.frame: RenderFrame | None = None
        self.record_frames = False
        self.visit_so_far: F64 = np.zeros((n, len(SLOT_TERMS)))
        self.is_open = False
        self._moved = True  # whether the shop has changed since the requests were read
        self._counted: Requests  # with the counters of guards that have a state
        self._permitted: Bool  # (n, m) by the guards
        self._allowed: Bool
        self._placed: Bool

    @property
    def requests(self) -> Requests:
        """The pages that are asked for now.

        Raises:
            ResetNeeded: nobody has opened the shop.
        """
        self.check_open()
        return self.world.requests if self._counters is None else self._counted

    def check_open(self) -> None:
        """Raise Gymnasium's ``ResetNeeded`` if nobody has opened the shop."""
        if not self.is_open:
            raise ResetNeeded("call reset() first")

    def action_space(self) -> spaces.Discrete[Any] | spaces.MultiDiscrete:
        """The action of one visit."""
        m, k = self.shop.config.num_candidates, self.shop.config.slate_size
        if self.form == "slot":
            return spaces.Discrete(m)
        levels = [len(self.discounts)] if len(self.discounts) else []
        return spaces.MultiDiscrete([m or len(self.shop.catalog)] * k + levels)

    # steps

    def open(self, seed: int | Sequence[int]) -> None:
        """Open the shop anew and start a visit in every row."""
        self.world.open(seed)
        self._counters = open_counters(self.guards, self.shop.catalog.items)
        self.slot[:], self._asked[:] = 0, EMPTY
        self.is_open = self._moved = True

    def restart(self, rows: Bool, seeds: Sequence[Any]) -> None:
        """Let the ``rows`` (n,) bool begin anew from their ``seeds``; the shop they share stays as it is."""
        self.shop.restart(rows, seeds)

    def next_requests(self, begin: Bool | None = None) -> None:
        """Set :attr:`requests` to the pages that are asked for next: observations and masks follow from them.

        Before that, the next episode starts where ``begin`` (n,) bool. A season starts in all rows at once.
        """
        if self._moved or begin is not None:
            self._begin_counts(begin)
            requests = self.world.next_requests(begin)
            if self._counters is not None:
                self._counted = self._counters.fill(requests)
            self._moved = False
        if begin is not None and self.form == "slot":
            self.slot[begin], self._asked[begin] = 0, EMPTY
        if self.form != "items":
            self._mark()

    def step(self, actions: I64, active: Bool) -> StepResult:
        """Take the actions where ``active`` (n,) bool. Call :meth:`next_requests` afterwards.

        Args:
            actions: (n,) in form ``slot``, else (n, k), discounts behind.

        Raises:
            InvalidInput: an action is out of range.
            ResetNeeded: nobody has opened the shop.
        """
        fill = self._fill_slot if self.form == "slot" else self._fill_slate
        waiting = active & self.world.waiting if self.episode is Episode.SEASON else active
        shown = fill(actions, waiting)
        if not np.count_nonzero(shown):
            self.feedback = None
            # a season that is over, or in which nobody comes, ends for those who do not start the next one
            truncated = active if self.world.season_is_over else np.zeros_like(active)
            return StepResult(
                self._blank or self._terms.blank(), shown, np.zeros_like(active), truncated.copy()
            )
        if self.record_frames:
            self.frame = RenderFrame.capture(self)
            self.visit_so_far[self.frame.page == 0] = 0.0
        feedback, terminated, truncated = self.world.serve(self.slates, shown, price_off=self.price_off)
        self._moved, self.feedback = True, feedback
        if self._counters is not None:
            rows = np.flatnonzero(shown)
            self._counters.record(self._counted.take(rows), self.slates[rows], feedback, rows)
        if self.record_frames:
            self.visit_so_far += feedback.page
        return StepResult(self._terms.measure(feedback), shown, terminated, truncated)

    def observe(self) -> dict[str, AnyArray]:
        """The observation of every visit, in new arrays: see :func:`.observation.observation_space`."""
        seen = observation(self.shop, self.requests, self.identity)
        if self.form != "items":
            seen["action_mask"] = self.mask().view(np.int8)
        if self.form == "slot":
            seen["chosen"] = self._placed.copy().view(np.int8)
            seen["slot"] = (self.slot[:, None] == np.arange(self.shop.config.slate_size)).view(np.int8)
        return seen

    def mask(self) -> Bool:
        """(n, m) candidates in stock, allowed by the guards and, slot by slot, not chosen yet.

        All True where none is left.
        """
        self.check_open()
        return self._allowed.copy()

    def masks(self) -> Bool:
        """The mask in the layout of the action: (n, m) by slot, else (n, k m), discounts behind.

        With form ``items`` m is the whole catalogue, and the mask says what is in stock.
        """
        if self.form == "slot":
            return self.mask()
        allowed = self._in_stock() if self.form == "items" else self.mask()
        slots = np.tile(allowed, (1, self.shop.config.slate_size))
        levels = np.ones((len(slots), len(self.discounts)), np.bool_)
        levels[:, 1:] = self._may_discount()[:, None]
        return np.concatenate([slots, levels], axis=1)

    # private

    def _begin_counts(self, begin: Bool | None) -> None:
        """Forget what was counted of those whose next life, or season, begins."""
        if self._counters is None or begin is None:
            return
        if self.episode is Episode.SEASON:
            self._counters = open_counters(self.guards, self.shop.catalog.items)
        elif self.episode is Episode.LIFE:
            self._counters.forget(self._counted.user_id[begin].tolist())

    def _may_discount(self) -> Bool:
        """(n,) bool, whose page may have a discount of its own: no discount budget is spent."""
        allowed = np.ones(len(self.slot), np.bool_)
        for guard in self.guards:
            if isinstance(guard, DiscountBudget):
                allowed &= ~guard.spent(self.requests)
        return allowed

    def _in_stock(self) -> Bool:
        """(n, N) of the whole catalogue; all True where nothing is in stock."""
        self.check_open()
        allowed = self.shop.today.available[self.shop.visits.day_row]
        allowed[~allowed.any(axis=1)] = True
        return allowed

    def _mark(self) -> None:
        requests, selectable = self.requests, self.requests.in_stock
        if self.guards:
            begun = self.slates[:, : int(self.slot.max(initial=0))]
            filled = positions_of(begun, self.slot, requests.candidates)
            self._permitted = permitted(self.guards, requests, self.shop.catalog.items, filled)
            selectable = selectable & self._permitted
        self._allowed, self._placed = np.empty_like(selectable), np.empty_like(selectable)
        mark(requests.candidates, self.slates, self.slot, selectable, self._allowed, self._placed)

    def _fill_slot(self, picks: I64, active: Bool) -> Bool:
        """Put one candidate per visit into its next slot; (n,) bool, whose page is complete."""
        candidates = self.requests.candidates
        limit = candidates.shape[1]
        if not are_known(picks, active, limit):
            self._refuse_unknown(picks, active & ((picks < EMPTY) | (picks >= limit)))
        if self.guards:
            rows = np.flatnonzero(active)
            self._asked[rows, self.slot[rows]] = picks[rows]
            picks = unless_forbidden(self._permitted, np.where(active, picks, EMPTY))
        shown = np.empty(len(picks), np.bool_)
        self.slates = self.slates.copy()
        fill_slots(picks, active, candidates, self.shop.slots, self.slot, self.slates, shown)
        if self.guards and shown.any():
            filled = np.full(len(picks), self.slates.shape[1], np.int32)
            self._count(self._asked, positions_of(self.slates, filled, candidates), shown)
            self._asked[shown] = EMPTY
        return shown

    def _fill_slate(self, actions: I64, active: Bool) -> Bool:
        """Fill whole pages with (n, k) candidates or items; (n,) bool, who is shown one."""
        n, k = self.slates.shape
        requests, picks = self.requests, actions
        if len(self.discounts):
            picks, levels = np.ascontiguousarray(actions[:, :k]), actions[:, k]
            self._refuse_unknown(actions, active & ((levels < 0) | (levels >= len(self.discounts))))
            self.price_off = self.discounts[np.where(active & self._may_discount(), levels, 0)]
        slates, unknown = np.empty((n, k), np.int32), np.empty(n, np.bool_)
        candidates, items = requests.candidates, len(self.shop.catalog)
        slots = self.shop.slots if requests.slots is None else requests.slots
        self.shop.in_parallel(
            lambda queue, _: fill_pages(picks, active, candidates, slots, items, slates, unknown, queue)
        )
        self._refuse_unknown(actions, unknown)
        if self.guards:
            asked = np.where(slates >= 0, picks, EMPTY).astype(np.int32)
            positions = without_forbidden(self.guards, requests, self.shop.catalog.items, asked)
            slates = np.where(positions >= 0, slates, EMPTY).astype(np.int32)
            self._count(asked, positions, active)
        self.slates = slates
        return active

    def _count(self, asked: I32, positions: I32, shown: Bool) -> None:
        """Count what the guards changed on the pages ``shown`` (n,)."""
        if shown.all():
            self.interventions.add(self.requests, asked, positions)
        elif shown.any():
            self.interventions.add(self.requests.take(shown), asked[shown], positions[shown])

    def _refuse_unknown(self, actions: I64, unknown: Bool) -> None:
        """Raise :class:`InvalidInput` at the first of the actions that is ``unknown`` (n,) bool."""
        if not np.count_nonzero(unknown):
            return
        limit = self.shop.config.num_candidates or len(self.shop.catalog)
        fix = f"choose 0..{limit - 1}, or -1 for an empty slot"
        if len(self.discounts):
            fix += f"; the last part is a discount, 0..{len(self.discounts) - 1}"
        if len(actions) == 1:
            raise InvalidInput("action", actions[0].tolist(), fix)
        refuse_rows("action", actions, unknown, fix)
