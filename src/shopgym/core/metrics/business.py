"""What a business asks of a deployment: north stars, leading figures, catalogue, fairness, operations.

:class:`ShopTotals` holds the sums of many pages; :data:`BUSINESS_METRICS` says what each figure is made of.
A figure whose question does not arise (no order, nobody who can come back, one region) is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..statistics import gini
from ..types import I64, AnyArray
from .exposure import entropy, parity

NORTH_STAR, LEADING, CATALOGUE = "north star", "leading", "catalogue"
FAIRNESS, OPERATIONS = "fairness", "operations"


@dataclass(frozen=True)
class ShopTotals:
    """Sums over all pages of a deployment.

    Attributes:
        terms: sum of each amount, by the names of ``SLOT_TERMS``; ``retention`` and ``holding_cost`` too.
        pages, visits, visits_with_order, customers, slots: numbers of each; a slot counts where it is filled.
        sold_out: slots that showed what had run out.
        comes_back: whether a customer may visit again.
        has_stock: whether stock is kept, and costs something.
        shown: (N,) how often each item was shown.
        unlike, pairs: over pairs of items on a page the sum of 1 - cosine, and their number.
        seller: (N,) who sells each item.
        group_visits, group_orders: (G,) visits, and visits with an order, of each group of users.
    """

    terms: Mapping[str, float]
    pages: int
    visits: int
    visits_with_order: int
    customers: int
    slots: int
    sold_out: int
    comes_back: bool
    has_stock: bool
    shown: I64
    unlike: float
    pairs: int
    seller: AnyArray
    group_visits: I64
    group_orders: I64

    @property
    def net_margin(self) -> float:
        """Margin less the cost of returns."""
        return self.terms["margin"] - self.terms["return_cost"]


@dataclass(frozen=True)
class BusinessMetric:
    """One figure.

    Attributes:
        name: in tables, JSON and configs.
        kind: ``north star``, ``leading``, ``catalogue``, ``fairness`` or ``operations``.
        unit: of its value.
        meaning: what it is made of, in words.
        value: of the totals.
    """

    name: str
    kind: str
    unit: str
    meaning: str
    value: Callable[[ShopTotals], float]


def _ratio(over: float, under: float) -> float:
    return over / under if under else float("nan")


def small_sellers(seller: AnyArray) -> AnyArray:
    """(N,) whether an item is of one of the smaller half of the sellers, by number of items."""
    _, code, items = np.unique(seller, return_inverse=True, return_counts=True)
    order = np.argsort(items, kind="stable")
    small = np.zeros(len(items), np.bool_)
    small[order[: len(items) // 2]] = True
    return small[code]


def _conversion_parity(totals: ShopTotals) -> float:
    if not totals.group_visits.all():
        return float("nan")
    return parity(totals.group_orders / totals.group_visits)


BUSINESS_METRICS: tuple[BusinessMetric, ...] = (
    BusinessMetric(
        "conversion",
        NORTH_STAR,
        "share",
        "visits with an order, over visits",
        lambda t: _ratio(t.visits_with_order, t.visits),
    ),
    BusinessMetric(
        "average_order_value",
        NORTH_STAR,
        "currency",
        "revenue over visits with an order",
        lambda t: _ratio(t.terms["revenue"], t.visits_with_order),
    ),
    BusinessMetric(
        "revenue_per_visit",
        NORTH_STAR,
        "currency",
        "price paid, after discounts, over visits",
        lambda t: _ratio(t.terms["revenue"], t.visits),
    ),
    BusinessMetric(
        "margin_per_visit",
        NORTH_STAR,
        "currency",
        "margin less the cost of returns, over visits",
        lambda t: _ratio(t.net_margin, t.visits),
    ),
    BusinessMetric(
        "retention",
        NORTH_STAR,
        "share",
        "visits after which the customer will come back, over visits",
        lambda t: _ratio(t.terms["retention"], t.visits) if t.comes_back else float("nan"),
    ),
    BusinessMetric(
        "visits_per_customer",
        NORTH_STAR,
        "visits",
        "visits over customers, in the time of an episode",
        lambda t: _ratio(t.visits, t.customers) if t.comes_back else float("nan"),
    ),
    BusinessMetric(
        "lifetime_value",
        NORTH_STAR,
        "currency",
        "margin less the cost of returns, over customers, in the time of an episode",
        lambda t: _ratio(t.net_margin, t.customers) if t.comes_back else float("nan"),
    ),
    BusinessMetric(
        "pages_per_visit",
        LEADING,
        "pages",
        "pages of items shown, over visits",
        lambda t: _ratio(t.pages, t.visits),
    ),
    BusinessMetric(
        "click_through_rate",
        LEADING,
        "share",
        "clicks over items shown",
        lambda t: _ratio(t.terms["click"], t.slots),
    ),
    BusinessMetric(
        "item_pages_per_visit",
        LEADING,
        "pages",
        "item pages opened (clicks), over visits",
        lambda t: _ratio(t.terms["click"], t.visits),
    ),
    BusinessMetric(
        "add_to_cart_rate",
        LEADING,
        "share",
        "items put in the cart, over item pages opened",
        lambda t: _ratio(t.terms["cart"], t.terms["click"]),
    ),
    BusinessMetric(
        "dwell_per_visit",
        LEADING,
        "seconds",
        "time on item pages, over visits",
        lambda t: _ratio(t.terms["dwell"], t.visits),
    ),
    BusinessMetric(
        "coverage",
        CATALOGUE,
        "share",
        "items shown to anybody, over all items",
        lambda t: float(np.count_nonzero(t.shown) / len(t.shown)),
    ),
    BusinessMetric(
        "exposure_gini",
        CATALOGUE,
        "index",
        "Gini coefficient of how often each item is shown: 0 = all equally",
        lambda t: gini(t.shown) if t.shown.any() else float("nan"),
    ),
    BusinessMetric(
        "exposure_entropy",
        CATALOGUE,
        "bits",
        "Shannon entropy of how often each item is shown",
        lambda t: entropy(t.shown),
    ),
    BusinessMetric(
        "diversity",
        CATALOGUE,
        "1 - cosine",
        "mean over pairs of items on a page, of their observable embeddings",
        lambda t: _ratio(t.unlike, t.pairs),
    ),
    BusinessMetric(
        "small_seller_exposure",
        FAIRNESS,
        "share",
        "of the items shown, those of the smaller half of the sellers (by number of items)",
        lambda t: _ratio(float(t.shown[small_sellers(t.seller)].sum()), float(t.shown.sum())),
    ),
    BusinessMetric(
        "conversion_parity",
        FAIRNESS,
        "ratio",
        "smallest over largest conversion among the regions of users",
        _conversion_parity,
    ),
    BusinessMetric(
        "stockouts_per_slot",
        OPERATIONS,
        "share",
        "slots that show what has run out, over slots",
        lambda t: _ratio(t.sold_out, t.slots),
    ),
    BusinessMetric(
        "holding_cost_per_visit",
        OPERATIONS,
        "currency",
        "cost of keeping the stock, over visits",
        lambda t: _ratio(t.terms["holding_cost"], t.visits) if t.has_stock else float("nan"),
    ),
)
"""Every figure that tables of policies show, in order."""


def business_metrics(totals: ShopTotals) -> dict[str, float]:
    """The value of every figure of :data:`BUSINESS_METRICS`, by name."""
    return {metric.name: float(metric.value(totals)) for metric in BUSINESS_METRICS}
