"""Promotions: what is on offer, what it has cost so far, and when its budget is spent.

The pages of one step are shown at the same prices. So a budget can run out among the order lines of a step.
They are charged in order of visits, each line only if its whole discount still fits. The first line that
does not fit ends the campaign: it and all later ones are charged what the item costs without the offer, and
from the next step on prices and appeal are without it. What is spent never exceeds the budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...core.errors import in_range
from ...core.types import F64, I64, AnyArray, Bool

ROUNDING = 1e-9
"""Share of a budget by which a sum of discounts may exceed it: three times .1 fit into .3."""


@dataclass(frozen=True)
class Campaign:
    """A promotion of some of the range, with a goal and a budget.

    Attributes:
        start, days: first day and length, in days since the shop opened.
        category: number of the category on offer; -1 = items drawn from the whole range.
        share: share of (the category's) items on offer.
        price_off: share of the price.
        boost: logits of click while on offer; 0.62 makes log(1.86), the effect of a mailer on units in
            the Complete Journey records (+86% at equal price).
        budget: currency of discounts that it may give; inf = no limit. The first order line whose discount
            no longer fits ends the campaign: that line and all later ones get no discount of it.
        goal: order lines on offer that it should sell; it is only reported.
    """

    start: float = 0.0
    days: float = 7.0
    category: int = -1
    share: float = 0.05
    price_off: float = 0.2
    boost: float = 0.62
    budget: float = math.inf
    goal: float = 0.0

    def __post_init__(self) -> None:
        in_range("shop.campaigns.start", self.start, 0.0, 1e6)
        in_range("shop.campaigns.days", self.days, 0.0, 1e6, open_low=True)
        in_range("shop.campaigns.category", self.category, -1, 1e6)
        in_range("shop.campaigns.share", self.share, 0.0, 1.0, open_low=True)
        in_range("shop.campaigns.price_off", self.price_off, 0.0, 1.0, open_high=True)
        in_range("shop.campaigns.boost", self.boost, -20.0, 20.0)
        in_range("shop.campaigns.budget", self.budget, 0.0, math.inf, open_low=True)
        in_range("shop.campaigns.goal", self.goal, 0.0, math.inf)


@dataclass
class Budgets:
    """What C campaigns have given away so far.

    Attributes:
        campaigns: the C campaigns.
        offered: for each, (N,) bool, the items on offer.
        spent: (C,) currency of discounts given.
        lines: (C,) order lines of items on offer sold while it ran.
        ended: (C,) bool, whether a line did not fit any more.
    """

    campaigns: tuple[Campaign, ...]
    offered: list[Bool]
    spent: F64
    lines: I64
    ended: Bool

    @classmethod
    def unspent(cls, campaigns: tuple[Campaign, ...], offered: list[Bool]) -> Budgets:
        """Before the first sale."""
        n = len(campaigns)
        return cls(campaigns, offered, np.zeros(n), np.zeros(n, np.int64), np.zeros(n, np.bool_))

    def add(self, campaign: Campaign, offered: Bool) -> None:
        """One more campaign, with the items (N,) bool that it offers; nothing of its budget is spent."""
        self.campaigns, self.offered = (*self.campaigns, campaign), [*self.offered, offered]
        self.spent, self.lines = np.append(self.spent, 0.0), np.append(self.lines, 0)
        self.ended = np.append(self.ended, False)

    def copy(self) -> Budgets:
        """Budgets that can be charged on trial."""
        spent, lines, ended = self.spent.copy(), self.lines.copy(), self.ended.copy()
        return Budgets(self.campaigns, self.offered, spent, lines, ended)

    @property
    def limited(self) -> bool:
        """Whether any campaign can run out of its budget."""
        return any(math.isfinite(campaign.budget) for campaign in self.campaigns)

    def running(self, day: float) -> list[int]:
        """Numbers of the campaigns that run on ``day`` and have not ended."""
        return [
            number
            for number, campaign in enumerate(self.campaigns)
            if campaign.start <= day < campaign.start + campaign.days and not self.ended[number]
        ]

    def best_offer(self, day: float, num_items: int) -> tuple[F64, I64]:
        """((N,) share of the price, (N,) number of the campaign that gives it or -1): the best on ``day``."""
        off, giver = np.zeros(num_items), np.full(num_items, -1)
        for number in self.running(day):
            price_off = self.campaigns[number].price_off
            better = self.offered[number] & (price_off > off)
            off[better], giver[better] = price_off, number
        return off, giver

    def first_beyond(self, giver: I64, discounts: F64) -> tuple[int, int]:
        """(position, campaign) of the first of r lines whose discount does not fit; (r, -1) if all do.

        ``giver`` and ``discounts``, both (r,), say which campaign gives a line how much (currency).
        """
        first, number = len(giver), -1
        for running in np.unique(giver[giver >= 0]).tolist():
            budget = self.campaigns[running].budget
            total = self.spent[running] + np.cumsum(np.where(giver == running, discounts, 0.0))
            beyond = int(np.searchsorted(total, budget * (1.0 + ROUNDING), side="right"))
            if beyond < first:
                first, number = beyond, running
        return first, number

    def charge(self, day: float, items: AnyArray, giver: I64, discounts: F64) -> None:
        """Charge r lines that fit: item rows, who gives the discount (-1 = nobody) and currency, all (r,)."""
        for number in self.running(day):
            self.spent[number] += float(discounts[giver == number].sum())
            self.lines[number] += int(np.count_nonzero(self.offered[number][items]))

    def report(self) -> list[dict[str, float]]:
        """For each campaign ``spent`` and ``budget`` (currency), ``lines`` sold and ``goal``."""
        return [
            {"spent": min(float(spent), c.budget), "budget": c.budget, "lines": int(lines), "goal": c.goal}
            for c, spent, lines in zip(self.campaigns, self.spent, self.lines, strict=True)
        ]
