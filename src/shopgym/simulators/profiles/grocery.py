"""The grocery shop: baskets as in the record of a chain of supermarkets."""

from __future__ import annotations

from . import parameter as source
from .parameter import COMMON, LISTS, Parameter, campaigns

JOURNEY = "Complete Journey 2017 (84.51 degrees), package CC0"
HOUSEHOLDS = "fitted: cj_intertrip_median_days, cj_top20pct_household_revenue_share"
PRICES = f"fitted: cj_basket_value_mean; {JOURNEY}: 2.69 over items, 1.89 over lines"
PRICE_SPREAD = f"fitted: cj_basket_log_sd; {JOURNEY}: 0.73 over lines of the 2,000 items bought most"
BY_HOUR = f"{JOURNEY}: baskets by hour of its clock, 0.3 hours earlier"
BASKETS = "fitted: cj_basket_items_mean over cj_basket_items_median, cj_basket_log_sd"
BOUGHT_ITEMS = "fitted: cj_item_gini, cj_item_zipf_top20"
LEAFLETS = "assumed: fortnightly leaflets; boost fitted: cj_mailer_uplift"
BASKET_VALUES = "fitted: cj_basket_value_median over cj_basket_value_mean"
SHELVES = "fitted: pub_stockout_rate_online"

# shapes of the day, the week and the year: counted by the clock of the record, divided by their mean
HOURS = (1.583, 1.145, 0.716, 0.399, 0.196, 0.108, 0.09, 0.053, 0.04, 0.072, 0.175, 0.336, 0.51,
         0.732, 1.052, 1.38, 1.57, 1.631, 1.721, 1.867, 2.115, 2.309, 2.246, 1.955)  # fmt: skip
WEEKDAYS = (0.968, 0.943, 0.918, 0.943, 0.947, 1.116, 1.165)

