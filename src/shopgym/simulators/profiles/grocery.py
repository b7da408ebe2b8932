"""The grocery shop: baskets as in the record of a chain of supermarkets."""

from __future__ import annotations

from .parameter import (
    COMMON,
    ELASTIC,
    FITTED,
    LANDING,
    LISTS,
    OFFER,
    OPENED,
    PASSERS,
    SCROLLED,
    SEARCHED,
    SHELF,
    STOCKED,
    Number,
    campaigns,
)

JOURNEY = "Complete Journey 2017 (84.51 degrees), package CC0"
HOUSEHOLDS = "fitted: cj_intertrip_median_days, cj_top20pct_household_revenue_share"
SHELVES = "fitted: pub_stockout_rate_online"

# shapes of the day, the week and the year: counted by the clock of the record, divided by their mean
HOURS = (1.583, 1.145, 0.716, 0.399, 0.196, 0.108, 0.09, 0.053, 0.04, 0.072, 0.175, 0.336, 0.51,
         0.732, 1.052, 1.38, 1.57, 1.631, 1.721, 1.867, 2.115, 2.309, 2.246, 1.955)  # fmt: skip
WEEKDAYS = (0.968, 0.943, 0.918, 0.943, 0.947, 1.116, 1.165)

GROCERY: tuple[Number, ...] = (
    *COMMON,
    *LISTS,
    Number("scale.days", 365.0, "days", f"{JOURNEY}: the time watched"),
    Number("scale.visits", 1251000.0, "visits", "measured: a season with these numbers"),
    Number("scale.per_day", 1334.26, "new visitors", PASSERS),
    Number("scale.established", 428, "customers", HOUSEHOLDS),
    Number("catalog.num_items", 2000, "items", SHELF),
    Number(
        "catalog.price_median",
        2.022,
        "USD",
        f"fitted: cj_basket_value_mean; {JOURNEY}: 2.69 over items, 1.89 over lines",
    ),
    Number(
        "catalog.price_log_sd",
        0.52,
        "log USD",
        f"fitted: cj_basket_log_sd; {JOURNEY}: 0.73 over lines of the 2,000 items bought most",
    ),
    Number("catalog.zipf_exponent", 0.535, "exponent", "fitted: cj_item_zipf_top20"),
    Number("catalog.tail", 5.6, "rate", "fitted: cj_item_gini"),
    Number("catalog.units_mean", 1.27, "units", "fitted: cj_basket_value_median over cj_basket_value_mean"),
    Number("catalog.margin_rates", (0.2, 0.35), "share of price", "oj_retail_margin_mean: 0.277"),
    Number("catalog.currency", "USD", "ISO 4217", JOURNEY),
    Number("behaviour.again", 0.3, "probability", "assumed: about as elsewhere"),
    Number("behaviour.popularity", 3.75, "weight", "fitted: cj_item_gini, cj_item_zipf_top20"),
    Number("slate_size", 12, "slots", "assumed: a page of a list"),
    Number("num_candidates", 40, "items", SCROLLED),
    Number("random_share", 0.075, "share of candidates", "fitted: cj_item_gini, cj_item_zipf_top20"),
    Number("max_pages", 140, "pages", "assumed: long lists"),
    Number("choice.click_base", -3.0, "logits", FITTED),
    Number("choice.leave_base", 2.5, "logits", FITTED),
    Number("choice.engagement", 0.4, "logits", FITTED),
    Number(
        "choice.fatigue",
        0.0093,
        "logits per page",
        "fitted: cj_basket_items_mean over cj_basket_items_median, cj_basket_log_sd",
    ),
    Number("choice.cart_base", -9.0, "logits", "assumed: only who has a purpose buys"),
    Number("choice.buy_base", -0.3, "logits", FITTED),
    Number("choice.mission_share", 0.4, "share of visits", FITTED),
    Number("choice.mission_lift", 9.6, "logits", FITTED),
    Number("choice.mission_stay", 4.003, "logits", FITTED),
    Number("choice.quick", 0.95, "share of carts", "assumed: most things are put in the cart from a list"),
    Number(
        "choice.mission_spread",
        1.957,
        "logits",
        "fitted: cj_basket_items_mean over cj_basket_items_median, cj_basket_log_sd",
    ),
    Number(
        "choice.mission_units",
        1.6,
        "per logit",
        "fitted: cj_basket_items_mean over cj_basket_items_median, cj_basket_log_sd",
    ),
    Number("choice.bulk_sd", 0.15, "log units", "fitted: cj_basket_log_sd"),
    Number("choice.size_alike", 0.23, "correlation", "fitted: cj_top20pct_household_revenue_share"),
    Number("choice.price_sensitivity", 2.3, "logits per log price", ELASTIC),
    Number("choice.substitution", 0.41, "probability", "fitted: pub_oos_switch_store"),
    Number("stock.cover_days", 6.0, "days", SHELVES),
    Number("stock.safety", 0.85, "lead times", SHELVES),
    Number("people.retention.passing", 0.99987, "share of people", PASSERS),
    Number("choice.mobile_penalty", 0.0, "logits", "assumed: on the phone one shops as elsewhere"),
    Number("surfaces.opened", 0.385, "share of e-mails", OPENED),
    Number("surfaces.email.attention", (0.405,), "probability", OFFER),
    Number("surfaces.email.lift", 2.0, "logits", "fitted: pub_email_order_rate_campaign"),
    Number("surfaces.search_rate", 0.48, "probability", SEARCHED),
    Number(
        "surfaces.home.similar_share", 0.3, "share of candidates", "fitted: cj_item_gini, cj_item_zipf_top20"
    ),
    Number(
        "surfaces.cart.similar_share", 0.15, "share of candidates", "fitted: cj_item_gini, cj_item_zipf_top20"
    ),
    Number(
        "surfaces.search.similar_share",
        0.15,
        "share of candidates",
        "fitted: cj_item_gini, cj_item_zipf_top20",
    ),
    Number("surfaces.channels", (0.4, 0.4, 0.1, 0.1), "shares", LANDING),
    Number("dwell.median", 30.0, "s", "assumed: between the general store and the fashion shop"),
    Number("dwell.log_sd", 1.4, "log s", "assumed: as elsewhere"),
    Number("dwell.reading", 10.0, "s", "assumed: a look at a list"),
    Number("stock.conversion", 0.3, "lines per page", STOCKED),
    Number("returns.rate", 0.01, "share of lines", "assumed: food is hardly sent back"),
    Number("market.season", 0.2, "logits", "assumed: ice and soup"),
    Number(
        "campaigns",
        campaigns(26, 0.25, 0.25, 0.82),
        "events",
        "assumed: fortnightly leaflets; boost fitted: cj_mailer_uplift",
    ),
    Number("people.retention.r", 1.62, "shape", HOUSEHOLDS),
    Number("people.retention.alpha", 0.972, "days", HOUSEHOLDS),
    Number("people.retention.a", 0.01, "shape", HOUSEHOLDS),
    Number("people.retention.b", 1000.0, "shape", HOUSEHOLDS),
    Number(
        "arrivals.hours",
        HOURS,
        "multipliers",
        f"{JOURNEY}: baskets by hour of its clock, 0.3 hours earlier",
    ),
    Number("arrivals.weekdays", WEEKDAYS, "multipliers", f"{JOURNEY}: baskets by weekday"),
)
