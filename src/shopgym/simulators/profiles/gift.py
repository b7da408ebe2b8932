"""The gift shop: orders as in the record of a wholesaler of gifts, visits as in a general web shop."""

from __future__ import annotations

from ..market.seasons import GoodsSeason
from . import parameter as source
from .parameter import COMMON, LISTS, Parameter, campaigns

RETAIL = "UCI Online Retail (Chen 2015), CC BY 4.0"
KEPT = (
    "fitted: retail_repeat_customer_share_1y, retail_interpurchase_mean_days, retail_returning_order_share_H2"
)
LIKED = "fitted: retail_aov_log_sd: visits differ less in how much they like"
LARGE_ORDERS = "fitted: retail_aov_log_sd, retail_lines_per_order_median"
CLICKED_ITEMS = "fitted: yoochoose_item_gini, yoochoose_item_zipf_top20"
ORDERED_ITEMS = "fitted: retail_item_gini_orders, retail_item_zipf_top20"
OWN_ORDERS = "fitted: lines and value per line of one customer's orders in the record"
WHOLESALE = "assumed: a list of wholesale goods; a row of recommendations has ten"
POPULAR_ITEMS = "fitted: yoochoose_item_zipf_top20, retail_item_gini_orders"
NEXT_ITEM = "fitted: yoochoose_next_item_recall20_markov, with and without repeats"
FORTNIGHTLY = "assumed: fortnightly, a fifth off, not advertised"
BEFORE = "fitted: retail_share_orders_10_15h; orders by hour, 2.1 hours earlier, to the power 1.56"

GOODS_SEASONS = f"{RETAIL}: weekly lines, by wave_of; amplitudes of 0.7 logits and more"

# goods with a season of their own: the wave in their share of the record's lines, by week
SEASONS = (
    GoodsSeason(word="Christmas", amplitude=1.75, peak=45.0),
    GoodsSeason(word="Easter", amplitude=2.77, peak=8.9),
    GoodsSeason(word="Hand Warmer", amplitude=2.31, peak=44.1),
    GoodsSeason(category="wall art", amplitude=1.72, peak=43.6),
    GoodsSeason(category="star decoration", amplitude=1.18, peak=42.9),
    GoodsSeason(category="easter egg", amplitude=1.05, peak=8.5),
    GoodsSeason(category="water bottle", amplitude=0.93, peak=43.9),
    GoodsSeason(category="childs garden", amplitude=0.88, peak=15.5),
    GoodsSeason(category="hanging decoration", amplitude=0.74, peak=11.9),
)
# shapes of the day, the week and the year: counted by the clock of the record, divided by their mean
HOURS = (0, 0, 0, 0, 0, 0.016, 0.408, 1.573, 2.972, 3.199, 4.731, 3.708, 3.101, 2.714,
         1.115, 0.369, 0.058, 0.033, 0.001, 0, 0, 0, 0, 0)  # fmt: skip
WEEKDAYS = (1.089, 1.242, 1.298, 1.49, 1.101, 0.0, 0.78)
WEEKS = (0.655, 0.698, 0.62, 0.785, 0.799, 0.601, 0.796, 0.782, 0.766, 0.785, 0.915, 0.874, 0.961, 0.847,
         0.993, 0.723, 0.574, 0.98, 1.175, 1.218, 0.947, 0.701, 1.099, 1.002, 0.904, 0.766, 0.966, 0.877,
         0.961, 0.929, 0.85, 0.731, 0.853, 0.964, 0.763, 1.058, 0.975, 1.253, 1.194, 1.321, 1.213, 1.207,
         1.405, 1.427, 1.716, 1.86, 1.668, 1.795, 1.424, 1.196, 0.428, 0.1)  # fmt: skip

