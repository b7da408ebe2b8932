"""The environment of n concurrent visits of one shop: observations, three forms of actions, rewards.

The single and the vector environments share it. They differ only in the shape of their arrays and in when
they reset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from gymnasium import spaces

from ..core.batches import EMPTY, SLOT_TERMS, Feedback, Requests
from ..core.config import with_settings
from ..core.errors import InvalidInput, one_of
from ..core.reward import RewardSpec
from ..core.types import F64, I32, I64, AnyArray, Bool
from ..simulators import Catalog, Shop, ShopConfig
from ..simulators.engine.jit import kernel
from ..simulators.engine.work_queue import claim
from ..simulators.page.candidates import among
from ..simulators.profiles.profiles import profile, profile_catalog
from ..simulators.rollout import Episode as Episode
from ..simulators.rollout import EpisodicShop
from .observation import observation

FORMS = ("slot", "slate", "items")


@dataclass
class StepResult:
    """What one step returns for n visits; all (n,)."""

    reward: F64
    terms: dict[str, F64]
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
        price = shop.today.price[visits.day_row[:, None], np.maximum(env.slates, 0)]
        if env.price_off is not None:
            price = price * (1 - env.price_off[:, None])
        names = ("user", "surface", "query", "anchor", "mobile", "page")
        columns = {name: getattr(visits, name).copy() for name in names}
        return cls(**columns, time=env.requests.time, price=price)


class PageEnv:
    """n concurrent visits of one shop, step by step.

    Args:
        form: what an action is. ``slot``: one candidate for the next slot (the page is shown when all
            slots are chosen). ``slate``: one candidate per slot. ``items``: one item row per slot, from
            the whole catalogue.
        episode: an :class:`Episode` or its value.
        discounts: shares that may be taken off all prices of a page; the last part of an action chooses
            one. The first must be 0. Empty = no discounts. Not with form ``slot``.
    """

    def __init__(
        self, shop: Shop, reward: RewardSpec, form: str, *, episode: str, discounts: Sequence[float] = ()
    ) -> None:
        one_of("form", form, FORMS)
        episode = Episode(episode)
        if (form == "items") == bool(shop.config.num_candidates):
            fix = "must be 0 with form 'items'" if form == "items" else "must be above 0 with this form"
            raise InvalidInput("num_candidates", shop.config.num_candidates, f"{fix} ({form!r})")
        if episode is Episode.LIFE and not shop.config.people.enabled:
            raise InvalidInput("shop.people.enabled", False, "nobody would come back: switch it on")
        self.discounts = np.array(discounts, np.float64)
        if len(discounts) and (
            form == "slot" or discounts[0] != 0 or not ((self.discounts >= 0) & (self.discounts < 1)).all()
        ):
            raise InvalidInput(
                "discounts", list(discounts), "give shares in [0, 1), first 0, and form slate or items"
            )
        self.shop, self.reward, self.form, self.episode = shop, reward, form, episode
        self.world = EpisodicShop(shop, episode)
        n, k = shop.lanes, shop.config.slate_size
        self.slates: I32 = np.full((n, k), EMPTY, np.int32)
        self.slot: I32 = np.zeros(n, np.int32)  # form "slot": slots of the present page that are filled
        self.price_off: F64 | None = np.zeros(n) if len(discounts) else None
        self.feedback: Feedback | None = None
        self.frame: RenderFrame | None = None
        self.record_frames = False
        self.visit_so_far: F64 = np.zeros((n, len(SLOT_TERMS)))
        self._allowed: Bool
        self._placed: Bool

    @property
    def requests(self) -> Requests:
        """The pages that are asked for now."""
        return self.world.requests

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
        self.slot[:] = 0

    def next_requests(self, begin: Bool | None = None) -> None:
        """Set :attr:`requests` to the pages that are asked for next: observations and masks follow from them.

        Before that, the next episode starts where ``begin`` (n,) bool. A season starts in all rows at once.
        """
        requests = self.world.next_requests(begin)
        if begin is not None and self.form == "slot":
            self.slot[begin] = 0
        self._allowed, self._placed = requests.in_stock.copy(), np.zeros(requests.in_stock.shape, np.bool_)
        if self.form != "items":
            _mark(requests.candidates, self.slates, self.slot, self._allowed, self._placed)

    def step(self, actions: AnyArray, active: Bool) -> StepResult:
        """Take the actions where ``active`` (n,) bool. Call :meth:`next_requests` afterwards."""
        active = active & self.world.waiting
        fill = self._fill_slot if self.form == "slot" else self._fill_slate
        shown = fill(actions, active)
        if not np.count_nonzero(shown):
            self.feedback = None
            terms = {name: np.zeros(len(shown)) for name in self.reward.terms}
            over = np.zeros_like(shown)
            return StepResult(np.zeros(len(shown)), terms, shown, over, self.world.season_is_over | over)
        if self.record_frames:
            self.frame = RenderFrame.capture(self)
            self.visit_so_far[self.frame.page == 0] = 0.0
        feedback, terminated, truncated = self.world.serve(self.slates, shown, price_off=self.price_off)
        self.feedback = feedback
        if self.record_frames:
            self.visit_so_far += feedback.page
        reward, terms = self.reward.page(feedback)
        return StepResult(reward, terms, shown, terminated, truncated)

    def observe(self) -> dict[str, AnyArray]:
        """The observation of every visit, in new arrays: see :func:`.observation.observation_space`."""
        seen = observation(self.shop, self.requests)
        if self.form != "items":
            seen["action_mask"] = self.mask().view(np.int8)
        if self.form == "slot":
            seen["chosen"] = self._placed.copy().view(np.int8)
            seen["slot"] = (self.slot[:, None] == np.arange(self.shop.config.slate_size)).view(np.int8)
        return seen

    def mask(self) -> Bool:
        """(n, m) candidates in stock and, slot by slot, not chosen yet; all True where none is left."""
        return self._allowed.copy()

    def masks(self) -> Bool:
        """The mask in the layout of the action: (n, m) by slot, else (n, k m), discounts behind."""
        if self.form == "slot":
            return self.mask()
        slots = np.tile(self.mask(), (1, self.shop.config.slate_size))
        return np.concatenate([slots, np.ones((len(slots), len(self.discounts)), np.bool_)], axis=1)

    # private

    def _fill_slot(self, actions: AnyArray, active: Bool) -> Bool:
        """Put one candidate per visit into its next slot; (n,) bool, whose page is complete."""
        picks = np.ascontiguousarray(actions, np.int64).reshape(self.shop.lanes)
        self.slates, shown = self.slates.copy(), np.zeros(self.shop.lanes, np.bool_)
        slots = self.shop.slots
        if not _fill_slots(picks, active, self.requests.candidates, slots, self.slot, self.slates, shown):
            self._refuse(picks)
        return shown

    def _fill_slate(self, actions: AnyArray, active: Bool) -> Bool:
        """Fill whole pages with (n, k) candidates or items; (n,) bool, who is shown one."""
        n, k = self.shop.lanes, self.shop.config.slate_size
        picks = np.ascontiguousarray(actions, np.int64)
        shape = (n, k + bool(len(self.discounts)))
        if picks.shape != shape:
            raise InvalidInput("action", picks.shape, f"give shape {shape}")
        if len(self.discounts):
            levels, picks = picks[:, k], np.ascontiguousarray(picks[:, :k])
            if levels.min() < 0 or levels.max() >= len(self.discounts):
                raise InvalidInput(
                    "action", levels.tolist(), f"the last part is a discount, 0..{len(self.discounts) - 1}"
                )
            self.price_off = self.discounts[levels]
        slates, unknown = np.empty((n, k), np.int32), np.zeros(n, np.bool_)
        candidates, items = self.requests.candidates, len(self.shop.catalog)
        slots = self.shop.slots if self.requests.slots is None else self.requests.slots
        self.shop.in_parallel(
            lambda queue, _: _fill_pages(picks, candidates, slots, items, slates, unknown, queue)
        )
        if np.count_nonzero(unknown):
            self._refuse(picks)
        self.slates = slates
        return active

    def _refuse(self, picks: I64) -> NoReturn:
        limit = self.shop.config.num_candidates or len(self.shop.catalog)
        raise InvalidInput(
            "action", [int(picks.min()), int(picks.max())], f"choose 0..{limit - 1}, or -1 for an empty slot"
        )


def make_page_env(
    num_envs: int,
    *,
    catalog: Catalog | str | int | None = None,
    reward: RewardSpec | None = None,
    form: str = "slot",
    episode: str,
    discounts: Sequence[float] = (),
    days: float = 364.0,
    seed: int = 0,
    threads: int = 1,
    config: ShopConfig | str | None = None,
    settings: Mapping[str, Any],
) -> PageEnv:
    """Build the shop that an environment's keyword arguments describe.

    The arguments are those of :class:`.single.ShopEnv`; ``settings`` replace single fields of ``config``.
    """
    if catalog is None:
        catalog = profile_catalog(config, seed) if isinstance(config, str) else "online_retail"
    if isinstance(catalog, str):
        if catalog != "online_retail":
            raise InvalidInput("catalog", catalog, "give 'online_retail', a number of items, or a Catalog")
        catalog = Catalog.online_retail()
    elif isinstance(catalog, int):
        catalog = Catalog.synthetic(catalog, seed=seed)
    if isinstance(config, str):
        config = profile(config)
    elif config is None:
        config = ShopConfig.full() if episode in (Episode.LIFE, Episode.SEASON) else ShopConfig()
    config = with_settings(config, settings, "shop")
    shop = Shop(
        catalog, config, lanes=num_envs, seed=seed, threads=threads, clock=Episode(episode).clock, days=days
    )
    return PageEnv(shop, reward or RewardSpec(), form, episode=episode, discounts=discounts)


@kernel
def _fill_pages(
    picks: I64, candidates: I32, slots: I32, items: int, slates: I32, unknown: Bool, queue: I64
) -> None:
    """Fill ``slates`` with the items picked. An item that is picked again leaves its slot empty, and slots
    that a page does not have stay empty. Sets ``unknown`` (n,) where a pick is out of range.
    """
    low, high = claim(queue)
    while low < high:
        limit = candidates.shape[1] or items
        for i in range(low, high):
            # a filter of the picks so far: one bit for pick % 64, one for pick // 64; unless both are set,
            # a pick is new
            met = met_row = 0
            # read once: the compiler must assume that a store to another array may change it
            page_slots = slots[i]
            for slot in range(picks.shape[1]):
                pick = picks[i, slot]
                if pick < EMPTY or pick >= limit:
                    unknown[i] = True
                    break
                bit, row = 1 << (pick & 63), 1 << ((pick >> 6) & 63)
                repeated = False
                if met & bit and met_row & row:
                    for earlier in range(slot):
                        repeated |= picks[i, earlier] == pick
                met |= bit
                met_row |= row
                if repeated or pick < 0 or slot >= page_slots:
                    slates[i, slot] = EMPTY
                else:
                    slates[i, slot] = candidates[i, pick] if candidates.shape[1] else pick
        low, high = claim(queue)


@kernel
def _fill_slots(
    picks: I64, active: Bool, candidates: I32, slots: I32, at: I32, slates: I32, shown: Bool
) -> bool:
    """Fill the next slot where ``active``; returns False, with nothing done, if a pick is out of range."""
    for pick in picks:
        if pick < EMPTY or pick >= candidates.shape[1]:
            return False
    for i in range(picks.shape[0]):
        if not active[i]:
            continue
        slot = at[i]
        if slot == 0:
            slates[i] = EMPTY
        item = np.int32(EMPTY) if picks[i] < 0 else candidates[i, picks[i]]
        if not among(slates[i], slot, item):
            slates[i, slot] = item
        shown[i] = slot + 1 == slots[i]
        at[i] = 0 if shown[i] else slot + 1
    return True


@kernel
def _mark(candidates: I32, slates: I32, slots: I32, allowed: Bool, placed: Bool) -> None:
    """Mark in (n, m) the candidates in the ``slots`` filled so far as ``placed`` and no longer ``allowed``.

    ``allowed`` holds those in stock before. A row in which none is left becomes all True.
    """
    for i in range(candidates.shape[0]):
        for slot in range(slots[i]):
            for c in range(candidates.shape[1]):
                if candidates[i, c] == slates[i, slot]:
                    placed[i, c] = True
                    allowed[i, c] = False
        if not allowed[i].any():
            allowed[i] = True
