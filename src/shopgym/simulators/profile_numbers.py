"""The numbers of the three profiles. Shapes of the day, the week and the year are orders or events counted by
the clock of each record and divided by their mean; nothing else of the records is here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .market import Campaign, Shock

RETAIL = "UCI Online Retail (Chen 2015), CC BY 4.0"
JOURNEY = "Complete Journey 2017 (84.51 degrees), package CC0"
TAOBAO = "Taobao UserBehavior, first 4,321 rows (Zhu et al. 2018), research use"
CLOTHING = "UCI e-shop clothing 2008 (Lapczynski & Bialowas 2013), CC BY 4.0"
ASSUMED_ON = "assumed: every mechanism is on"
FITTED = "fitted: simulated moments, the profile's facts of visits, orders and customers"
SEARCHED = "fitted: pub_search_session_share"
ELASTIC = "fitted: pub_price_elasticity_mean"
ONE_OFFER = "fitted: pub_email_click_rate, one offer in an e-mail"
LANDING = (
    "assumed: most visitors land on an item's page from a search engine; fitted: pub_bounce_rate_sessions"
)
PASSERS = "fitted: pub_session_conversion_rate, pub_returning_session_share: most visitors pass by"
KEPT = (
    "fitted: retail_repeat_customer_share_1y, retail_interpurchase_mean_days, retail_returning_order_share_H2"
)
HOUSEHOLDS = "fitted: cj_intertrip_median_days, cj_top20pct_household_revenue_share"
MILD = "assumed: mild, so that returns stay near BG/NBD"
WEEKLY = "assumed: orders to suppliers once a week"
THERE = "assumed: what sells is there"
SHELVES = "fitted: pub_stockout_rate_online"
WHOLE = "assumed: a cart is bought or left as a whole"
AGAIN = "fitted: pages opened again in "
OPENED = "fitted: pub_email_open_rate, pub_email_click_rate, pub_email_order_rate_campaign"
OFFER = "fitted: pub_email_click_rate, some open an e-mail and do not read down to the offer"
PLACES = "fitted: eshop_click_share_loc1, 2, 4 and 5; what they leave to places 3 and 6 is assumed to fall"
BEFORE = "fitted: retail_share_orders_10_15h; orders by hour, 1.3 hours earlier, to the power 2"
EVENING = "fitted: taobao_share_events_19_23h; events by hour, of which the hours 19 to 22 are raised by 7%"
SCROLLED = "assumed: about three pages' worth"
LONG = "assumed: no visit of the records is longer"
STOCKED = "fitted: pub_stockout_rate_online; what the shop sells, so that stock is ordered for it"
SHELF = "assumed: more does not show in the facts"


@dataclass(frozen=True)
class Number:
    """A number of a profile: dotted name in ``ShopConfig``, value, unit, source."""

    name: str
    value: Any
    unit: str
    source: str


GIFT_HOURS = (0, 0, 0, 0, 0, 0, 0.019, 0.388, 1.632, 3.02, 3.775, 5.144, 3.809, 3.117, 2.234, 0.693, 0.146,
              0.018, 0.006, 0, 0, 0, 0, 0)  # fmt: skip
GIFT_WEEKDAYS = (1.089, 1.242, 1.298, 1.49, 1.101, 0.0, 0.78)
GIFT_WEEKS = (0.655, 0.698, 0.62, 0.785, 0.799, 0.601, 0.796, 0.782, 0.766, 0.785, 0.915, 0.874, 0.961, 0.847,
              0.993, 0.723, 0.574, 0.98, 1.175, 1.218, 0.947, 0.701, 1.099, 1.002, 0.904, 0.766, 0.966, 0.877,
              0.961, 0.929, 0.85, 0.731, 0.853, 0.964, 0.763, 1.058, 0.975, 1.253, 1.194, 1.321, 1.213, 1.207,
              1.405, 1.427, 1.716, 1.86, 1.668, 1.795, 1.424, 1.196, 0.428, 0.1)  # fmt: skip
FASHION_HOURS = (0.961, 0.283, 0.128, 0.083, 0.183, 0.022, 0.4, 0.567, 0.883, 0.922, 1.472, 1.344, 1.111,
                 0.844, 1.072, 1.727, 1.622, 0.889, 0.744, 1.426, 1.682, 1.587, 3.067, 1.489)  # fmt: skip
FASHION_WEEKDAYS = (0.61, 0.79, 0.76, 0.76, 0.86, 0.73, 0.88)
GROCERY_HOURS = (1.583, 1.145, 0.716, 0.399, 0.196, 0.108, 0.09, 0.053, 0.04, 0.072, 0.175, 0.336, 0.51,
                 0.732, 1.052, 1.38, 1.57, 1.631, 1.721, 1.867, 2.115, 2.309, 2.246, 1.955)  # fmt: skip
GROCERY_WEEKDAYS = (0.968, 0.943, 0.918, 0.943, 0.947, 1.116, 1.165)

SWITCHES = (
    Number("calendar", True, "switch", ASSUMED_ON),
    Number("surfaces.enabled", True, "switch", ASSUMED_ON),
    Number("dwell.enabled", True, "switch", ASSUMED_ON),
    Number("returns.enabled", True, "switch", ASSUMED_ON),
    Number("people.enabled", True, "switch", ASSUMED_ON),
    Number("delivery.weight", 0.05, "logits per day", "assumed: no record holds delivery times"),
    Number("choice.brand_weight", 0.3, "logits", "assumed: no record holds brands"),
    Number("market.drift", 0.01, "logits per day", "assumed: a tenth of a logit in a hundred days"),
    Number(
        "market.new_share", 0.05, "share of items", "assumed: a twentieth of the range is new in half a year"
    ),
    Number(
        "market.old_share", 0.05, "share of items", "assumed: a twentieth of the range leaves in half a year"
    ),
    Number("shocks", (Shock(start=120.0, size=0.5),), "events", "assumed: one small fashion a year"),
)


def _campaigns(count: int, share: float, price_off: float, boost: float) -> tuple[Campaign, ...]:
    """Of a fortnight each, even over the year, each on another part of the range."""
    gap = 364.0 / count
    return tuple(
        Campaign(start=round(gap * (i + 0.5)), days=14.0, share=share, price_off=price_off, boost=boost)
        for i in range(count)
    )


GIFT: tuple[Number, ...] = (
    *SWITCHES,
    Number("scale.days", 373.0, "days", f"{RETAIL}: the time watched"),
    Number("scale.visits", 357500.0, "visits", "measured: a season with these numbers"),
    Number("scale.per_day", 364.0, "new visitors", PASSERS),
    Number("scale.established", 3827, "customers", KEPT),
    Number("catalog.units_scale", 4.85, "factor", "fitted: retail_aov_median"),
    Number("catalog.units_power", 1.0, "power", "assumed: units as shipped, but more of them"),
    Number("behaviour.again", 0.2, "probability", AGAIN + "YooChoose's visits"),
    Number("slate_size", 30, "slots", "assumed: a list of wholesale goods; a row of recommendations has ten"),
    Number("num_candidates", 44, "items", "fitted: retail_item_gini_orders, yoochoose_item_gini"),
    Number("random_share", 0.16, "share of candidates", "fitted: retail_item_gini_orders"),
    Number("max_pages", 120, "pages", LONG),
    Number("choice.max_units", 400, "units", "assumed: resellers buy by the hundred"),
    Number("choice.click_base", -2.47, "logits", FITTED),
    Number(
        "choice.taste_weight",
        1.0,
        "logits",
        "fitted: retail_aov_log_sd: visits differ less in how much they like",
    ),
    Number(
        "choice.intent_weight",
        1.2,
        "logits",
        "fitted: retail_aov_log_sd: visits differ less in how much they like",
    ),
    Number("choice.leave_base", 3.4, "logits", FITTED),
    Number("choice.engagement", 0.0, "logits", "assumed: visits end by leave_base alone"),
    Number(
        "choice.fatigue", 0.03, "logits per page", "fitted: retail_aov_log_sd, retail_lines_per_order_median"
    ),
    Number("choice.cart_base", -8.5, "logits", "assumed: only who has a purpose buys"),
    Number("choice.mobile_penalty", 0.0, "logits", "assumed: resellers order at a desk"),
    Number("choice.buy_base", -0.46, "logits", FITTED),
    Number("choice.mission_share", 0.335, "share of visits", FITTED),
    Number("choice.mission_lift", 8.9, "logits", FITTED),
    Number("choice.mission_stay", 5.88, "logits", FITTED),
    Number("choice.quick", 1.0, "share of carts", "assumed: wholesale orders are put together from lists"),
    Number(
        "choice.mission_spread", 1.6, "logits", "fitted: retail_aov_log_sd, retail_lines_per_order_median"
    ),
    Number(
        "choice.mission_units", 0.78, "per logit", "fitted: retail_aov_log_sd, retail_lines_per_order_median"
    ),
    Number(
        "choice.size_alike",
        0.85,
        "correlation",
        "fitted: lines and value per line of one customer's orders in the record",
    ),
    Number("choice.price_sensitivity", 1.87, "logits per log price", "fitted: pub_price_elasticity_mean"),
    Number("choice.substitution", 0.3, "probability", "pub_oos_switch_store: 0.2 to 0.43"),
    Number("stock.review", 7.0, "days", WEEKLY),
    Number("stock.cover_days", 28.0, "days", THERE),
    Number("stock.safety", 3.0, "lead times", THERE),
    Number("people.retention.passing", 0.9955, "share of people", PASSERS),
    Number("choice.buy_price", 0.0, "share", WHOLE),
    Number("choice.bulk_sd", 0.1, "log units", "fitted: retail_aov_log_sd"),
    Number("returns.spread", 2.6, "logits", "fitted: retail_customers_with_a_return"),
    Number(
        "behaviour.popularity", 9.0, "weight", "fitted: yoochoose_item_zipf_top20, retail_item_gini_orders"
    ),
    Number("surfaces.opened", 0.388, "share of e-mails", OPENED),
    Number("choice.quality_weight", 0.1, "logits", "fitted: retail_item_zipf_top20"),
    Number("surfaces.search_rate", 0.7, "probability", SEARCHED),
    Number("surfaces.to_cart", 1.0, "probability", "assumed: who fills a cart goes on with it"),
    Number("surfaces.channels", (0.4, 0.45, 0.1, 0.05), "shares", LANDING),
    Number("surfaces.home.slots", 10, "slots", "assumed: a row of popular goods"),
    Number("surfaces.product.slots", 10, "slots", "assumed: a row of popular goods"),
    Number(
        "surfaces.home.similar_share",
        0.1,
        "share of candidates",
        "fitted: yoochoose_item_gini, yoochoose_item_zipf_top20",
    ),
    Number(
        "surfaces.product.similar_share",
        0.05,
        "share of candidates",
        "fitted: yoochoose_item_gini, yoochoose_item_zipf_top20",
    ),
    Number(
        "surfaces.cart.similar_share",
        0.4,
        "share of candidates",
        "fitted: retail_item_gini_orders, retail_item_zipf_top20",
    ),
    Number(
        "surfaces.search.similar_share",
        0.4,
        "share of candidates",
        "fitted: retail_item_gini_orders, retail_item_zipf_top20",
    ),
    Number("surfaces.cart.decay", 0.0, "exponent", "assumed: who has a list reads all of the page"),
    Number("surfaces.search.decay", 0.0, "exponent", "assumed: who has a list reads all of the page"),
    Number(
        "surfaces.search.click_model", "position", "model", "assumed: who has a list reads all of the page"
    ),
    Number("surfaces.email.click_model", "position", "model", OFFER),
    Number("surfaces.email.attention", (0.49,), "probability", OFFER),
    Number("surfaces.email.similar_share", 0.0, "share of candidates", ONE_OFFER),
    Number("surfaces.email.slots", 1, "slots", ONE_OFFER),
    Number("dwell.median", 26.05, "s", "fitted: yoochoose_dwell_median_s"),
    Number("dwell.log_sd", 1.215, "log s", "fitted: yoochoose_dwell_log_sd"),
    Number("dwell.reading", 142.6, "s", "fitted: yoochoose_dwell_log_mean, yoochoose_dwell_log_sd"),
    Number("stock.conversion", 0.35, "lines per page", STOCKED),
    Number("returns.rate", 0.0055, "share of lines", "fitted: retail_returned_value_share"),
    Number("market.season", 0.3, "logits", "assumed: Christmas goods and garden goods"),
    Number(
        "campaigns",
        _campaigns(26, 0.12, 0.2, 0.447),
        "events",
        "assumed: fortnightly; boost fitted: retail_price_elasticity_median_sku",
    ),
    Number("people.retention.r", 0.95, "shape", KEPT),
    Number("people.retention.alpha", 9.15, "days", KEPT),
    Number("people.retention.a", 0.39, "shape", KEPT),
    Number("people.retention.b", 11.5, "shape", KEPT),
    Number(
        "people.retention.rate_effect",
        0.1,
        "log rate",
        MILD,
    ),
    Number(
        "people.retention.churn_effect",
        0.1,
        "logits",
        MILD,
    ),
    Number("arrivals.hours", GIFT_HOURS, "multipliers", BEFORE),
    Number("arrivals.weekdays", GIFT_WEEKDAYS, "multipliers", f"{RETAIL}: orders by weekday"),
    Number("arrivals.weeks", GIFT_WEEKS, "multipliers", f"{RETAIL}: orders by week, 27 December 2010 on"),
)

FASHION: tuple[Number, ...] = (
    *SWITCHES,
    Number("scale.days", 364.0, "days", "assumed: a year"),
    Number("scale.visits", 56400.0, "visits", "measured: a season with these numbers"),
    Number("scale.per_day", 75.0, "new visitors", "fitted: pub_returning_session_share"),
    Number("scale.established", 500, "customers", "fitted: pub_returning_session_share"),
    Number("catalog.num_items", 3000, "items", SHELF),
    Number("catalog.price_median", 40.0, "EUR", "assumed: between a shirt and a coat"),
    Number("catalog.price_log_sd", 0.6, "log EUR", "assumed: a coat costs four times a shirt"),
    Number("catalog.units_mean", 1.05, "units", "assumed: one of a size"),
    Number("catalog.margin_rates", (0.4, 0.65), "share of price", "assumed: above the 0.28 of orange juice"),
    Number("catalog.currency", "EUR", "ISO 4217", "assumed: the record of the clicks is European"),
    Number("behaviour.again", 0.06, "probability", AGAIN + "Taobao's visits"),
    Number("slate_size", 6, "slots", f"{CLOTHING}: six photo places on a page"),
    Number("num_candidates", 30, "items", SCROLLED),
    Number("max_pages", 60, "pages", LONG),
    Number("choice.click_base", -3.2, "logits", FITTED),
    Number("choice.leave_base", 2.95, "logits", FITTED),
    Number("choice.engagement", 2.1, "logits", FITTED),
    Number("choice.fatigue", 0.0, "logits per page", "assumed: visits end by leave_base alone"),
    Number("choice.cart_base", -3.92, "logits", FITTED),
    Number("choice.buy_base", -0.86, "logits", FITTED),
    Number("choice.mission_share", 0.5, "share of visits", FITTED),
    Number("choice.mission_lift", 0.3, "logits", FITTED),
    Number("choice.mission_stay", 4.05, "logits", FITTED),
    Number("choice.price_sensitivity", 1.0, "logits per log price", ELASTIC),
    Number("choice.substitution", 0.3, "probability", "assumed: as in supermarkets"),
    Number("stock.review", 7.0, "days", WEEKLY),
    Number("stock.cover_days", 28.0, "days", THERE),
    Number("stock.safety", 3.0, "lead times", THERE),
    Number("surfaces.home.attention", (1.0, 0.985, 0.71, 0.823, 0.852, 0.57), "probabilities", PLACES),
    Number("surfaces.product.attention", (1.0, 0.985, 0.71, 0.823, 0.852, 0.57), "probabilities", PLACES),
    Number("surfaces.cart.attention", (1.0, 0.985, 0.71, 0.823, 0.852, 0.57), "probabilities", PLACES),
    Number("surfaces.search.attention", (1.0, 0.985, 0.71, 0.823, 0.852, 0.57), "probabilities", PLACES),
    Number("surfaces.opened", 0.195, "share of e-mails", OPENED),
    Number("surfaces.search_rate", 0.16, "probability", SEARCHED),
    Number("surfaces.channels", (0.12, 0.66, 0.12, 0.1), "shares", LANDING),
    Number("surfaces.email.similar_share", 0.0, "share of candidates", ONE_OFFER),
    Number("surfaces.email.slots", 1, "slots", ONE_OFFER),
    Number("surfaces.search.click_model", "position", "model", "assumed: a grid like the other pages"),
    Number("dwell.median", 28.2, "s", "fitted: taobao_dwell_median_s"),
    Number("dwell.log_sd", 1.5, "log s", "fitted: taobao_dwell_log_sd"),
    Number("dwell.reading", 10.0, "s", "assumed: a look at six photos"),
    Number("returns.rate", 0.3, "share of lines", "pub_return_rate_apparel: 0.2 to 0.4"),
    Number("market.season", 0.6, "logits", "assumed: summer and winter wear"),
    Number(
        "campaigns",
        _campaigns(8, 0.2, 0.3, 0.62),
        "events",
        "assumed: eight sales a year; boost: cj_mailer_uplift",
    ),
    Number(
        "people.retention.r",
        0.25,
        "shape",
        "fitted: pub_returning_session_share; near CDNOW (Fader, Hardie & Lee 2005)",
    ),
    Number(
        "people.retention.alpha",
        30.0,
        "days",
        "fitted: pub_returning_session_share; near CDNOW (Fader, Hardie & Lee 2005)",
    ),
    Number(
        "people.retention.a",
        0.8,
        "shape",
        "fitted: pub_returning_session_share; near CDNOW (Fader, Hardie & Lee 2005)",
    ),
    Number(
        "people.retention.b",
        4.0,
        "shape",
        "fitted: pub_returning_session_share; near CDNOW (Fader, Hardie & Lee 2005)",
    ),
    Number(
        "people.retention.rate_effect",
        0.3,
        "log rate",
        MILD,
    ),
    Number(
        "people.retention.churn_effect",
        0.3,
        "logits",
        MILD,
    ),
    Number("arrivals.hours", FASHION_HOURS, "multipliers", EVENING),
    Number("arrivals.weekdays", FASHION_WEEKDAYS, "multipliers", f"{TAOBAO}: events by day of nine days"),
)

GROCERY: tuple[Number, ...] = (
    *SWITCHES,
    Number("scale.days", 365.0, "days", f"{JOURNEY}: the time watched"),
    Number("scale.visits", 313700.0, "visits", "measured: a season with these numbers"),
    Number("scale.per_day", 327.0, "new visitors", PASSERS),
    Number("scale.established", 105, "customers", HOUSEHOLDS),
    Number("catalog.num_items", 2000, "items", SHELF),
    Number(
        "catalog.price_median",
        1.66,
        "USD",
        f"fitted: cj_basket_value_mean; {JOURNEY}: 2.69 over items, 1.89 over lines",
    ),
    Number("catalog.price_log_sd", 0.86, "log USD", f"{JOURNEY}: sd over items"),
    Number("catalog.zipf_exponent", 0.46, "exponent", "fitted: cj_item_zipf_top20"),
    Number("catalog.tail", 6.5, "rate", "fitted: cj_item_gini"),
    Number("catalog.units_mean", 2.0, "units", "fitted: cj_basket_value_median over cj_basket_value_mean"),
    Number("catalog.margin_rates", (0.2, 0.35), "share of price", "oj_retail_margin_mean: 0.277"),
    Number("catalog.currency", "USD", "ISO 4217", JOURNEY),
    Number("behaviour.again", 0.3, "probability", "assumed: about as elsewhere"),
    Number("behaviour.popularity", 5.0, "weight", "fitted: cj_item_gini, cj_item_zipf_top20"),
    Number("slate_size", 12, "slots", "assumed: a page of a list"),
    Number("num_candidates", 40, "items", SCROLLED),
    Number("random_share", 0.0, "share of candidates", "fitted: cj_item_gini, cj_item_zipf_top20"),
    Number("max_pages", 140, "pages", "assumed: long lists"),
    Number("choice.click_base", -3.7, "logits", FITTED),
    Number("choice.leave_base", 2.5, "logits", FITTED),
    Number("choice.engagement", 0.4, "logits", FITTED),
    Number(
        "choice.fatigue",
        0.004,
        "logits per page",
        "fitted: cj_basket_items_mean over cj_basket_items_median, cj_basket_log_sd",
    ),
    Number("choice.cart_base", -9.0, "logits", "assumed: only who has a purpose buys"),
    Number("choice.buy_base", -0.5, "logits", FITTED),
    Number("choice.mission_share", 0.4, "share of visits", FITTED),
    Number("choice.mission_lift", 9.6, "logits", FITTED),
    Number("choice.mission_stay", 4.8, "logits", FITTED),
    Number("choice.quick", 0.95, "share of carts", "assumed: most things are put in the cart from a list"),
    Number(
        "choice.mission_spread",
        1.85,
        "logits",
        "fitted: cj_basket_items_mean over cj_basket_items_median, cj_basket_log_sd",
    ),
    Number(
        "choice.mission_units",
        1.5,
        "per logit",
        "fitted: cj_basket_items_mean over cj_basket_items_median, cj_basket_log_sd",
    ),
    Number("choice.size_alike", 0.1, "correlation", "fitted: cj_top20pct_household_revenue_share"),
    Number("choice.price_sensitivity", 1.2, "logits per log price", ELASTIC),
    Number("choice.substitution", 0.6, "probability", "fitted: pub_oos_switch_store"),
    Number("stock.review", 7.0, "days", WEEKLY),
    Number("stock.cover_days", 14.0, "days", SHELVES),
    Number("stock.safety", 1.0, "lead times", SHELVES),
    Number("people.retention.passing", 0.99987, "share of people", PASSERS),
    Number("choice.buy_price", 0.0, "share", WHOLE),
    Number("choice.mobile_penalty", 0.0, "logits", "assumed: on the phone one shops as elsewhere"),
    Number("surfaces.opened", 0.385, "share of e-mails", OPENED),
    Number("surfaces.email.click_model", "position", "model", OFFER),
    Number("surfaces.email.attention", (0.7,), "probability", OFFER),
    Number("surfaces.search_rate", 0.35, "probability", SEARCHED),
    Number("surfaces.to_cart", 1.0, "probability", "assumed: who fills a cart goes on with it"),
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
    Number("surfaces.cart.decay", 0.0, "exponent", "assumed: who has a list reads all of the page"),
    Number("surfaces.search.decay", 0.0, "exponent", "assumed: who has a list reads all of the page"),
    Number(
        "surfaces.search.click_model", "position", "model", "assumed: who has a list reads all of the page"
    ),
    Number("surfaces.channels", (0.4, 0.4, 0.1, 0.1), "shares", LANDING),
    Number("surfaces.email.similar_share", 0.0, "share of candidates", ONE_OFFER),
    Number("surfaces.email.slots", 1, "slots", ONE_OFFER),
    Number("dwell.median", 30.0, "s", "assumed: between the general store and the fashion shop"),
    Number("dwell.log_sd", 1.4, "log s", "assumed: as elsewhere"),
    Number("dwell.reading", 10.0, "s", "assumed: a look at a list"),
    Number("stock.conversion", 0.3, "lines per page", STOCKED),
    Number("returns.rate", 0.01, "share of lines", "assumed: food is hardly sent back"),
    Number("market.season", 0.2, "logits", "assumed: ice and soup"),
    Number(
        "campaigns",
        _campaigns(26, 0.25, 0.25, 0.72),
        "events",
        "assumed: fortnightly leaflets; boost fitted: cj_mailer_uplift",
    ),
    Number("people.retention.r", 1.5, "shape", HOUSEHOLDS),
    Number("people.retention.alpha", 0.85, "days", HOUSEHOLDS),
    Number(
        "people.retention.a",
        0.01,
        "shape",
        "fitted: cj_intertrip_median_days, cj_top20pct_household_revenue_share",
    ),
    Number(
        "people.retention.b",
        1000.0,
        "shape",
        "fitted: cj_intertrip_median_days, cj_top20pct_household_revenue_share",
    ),
    Number(
        "people.retention.rate_effect",
        0.1,
        "log rate",
        MILD,
    ),
    Number(
        "people.retention.churn_effect",
        0.1,
        "logits",
        MILD,
    ),
    Number(
        "arrivals.hours",
        GROCERY_HOURS,
        "multipliers",
        f"{JOURNEY}: baskets by hour of its clock, 0.3 hours earlier",
    ),
    Number("arrivals.weekdays", GROCERY_WEEKDAYS, "multipliers", f"{JOURNEY}: baskets by weekday"),
)
