"""The interval of the empirical likelihood with Cressie and Read's divergence of order -2."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.random import Generator

from .base import Ends, check, weighted_rewards, weights_of
from .statistic import Statistic


@dataclass(frozen=True)
class CressieRead:
    """All values that some probabilities of the rounds, close to equal and with mean weight 1, can give.

    Karampatziakis, Langford and Mineiro 2020 (Empirical likelihood for contextual bandits), section 4. The
    divergence is quadratic, so each end is a closed form. With ``rewards`` one more round of an extreme
    weight (0 or ``most``) and an extreme reward is reckoned with, for what the log has not shown. Without
    them no round is added: the interval is that of a regression of the rounds on their weights.

    Attributes:
        rewards: (least, largest) possible reward of a round, or None; needs a plain mean such as ips.
        most: largest possible weight.
    """

    rewards: tuple[float, float] | None = None
    most: float = math.inf
    name: str = "cressie-read"

    def __call__(self, statistic: Statistic, level: float, rng: Generator | None = None) -> Ends:
        """See :class:`.base.Interval`; needs no generator.

        Raises:
            NotEstimable: a statistic without importance weights; with ``rewards`` one whose rounds are not
                weights times rewards within these.
        """
        from scipy.special import fdtri

        check(statistic, level)
        n = len(statistic)
        w, x = weights_of(statistic, self.name), statistic.value + statistic.influence()
        sums = float(w.sum()), float(w @ w), float(x.sum()), float(w @ x), float(x @ x)
        quantile = float(fdtri(1.0, n, level))
        if self.rewards is None:
            mean_w, var_w = sums[0] / n, sums[1] / n - (sums[0] / n) ** 2
            slope = (sums[3] / n - mean_w * sums[2] / n) / var_w if var_w > 0 else 0.0
            centre = sums[2] / n + slope * (1.0 - mean_w)
            spread = sums[4] / n - (sums[2] / n) ** 2 - slope**2 * var_w
            half = math.sqrt(max(spread, 0.0) * quantile / n)
            return centre - half, centre + half
        least, largest = self.rewards
        weighted_rewards(statistic, self.name, least, largest)
        most = max(self.most, float(w.max()))
        fewest = min(0.0, float(w.min()))
        heavy = most if sums[0] < n else fewest
        if math.isinf(heavy):
            slack = 1.0 + 1.0 / n
        else:
            a, b = (heavy + sums[0]) / (1 + n), (heavy**2 + sums[1]) / (1 + n)
            slack = (1 + n) * (a - 1) ** 2 / (b - a * a)
        limit = -(slack + quantile) / (2 * (1 + n))
        low = min((_end(sums, n, limit, w, least, 1.0) for w in (fewest, most)), default=least)
        high = -min((_end(sums, n, limit, w, largest, -1.0) for w in (fewest, most)), default=-largest)
        low = low if math.isfinite(low) else least
        high = high if math.isfinite(high) else largest
        return min(largest, max(least, low)), min(largest, max(least, high))


def _end(
    sums: tuple[float, float, float, float, float],
    n: int,
    limit: float,
    extra: float,
    reward: float,
    sign: float,
) -> float:
    """Least ``sign`` times value with one more round of weight ``extra`` and ``reward``; inf if none."""
    w, ww, x, wx, xx = sums
    if math.isinf(extra):
        centre = sign * (reward + (x - w * reward) / n)
        curve = (reward * w - x) ** 2 / (n * (1 + n)) - (reward**2 * ww - 2 * reward * wx + xx) / (1 + n)
        room = limit + 1.0 / (2 * n)
    else:
        w, ww = (extra + w) / (1 + n), (extra**2 + ww) / (1 + n)
        x, wx = sign * (extra * reward + x) / (1 + n), sign * (extra**2 * reward + wx) / (1 + n)
        xx = ((extra * reward) ** 2 + xx) / (1 + n)
        spread = ww - w * w
        if spread <= 0:
            return math.inf
        centre = x + (1 - w) * (wx - w * x) / spread
        curve = (wx - w * x) ** 2 / spread - (xx - x**2)
        room = limit + 0.5 * (1 - w) ** 2 / spread
    # the divergence allows a value as far from the centre as both factors are negative
    return centre - math.sqrt(2.0 * max(0.0, curve * room)) if room <= 0 and curve <= 0 else math.inf
