"""What a rule earns of every term in visits, or in the lives of customers, with common random numbers.

Every rule meets the same people with the same random draws, and a page counts with its exact mean given the
visitor's state, as in :mod:`shopgym.simulators.policy_value`: so the difference between two rules has a narrow
interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, Philox

from ...core.batches import EMPTY, SLOT_TERMS, Decisions, Feedback, Requests
from ...core.errors import InvalidInput
from ...core.types import F64, I32, Bool
from ...simulators import Shop
from ...simulators.page.exact_means import COMPETED
from ...simulators.rollout import Episode, EpisodicShop, rollout
from .page_means import Weights, weighted
from .page_rules import PageRule


@dataclass(frozen=True)
class Trial:
    """n episodes under one rule.

    Attributes:
        terms: the sum over an episode of each of ``SLOT_TERMS``, each (n,).
        discounted: the same, every page discounted by its time since the first.
        pages, visits: (n,) how many.
        price_off: mean share that is taken off the prices of a page.
    """

    terms: Mapping[str, F64]
    discounted: Mapping[str, F64]
    pages: F64
    visits: F64
    price_off: float

    def proxy(self, weights: Weights) -> F64:
        """(n,) sum of a reward over each episode."""
        return weighted(weights, self.terms)

    def north_star(self, weights: Weights) -> F64:
        """(n,) discounted sum over each episode."""
        return weighted(weights, self.discounted)


class _Deciding(EpisodicShop):
    """A shop whose pages and discounts a rule chooses."""

    def __init__(self, shop: Shop, episode: Episode, rule: PageRule) -> None:
        super().__init__(shop, episode)
        self.rule, self.price_off = rule, np.zeros(shop.lanes)

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """The rule's slates for all n visits. Positions and propensities have no meaning."""
        choice = self.rule.choose(self.shop, requests, rng)
        self.price_off = choice.price_off
        empty = np.full(choice.slates.shape, EMPTY, np.int32)
        return Decisions(empty, choice.slates, np.ones(choice.slates.shape))

    def serve(
        self, slates: I32, active: Bool, *, price_off: F64 | None = None
    ) -> tuple[Feedback, Bool, Bool]:
        """As :meth:`EpisodicShop.serve`, at the discounts that the rule chose."""
        return super().serve(slates, active, price_off=self.price_off)


def run_trial(
    shop: Shop, rule: PageRule, episode: Episode, *, episodes: int, seed: int, daily: float = 1.0
) -> Trial:
    """Let ``rule`` decide all pages of ``episodes`` episodes (rounded up to a multiple of n).

    Where items compete for the order what happened counts, not its exact mean.

    Args:
        daily: factor by which a page counts less a day later.

    Raises:
        InvalidInput: the episode is a season, whose visits are not independent of one another.
    """
    if episode is Episode.SEASON or episode.clock is not shop.clock:
        raise InvalidInput("episode", str(episode), f"the clock of the shop is {shop.clock}")
    each = -(-episodes // shop.lanes)
    world = _Deciding(shop, episode, rule)
    world.open(seed)
    totals = {name: np.zeros((shop.lanes, each)) for name in SLOT_TERMS}
    discounted = {name: np.zeros((shop.lanes, each)) for name in SLOT_TERMS}
    pages, visits, start = np.zeros((3, shop.lanes, each))
    off, shown = 0.0, 0
    rng = Generator(Philox(key=seed))
    steps = rollout(
        world,
        world,
        rng,
        episodes=each,
        before=lambda rows, requests, slates: page_means(shop, slates, world.price_off),
        look_ahead=False,
        decide_for_all=True,
    )
    for step in steps:
        at = step.rows, step.episode
        time = step.requests.time
        start[at] = np.where(pages[at] == 0, time, start[at])
        factor = daily ** (time - start[at])
        pages[at] += 1
        visits[at] += step.visit_over
        off += float(world.price_off[step.rows].sum())
        shown += len(step.rows)
        for number, name in enumerate(SLOT_TERMS):
            exact = not shop.params.competition or name not in COMPETED
            amount = step.before[name][step.rows] if exact else step.feedback.page[step.rows, number]
            totals[name][at] += amount
            discounted[name][at] += factor * amount
    return Trial(
        {name: values.ravel() for name, values in totals.items()},
        {name: values.ravel() for name, values in discounted.items()},
        pages.ravel(),
        visits.ravel(),
        off / max(shown, 1),
    )


def page_means(shop: Shop, slates: I32, price_off: F64 | None = None) -> dict[str, F64]:
    """The exact mean of each term of the slates (n, k), each (n,)."""
    attention, reach = shop.attention(slates), np.arange(slates.shape[1]) < shop.slots[:, None]
    means = shop.expected(slates, price_off=price_off)
    return {
        name: ((reach if name == "stockout" else attention) * values).sum(axis=1)
        for name, values in means.items()
    }