GIFT: tuple[Parameter, ...] = (
    *COMMON,
    *LISTS,
    Parameter("scale.days", 373.0, "days", f"{RETAIL}: the time watched"),
    Parameter("scale.visits", 577000.0, "visits", "measured: a season with these numbers"),
    Parameter("scale.per_day", 415.0, "new visitors", source.PASSERS),
    Parameter("scale.established", 9150, "customers", KEPT),
    Parameter("catalog.units_scale", 3.5, "factor", "fitted: retail_aov_median"),
    Parameter("catalog.units_power", 1.0, "power", "assumed: units as shipped, but more of them"),
    Parameter("behaviour.again", 0.2, "probability", source.AGAIN + "YooChoose's visits"),
    Parameter("slate_size", 30, "slots", WHOLESALE),
    Parameter("num_candidates", 44, "items", "fitted: retail_item_gini_orders, yoochoose_item_gini"),
    Parameter("random_share", 0.21, "share of candidates", "fitted: retail_item_gini_orders"),
    Parameter("max_pages", 120, "pages", source.LONG),
    Parameter("choice.max_units", 400, "units", "assumed: resellers buy by the hundred"),
    Parameter("choice.click_base", -4.2, "logits", source.FITTED),
    Parameter("choice.taste_weight", 1.0, "logits", LIKED),
    Parameter("choice.intent_weight", 3.0, "logits", NEXT_ITEM),
    Parameter("choice.drift", 1.0, "share of the way", NEXT_ITEM),
    Parameter("choice.leave_base", 0.9, "logits", source.FITTED),
    Parameter("choice.engagement", 1.38, "logits", source.FITTED),
    Parameter("choice.fatigue", 0.03, "logits per page", LARGE_ORDERS),
    Parameter("choice.cart_base", -8.5, "logits", "assumed: only who has a purpose buys"),
    Parameter("choice.mobile_penalty", 0.0, "logits", "assumed: resellers order at a desk"),
    Parameter("choice.cart_only", 0.5, "share of lines", source.WEIGHED),
    Parameter("choice.cart_price", 1.5, "logits per logit", source.ELASTIC),
    Parameter("choice.buy_base", -0.85, "logits", source.FITTED),
    Parameter("choice.mission_share", 0.245, "share of visits", source.FITTED),
    Parameter(
        "choice.mission_lift", 12.0, "logits", "assumed: on a mission nearly all that is liked is taken"
    ),
    Parameter("choice.mission_stay", 5.43, "logits", source.FITTED),
    Parameter("choice.quick", 1.0, "share of carts", "assumed: wholesale orders are put together from lists"),
    Parameter("choice.mission_spread", 1.6, "logits", LARGE_ORDERS),
    Parameter("choice.mission_units", 0.95, "per logit", LARGE_ORDERS),
    Parameter("choice.size_alike", 0.95, "correlation", OWN_ORDERS),
    Parameter("choice.price_sensitivity", 3.3, "logits per log price", "fitted: pub_price_elasticity_mean"),
    Parameter("choice.substitution", 0.3, "probability", "pub_oos_switch_store: 0.2 to 0.43"),
    Parameter("stock.cover_days", 28.0, "days", source.THERE),
    Parameter("stock.safety", 3.0, "lead times", source.THERE),
    Parameter("people.retention.passing", 0.9955, "share of people", source.PASSERS),
    Parameter("people.retention.passing_missions", 0.003, "share of customers' missions", source.CONVERTS),
    Parameter("choice.bulk_sd", 0.25, "log units", "fitted: retail_aov_log_sd"),
    Parameter("choice.order_sd", 0.15, "log units", "fitted: retail_aov_mean over retail_aov_median"),
    Parameter("returns.spread", 2.6, "logits", "fitted: retail_customers_with_a_return"),
    Parameter("behaviour.popularity", 8.5, "weight", POPULAR_ITEMS),
    Parameter("behaviour.relevance", 6.0, "weight", NEXT_ITEM),
    Parameter("behaviour.new_device", 0.355, "probability", source.DEVICES),
    Parameter("surfaces.opened", 0.383, "share of e-mails", source.OPENED),
    Parameter("choice.quality_weight", 0.075, "logits", "fitted: retail_item_zipf_top20"),
    Parameter("surfaces.search_rate", 0.1, "probability", "assumed: who finds nothing goes to the homepage"),
    Parameter("surfaces.search_first", 0.25, "probability", source.SEARCHED),
    Parameter("surfaces.search_mission", 0.12, "factor", source.CONVERTS),
    Parameter("surfaces.channels", (0.4, 0.45, 0.1, 0.05), "shares", source.LANDING),
    Parameter("surfaces.home.slots", 10, "slots", "assumed: a row of popular goods"),
    Parameter("surfaces.product.slots", 10, "slots", "assumed: a row of popular goods"),
    Parameter("surfaces.home.similar_share", 0.05, "share of candidates", CLICKED_ITEMS),
    Parameter("surfaces.product.similar_share", 0.4, "share of candidates", NEXT_ITEM),
    Parameter("surfaces.home.fixed", 1.0, "share of candidates", source.SAME_LIST),
    Parameter("surfaces.product.fixed", 1.0, "share of candidates", source.SAME_LIST),
    Parameter("surfaces.search.fixed", 1.0, "share of candidates", source.SAME_LIST),
    Parameter("surfaces.cart.similar_share", 0.52, "share of candidates", ORDERED_ITEMS),
    Parameter("surfaces.search.similar_share", 0.52, "share of candidates", ORDERED_ITEMS),
    Parameter("surfaces.email.attention", (0.85,), "probability", source.OFFER),
    Parameter("dwell.median", 42.0, "s", "fitted: yoochoose_dwell_median_s"),
    Parameter("dwell.log_sd", 0.85, "log s", "fitted: yoochoose_dwell_log_sd"),
    Parameter("dwell.reading", 112.0, "s", "fitted: yoochoose_dwell_log_mean, yoochoose_dwell_log_sd"),
    Parameter("stock.conversion", 0.35, "lines per page", source.STOCKED),
    Parameter("returns.rate", 0.0055, "share of lines", "fitted: retail_returned_value_share"),
    Parameter(
        "market.season", 0.2, "logits", "assumed: the other goods, as mildly as most categories of the record"
    ),
    Parameter("market.seasons", SEASONS, "logits, week", GOODS_SEASONS),
    Parameter("campaigns", campaigns(26, 0.12, 0.2, 0.0), "events", FORTNIGHTLY),
    Parameter("people.retention.r", 0.95, "shape", KEPT),
    Parameter("people.retention.alpha", 5.9, "days", KEPT),
    Parameter("people.retention.a", 0.53, "shape", KEPT),
    Parameter("people.retention.b", 11.5, "shape", KEPT),
    Parameter("arrivals.hours", HOURS, "multipliers", BEFORE),
    Parameter("arrivals.weekdays", WEEKDAYS, "multipliers", f"{RETAIL}: orders by weekday"),
    Parameter("arrivals.weeks", WEEKS, "multipliers", f"{RETAIL}: orders by week, 27 December 2010 on"),
)
