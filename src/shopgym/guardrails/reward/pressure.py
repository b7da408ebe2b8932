"""Proxy against north star as the pressure on the proxy rises, exactly, on the first page of a visit.

The family pi_b ~ pi_0 exp(b r) goes from pages drawn uniformly (b = 0) to the best pages for r. Pressure is
told as KL(pi_b || pi_0) in nats a page, which means the same for every reward (Gao, Schulman & Hilton 2023,
Scaling laws for reward model overoptimization, sec. 2). A curve may fall and rise again: every point is
judged, no single turning point is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

from .page_means import PageMeans, Pages, Weights
from .price import LEVEL, Share, share_of

PRESSURES = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 40.0)
"""In units of one over the standard deviation of the reward of a candidate."""
BEST = math.inf
"""The pressure of the best page itself."""


@dataclass(frozen=True)
class PressurePoint:
    """One member of the family.

    Attributes:
        pressure: of :meth:`.PageMeans.tilted`; infinity = the best pages.
        kl: nats a page.
        proxy: share of the way of the reward from uniform pages (0) to its best pages (1).
        share: north star over that of its own best pages, with an interval.
        price_off: mean share taken off the prices.
        terms: mean of every term a page.
    """

    pressure: float
    kl: float
    proxy: float
    share: Share
    price_off: float
    terms: Mapping[str, float]


@dataclass(frozen=True)
class PressureCurve:
    """A family for one reward, and that for the north star itself.

    Attributes:
        points: of the reward, by rising pressure; the last is that of the best pages.
        honest: of the north star.
        tolerance: share of the north star's best that may be lost against ``honest`` at the same pressure.
    """

    points: tuple[PressurePoint, ...]
    honest: tuple[PressurePoint, ...]
    tolerance: float

    @property
    def safe_kl(self) -> float:
        """Greatest pressure, in nats a page, up to which the reward loses no more than ``tolerance``.

        Lost is what the north star's own family earns more at the same pressure. 0 if the reward loses more
        at once, infinity if it never does.
        """
        kl = [point.kl for point in self.honest]
        shares = [point.share.value for point in self.honest]
        if not shares:  # the north star is the same on every page: nothing can be lost
            return math.inf
        safe = 0.0
        for point in self.points:
            honest = float(np.interp(point.kl, kl, np.maximum.accumulate(shares)))
            if point.share.high < honest - self.tolerance:
                return safe
            safe = point.kl
        return math.inf

    @property
    def peak(self) -> PressurePoint:
        """The member that earns most of the north star."""
        return max(self.points, key=lambda point: point.share.value)

    @property
    def falls(self) -> bool:
        """Whether the north star falls by more than ``tolerance`` of its best after some pressure."""
        return self.peak.share.low - self.points[-1].share.high > self.tolerance

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            **asdict(self),
            "safe_kl": self.safe_kl,
            "peak_kl": self.peak.kl,
            "falls": self.falls,
        }


def pressure_curve(
    means: PageMeans,
    proxy: Weights,
    north_star: Weights,
    *,
    seed: int = 0,
    tolerance: float = 0.05,
    pressures: Sequence[float] = PRESSURES,
    level: float = LEVEL,
) -> PressureCurve:
    """The curve of a reward on the pages of ``means``, with common random numbers from point to point."""

    def rng() -> Generator:
        return Generator(Philox(key=seed))

    best = means.value(north_star, means.best(north_star))

    def family(weights: Weights) -> tuple[PressurePoint, ...]:
        scale = means.spread(weights)
        if not scale > 0.0:
            return ()
        drawn = [means.tilted(weights, pressure, rng(), scale) for pressure in pressures]
        members: list[tuple[float, Pages]] = [
            *zip(pressures, drawn, strict=True),
            (BEST, means.best(weights)),
        ]
        ends = [float(means.value(weights, pages).mean()) for pages in (drawn[0], members[-1][1])]
        points, most = [], 0.0
        for pressure, pages in members:
            most = max(most, float(pages.kl.mean())) if pressure != BEST else means.most_kl
            value = float(means.value(weights, pages).mean())
            points.append(
                PressurePoint(
                    pressure=pressure,
                    kl=most,
                    proxy=(value - ends[0]) / (ends[1] - ends[0]) if ends[1] > ends[0] else 1.0,
                    share=share_of(means.value(north_star, pages), best, level),
                    price_off=float(means.discounts[pages.level].mean()),
                    terms={name: float(a.mean()) for name, a in means.page_terms(pages).items()},
                )
            )
        return tuple(points)

    return PressureCurve(family(proxy), family(north_star), tolerance)
