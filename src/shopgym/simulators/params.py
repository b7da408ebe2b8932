"""The arrays and numbers of a shop that kernels read. They do not change while the shop is open."""

from __future__ import annotations

from typing import NamedTuple

from ..core.types import F32, F64, I32, Bool


class ShopParams(NamedTuple):
    """N items, M users, d latent and f observable columns, S kinds of page, k slots."""

    embedding: F32  # (N, d)
    units_p: F64  # (N,) success probability of the geometric number of units
    neighbours: I32  # (N, K), K a power of two
    alias_share: F64  # (N,) Walker's alias table of popularity
    alias_item: I32  # (N,)
    observed: F32  # (N, f) the part of the embedding that the shop sees
    category: I32  # (N,)
    brand: I32  # (N,)
    shipping: F32  # (N,) days
    return_logit: F32  # (N,)
    worth: F32  # (N,)
    taste: F32  # (M, d)
    favourites: I32  # (M, 3)
    sensitivity: F32  # (M,)
    user_features: F32  # (M, u or more) what the shop sees; padded to whole cache lines
    user_brand: I32  # (M,)
    region: I32  # (M,)
    region_days: F32  # (R,)
    mission: F32  # (M,) share of visits with a mission
    size: F32  # (M,) logits by which a user's missions take longer than others'
    bulk: F64  # (M,) factor of the item's units beyond the first
    returner: F32  # (M,) logits of sending back
    rate: F64  # (M,) visits a day; (1,) where people do not come back
    dropout: F64  # (M,)
    visitors: I32  # (V,) each user as often as they come; (0,) where all come equally often
    page_odds: F64  # (max_pages,) upper bound of exp(click_base - fatigue x page)
    click_base: float
    taste_weight: float
    intent_weight: float
    fatigue: float
    cart_base: float
    depth: float
    buy_base: float
    buy_price: float
    cart_only: float
    cart_price: float
    mobile_penalty: float
    mobile_share: float
    leave_base: float
    engagement: float
    drift: float
    max_units: int
    brand_weight: float
    shipping_weight: float
    substitution: float
    competition: float
    order_sd: float
    mission_lift: float
    mission_stay: float
    mission_spread: float  # from visit to visit of one user
    mission_units: float
    quick: float
    # surfaces
    surfaces_on: bool
    attention: F64  # (S, k) probability of examining a slot that is reached; 0 beyond the page's slots
    go_on: F64  # (S,) probability of reading on
    stops: F64  # (S,) probability of stopping at a click, for any item
    satisfies: F64  # (S,) 1 where an item that satisfies stops the reading
    satisfied: F64  # (S,) logit of satisfaction by an item of average worth
    chain: Bool  # (S,) whether reading can stop at all
    opened: F64  # (S,) probability that the page is opened
    lift: F64  # (S,)
    slots: I32  # (S,)
    similar: I32  # (S,) candidates that are similar to the item last looked at
    fixed: I32  # (S,) candidates that depend on that item alone
    channels: F64  # (C,) cumulative shares
    entries: I32  # (C,) surface on which each channel's visitors arrive
    to_cart: float
    search_rate: float
    search_mission: float
    search_first: float
    # dwell and returns
    dwells: bool
    dwell_log: float
    dwell_depth: float
    dwell_sd: float
    read_log: float
    returns: bool
    return_depth: float
    return_worth: float
    return_delay: float
    return_handling: float
    # people
    remembers: bool
    learning: float
    boredom: float
    boredom_days: float
    inertia: float
    worth_weight: float
    purchase_bonus: float
    missed_weight: float
    return_weight: float
    wait_weight: float
    habit_effect: float
    repurchase_share: float
    repurchase_lift: float
    rate_effect: float
    churn_effect: float
    # pages
    allow_losses: bool  # whether a discount may go below cost
    random: int  # candidates drawn uniformly
    max_pages: int
    calendar_on: bool
    hours: F32  # (24, 2) cosine and sine
    weeks: F32  # (52, 2)
