"""Goods with a season of their own: a yearly wave of appeal, by category or by a word in the name."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput, in_range, one_of
from ...core.types import F64, I64, Bool
from ..catalog.catalog import Catalog

YEAR = 364.0
"""Days: 52 whole weeks."""
WEEKS = 52
STEPS, SMALLEST_STEP = 50, 1e-9
"""Of Newton's method."""


@dataclass(frozen=True)
class GoodsSeason:
    """The season of some goods: ``amplitude`` x cos(2 pi (week - ``peak``) / 52) - c logits of click.

    c makes the mean of exp(season) over the year 1, because popularity is counted over the year: it is the
    logarithm of the modified Bessel function I0 at the amplitude.

    Attributes:
        category: name of a category; "" = ``word`` says which goods.
        word: items whose name has this word, in any case. They leave the season of their category.
        amplitude: half of what lies between the best and the worst week, logits.
        peak: week of the year at which the goods appeal most, in [0, 52); week 0 begins on day 0.
    """

    category: str = ""
    word: str = ""
    amplitude: float = 0.0
    peak: float = 0.0

    def __post_init__(self) -> None:
        if bool(self.category) == bool(self.word):
            fix = "name either a category or a word"
            raise InvalidInput("shop.market.seasons.category", self.category or self.word, fix)
        in_range("shop.market.seasons.amplitude", self.amplitude, 0.0, 20.0)
        in_range("shop.market.seasons.peak", self.peak, 0.0, WEEKS, open_high=True)

    def wave(self, day: float) -> float:
        """Logits on ``day``."""
        wave = self.amplitude * math.cos(2.0 * math.pi * (day / YEAR - self.peak / WEEKS))
        return wave - math.log(float(np.i0(self.amplitude)))

    def goods(self, catalog: Catalog) -> Bool:
        """(N,) which items of ``catalog`` have this season.

        Raises:
            InvalidInput: the catalogue has no such category, or no such item.
        """
        if self.category:
            one_of("shop.market.seasons.category", self.category, catalog.items.category_names)
        goods = self.goods_in(catalog)
        if self.word and not goods.any():
            raise InvalidInput("shop.market.seasons.word", self.word, "no item's name has this word")
        return goods

    def goods_in(self, catalog: Catalog) -> Bool:
        """(N,) which items have this season; none where the catalogue does not sell such goods."""
        items = catalog.items
        if not self.category:
            return np.asarray(np.char.find(np.char.lower(items.name), self.word.lower()) >= 0)
        if self.category not in items.category_names:
            return np.zeros(len(items.category), np.bool_)
        return np.asarray(items.category == items.category_names.index(self.category))


class YearlyWaves:
    """The waves of all goods of a catalogue of N items in C categories.

    Args:
        catalog: the goods.
        amplitude: logits of every category; ``peak`` (C,) is in days.
        seasons: replace what stands in these. Of two words that both fit an item the first decides.
    """

    def __init__(
        self, catalog: Catalog, amplitude: float | F64, peak: F64, seasons: tuple[GoodsSeason, ...]
    ) -> None:
        self.amplitude, self.peak = np.broadcast_to(amplitude, peak.shape).copy(), peak.copy()
        self.level = np.zeros(len(peak))
        self._category = catalog.items.category
        self._named: list[tuple[GoodsSeason, I64]] = []
        taken = np.zeros(len(catalog), np.bool_)
        for season in seasons:
            goods = season.goods(catalog)
            if season.category:
                number = catalog.items.category_names.index(season.category)
                self.amplitude[number], self.peak[number] = season.amplitude, season.peak / WEEKS * YEAR
                self.level[number] = -math.log(float(np.i0(season.amplitude)))
            else:
                self._named.append((season, np.flatnonzero(goods & ~taken)))
                taken |= goods

    def by_category(self, day: float) -> F64:
        """(C,) logits on ``day``."""
        wave: F64 = self.amplitude * np.cos(2 * np.pi * (day - self.peak) / YEAR) + self.level
        return wave

    def add_named(self, day: float, logits: F64) -> None:
        """Add to ``logits`` (N,) what the goods with a season by a word have beyond their category."""
        if self._named:
            category = self.by_category(day)
            for season, goods in self._named:
                logits[goods] += season.wave(day) - category[self._category[goods]]


def wave_of(counts: F64, totals: F64, weeks: F64) -> tuple[float, float]:
    """Amplitude (logits) and peak (week) of a yearly wave in the share of some goods among all lines.

    Maximum likelihood of a Poisson model, log mean = log total + level + a cos + b sin, by Newton's method.

    Args:
        counts, totals: (w,) order lines of the goods and of all, by week; totals > 0.
        weeks: (w,) week of the year of each.

    Raises:
        InvalidInput: fewer than four weeks, or no line of the goods.
    """
    if len(counts) < 4 or not counts.sum() > 0:
        fix = "give four weeks or more, with lines of the goods"
        raise InvalidInput("counts", (len(counts), float(counts.sum())), fix)
    angle = 2.0 * math.pi * weeks / WEEKS
    columns = np.stack([np.ones(len(weeks)), np.cos(angle), np.sin(angle)], axis=1)
    theta = np.array([math.log(counts.sum() / totals.sum()), 0.0, 0.0])
    for _ in range(STEPS):
        mean = totals * np.exp(columns @ theta)
        slope, curvature = columns.T @ (counts - mean), columns.T @ (mean[:, None] * columns)
        move = np.linalg.solve(curvature, slope)
        theta += move * min(1.0, 1.0 / max(float(np.abs(move).max()), 1e-300))  # at most one logit a step
        if np.abs(move).max() < SMALLEST_STEP:
            break
    peak = math.atan2(theta[2], theta[1]) / (2.0 * math.pi) * WEEKS
    return math.hypot(theta[1], theta[2]), peak % WEEKS
