"""ZOZOTOWN's Bernoulli Thompson sampling: what it showed at each position of a page.

The counts are facts of the Open Bandit Dataset's campaign "all" (Saito, Aihara, Matsutani and Narita 2021,
Open Bandit Dataset and Pipeline), published beside it: the policy drew a click rate for each of 80 items
from Beta(clicks, no clicks) and showed the items with the three highest draws.
"""

from __future__ import annotations

import numpy as np

from ....core.types import F64

# fmt: off
CLICKS: F64 = np.array((
    47, 8, 62, 142, 3, 14, 7, 857, 12, 15, 6, 100, 48, 23, 71, 61, 13, 16, 518, 30, 7, 4, 23, 8, 10, 11,
    11, 18, 121, 11, 11, 10, 14, 9, 204, 58, 3, 19, 42, 1013, 2, 328, 15, 31, 14, 138, 45, 55, 23, 38,
    10, 401, 52, 6, 3, 6, 5, 32, 35, 133, 52, 820, 43, 195, 8, 42, 40, 4, 32, 30, 9, 22, 6, 23, 5, 54,
    8, 22, 65, 246,
), dtype=np.float64)
NO_CLICKS: F64 = np.array((
    12198, 3566, 15993, 35522, 2367, 4609, 3171, 181745, 4372, 4951, 3100, 24665, 13210, 7061, 18061,
    17449, 5644, 6787, 111326, 8776, 3334, 2271, 7389, 2659, 3665, 4724, 3561, 5085, 27407, 4601, 4756,
    4120, 4736, 3788, 45292, 14719, 2189, 5589, 11995, 222255, 2308, 70034, 4801, 8274, 5421, 31912,
    12213, 13576, 6230, 10382, 4141, 85731, 12811, 2707, 2250, 2668, 2886, 9581, 9465, 28336, 12062,
    162793, 12107, 41240, 3162, 11604, 10818, 2923, 8897, 8654, 4000, 6580, 3174, 6766, 2602, 14506,
    3968, 7523, 16532, 51964,
), dtype=np.float64)
# fmt: on


def thompson_marginals(clicks: F64, no_clicks: F64, positions: int, points: int = 4_000) -> F64:
    """(positions, A) probability that an item's draw is the j-th highest.

    P(item i is j-th) is the integral over its draw of the chance that exactly j - 1 others are higher, a
    Poisson-binomial term that is added up item by item. The integral is a mean over ``points`` quantiles of
    the draw, with an error of order 1 / points^2.
    """
    from scipy.special import betainc, betaincinv

    level = (np.arange(points) + 0.5) / points
    out = np.empty((positions, len(clicks)))
    for i in range(len(clicks)):
        draw = betaincinv(clicks[i], no_clicks[i], level)
        higher = np.zeros((positions, points))  # [j]: exactly j of the others are higher
        higher[0] = 1.0
        for other in range(len(clicks)):
            if other == i:
                continue
            above = 1.0 - betainc(clicks[other], no_clicks[other], draw)
            higher[1:] = higher[1:] * (1.0 - above) + higher[:-1] * above
            higher[0] *= 1.0 - above
        out[:, i] = higher.mean(axis=1)
    return out
