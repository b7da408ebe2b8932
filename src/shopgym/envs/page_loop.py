"""One shop behind a Gymnasium face: n lanes, observations, actions of three forms, rewards.

Shared by the single and the vector environments, which differ only in how they box arrays and when
they reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from gymnasium import spaces
from numba import njit

from ..core.errors import InvalidInput
from ..core.nouns import EMPTY, Feedback, Requests
from ..core.types import F32, F64, I32, I64, AnyArray, Bool
from ..simulators import Catalog, Shop, ShopConfig
from ..simulators.candidates import among
from .reward import RewardSpec

FORMS = ("slot", "slate", "items")


@dataclass
class Outcome:
    """What one step gave to n lanes."""

    reward: F64
    terms: dict[str, F64]
    shown: Bool
    terminated: Bool
    truncated: Bool


class PageLoop:
    """The steps of n lanes of one shop.

    Args:
        form: what an action is. ``slot``: one candidate for the next slot (the page is shown when all
            slots are chosen). ``slate``: one candidate per slot. ``items``: one item row per slot, from
            the whole catalogue.
        one_page: a visit is over after its first page.
    """

    def __init__(self, shop: Shop, reward: RewardSpec, form: str, *, one_page: bool) -> None:
        if form not in FORMS:
            raise InvalidInput("form", form, f"choose one of {', '.join(FORMS)}")
        if (form == "items") == bool(shop.config.num_candidates):
            fix = "must be 0 with form 'items'" if form == "items" else "must be above 0 with this form"
            raise InvalidInput("num_candidates", shop.config.num_candidates, f"{fix} ({form!r})")
        self.shop, self.reward, self.form, self.one_page = shop, reward, form, one_page
        n, k = shop.lanes, shop.config.slate_size
        self.slates: I32 = np.full((n, k), EMPTY, np.int32)
        self.slot: I32 = np.zeros(n, np.int32)  # form "slot": slots of the page under way that are filled
        self.feedback: Feedback | None = None
        self.requests: Requests
        self._allowed: Bool
        self._placed: Bool

    # spaces

    def observation_space(self) -> spaces.Dict:
        """Of one lane; every part is a fixed-size array."""
        shop, m, k = self.shop, self.shop.config.num_candidates, self.shop.config.slate_size
        low, high = shop.context_bounds()
        parts: dict[str, spaces.Space[Any]] = {
            "user": _box(shop.users.features.min(axis=0), shop.users.features.max(axis=0)),
            "context": _box(low, high),
        }
        if m:
            features = shop.catalog.items.features
            parts["candidates"] = _box(
                np.tile(features.min(axis=0), (m, 1)), np.tile(features.max(axis=0), (m, 1))
            )
            parts["action_mask"] = spaces.MultiBinary(m)
        if self.form == "slot":
            parts["chosen"] = spaces.MultiBinary(m)
            parts["slot"] = spaces.MultiBinary(k)
        return spaces.Dict(parts)

    def action_space(self) -> spaces.Discrete[Any] | spaces.MultiDiscrete:
        """Of one lane."""
        m, k = self.shop.config.num_candidates, self.shop.config.slate_size
        if self.form == "slot":
            return spaces.Discrete(m)
        return spaces.MultiDiscrete([m or len(self.shop.catalog)] * k)

    # steps

    def open(self, seed: int | Sequence[int]) -> None:
        """Open the shop anew and let a visitor into every lane."""
        self.shop.reset(seed)
        self.enter(np.ones(self.shop.lanes, np.bool_))

    def enter(self, lanes: Bool) -> None:
        """Let the next visitor into the lanes (n,) bool."""
        self.shop.arrive(lanes)
        self.slot[lanes] = 0

    def ask(self) -> None:
        """Note what page every lane asks for now: :attr:`requests`, the basis of observations and masks."""
        self.requests = requests = self.shop.requests()
        self._allowed, self._placed = requests.in_stock.copy(), np.zeros(requests.in_stock.shape, np.bool_)
        _mark(requests.candidates, self.slates, self.slot, self._allowed, self._placed)

    def step(self, actions: AnyArray, lanes: Bool) -> Outcome:
        """Take actions on the lanes (n,) bool; the others stand still. Then ``ask`` for the next page."""
        shown = self._place(actions, lanes) if self.form == "slot" else self._lay(actions, lanes)
        if not np.count_nonzero(shown):
            self.feedback = None
            terms = {name: np.zeros(len(shown)) for name in self.reward.terms}
            return Outcome(np.zeros(len(shown)), terms, shown, np.zeros_like(shown), np.zeros_like(shown))
        feedback, left, cut = self.shop.serve(self.slates, shown)
        if self.one_page:
            left, cut = shown.copy(), np.zeros_like(shown)
            self.shop.visits.over[shown] = True
        self.feedback = feedback
        reward, terms = self.reward.page(feedback)
        return Outcome(reward, terms, shown, left, cut)

    def observe(self) -> dict[str, AnyArray]:
        """The observation of every lane, in new arrays."""
        requests = self.requests
        observation: dict[str, AnyArray] = {"user": requests.user, "context": requests.context}
        if self.form == "items":
            return observation
        observation["candidates"] = self.shop.catalog.items.features.take(requests.candidates, axis=0)
        observation["action_mask"] = self.mask().view(np.int8)
        if self.form == "slot":
            observation["chosen"] = self._placed.copy().view(np.int8)
            observation["slot"] = (self.slot[:, None] == np.arange(self.shop.config.slate_size)).view(np.int8)
        return observation

    def mask(self) -> Bool:
        """(n, m) candidates in stock and, slot by slot, not yet chosen; all True where none is left."""
        return self._allowed.copy()

    # private

    def _place(self, actions: AnyArray, lanes: Bool) -> Bool:
        """Put one candidate per lane into its next slot; (n,) bool, whose page is complete."""
        picks = np.ascontiguousarray(actions, np.int64).reshape(self.shop.lanes)
        self.slates, shown = self.slates.copy(), np.zeros(self.shop.lanes, np.bool_)
        if not _fill_slots(picks, lanes, self.requests.candidates, self.slot, self.slates, shown):
            self._refuse(picks)
        return shown

    def _lay(self, actions: AnyArray, lanes: Bool) -> Bool:
        """Lay out whole pages of (n, k) candidates or items; (n,) bool, who is shown one."""
        picks = np.ascontiguousarray(actions, np.int64)
        shape = (self.shop.lanes, self.shop.config.slate_size)
        if picks.shape != shape:
            raise InvalidInput("action", picks.shape, f"give shape {shape}")
        slates = np.empty(shape, np.int32)
        if not _fill_pages(picks, self.requests.candidates, len(self.shop.catalog), slates):
            self._refuse(picks)
        self.slates = slates
        return lanes

    def _refuse(self, picks: I64) -> NoReturn:
        limit = self.shop.config.num_candidates or len(self.shop.catalog)
        raise InvalidInput(
            "action",
            [int(picks.min()), int(picks.max())],
            f"choose 0..{limit - 1}, or -1 for an empty slot",
        )


def make_loop(
    num_envs: int,
    *,
    catalog: Catalog | str | int = "online_retail",
    reward: RewardSpec | None = None,
    form: str = "slot",
    one_page: bool,
    seed: int = 0,
    threads: int = 1,
    config: ShopConfig,
) -> PageLoop:
    """Build the shop that an environment's keyword arguments describe.

    ``catalog`` is a :class:`Catalog`, ``"online_retail"``, or a number of synthetic items.
    """
    if isinstance(catalog, str):
        if catalog != "online_retail":
            raise InvalidInput("catalog", catalog, "give 'online_retail', a number of items, or a Catalog")
        catalog = Catalog.online_retail()
    elif isinstance(catalog, int):
        catalog = Catalog.synthetic(catalog, seed=seed)
    shop = Shop(catalog, config, lanes=num_envs, seed=seed, threads=threads)
    return PageLoop(shop, reward or RewardSpec(), form, one_page=one_page)


def _box(low: F32, high: F32) -> spaces.Box:
    return spaces.Box(low, high, dtype=np.float32)


@njit(cache=True, nogil=True)
def _fill_pages(picks: I64, candidates: I32, items: int, slates: I32) -> bool:
    """Write the items picked; what comes a second time leaves its slot empty. False if a pick is unknown."""
    limit = candidates.shape[1] or items
    for i in range(picks.shape[0]):
        for slot in range(picks.shape[1]):
            pick = picks[i, slot]
            if pick < EMPTY or pick >= limit:
                return False
            again = False
            for before in range(slot):
                again |= picks[i, before] == pick
            if again or pick < 0:
                slates[i, slot] = EMPTY
            else:
                slates[i, slot] = candidates[i, pick] if candidates.shape[1] else pick
    return True


@njit(cache=True, nogil=True)
def _fill_slots(picks: I64, lanes: Bool, candidates: I32, slots: I32, slates: I32, shown: Bool) -> bool:
    """Write the items picked for the next slots of ``lanes``; False, with nothing done, if one is unknown."""
    for pick in picks:
        if pick < EMPTY or pick >= candidates.shape[1]:
            return False
    for i in range(picks.shape[0]):
        if not lanes[i]:
            continue
        slot = slots[i]
        if slot == 0:
            slates[i] = EMPTY
        item = np.int32(EMPTY) if picks[i] < 0 else candidates[i, picks[i]]
        if not among(slates[i], slot, item):
            slates[i, slot] = item
        shown[i] = slot + 1 == slates.shape[1]
        slots[i] = 0 if shown[i] else slot + 1
    return True


@njit(cache=True, nogil=True)
def _mark(candidates: I32, slates: I32, slots: I32, allowed: Bool, placed: Bool) -> None:
    """Note in (n, m) what stands in the ``slots`` filled so far: placed, and no longer allowed.

    ``allowed`` are those in stock before; a row where none is left becomes all True.
    """
    for i in range(candidates.shape[0]):
        for slot in range(slots[i]):
            for c in range(candidates.shape[1]):
                if candidates[i, c] == slates[i, slot]:
                    placed[i, c] = True
                    allowed[i, c] = False
        if not allowed[i].any():
            allowed[i] = True
