"""The tightest limit that pages of a shop can keep, and the limits that none of them keeps."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.reward import CostLimit
from .exact_terms import EXACT_TERMS
from .page_means import PageMeans

PRECISION = 1e-9
"""Of a limit, relative to the size of what it allows: a miss below it is rounding."""
ROUNDS = 60
"""Of the search for the tightest limit, which converges faster than linearly."""


def impossible_limits(means: PageMeans, limits: Sequence[CostLimit]) -> dict[str, float]:
    """{label: what the best pages for it reach} of the limits that no policy keeps which fills every slot.

    Those that a shop knows no exact mean of, or that are against a policy or of some items alone, are left
    out.
    """
    broken = {}
    for limit in limits:
        exact = limit.term in EXACT_TERMS and limit.per in (*EXACT_TERMS, "page")
        if exact and limit.versus is None and limit.items is None:
            reached = tightest_limit(means, limit)
            if is_broken(limit, reached):
                broken[limit.label] = reached
    return broken


def tightest_limit(means: PageMeans, limit: CostLimit) -> float:
    """The least (greatest) value of what is limited that a policy can have."""
    sign, ratio = (1.0 if limit.at_most is not None else -1.0), limit.limit
    for _ in range(ROUNDS):
        counted = {} if limit.per == "page" else {limit.per: sign * ratio}
        pages = means.best({limit.term: -sign, **counted})
        amount = float(means.value({limit.term: 1.0}, pages).mean())
        below = 1.0 if limit.per == "page" else float(means.value({limit.per: 1.0}, pages).mean())
        last, ratio = ratio, amount / below if below > 0 else ratio
        if abs(ratio - last) <= PRECISION * max(abs(last), PRECISION):
            break
    return ratio


def is_broken(limit: CostLimit, tightest: float) -> bool:
    """Whether every page policy exceeds the limit."""
    over = tightest - limit.limit if limit.at_most is not None else limit.limit - tightest
    return over > PRECISION * max(abs(limit.limit), PRECISION)
