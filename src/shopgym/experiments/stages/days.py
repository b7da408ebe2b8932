"""What a deployment looks like day by day: what it earns, what is in stock, what is asked for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...core.batches import TERM_MARGIN, Requests
from ...core.types import F64, I32, I64
from ...envs.page_env import Episode, PageEnv
from ...simulators.rollout import Step


@dataclass(frozen=True)
class DayTotals:
    """Sums by day (D,) over all episodes of a deployment.

    Attributes:
        episodes: seasons or customers.
        pages, slots: that were shown; a slot counts where it is filled.
        margin: that was earned.
        sold_out: slots that showed what had run out.
        price_level: sum over slots of price / list price.
        in_stock: sum over pages of the share of the range that could be bought.
        has_stock: whether the shop keeps one stock for all.
    """

    episodes: int
    pages: F64
    slots: F64
    margin: F64
    sold_out: F64
    price_level: F64
    in_stock: F64
    has_stock: bool

    def rows(self, agent: str) -> list[dict[str, Any]]:
        """One row a day: means per episode, page and slot; NaN on a day without pages."""
        with np.errstate(invalid="ignore"):
            columns = {
                "margin": self.margin / self.episodes,
                "pages": self.pages / self.episodes,
                "sold_out_slots": self.sold_out / self.slots,
                "price_level": self.price_level / self.slots,
                "in_stock": self.in_stock / self.pages
                if self.has_stock
                else np.full(len(self.pages), np.nan),
            }
        return [
            {"agent": agent, "day": day, **{name: float(values[day]) for name, values in columns.items()}}
            for day in range(len(self.pages))
        ]


class DayCounter:
    """Adds up the pages of an environment whose episodes have days.

    Prices and stock are read before a page is served, for its sales and the next visit may change them.
    """

    def __init__(self, loop: PageEnv, days: float) -> None:
        self.shop = loop.shop
        self.has_stock = loop.episode is Episode.SEASON and loop.shop.config.stock.enabled
        self.sums = np.zeros((6, math.ceil(days)))
        self._level, self._available = np.zeros(0), 0.0

    def before(self, rows: I64, requests: Requests, slates: I32) -> None:
        """Look at the shop just before the pages (n, k) of these rows are shown."""
        shown, today = slates[rows], self.shop.today
        items = np.maximum(shown, 0)
        own = self.shop.visits.day_row[rows][:, None]  # where every customer has a calendar, of their week
        level = today.price[own, items] / self.shop.catalog.items.price[items]
        self._level = np.where(shown >= 0, level, 0.0).sum(axis=1)
        self._available = float(self.shop.stock.available.mean())

    def add(self, step: Step) -> None:
        """Add the pages of a step."""
        day = np.clip(step.requests.time.astype(np.int64), 0, self.sums.shape[1] - 1)
        filled = step.decisions.slates >= 0
        of_page = (
            np.ones(len(day)),
            filled.sum(axis=1),
            step.feedback.page[step.rows, TERM_MARGIN],
            (step.feedback.unavailable[step.rows] & filled).sum(axis=1),
            self._level,
            np.full(len(day), self._available),
        )
        for total, values in zip(self.sums, of_page, strict=True):
            np.add.at(total, day, values)

    def totals(self, episodes: int) -> DayTotals:
        """All pages together."""
        pages, slots, margin, sold_out, level, in_stock = self.sums
        return DayTotals(episodes, pages, slots, margin, sold_out, level, in_stock, self.has_stock)


def days_table(days: Mapping[str, DayTotals | None]) -> pd.DataFrame:
    """The rows of all agents; empty where an episode has no days."""
    told = {agent: totals for agent, totals in days.items() if totals is not None}
    return pd.DataFrame([row for agent, totals in told.items() for row in totals.rows(agent)])
