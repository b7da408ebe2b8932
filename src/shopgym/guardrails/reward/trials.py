"""What a rule earns of every term in visits, or in the lives of customers, with common random numbers.

Every rule meets the same people with the same random draws, and a page counts with its exact mean given the
visitor's state, as in :mod:`shopgym.simulators.policy_value`: so the difference between two rules has a
narrow interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, Philox

from ...core.batches import EMPTY, SLOT_TERMS, Decisions, Feedback, Requests
from ...core.errors import InvalidInput
from ...core.reward import NorthStar
from ...core.types import F64, I32, Bool
from ...simulators import Shop
from ...simulators.page.exact_means import COMPETED
from ...simulators.rollout import Episode, EpisodicShop, Step, rollout
from .exact_terms import EXACT_TERMS, WORTH, page_terms
from .page_means import Weights, weighted
from .page_rules import PageRule

AT_THE_END = ("visit", "retention", "satisfaction")
"""Terms that are known when a visit ends: by what happened, not by its mean."""
SIMULATED_TERMS = (*EXACT_TERMS, WORTH, *AT_THE_END)


@dataclass(frozen=True)
class EpisodeTerms:
    """n episodes under one rule.

    Attributes:
        terms: the sum over an episode of each of ``SIMULATED_TERMS``, each (n,).
        discounted: the same, every page as the north star's horizon and discount say.
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
    shop: Shop, rule: PageRule, episode: Episode, *, episodes: int, seed: int, star: NorthStar | None = None
) -> EpisodeTerms:
    """Let ``rule`` decide all pages of ``episodes`` episodes (rounded up to a multiple of n).

    Where items compete for the order what happened counts, not its exact mean. So it does of ``AT_THE_END``.

    Args:
        star: its horizon and discount count in ``EpisodeTerms.discounted``; None = all pages count the same.

    Raises:
        InvalidInput: the episode is a season, whose visits are not independent of one another.
    """
    if episode is Episode.SEASON or episode.clock is not shop.clock:
        raise InvalidInput("episode", str(episode), f"the clock of the shop is {shop.clock}")
    each = -(-episodes // shop.lanes)
    world = _Deciding(shop, episode, rule)
    world.open(seed)
    sums = {name: np.zeros((2, shop.lanes, each)) for name in SIMULATED_TERMS}
    pages, visits, start = np.zeros((3, shop.lanes, each))
    off, shown = 0.0, 0
    rng = Generator(Philox(key=seed))
    steps = rollout(
        world,
        world,
        rng,
        episodes=each,
        before=lambda rows, requests, slates: page_terms(shop, slates, world.price_off),
        look_ahead=False,
        decide_for_all=True,
    )
    for step in steps:
        at = step.rows, step.episode
        start[at] = np.where(pages[at] == 0, step.requests.time, start[at])
        days = step.requests.time - start[at]
        factor = np.ones(len(days)) if star is None else star.worth_after(days)
        pages[at] += 1
        visits[at] += step.visit_over
        off += float(world.price_off[step.rows].sum())
        shown += len(step.rows)
        for name, amount in _amounts(step, shop).items():
            sums[name][0][at] += amount
            sums[name][1][at] += factor * amount
    return EpisodeTerms(
        {name: values[0].ravel() for name, values in sums.items()},
        {name: values[1].ravel() for name, values in sums.items()},
        pages.ravel(),
        visits.ravel(),
        off / max(shown, 1),
    )


def _amounts(step: Step, shop: Shop) -> dict[str, F64]:
    """The amount of every term on the r pages of a step."""
    amounts = {name: values[step.rows] for name, values in step.before.items()}
    if shop.params.competition:
        happened = dict(zip(SLOT_TERMS, step.feedback.page[step.rows].T, strict=True))
        amounts |= {name: happened[name] for name in COMPETED}
    ended = step.visit_over.astype(np.float64)
    amounts |= {"visit": ended, "retention": ended * ~step.terminated}
    amounts["satisfaction"] = ended * shop.visits.satisfaction[step.rows]
    return amounts
