"""A parameter of a profile, and the parameters that the profiles share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..market.campaigns import Campaign
from ..market.market import Shock

ASSUMED_ON = "assumed: every mechanism is on"
FITTED = "fitted: simulated moments, the profile's facts of visits, orders and customers"
SEARCHED = "fitted: pub_search_session_share"
ELASTIC = "fitted: pub_price_elasticity_mean"
ONE_OFFER = "fitted: pub_email_click_rate, one offer in an e-mail"
LANDING = (
    "assumed: most visitors land on an item's page from a search engine; fitted: pub_bounce_rate_sessions"
)
PASSERS = "fitted: pub_session_conversion_rate, pub_returning_session_share: most visitors pass by"
MILD = "assumed: mild, so that returns stay near BG/NBD"
WEEKLY = "assumed: orders to suppliers once a week"
THERE = "assumed: what sells is there"
WHOLE = "assumed: a cart is bought or left as a whole, but for lines that are kept there"
WEIGHED = "assumed: about as many lines are kept for later as are bought"
USUAL = "assumed: who buys again compares a price with what it usually is (Kalyanaram & Winer 1995)"
AGAIN = "fitted: pages opened again in "
OPENED = "fitted: pub_email_open_rate, pub_email_click_rate, pub_email_order_rate_campaign"
OFFER = "fitted: pub_email_click_rate, some open an e-mail and do not read down to the offer"
SCROLLED = "assumed: about three pages' worth"
LONG = "assumed: no visit of the records is longer"
STOCKED = "fitted: pub_stockout_rate_online; what the shop sells, so that stock is ordered for it"
ALL_READ = "assumed: who has a list reads all of the page"
NEW_ITEMS = "assumed: a twentieth of the range is new in half a year"
OLD_ITEMS = "assumed: a twentieth of the range leaves in half a year"
CONVERTS = "fitted: pub_conv_returning_over_new, pub_conv_search_over_none"
DEVICES = "fitted: pub_conv_returning_over_new; comScore 2007: 31% of US users delete cookies within a month"
SAME_LIST = "assumed: what is shown beside an item is a list of the item, as others-also-viewed lists are"
UNLIKE_SEASONS = "assumed: few kinds of goods have much of a season, as in the record of gifts"
SHELF = "assumed: more does not show in the facts"


@dataclass(frozen=True)
class Parameter:
    """A number of a profile: dotted name in ``ShopConfig``, value, unit, source."""

    name: str
    value: Any
    unit: str
    source: str


COMMON = (
    Parameter("calendar", True, "switch", ASSUMED_ON),
    Parameter("surfaces.enabled", True, "switch", ASSUMED_ON),
    Parameter("dwell.enabled", True, "switch", ASSUMED_ON),
    Parameter("returns.enabled", True, "switch", ASSUMED_ON),
    Parameter("people.enabled", True, "switch", ASSUMED_ON),
    Parameter("arrivals.representative", True, "switch", "assumed: the record's customers are no chance few"),
    Parameter("delivery.weight", 0.05, "logits per day", "assumed: no record holds delivery times"),
    Parameter("choice.brand_weight", 0.3, "logits", "assumed: no record holds brands"),
    Parameter("market.drift", 0.01, "logits per day", "assumed: a tenth of a logit in a hundred days"),
    Parameter("market.new_share", 0.05, "share of items", NEW_ITEMS),
    Parameter("market.old_share", 0.05, "share of items", OLD_ITEMS),
    Parameter("shocks", (Shock(start=120.0, size=0.5),), "events", "assumed: one small fashion a year"),
    Parameter("stock.review", 7.0, "days", WEEKLY),
    Parameter("surfaces.email.similar_share", 0.0, "share of candidates", ONE_OFFER),
    Parameter("surfaces.email.slots", 1, "slots", ONE_OFFER),
)
"""Parameters of all three profiles."""
LISTS = (
    Parameter("choice.buy_price", 0.0, "share", WHOLE),
    Parameter("choice.reference_price", 1.0, "share", USUAL),
    Parameter("surfaces.to_cart", 1.0, "probability", "assumed: who fills a cart goes on with it"),
    Parameter("surfaces.cart.decay", 0.0, "exponent", ALL_READ),
    Parameter("surfaces.search.decay", 0.0, "exponent", ALL_READ),
    Parameter("surfaces.search.click_model", "position", "model", ALL_READ),
    Parameter("surfaces.email.click_model", "position", "model", OFFER),
    Parameter("people.retention.rate_effect", 0.1, "log rate", MILD),
    Parameter("people.retention.churn_effect", 0.1, "logits", MILD),
)
"""Parameters of shops whose regular customers come with a list."""


def campaigns(count: int, share: float, price_off: float, boost: float) -> tuple[Campaign, ...]:
    """``count`` campaigns of a fortnight each, evenly over the year, each on its own part of the range."""
    gap = 364.0 / count
    return tuple(
        Campaign(start=round(gap * (i + 0.5)), days=14.0, share=share, price_off=price_off, boost=boost)
        for i in range(count)
    )
