"""One sentence for every table of a report: what its numbers are. And how a number is written."""

from __future__ import annotations

from typing import Any

CAPTIONS = {
    "Terms": "What the reward is made of: weight times exchange rate is what one unit of a term adds to it.",
    "Limits": "They are no part of the reward. The gate holds a policy against them.",
    "The price of the proxy": (
        "North star of the pages that are best for the reward, as a share of the most that pages can earn of "
        "it, with its interval; then both amounts, and that of random pages, per page, visit or life."
    ),
    "Probes": (
        "Pages of one simple kind, in % of what the best pages for the north star earn of the reward and of "
        "the north star. A page that has much of the one and little of the other fools the reward."
    ),
    "Terms, on random pages": (
        "An agent learns from what varies: a term without a share of the variance teaches it nothing."
    ),
    "Under pressure": (
        "Pages are drawn ever more in favour of the reward, from random ones to its best. The reward goes "
        "from 0 to 100%; the north star is a share of its own best. Nats a page say how far from random."
    ),
    "Optimisers": (
        "What agents earned that were paid by the reward: the reward in multiples of random pages, the north "
        "star as a share of what the same agent earns that is paid by the north star, in all and by training."
    ),
    "Each term by itself": "The same exact lint, as if the term were the whole reward.",
    "From the log": (
        "North star of pages that a model of the reward would choose, as a share of those that a model of "
        "the north star would, ever more strictly by its scores. What the log cannot tell is not shown."
    ),
}
"""By the title of the table."""


def cell_text(value: Any) -> str:
    """A cell of a table: numbers with a fraction have four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