GROCERY: tuple[Parameter, ...] = (
    *COMMON,
    *LISTS,
    Parameter("scale.days", 365.0, "days", f"{JOURNEY}: the time watched"),
    Parameter("scale.visits", 1295000.0, "visits", "measured: a season with these numbers"),
    Parameter("scale.per_day", 1150.0, "new visitors", source.PASSERS),
    Parameter("scale.established", 428, "customers", HOUSEHOLDS),
    Parameter("catalog.num_items", 2000, "items", source.SHELF),
    Parameter("catalog.price_median", 2.14, "USD", PRICES),
    Parameter("catalog.price_log_sd", 0.52, "log USD", PRICE_SPREAD),
    Parameter("catalog.zipf_exponent", 0.535, "exponent", "fitted: cj_item_zipf_top20"),
    Parameter("catalog.tail", 5.6, "rate", "fitted: cj_item_gini"),
    Parameter("catalog.units_mean", 1.27, "units", BASKET_VALUES),
    Parameter("catalog.margin_rates", (0.2, 0.35), "share of price", "oj_retail_margin_mean: 0.277"),
    Parameter("catalog.currency", "USD", "ISO 4217", JOURNEY),
    Parameter("behaviour.again", 0.25, "probability", "assumed: about as elsewhere"),
    Parameter("behaviour.popularity", 3.75, "weight", BOUGHT_ITEMS),
    Parameter("slate_size", 12, "slots", "assumed: a page of a list"),
    Parameter("num_candidates", 40, "items", source.SCROLLED),
    Parameter("random_share", 0.075, "share of candidates", BOUGHT_ITEMS),
    Parameter("max_pages", 140, "pages", "assumed: long lists"),
    Parameter("choice.click_base", -3.0, "logits", source.FITTED),
    Parameter("choice.leave_base", 3.3, "logits", source.FITTED),
    Parameter("choice.engagement", 0.4, "logits", source.FITTED),
    Parameter("choice.fatigue", 0.0093, "logits per page", BASKETS),
    Parameter("choice.cart_base", -9.0, "logits", "assumed: only who has a purpose buys"),
    Parameter("choice.cart_only", 0.5, "share of lines", source.WEIGHED),
    Parameter("choice.cart_price", 1.2, "logits per logit", source.ELASTIC),
    Parameter("choice.buy_base", -0.7, "logits", source.FITTED),
    Parameter("choice.mission_share", 0.36, "share of visits", source.FITTED),
    Parameter("choice.mission_lift", 9.6, "logits", source.FITTED),
    Parameter("choice.mission_stay", 5.31, "logits", source.FITTED),
    Parameter("choice.quick", 0.95, "share of carts", "assumed: most things are put in the cart from a list"),
    Parameter("choice.mission_spread", 2.7, "logits", BASKETS),
    Parameter("choice.mission_units", 1.6, "per logit", BASKETS),
    Parameter("choice.bulk_sd", 0.15, "log units", "fitted: cj_basket_log_sd"),
    Parameter("choice.size_alike", 0.23, "correlation", "fitted: cj_top20pct_household_revenue_share"),
    Parameter("choice.price_sensitivity", 3.2, "logits per log price", source.ELASTIC),
    Parameter("choice.substitution", 0.41, "probability", "fitted: pub_oos_switch_store"),
    Parameter("stock.cover_days", 6.0, "days", SHELVES),
    Parameter("stock.safety", 0.8, "lead times", SHELVES),
    Parameter("people.retention.passing", 0.99987, "share of people", source.PASSERS),
    Parameter("choice.mobile_penalty", 0.0, "logits", "assumed: on the phone one shops as elsewhere"),
    Parameter("surfaces.opened", 0.385, "share of e-mails", source.OPENED),
    Parameter("surfaces.email.attention", (0.38,), "probability", source.OFFER),
    Parameter("surfaces.email.lift", 2.0, "logits", "fitted: pub_email_order_rate_campaign"),
    Parameter("surfaces.search_rate", 0.3, "probability", source.SEARCHED),
    Parameter("surfaces.search_first", 0.25, "probability", source.SEARCHED),
    Parameter("surfaces.search_mission", 0.12, "factor", source.CONVERTS),
    Parameter("surfaces.product.fixed", 1.0, "share of candidates", source.SAME_LIST),
    Parameter("surfaces.home.similar_share", 0.3, "share of candidates", BOUGHT_ITEMS),
    Parameter("surfaces.cart.similar_share", 0.15, "share of candidates", BOUGHT_ITEMS),
    Parameter("surfaces.search.similar_share", 0.15, "share of candidates", BOUGHT_ITEMS),
    Parameter("surfaces.channels", (0.4, 0.4, 0.1, 0.1), "shares", source.LANDING),
    Parameter("dwell.median", 30.0, "s", "assumed: between the general store and the fashion shop"),
    Parameter("dwell.log_sd", 1.4, "log s", "assumed: as elsewhere"),
    Parameter("dwell.reading", 10.0, "s", "assumed: a look at a list"),
    Parameter("stock.conversion", 0.3, "lines per page", source.STOCKED),
    Parameter("returns.rate", 0.01, "share of lines", "assumed: food is hardly sent back"),
    Parameter("market.season", 0.2, "logits", "assumed: ice and soup"),
    Parameter("market.season_spread", 0.8, "log logits", source.UNLIKE_SEASONS),
    Parameter("campaigns", campaigns(26, 0.25, 0.25, 0.82), "events", LEAFLETS),
    Parameter("people.retention.passing_missions", 0.0013, "share of customers' missions", source.CONVERTS),
    Parameter("behaviour.new_device", 0.22, "probability", source.DEVICES),
    Parameter("people.retention.r", 1.62, "shape", HOUSEHOLDS),
    Parameter("people.retention.alpha", 0.6, "days", HOUSEHOLDS),
    Parameter("people.retention.a", 0.01, "shape", HOUSEHOLDS),
    Parameter("people.retention.b", 1000.0, "shape", HOUSEHOLDS),
    Parameter("arrivals.hours", HOURS, "multipliers", BY_HOUR),
    Parameter("arrivals.weekdays", WEEKDAYS, "multipliers", f"{JOURNEY}: baskets by weekday"),
)
