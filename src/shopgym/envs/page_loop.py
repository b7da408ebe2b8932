"""One shop behind a Gymnasium face: n lanes, observations, actions of three forms, rewards.

Shared by the single and the vector environments, which differ only in how they box arrays and when
they reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numba import njit

from ..core.errors import InvalidInput
from ..core.nouns import EMPTY, Feedback, Requests
from ..core.types import F32, F64, I32, AnyArray, Bool
from ..simulators import Catalog, Shop, ShopConfig
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
        self.chosen: I32 = np.full((n, k), EMPTY, np.int32)
        self.slot: I32 = np.zeros(n, np.int32)
        self.slates: I32 = np.full((n, k), EMPTY, np.int32)
        self.feedback: Feedback | None = None
        self.requests: Requests

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
        self.chosen[lanes] = EMPTY
        self.slot[lanes] = 0

    def ask(self) -> None:
        """Note what page every lane asks for now: :attr:`requests`, the basis of observations and masks."""
        self.requests = self.shop.requests()

    def step(self, actions: AnyArray, lanes: Bool) -> Outcome:
        """Take actions on the lanes (n,) bool; the others stand still. Then ``ask`` for the next page."""
        n = self.shop.lanes
        if self.form == "slot":
            chosen, shown = self._place(actions, lanes)
        else:
            chosen, shown = self._slates(actions), lanes
        if self.form == "items":
            self.slates = chosen
        else:
            rows = np.take_along_axis(self.requests.candidates, np.maximum(chosen, 0), axis=1)
            self.slates = np.where(chosen >= 0, rows, EMPTY)
        zeros = np.zeros(n, np.bool_)
        if not shown.any():
            self.feedback = None
            terms = {name: np.zeros(n) for name in self.reward.terms}
            return Outcome(np.zeros(n), terms, shown, zeros, zeros.copy())
        feedback = self.shop.respond(self.slates, shown)
        left, cut = self.shop.advance(self.slates, feedback, shown)
        if self.one_page:
            left, cut = shown.copy(), zeros
            self.shop.visits.over[shown] = True
        self.feedback = feedback
        self.chosen[shown] = EMPTY
        self.slot[shown] = 0
        reward, terms = self.reward.page(feedback)
        return Outcome(reward, terms, shown, left, cut)

    def observe(self) -> dict[str, AnyArray]:
        """The observation of every lane, in new arrays."""
        requests = self.requests
        observation: dict[str, AnyArray] = {"user": requests.user, "context": requests.context}
        if self.form == "items":
            return observation
        features = self.shop.catalog.items.features
        n, m = requests.candidates.shape
        gathered = np.empty((n, m, features.shape[1]), np.float32)
        _gather(features, requests.candidates, gathered)
        observation["candidates"] = gathered
        observation["action_mask"] = self.mask().view(np.int8)
        if self.form == "slot":
            observation["chosen"] = self._placed().view(np.int8)
            observation["slot"] = (self.slot[:, None] == np.arange(self.shop.config.slate_size)).view(np.int8)
        return observation

    def mask(self) -> Bool:
        """(n, m) candidates in stock and, slot by slot, not yet chosen; all True where none is left."""
        allowed = self.requests.in_stock.copy()
        if self.form == "slot":
            allowed &= ~self._placed()
        allowed[~allowed.any(axis=1)] = True
        return allowed

    # private

    def _placed(self) -> Bool:
        placed = np.zeros(self.requests.candidates.shape, np.bool_)
        lane, slot = np.nonzero(self.chosen >= 0)
        placed[lane, self.chosen[lane, slot]] = True
        return placed

    def _place(self, actions: AnyArray, lanes: Bool) -> tuple[I32, Bool]:
        """Put one candidate per lane into its next slot; a repeated one leaves the slot empty."""
        at = np.flatnonzero(lanes)
        picked = self._within(np.asarray(actions).reshape(self.shop.lanes))[at]
        fresh = ~(self.chosen[at] == picked[:, None]).any(axis=1)
        self.chosen[at, self.slot[at]] = np.where(fresh, picked, EMPTY)
        self.slot[at] += 1
        return self.chosen.copy(), lanes & (self.slot == self.shop.config.slate_size)

    def _slates(self, actions: AnyArray) -> I32:
        """(n, k) positions or items; what comes a second time leaves its slot empty."""
        actions = np.asarray(actions)
        shape = (self.shop.lanes, self.shop.config.slate_size)
        if actions.shape != shape:
            raise InvalidInput("action", actions.shape, f"give shape {shape}")
        slates = np.array(self._within(actions), dtype=np.int32)
        _drop_repeats(slates)
        return slates

    def _within(self, actions: AnyArray) -> AnyArray:
        limit = self.shop.config.num_candidates or len(self.shop.catalog)
        if actions.min() < EMPTY or actions.max() >= limit:
            raise InvalidInput(
                "action",
                [int(actions.min()), int(actions.max())],
                f"choose 0..{limit - 1}, or -1 for an empty slot",
            )
        return actions


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
def _gather(features: F32, rows: I32, out: F32) -> None:
    """out[i, c] = features[rows[i, c]]"""
    for i in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            row = max(rows[i, c], 0)
            for f in range(features.shape[1]):
                out[i, c, f] = features[row, f]


@njit(cache=True, nogil=True)
def _drop_repeats(slates: I32) -> None:
    """Empty every slot whose item stands in an earlier slot."""
    for i in range(slates.shape[0]):
        for slot in range(1, slates.shape[1]):
            for before in range(slot):
                if slates[i, before] == slates[i, slot]:
                    slates[i, slot] = -1
                    break
