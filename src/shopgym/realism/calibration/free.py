"""The numbers of a shop that a calibration may change, and the facts that identify each of them."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from .moments import FreeParameter
from .scales import ScaledParameter

ORDERS, VISITS_A_DAY = ("orders_per_day",), ("visits_per_day",)
CUSTOMERS = ("new_customers_per_day", "repeat_customer_share", "interpurchase_median_days")
BASKETS = ("basket_items_mean", "basket_items_median", "single_item_basket_share")
UNITS = ("basket_units_mean", "units_per_line_mean", "basket_value_mean")
TAILS = ("basket_value_log_sd", "basket_value_tail")
REVENUE = ("top20_customer_revenue_share",)
AGAIN = ("repeat_item_line_share",)
RETURNS = ("returned_line_share", "returned_value_share")
ITEMS = ("item_gini_orders", "item_gini_clicks")
CHAINS = ("next_item_recall20_markov_no_repeat", "basket_recall20_knn")
VISITS = ("session_pages_mean", "session_pages_log_sd", "bounce_rate")
MOST_SPREAD, MOST_RANDOM, MOST_RETURNED = 0.95, 0.5, 0.95


@dataclass(frozen=True)
class Free:
    """A parameter, and the facts of which a record must give one for it to be fitted.

    Attributes:
        scaled: the parameter on its scale.
        group: parameters that are kept or given up together, where the profile does better.
        facts: that identify it.
        least: the value from which the search begins, if the profile's is less.
        most, lowest: the ends of what the search may try, because a config would refuse more, or less.
    """

    scaled: ScaledParameter
    group: str
    facts: tuple[str, ...]
    least: float = -math.inf
    most: float = math.inf
    lowest: float = -math.inf

    def free(self, value: float) -> FreeParameter:
        """The parameter on its scale, from the value of a shop on."""
        return self.scaled.free(min(max(value, self.least), self.most), self.most, self.lowest)


def _free(
    name: str,
    scale: str,
    step: float,
    group: str,
    facts: tuple[str, ...],
    least: float = -math.inf,
    most: float = math.inf,
    lowest: float = -math.inf,
) -> Free:
    return Free(ScaledParameter(name, scale, step), group, facts, least, most, lowest)


FREE = (
    _free("arrivals.established", "log", 0.15, "customers", CUSTOMERS, 10.0),
    _free("arrivals.per_day", "log", 0.15, "customers", (*ORDERS, *VISITS_A_DAY)),
    _free("people.retention.r", "log", 0.15, "customers", CUSTOMERS),
    _free("people.retention.alpha", "log", 0.15, "customers", CUSTOMERS),
    _free("people.retention.b", "log", 0.3, "customers", CUSTOMERS),
    _free("choice.mission_stay", "plain", 0.2, "baskets", (*BASKETS, *VISITS), lowest=0.0),
    _free("choice.mission_spread", "log", 0.15, "baskets", (*BASKETS, *VISITS), 0.3),
    _free("choice.fatigue", "log", 0.3, "baskets", BASKETS, 0.005),
    _free("catalog.units_scale", "log", 0.15, "units", UNITS),
    _free("choice.bulk_sd", "logit", 0.25, "units", (*UNITS, *TAILS, *REVENUE), 0.1, MOST_SPREAD),
    _free("choice.size_alike", "logit", 0.4, "units", REVENUE, 0.1),
    _free("choice.order_sd", "logit", 0.25, "units", TAILS, 0.1, MOST_SPREAD),
    _free("choice.mission_units", "log", 0.2, "units", UNITS, 0.2),
    _free("random_share", "logit", 0.3, "items", ITEMS, 0.02, MOST_RANDOM),
    _free("behaviour.popularity", "log", 0.15, "items", ITEMS),
    _free("people.repurchase.share", "logit", 0.4, "bought again", AGAIN, 0.1),
    _free("people.repurchase.lift", "log", 0.2, "bought again", AGAIN, 1.0),
    _free("choice.taste_weight", "log", 0.15, "tastes", (*AGAIN, *CHAINS)),
    _free("choice.intent_weight", "log", 0.15, "tastes", CHAINS),
    _free("returns.rate", "log", 0.15, "returns", RETURNS, most=MOST_RETURNED),
    _free("market.season", "log", 0.3, "seasons", ("category_season",), 0.05),
)
"""Parameters of orders and of what is bought."""
OF_VISITS = (
    _free("choice.click_base", "plain", 0.2, "visits", VISITS),
    _free("choice.leave_base", "plain", 0.25, "visits", VISITS),
    _free("choice.engagement", "plain", 0.25, "visits", VISITS, lowest=0.0),
    _free("choice.mission_share", "logit", 0.3, "visits", VISITS, 0.05),
    _free("choice.cart_base", "plain", 0.25, "visits", ("session_cart_share", "session_conversion")),
    _free("choice.buy_base", "plain", 0.25, "visits", ("cart_abandonment", "session_conversion")),
    _free("surfaces.search_rate", "logit", 0.3, "visits", ("session_search_share",), 0.02),
    _free("behaviour.again", "logit", 0.3, "visits", ("repeat_view_share",), 0.02),
    _free("dwell.median", "log", 0.15, "times", ("dwell_median_s",)),
    _free("dwell.log_sd", "log", 0.1, "times", ("dwell_log_sd",)),
    _free("dwell.reading", "log", 0.3, "times", ("session_duration_median_s", "dwell_median_s")),
    _free("behaviour.relevance", "log", 0.2, "items", CHAINS[:1]),
)
"""Parameters of visits."""


def free_parameters(facts: Collection[str]) -> tuple[Free, ...]:
    """The parameters that a record with these facts may identify."""
    names = set(facts)
    return tuple(free for free in (*FREE, *OF_VISITS) if names & set(free.facts))
