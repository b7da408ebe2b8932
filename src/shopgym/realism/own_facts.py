"""The facts of one's own shop: what any record can give, each with its bootstrap interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.random import Generator

from .facts import FACTS, measure
from .reference import StylisedFact, near
from .resampling import RESAMPLES
from .shop_data import DAY, ShopData

__all__ = ["OWN_FACTS", "near", "own_facts", "own_values"]

OWN = "own records"
LEAST_UNITS, LEAST_DAYS = 20, 7
"""Independent units (customers, visits, orders, items) below which no interval is given; days for volumes."""
DAILY = frozenset(
    (
        "orders_per_day",
        "visits_per_day",
        "new_customers_per_day",
        "order_share_weekend",
        "visit_share_weekend",
    )
)
OWN_FACTS: tuple[str, ...] = (
    "orders_per_day",
    "new_customers_per_day",
    "basket_value_mean",
    "basket_value_median",
    "basket_value_log_sd",
    "basket_value_tail",
    "basket_items_mean",
    "basket_items_median",
    "basket_items_tail",
    "basket_units_mean",
    "basket_units_median",
    "units_per_line_mean",
    "single_item_basket_share",
    "repeat_customer_share",
    "orders_per_customer",
    "interpurchase_median_days",
    "interpurchase_mean_days",
    "interpurchase_tail",
    "returning_order_share_h2",
    "repeat_item_line_share",
    "top20_customer_revenue_share",
    "order_share_00_06h",
    "order_share_06_12h",
    "order_share_12_18h",
    "order_share_18_24h",
    "order_share_weekend",
    "busiest_weekday_order_share",
    "busy_day_orders_over_median",
    "category_season",
    "item_gini_orders",
    "item_zipf_top20_orders",
    "price_elasticity_pooled",
    "basket_recall20_popularity",
    "basket_recall20_knn",
    "returned_line_share",
    "returned_value_share",
    "visits_per_day",
    "session_pages_mean",
    "session_pages_median",
    "session_pages_log_sd",
    "bounce_rate",
    "session_duration_median_s",
    "dwell_median_s",
    "dwell_log_sd",
    "repeat_view_share",
    "visit_share_00_06h",
    "visit_share_06_12h",
    "visit_share_12_18h",
    "visit_share_18_24h",
    "visit_share_weekend",
    "session_conversion",
    "session_cart_share",
    "cart_abandonment",
    "session_search_share",
    "returning_session_share",
    "conv_returning_over_new",
    "conv_search_over_none",
    "item_gini_clicks",
    "item_zipf_top20_clicks",
    "next_item_recall20_popularity",
    "next_item_recall20_markov",
    "next_item_recall20_knn",
    "next_item_recall20_popularity_no_repeat",
    "next_item_recall20_markov_no_repeat",
    "next_item_recall20_knn_no_repeat",
)
"""Names of registered facts, as they are printed. The list is the same for every record."""


def _needs(name: str) -> str:
    """Whether a fact is one of orders or of visits."""
    return "orders" if "purchase" in FACTS[name].events else "visits"


NEEDS = {name: _needs(name) for name in OWN_FACTS}


def own_values(
    data: ShopData, *, rng: Generator, days: float | None = None, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Every fact of ``OWN_FACTS``, or why this record does not give it: see :func:`~.facts.measure`.

    A value with an interval needs 20 independent units, a mean over days a week. What never happens in the
    record is no fact: that is most often how the record was made.

    Args:
        data: one's own records, or a season in the same form.
        rng: of the bootstrap.
        days: how long the shop was watched, from the first day of the record; None: as the record says.
        resamples: of the bootstrap.
    """
    if days is not None and data.events is not None:
        start = float(data.events["time"].iloc[0] // DAY * DAY)
        data = replace(data, watched=(start, start + days * DAY))
    values = measure(data, rng, names=OWN_FACTS, resamples=resamples)
    for kind, missing in (("orders", "purchase" not in data.kinds), ("visits", data.sessions.empty)):
        if missing:
            needing = values["name"].map(NEEDS) == kind
            values.loc[needing, "lacks"] = f"the records have no {kind}"
    least = values["name"].map(lambda name: LEAST_DAYS if name in DAILY else LEAST_UNITS)
    few = values["n"] < least
    units = zip(values["n"][few], least[few], strict=True)
    values.loc[few, "lacks"] = [f"only {n:.0f} independent units, {m} are needed" for n, m in units]
    figures = values[["value", "low", "high"]].astype(float)
    if resamples:
        no_interval = (values["lacks"] == "") & figures.isna().any(axis=1)
        values.loc[no_interval, "lacks"] = "the record gives no interval"
    never = (values["lacks"] == "") & (figures[["value", "high"]] == 0).all(axis=1)
    values.loc[never, "lacks"] = "it never happens in the record"
    values.loc[values["lacks"] != "", ["value", "low", "high"]] = np.nan
    return values


def own_facts(
    data: ShopData, *, rng: Generator, days: float | None = None, resamples: int = RESAMPLES
) -> tuple[StylisedFact, ...]:
    """The facts of ``OWN_FACTS`` that this record gives, each with its 95% bootstrap interval.

    Args:
        data, rng, days, resamples: see :func:`own_values`.
    """
    values = own_values(data, rng=rng, days=days, resamples=resamples)
    return facts_of(values, data.days if days is None else days)


def facts_of(values: pd.DataFrame, days: float) -> tuple[StylisedFact, ...]:
    """The facts that a table of :func:`own_values` gives, of a shop that was watched for so many days."""
    return tuple(
        StylisedFact(
            name=row["name"],
            value=float(row["value"]),
            low=min(float(row["low"]), float(row["value"])),
            high=max(float(row["high"]), float(row["value"])),
            unit=row["unit"],
            source=OWN,
            group=row["group"],
            measure=row["name"],
            data=None,
            days=days if FACTS[row["name"]].cumulative else None,
        )
        for row in values.to_dict("records")
        if row["lacks"] == ""
    )
