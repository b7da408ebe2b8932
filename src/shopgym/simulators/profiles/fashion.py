"""The fashion shop."""

from __future__ import annotations

from . import parameter as source
from .parameter import COMMON, Parameter, campaigns

TAOBAO = "Taobao UserBehavior, first 4,321 rows (Zhu et al. 2018), research use"
CLOTHING = "UCI e-shop clothing 2008 (Lapczynski & Bialowas 2013), CC BY 4.0"
PLACES = "fitted: eshop_click_share_loc1, 2, 4 and 5; what they leave to places 3 and 6 is assumed to fall"
NEAR_CDNOW = "fitted: pub_returning_session_share; near CDNOW (Fader, Hardie & Lee 2005)"
ABOVE_JUICE = "assumed: above the 0.28 of orange juice"
SALES = "assumed: eight sales a year; boost: cj_mailer_uplift"
EVENING = "fitted: taobao_share_events_19_23h; events by hour, of which the hours 19 to 22 are raised by 7%"

# shapes of the day, the week and the year: counted by the clock of the record, divided by their mean
HOURS = (0.961, 0.283, 0.128, 0.083, 0.183, 0.022, 0.4, 0.567, 0.883, 0.922, 1.472, 1.344, 1.111,
         0.844, 1.072, 1.727, 1.622, 0.889, 0.744, 1.426, 1.682, 1.587, 3.067, 1.489)  # fmt: skip
WEEKDAYS = (0.61, 0.79, 0.76, 0.76, 0.86, 0.73, 0.88)

FASHION: tuple[Parameter, ...] = (
    *COMMON,
    Parameter("scale.days", 364.0, "days", "assumed: a year"),
    Parameter("scale.visits", 182000.0, "visits", "measured: a season with these numbers"),
    Parameter("scale.per_day", 260.0, "new visitors", "fitted: pub_returning_session_share"),
    Parameter("scale.established", 8000, "customers", "fitted: pub_returning_session_share"),
    Parameter("catalog.num_items", 3000, "items", source.SHELF),
    Parameter("catalog.price_median", 40.0, "EUR", "assumed: between a shirt and a coat"),
    Parameter("catalog.price_log_sd", 0.6, "log EUR", "assumed: a coat costs four times a shirt"),
    Parameter("catalog.units_mean", 1.05, "units", "assumed: one of a size"),
    Parameter("catalog.margin_rates", (0.4, 0.65), "share of price", ABOVE_JUICE),
    Parameter("catalog.currency", "EUR", "ISO 4217", "assumed: the record of the clicks is European"),
    Parameter("behaviour.again", 0.06, "probability", source.AGAIN + "Taobao's visits"),
    Parameter("slate_size", 6, "slots", f"{CLOTHING}: six photo places on a page"),
    Parameter("num_candidates", 30, "items", source.SCROLLED),
    Parameter("max_pages", 60, "pages", source.LONG),
    Parameter("choice.click_base", -3.2, "logits", source.FITTED),
    Parameter("choice.leave_base", 2.2, "logits", source.FITTED),
    Parameter("choice.engagement", 3.05, "logits", source.FITTED),
    Parameter("choice.fatigue", 0.0, "logits per page", "assumed: visits end by leave_base alone"),
    Parameter("choice.cart_base", -5.77, "logits", source.FITTED),
    Parameter("choice.cart_only", 0.4, "share of lines", "fitted: pub_retailrocket_purchase_per_cart"),
    Parameter("choice.cart_price", 1.0, "logits per logit", source.ELASTIC),
    Parameter("choice.buy_base", -1.18, "logits", source.FITTED),
    Parameter("choice.mission_share", 0.8, "share of visits", source.FITTED),
    Parameter("choice.mission_lift", 2.1, "logits", source.FITTED),
    Parameter("choice.mission_stay", 3.7, "logits", source.FITTED),
    Parameter("choice.price_sensitivity", 1.9, "logits per log price", source.ELASTIC),
    Parameter("choice.substitution", 0.3, "probability", "assumed: as in supermarkets"),
    Parameter("stock.cover_days", 28.0, "days", source.THERE),
    Parameter("stock.safety", 3.0, "lead times", source.THERE),
    Parameter("surfaces.home.attention", (1.0, 0.985, 0.71, 0.823, 0.852, 0.57), "probabilities", PLACES),
    Parameter("surfaces.product.attention", (1.0, 0.985, 0.71, 0.823, 0.852, 0.57), "probabilities", PLACES),
    Parameter("surfaces.cart.attention", (1.0, 0.985, 0.71, 0.823, 0.852, 0.57), "probabilities", PLACES),
    Parameter("surfaces.search.attention", (1.0, 0.985, 0.71, 0.823, 0.852, 0.57), "probabilities", PLACES),
    Parameter("surfaces.opened", 0.195, "share of e-mails", source.OPENED),
    Parameter("surfaces.search_rate", 0.16, "probability", source.SEARCHED),
    Parameter("surfaces.search_first", 0.4, "probability", source.SEARCHED),
    Parameter("surfaces.search_mission", 0.6, "factor", source.CONVERTS),
    Parameter("surfaces.home.fixed", 1.0, "share of candidates", source.SAME_LIST),
    Parameter("surfaces.product.fixed", 1.0, "share of candidates", source.SAME_LIST),
    Parameter("surfaces.search.fixed", 1.0, "share of candidates", source.SAME_LIST),
    Parameter("surfaces.channels", (0.12, 0.66, 0.12, 0.1), "shares", source.LANDING),
    Parameter("surfaces.search.click_model", "position", "model", "assumed: a grid like the other pages"),
    Parameter("dwell.median", 28.2, "s", "fitted: taobao_dwell_median_s"),
    Parameter("dwell.log_sd", 1.45, "log s", "fitted: taobao_dwell_log_sd"),
    Parameter("dwell.reading", 10.0, "s", "assumed: a look at six photos"),
    Parameter("returns.rate", 0.3, "share of lines", "pub_return_rate_apparel: 0.2 to 0.4"),
    Parameter("market.season", 0.6, "logits", "assumed: summer and winter wear"),
    Parameter("market.season_spread", 0.8, "log logits", source.UNLIKE_SEASONS),
    Parameter("campaigns", campaigns(8, 0.2, 0.3, 0.62), "events", SALES),
    Parameter("people.retention.passing", 0.78, "share of people", source.CONVERTS),
    Parameter("people.retention.passing_missions", 0.03, "share of customers' missions", source.CONVERTS),
    Parameter("people.retention.r", 0.25, "shape", NEAR_CDNOW),
    Parameter("people.retention.alpha", 16.0, "days", NEAR_CDNOW),
    Parameter("people.retention.a", 0.8, "shape", NEAR_CDNOW),
    Parameter("people.retention.b", 4.0, "shape", NEAR_CDNOW),
    Parameter("people.retention.rate_effect", 0.3, "log rate", source.MILD),
    Parameter("people.retention.churn_effect", 0.3, "logits", source.MILD),
    Parameter("arrivals.hours", HOURS, "multipliers", EVENING),
    Parameter("arrivals.weekdays", WEEKDAYS, "multipliers", f"{TAOBAO}: events by day of nine days"),
)
