"""What a correlated proxy guarantees of the north star (Laidlaw, Singhal and Dragan 2025)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput, finite
from ...core.types import AnyArray


@dataclass(frozen=True)
class ProxyReference:
    """Proxy and north star under the reference policy: means, standard deviations, correlation.

    Attributes:
        proxy, north_star: means.
        proxy_spread, north_star_spread: standard deviations; 0 where all rows say the same.
        correlation: r; NaN where one of the two does not vary.
        rows: how many it was measured on.
    """

    proxy: float
    north_star: float
    proxy_spread: float
    north_star_spread: float
    correlation: float
    rows: int

    @classmethod
    def measure(cls, proxy: AnyArray, north_star: AnyArray) -> ProxyReference:
        """From what the reference policy earned: (n,) each, in the same rows.

        Raises:
            InvalidInput: fewer than two rows, rows that do not fit, or a value that is not finite.
        """
        if proxy.shape != north_star.shape or len(proxy) < 2:
            fix = "give at least two rows of each, in the same order"
            raise InvalidInput("monitor.reference", (proxy.shape, north_star.shape), fix)
        finite("monitor.reference.proxy", proxy)
        finite("monitor.reference.north_star", north_star)
        spreads = float(proxy.std()), float(north_star.std())
        correlation = math.nan
        if min(spreads) > 0:
            correlation = float(np.clip(np.corrcoef(proxy, north_star)[0, 1], -1.0, 1.0))
        return cls(float(proxy.mean()), float(north_star.mean()), *spreads, correlation, len(proxy))

    def lower_bound(self, proxy: float, chi_squared: float) -> float:
        """The least north star that a policy can have whose mean proxy is ``proxy``.

        -infinity where the proxy does not vary under the reference policy or is not positively correlated:
        then it says nothing.
        """
        if not self.proxy_spread > 0 or math.isnan(self.correlation):
            return -math.inf
        gain = (proxy - self.proxy) / self.proxy_spread
        return self.north_star + self.north_star_spread * lower_bound(gain, self.correlation, chi_squared)


def lower_bound(proxy_gain: float, correlation: float, chi_squared: float) -> float:
    """Least gain of the north star over the reference policy, in its standard deviations there.

    With r the correlation of proxy and north star over the reference policy's occupancy, and chi^2 the
    divergence of the policy's occupancy from it (Laidlaw, Singhal and Dragan 2025, Correlated proxies: a new
    definition and improved mitigation for reward hacking, theorem 5.1)::

        gain of the north star >= [gain of the proxy - sqrt((1 - r^2) chi^2)] / r

    Args:
        proxy_gain: of the policy over the reference policy, in standard deviations of the proxy there.
        correlation: r; at or below 0 the bound is -infinity.
        chi_squared: >= 0; infinite where the policy does what the reference policy never does.
    """
    if not correlation > 0 or math.isinf(chi_squared):
        return -math.inf
    return (proxy_gain - math.sqrt(max(1.0 - correlation**2, 0.0) * chi_squared)) / correlation
