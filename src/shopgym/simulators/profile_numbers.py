"""The numbers of the three profiles. Shapes of the day, the week and the year are orders or events counted by
the clock of each record and divided by their mean; nothing else of the records is here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .market import Campaign, Shock
from .retention import RetentionConfig

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
FLAT = "fitted: eshop_click_share_loc1 to 5, as a power of the place"
SCALED = "fitted: the retention facts at about 100,000 visits"
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


GIFT_HOURS = (0, 0, 0, 0, 0, 0.001, 0.035, 0.686, 1.785, 2.839, 2.88, 3.889, 3.314, 2.936, 2.804, 1.596,
              0.804, 0.233, 0.176, 0.022, 0, 0, 0, 0)  # fmt: skip
GIFT_WEEKDAYS = (1.089, 1.242, 1.298, 1.49, 1.101, 0.0, 0.78)
GIFT_WEEKS = (0.655, 0.698, 0.62, 0.785, 0.799, 0.601, 0.796, 0.782, 0.766, 0.785, 0.915, 0.874, 0.961, 0.847,
              0.993, 0.723, 0.574, 0.98, 1.175, 1.218, 0.947, 0.701, 1.099, 1.002, 0.904, 0.766, 0.966, 0.877,
              0.961, 0.929, 0.85, 0.731, 0.853, 0.964, 0.763, 1.058, 0.975, 1.253, 1.194, 1.321, 1.213, 1.207,
              1.405, 1.427, 1.716, 1.86, 1.668, 1.795, 1.424, 1.196, 0.428, 0.1)  # fmt: skip
FASHION_HOURS = (0.961, 0.283, 0.128, 0.083, 0.183, 0.022, 0.4, 0.567, 0.883, 0.922, 1.472, 1.344, 1.111,
                 0.844, 1.072, 1.727, 1.622, 0.889, 0.744, 1.333, 1.572, 1.483, 2.866, 1.489)  # fmt: skip
FASHION_WEEKDAYS = (0.61, 0.79, 0.76, 0.76, 0.86, 0.73, 0.88)
GROCERY_HOURS = (1.711, 1.285, 0.822, 0.47, 0.232, 0.111, 0.104, 0.059, 0.035, 0.047, 0.127, 0.286, 0.455,
                 0.641, 0.944, 1.304, 1.555, 1.606, 1.691, 1.795, 2.036, 2.302, 2.326, 2.057)  # fmt: skip
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
    Number(
        "surfaces.opened",
        0.19,
        "share of e-mails",
        "fitted: pub_email_click_rate; pub_email_open_rate: 0.18 to 0.40",
    ),
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
    Number("scale.visits", 100_000.0, "visits", "measured: a season with these numbers"),
    Number("scale.per_day", 0.78, "new visitors", SCALED),
    Number("scale.established", 960, "customers", SCALED),
    Number("catalog.units_scale", 0.5, "factor", "fitted: retail_units_per_line_median"),
    Number("catalog.units_power", 2.0, "power", "fitted: retail_units_per_line_median"),
    Number("behaviour.again", 0.5, "probability", "fitted: pages opened again in YooChoose's visits"),
    Number("slate_size", 16, "slots", "assumed: a page of a list"),
    Number("num_candidates", 48, "items", SCROLLED),
    Number("max_pages", 60, "pages", "assumed: orders of 26 lines need long visits"),
    Number("choice.max_units", 200, "units", "assumed: resellers buy by the hundred"),
    Number("choice.click_base", -3.9, "logits", FITTED),
    Number("choice.leave_base", 0.5, "logits", FITTED),
    Number("choice.engagement", 0.5, "logits", FITTED),
    Number("choice.fatigue", 0.0, "logits per page", "assumed: visits end by leave_base alone"),
    Number("choice.cart_base", -8.0, "logits", FITTED),
    Number("choice.buy_base", -1.05, "logits", FITTED),
    Number("choice.mission_share", 0.085, "share of visits", FITTED),
    Number("choice.mission_lift", 9.0, "logits", FITTED),
    Number("choice.mission_stay", 4.1, "logits", FITTED),
    Number("choice.price_sensitivity", 0.8, "logits per log price", ELASTIC),
    Number("choice.substitution", 0.3, "probability", "pub_oos_switch_store: 0.2 to 0.43"),
    Number("surfaces.search_rate", 0.1, "probability", SEARCHED),
    Number("surfaces.channels", (0.4, 0.4, 0.1, 0.1), "shares", LANDING),
    Number("surfaces.email.similar_share", 0.0, "share of candidates", ONE_OFFER),
    Number("surfaces.email.slots", 1, "slots", ONE_OFFER),
    Number("dwell.median", 66.0, "s", "fitted: yoochoose_dwell_median_s"),
    Number("dwell.log_sd", 1.08, "log s", "fitted: yoochoose_dwell_log_sd"),
    Number("dwell.reading", 15.0, "s", "assumed: a third of the dwell"),
    Number("stock.conversion", 0.35, "lines per page", STOCKED),
    Number("returns.rate", 0.027, "share of lines", "fitted: retail_returned_value_share"),
    Number("market.season", 0.3, "logits", "assumed: Christmas goods and garden goods"),
    Number(
        "campaigns",
        _campaigns(12, 0.1, 0.2, 0.2),
        "events",
        "assumed: monthly; fitted: retail_price_elasticity_pooled",
    ),
    Number(
        "people.retention",
        RetentionConfig(r=0.56, alpha=1.78, a=0.32, b=85.0, rate_effect=0.1, churn_effect=0.1),
        "per day",
        "fitted: the retention facts of Online Retail at an order in 2.5% of visits",
    ),
    Number(
        "arrivals.hours",
        GIFT_HOURS,
        "multipliers",
        f"{RETAIL}: orders by hour, an hour earlier: orders end a visit",
    ),
    Number("arrivals.weekdays", GIFT_WEEKDAYS, "multipliers", f"{RETAIL}: orders by weekday"),
    Number("arrivals.weeks", GIFT_WEEKS, "multipliers", f"{RETAIL}: orders by week, 27 December 2010 on"),
)

FASHION: tuple[Number, ...] = (
    *SWITCHES,
    Number("scale.days", 364.0, "days", "assumed: a year"),
    Number("scale.visits", 100_000.0, "visits", "measured: a season with these numbers"),
    Number("scale.per_day", 150.0, "new visitors", "fitted: pub_returning_session_share"),
    Number("scale.established", 2000, "customers", "fitted: pub_returning_session_share"),
    Number("catalog.num_items", 3000, "items", SHELF),
    Number("catalog.price_median", 40.0, "EUR", "assumed: between a shirt and a coat"),
    Number("catalog.price_log_sd", 0.6, "log EUR", "assumed: a coat costs four times a shirt"),
    Number("catalog.units_mean", 1.05, "units", "assumed: one of a size"),
    Number("catalog.margin_rates", (0.4, 0.65), "share of price", "assumed: above the 0.28 of orange juice"),
    Number("catalog.currency", "EUR", "ISO 4217", "assumed: the record of the clicks is European"),
    Number("behaviour.again", 0.3, "probability", "fitted: pages opened again in Taobao's visits"),
    Number("slate_size", 6, "slots", f"{CLOTHING}: six photo places on a page"),
    Number("num_candidates", 30, "items", SCROLLED),
    Number("max_pages", 60, "pages", LONG),
    Number("choice.click_base", -3.1, "logits", FITTED),
    Number("choice.leave_base", 1.9, "logits", FITTED),
    Number("choice.engagement", 2.4, "logits", FITTED),
    Number("choice.fatigue", 0.0, "logits per page", "assumed: visits end by leave_base alone"),
    Number("choice.cart_base", -3.95, "logits", FITTED),
    Number("choice.buy_base", -1.15, "logits", FITTED),
    Number("choice.mission_share", 0.3, "share of visits", FITTED),
    Number("choice.mission_lift", 0.3, "logits", FITTED),
    Number("choice.mission_stay", 2.8, "logits", FITTED),
    Number("choice.price_sensitivity", 1.0, "logits per log price", ELASTIC),
    Number("choice.substitution", 0.3, "probability", "assumed: as in supermarkets"),
    Number("surfaces.search_rate", 0.16, "probability", SEARCHED),
    Number("surfaces.channels", (0.12, 0.66, 0.12, 0.1), "shares", LANDING),
    Number("surfaces.email.similar_share", 0.0, "share of candidates", ONE_OFFER),
    Number("surfaces.email.slots", 1, "slots", ONE_OFFER),
    Number("surfaces.home.decay", 0.12, "exponent", FLAT),
    Number("surfaces.product.decay", 0.12, "exponent", FLAT),
    Number("surfaces.cart.decay", 0.12, "exponent", FLAT),
    Number("surfaces.search.click_model", "position", "model", "assumed: a grid like the other pages"),
    Number("surfaces.search.decay", 0.12, "exponent", FLAT),
    Number("dwell.median", 27.5, "s", "fitted: taobao_dwell_median_s"),
    Number("dwell.log_sd", 1.53, "log s", "fitted: taobao_dwell_log_sd"),
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
        "people.retention",
        RetentionConfig(r=0.25, alpha=30.0, a=0.8, b=4.0, rate_effect=0.3, churn_effect=0.3),
        "per day",
        "fitted: pub_returning_session_share; near CDNOW (Fader, Hardie & Lee 2005)",
    ),
    Number("arrivals.hours", FASHION_HOURS, "multipliers", f"{TAOBAO}: events by hour"),
    Number("arrivals.weekdays", FASHION_WEEKDAYS, "multipliers", f"{TAOBAO}: events by day of nine days"),
)

GROCERY: tuple[Number, ...] = (
    *SWITCHES,
    Number("scale.days", 365.0, "days", f"{JOURNEY}: the time watched"),
    Number("scale.visits", 100_000.0, "visits", "measured: a season with these numbers"),
    Number("scale.per_day", 0.02, "new visitors", "fitted: cj_intertrip_median_days"),
    Number(
        "scale.established",
        300,
        "customers",
        "fitted: cj_intertrip_median_days, cj_top20pct_household_revenue_share",
    ),
    Number("catalog.num_items", 3000, "items", SHELF),
    Number("catalog.price_median", 2.69, "USD", f"{JOURNEY}: median over items"),
    Number("catalog.price_log_sd", 0.86, "log USD", f"{JOURNEY}: sd over items"),
    Number("catalog.zipf_exponent", 0.95, "exponent", "fitted: cj_item_zipf_top20"),
    Number("catalog.tail", 6.0, "rate", "fitted: cj_item_gini"),
    Number("catalog.units_mean", 1.3, "units", f"{JOURNEY}: a fifth of the lines hold more than one"),
    Number("catalog.margin_rates", (0.2, 0.35), "share of price", "oj_retail_margin_mean: 0.277"),
    Number("catalog.currency", "USD", "ISO 4217", JOURNEY),
    Number("behaviour.popularity", 1.5, "weight", "fitted: cj_item_gini"),
    Number("slate_size", 12, "slots", "assumed: a page of a list"),
    Number("num_candidates", 40, "items", SCROLLED),
    Number("max_pages", 60, "pages", LONG),
    Number("choice.click_base", -3.05, "logits", FITTED),
    Number("choice.leave_base", 1.3, "logits", FITTED),
    Number("choice.engagement", 0.7, "logits", FITTED),
    Number("choice.fatigue", 0.0, "logits per page", "assumed: visits end by leave_base alone"),
    Number("choice.cart_base", -5.2, "logits", FITTED),
    Number("choice.buy_base", -0.6, "logits", FITTED),
    Number("choice.mission_share", 0.5, "share of visits", FITTED),
    Number("choice.mission_lift", 4.4, "logits", FITTED),
    Number("choice.mission_stay", 3.6, "logits", FITTED),
    Number("choice.price_sensitivity", 0.55, "logits per log price", ELASTIC),
    Number("choice.substitution", 0.3, "probability", "pub_oos_switch_store: 0.2 to 0.43"),
    Number("surfaces.search_rate", 0.13, "probability", SEARCHED),
    Number("surfaces.channels", (0.4, 0.4, 0.1, 0.1), "shares", LANDING),
    Number("surfaces.email.similar_share", 0.0, "share of candidates", ONE_OFFER),
    Number("surfaces.email.slots", 1, "slots", ONE_OFFER),
    Number("dwell.median", 30.0, "s", "assumed: between the general store and the fashion shop"),
    Number("dwell.log_sd", 1.4, "log s", "assumed: as elsewhere"),
    Number("dwell.reading", 10.0, "s", "assumed: a look at a list"),
    Number("stock.conversion", 0.4, "lines per page", STOCKED),
    Number("returns.rate", 0.01, "share of lines", "assumed: food is hardly sent back"),
    Number("market.season", 0.2, "logits", "assumed: ice and soup"),
    Number(
        "campaigns",
        _campaigns(26, 0.25, 0.25, 0.8),
        "events",
        "assumed: fortnightly leaflets; fitted: cj_mailer_uplift",
    ),
    Number(
        "people.retention",
        RetentionConfig(r=0.85, alpha=1.03, a=0.01, b=1000.0, rate_effect=0.1, churn_effect=0.1),
        "per day",
        "fitted: cj_intertrip_median_days, cj_top20pct_household_revenue_share",
    ),
    Number("arrivals.hours", GROCERY_HOURS, "multipliers", f"{JOURNEY}: baskets by hour of its clock"),
    Number("arrivals.weekdays", GROCERY_WEEKDAYS, "multipliers", f"{JOURNEY}: baskets by weekday"),
)
