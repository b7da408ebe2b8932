"""The model of a page: what one shopper does with one page, and how the visit goes on. In plain Python.

This file is the specification; the start and the end of a visit are in :mod:`..people.visit_reference`. The
kernels (:mod:`.page_kernel`, :mod:`.visit_step`, :mod:`.visit_start`, :mod:`..people.visit_end`) do the same
for many visits at a time. ``tests/simulators/test_page_reference.py`` holds them equal to it, outcome by
outcome. Nothing here is fast, and nothing here calls the kernels.

Names in ``code`` are fields of :class:`~shopgym.simulators.config.ShopConfig`; without a prefix they belong
to ``choice``. s is the logistic function, e_i the embedding of item i, t the number of pages seen before
this one, [x] is 1 if x and else 0.

**How a visit begins.** The channel follows ``surfaces.channels`` and decides the first page; the device is a
phone with probability ``mobile_share``. The visit has a purpose, to buy, with a probability that differs
between users; its mean over users is ``mission_share``, of which people who pass by have the share
``people.retention.passing_missions``. Who comes to the homepage searches at once with probability
``surfaces.search_first``. The size of a purpose is normal with standard
deviation ``mission_spread``; a larger one makes a longer visit (it is subtracted from the logit of leaving)
and fewer units of each item. The intent is
the embedding of what the shopper came for: half the time something like one of the user's favourites, else
something popular.

**Appeal and price.**

- pull q = ``taste_weight`` taste + ``intent_weight`` intent - ``people.boredom`` seen, where seen is what was
  looked at lately; appeal v_i = q . e_i;
- price p_i = price sensitivity of the user x log((price - discount) / reference). The discount is price_off x
  price, but at most the margin unless ``allow_losses``. The reference is the median list price, moved towards
  the item's own by ``reference_price`` (Kalyanaram & Winer 1995);
- z_i = what the day adds to the appeal: ``quality_weight`` x quality, season, drift, campaigns, shocks.

**Examination.** An e-mail is opened with probability ``surfaces.opened``; other pages always are. The shopper
reads from the top and looks at slot j, if it is reached, with probability A_j. After an item that was
examined the shopper reads on with probability R. Empty slots are passed over.

- ``click_model`` "position": A_j = j ** -``decay`` (``position_decay`` where surfaces are off) or
  ``attention``, R = 1 (position-based model; Craswell et al. 2008);
- "cascade": A_j = 1, R = ``continuation`` x (1 - [clicked]) (Craswell et al. 2008, sec. 3.4);
- "dbn": A_j = 1, R = ``continuation`` x (1 - [clicked] s(logit ``satisfied`` + worth_i / 2)) (dynamic
  Bayesian network; Chapelle & Zhang 2009, sec. 3).

**From like to order**, for each item i that is examined:

- liked: s(``click_base`` + v_i + z_i - ``fatigue`` t + ``people.repurchase.lift`` [i is remembered from an
  earlier order]);
- sold out: if ``substitution`` > 0, the nearest of four neighbours that is in stock may be taken instead;
  otherwise nothing can be put in the cart. Below, j is the item taken, which is i itself if that is in stock;
- cart, given liked: s(``cart_base`` + ``depth`` v_i - p_j + ``mission_lift`` [purpose] - ``mobile_penalty``
  [phone] + ``brand_weight`` [favourite brand] - ``delivery.weight`` x (days of delivery beyond 1) +
  ``surfaces.*.lift``), times ``substitution`` if j is not i;
- straight to the cart, given liked and cart: ``quick`` on a visit with a purpose, but never from an e-mail.
  Whatever else is liked is clicked, which opens its page;
- dwell on a page opened: log-normal seconds, log median = log ``dwell.median`` + ``dwell.depth`` v_i,
  standard deviation ``dwell.log_sd``. Reading the list itself takes seconds of median ``dwell.reading`` and
  the same deviation;
- units in the cart: geometric on 1..``max_units``. Without the limit the mean is 1 + (mean of item j - 1) x
  bulk factor of the user x exp(-``mission_units`` x size) x factor of the visit, where size is that of the
  purpose. The factor of the visit is Pareto: (1 - ``order_sd``) U ** -``order_sd``, mean 1;
- order, given cart: s(``buy_base`` - ``buy_price`` p_j). One uniform serves the whole visit, so that a cart
  is mostly bought or left as a whole. A line that fails by its price alone (not at p = 0) is removed. A
  line stays in the cart and is never ordered with probability s(logit ``cart_only`` + ``cart_price`` p_j);
- competition: a line that would be ordered is ordered with probability d_j / (d_j + ``competition`` x sum of
  max(0, e_j . e_r)^2 d_r), summed over the other items r that were examined on the page (or are taken instead
  of them). d = P(liked) P(cart | liked) P(order | cart). Otherwise another item was preferred, and the line
  is removed;
- revenue and margin: units x (price or margin of j, less the discount);
- returned, given order: s(logit of the rate of j + user effect - ``returns.depth`` v_i - ``returns.worth``
  worth_j), after 1 day + an exponential time of mean ``returns.delay``. It costs the margin of the line and
  ``returns.handling``.

**How the visit goes on.** Each item clicked or put in the cart, in order of slots, becomes the anchor and the
head of the history, and moves the intent by ``drift`` of the way to e_i. Where people come back it also moves
taste by ``people.learning`` and seen by 0.2 of the way, and counts for satisfaction (:func:`_remember`).

- next page: the cart (``surfaces.to_cart``) if something was put in the cart; else the product page if
  something was clicked; else a search (``surfaces.search_rate``, times ``search_mission`` [purpose]), which
  moves the intent half of the way to what is wanted; else the homepage;
- the shopper leaves with probability s(``leave_base`` + ``fatigue`` t - ``engagement`` [clicked] -
  (``mission_stay`` + size) [purpose]), and always after an e-mail in which nothing was clicked. After
  ``max_pages`` pages the visit is cut off.

**Between visits.** A visit is worth x = ``people.worth_weight`` x mean worth + ``people.purchase_bonus``
[bought] + mood. Satisfaction moves 1 - ``people.inertia`` of the way to tanh x. The time to the next visit is
exponential, and from the second visit on the customer may drop out for good, as in BG/NBD (Fader, Hardie &
Lee 2005). Satisfaction changes the rate of visits and the probability of dropping out
(``people.retention``), habit changes the rate (``people.habit_effect``).

**Draws.** Each uniform is a hash (:mod:`shopgym.simulators.engine.hash_rng`) of the visit, of the page or of
the item on the page, and of the kind of draw, but never of the slot. One uniform u decides whether slot j is
examined (u < A_j) and the item liked (u < A_j P(liked)), so that P(liked | examined) = P(liked).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.batches import EMPTY
from ..day_types import DayTables
from ..engine import hash_rng as kinds
from ..engine.hash_rng import normal, unit
from ..params import ShopParams
from ..people import visit_reference
from ..people.visit_reference import Visit, child, pull_of, sigmoid, towards, uniform, wanted_item
from ..people.visits import NO_QUERY
from .choice_model import LEAST_UNITS_P
from .surfaces import CART, EMAIL, HOME, PRODUCT, SEARCH

NEIGHBOURS_TRIED = 4
"""Neighbours of an item that is sold out among which a substitute is looked for, the nearest first."""
FIRST_RETURN = 1.0
"""Days before anything can be sent back."""
SEEN_RATE, SEARCH_DRIFT = 0.2, 0.5
"""Shares of the way that seen and, at a search, intent move."""
DAYS_PROMISED = 3.0
"""Days of delivery that nobody minds."""


@dataclass
class SlotOutcome:
    """What a shopper did with one slot; the fields are those of :class:`shopgym.core.Feedback`."""

    unavailable: bool = False
    examined: bool = False
    clicked: bool = False
    carted: bool = False
    dwell: float = 0.0
    cart_units: int = 0
    removed: bool = False
    sold: int = EMPTY
    quantity: int = 0
    revenue: float = 0.0
    margin: float = 0.0
    returned: bool = False
    return_cost: float = 0.0
    return_delay: float = 0.0
    discount_cost: float = 0.0
    expected_return_cost: float = 0.0


def page_key(visit: Visit) -> np.uint64:
    """The key of the page that the visitor is on."""
    return child(child(visit.key, kinds.DRAW_PAGE), visit.page)


def item_key(visit: Visit, item: int) -> np.uint64:
    """The key of an item on that page."""
    return child(child(page_key(visit), kinds.DRAW_ITEM), item)


# Probabilities


def appeal_of(params: ShopParams, visit: Visit, item: int) -> float:
    """v = q . e_i in float32, summed in four columns as in the kernels: another order rounds differently."""
    products = visit.pull * params.embedding[item]
    rows = len(products) // 4
    a, b, c, d = products[: 4 * rows].reshape(rows, 4).sum(axis=0)
    for product in products[4 * rows :]:
        a += product
    return float((a + b) + (c + d))


def p_like(params: ShopParams, today: DayTables, visit: Visit, item: int) -> float:
    """P(liked | examined)"""
    base = params.click_base - params.fatigue * visit.page
    base += params.repurchase_lift * (item in visit.purchases[visit.fresh :])
    return sigmoid(base + appeal_of(params, visit, item) + float(today.appeal[visit.day_row, item]))


def discount_of(params: ShopParams, today: DayTables, visit: Visit, item: int, price_off: float) -> float:
    """Currency taken off the price of an item."""
    asked = price_off * float(today.price[visit.day_row, item])
    margin = float(today.margin[visit.day_row, item])
    return asked if params.allow_losses else min(asked, max(margin, 0.0))


def price_of(params: ShopParams, today: DayTables, visit: Visit, item: int, price_off: float) -> float:
    """p, in logits"""
    share = discount_of(params, today, visit, item, price_off) / float(today.price[visit.day_row, item])
    log_price = float(today.log_price[visit.day_row, item]) + math.log1p(-share)
    return float(params.sensitivity[visit.user]) * log_price


def delivery_days(params: ShopParams, visit: Visit, item: int) -> float:
    """Days from an order to its delivery: those of the item and those of the user's region."""
    return float(params.shipping[item] + params.region_days[params.region[visit.user]])


def p_cart(params: ShopParams, visit: Visit, item: int, taken: int, price: float) -> float:
    """P(``taken`` is put in the cart | ``item`` is liked), where ``price`` is the p of ``taken``."""
    logit = params.cart_base + params.depth * appeal_of(params, visit, item) - price
    logit += params.mission_lift * visit.purpose - params.mobile_penalty * visit.mobile
    logit += params.brand_weight * bool(params.brand[taken] == params.user_brand[visit.user])
    logit -= params.shipping_weight * max(delivery_days(params, visit, taken) - 1.0, 0.0)
    logit += float(params.lift[visit.surface])
    return sigmoid(logit) * (1.0 if taken == item else params.substitution)


def p_buy(params: ShopParams, price: float) -> float:
    """P(order | cart), where ``price`` is p."""
    return sigmoid(params.buy_base - params.buy_price * price)


def p_kept(params: ShopParams, price: float) -> float:
    """P(a line is only kept in the cart)"""
    if params.cart_only == 0.0:
        return 0.0
    return sigmoid(math.log(params.cart_only / (1.0 - params.cart_only)) + params.cart_price * price)


def p_return(params: ShopParams, visit: Visit, item: int, taken: int) -> float:
    """P(sent back | order of ``taken``, when ``item`` was shown)"""
    logit = float(params.return_logit[taken] + params.returner[visit.user])  # in float32, as the kernels
    logit -= params.return_depth * appeal_of(params, visit, item)
    return sigmoid(logit - params.return_worth * float(params.worth[taken]))


def p_read_on(params: ShopParams, surface: int, item: int, clicked: bool) -> float:
    """R, where only the cascade model has ``stops`` = 1 and only the DBN has ``satisfies`` = 1."""
    stops = float(params.stops[surface])
    if params.satisfies[surface]:
        stops = sigmoid(float(params.satisfied[surface]) + 0.5 * float(params.worth[item]))
    return float(params.go_on[surface]) * (1.0 - stops * clicked)


def units_of(params: ShopParams, visit: Visit, taken: int, u: float) -> int:
    """Units in the cart given a uniform ``u``: the inverse of the distribution function."""
    more = (1.0 / params.units_p[taken] - 1.0) * params.bulk[visit.user]
    if params.order_sd > 0.0:
        large = 1.0 - uniform(visit.key, kinds.DRAW_ORDER_SIZE)
        more *= (1.0 - params.order_sd) * large**-params.order_sd
    p = max(1.0 / (1.0 + more * math.exp(-params.mission_units * visit.size)), LEAST_UNITS_P)
    if p >= 1.0:
        return 1
    within = 1.0 - (1.0 - p) ** params.max_units
    return min(1 + int(math.log1p(-u * within) / math.log1p(-p)), params.max_units)


def item_taken(params: ShopParams, today: DayTables, visit: Visit, item: int) -> int:
    """The item that would be bought for ``item``: itself, the nearest in stock, or ``EMPTY``."""
    others = params.neighbours[item, :NEIGHBOURS_TRIED].tolist() if params.substitution > 0.0 else []
    return next((j for j in (item, *others) if today.available[visit.day_row, j]), EMPTY)


def demand_of(
    params: ShopParams, today: DayTables, visit: Visit, item: int, taken: int, price_off: float
) -> float:
    """d: P(order of ``taken`` | ``item`` is examined), if nothing competes with it."""
    price = price_of(params, today, visit, taken, price_off)
    like = p_like(params, today, visit, item)
    return (
        like
        * p_cart(params, visit, item, taken, price)
        * (1.0 - p_kept(params, price))
        * p_buy(params, price)
    )


def share_of_demand(
    params: ShopParams,
    today: DayTables,
    visit: Visit,
    item: int,
    examined: Sequence[int],
    price_off: float,
) -> float:
    """P(``item`` is preferred to the other items ``examined``, itself among them | it would be ordered)."""
    taken, others = item_taken(params, today, visit, item), list(examined)
    others.remove(item)
    own, total = demand_of(params, today, visit, item, taken, price_off), 0.0
    for other in others:
        rival = item_taken(params, today, visit, other)
        if rival != EMPTY:
            cosine = float(params.embedding[taken].astype(float) @ params.embedding[rival].astype(float))
            alike = 1.0 if rival == taken else min(max(cosine, 0.0) ** 2, 1.0)
            total += alike * demand_of(params, today, visit, other, rival, price_off)
    return own / (own + params.competition * total)


# The page


def read_page(
    params: ShopParams, today: DayTables, visit: Visit, slate: Sequence[int], price_off: float = 0.0
) -> tuple[list[SlotOutcome], float]:
    """What the shopper does with a ``slate`` of k item rows, and the seconds that reading the list takes.

    ``price_off`` in [0, 1) is the share taken off every price. Changes nothing: see :func:`continue_visit`.
    """
    page, surface = page_key(visit), visit.surface
    opened = uniform(page, kinds.DRAW_OPENED) < params.opened[surface]
    reading, reached, outcomes = 0.0, opened, [SlotOutcome() for _ in slate]
    if params.dwells and opened:
        reading = math.exp(params.read_log + params.dwell_sd * normal(child(page, kinds.DRAW_READING)))
    for slot, (item, outcome) in enumerate(zip(slate, outcomes, strict=True)):
        if item == EMPTY or slot >= params.slots[surface]:
            continue
        outcome.unavailable = not today.available[visit.day_row, item]
        draw, attention = item_key(visit, item), params.attention[surface, slot]
        u = uniform(draw, kinds.DRAW_CLICK)
        outcome.examined = bool(reached and u < attention)
        if outcome.examined:
            if u < attention * p_like(params, today, visit, item):
                _take_up(params, today, visit, item, price_off, outcome)
            reached = uniform(draw, kinds.DRAW_READ_ON) < p_read_on(params, surface, item, outcome.clicked)
    if params.competition > 0.0:
        examined = [item for item, outcome in zip(slate, outcomes, strict=True) if outcome.examined]
        for item, outcome in zip(slate, outcomes, strict=True):
            if outcome.sold != EMPTY:
                share = share_of_demand(params, today, visit, item, examined, price_off)
                if uniform(item_key(visit, item), kinds.DRAW_COMPETITION) >= share:
                    _prefer_another(outcome)
    return outcomes, reading


def _prefer_another(outcome: SlotOutcome) -> None:
    """Take the line out of the cart again."""
    outcome.removed, outcome.sold, outcome.quantity, outcome.revenue, outcome.margin = (
        True,
        EMPTY,
        0,
        0.0,
        0.0,
    )
    outcome.returned, outcome.return_cost, outcome.return_delay = False, 0.0, 0.0
    outcome.discount_cost, outcome.expected_return_cost = 0.0, 0.0


def _take_up(
    params: ShopParams, today: DayTables, visit: Visit, item: int, price_off: float, outcome: SlotOutcome
) -> None:
    """Fill in the ``outcome`` of an ``item`` that is liked: click, cart, order, return."""
    draw, taken, price = item_key(visit, item), item_taken(params, today, visit, item), 0.0
    if taken != EMPTY:
        price = price_of(params, today, visit, taken, price_off)
        outcome.carted = uniform(draw, kinds.DRAW_CART) < p_cart(params, visit, item, taken, price)
    may_skip = outcome.carted and visit.purpose and visit.surface != EMAIL
    outcome.clicked = not (may_skip and uniform(draw, kinds.DRAW_QUICK) < params.quick)
    if params.dwells and outcome.clicked:
        log_median = params.dwell_log + params.dwell_depth * appeal_of(params, visit, item)
        outcome.dwell = math.exp(log_median + params.dwell_sd * normal(child(draw, kinds.DRAW_DWELL)))
    if not outcome.carted:
        return
    outcome.cart_units = units_of(params, visit, taken, uniform(draw, kinds.DRAW_UNITS))
    if params.cart_only and uniform(draw, kinds.DRAW_CART_ONLY) < p_kept(params, price):
        return
    checkout = uniform(visit.key, kinds.DRAW_BUY)  # one for the whole cart
    if checkout >= p_buy(params, price):
        outcome.removed = checkout < p_buy(params, 0.0)
        return
    full_price, full_margin = (
        float(today.price[visit.day_row, taken]),
        float(today.margin[visit.day_row, taken]),
    )
    outcome.sold, outcome.quantity = taken, outcome.cart_units
    discount = discount_of(params, today, visit, taken, price_off)
    outcome.revenue = outcome.quantity * (full_price - discount)
    outcome.margin = outcome.quantity * (full_margin - discount)
    outcome.discount_cost = outcome.quantity * discount
    if not params.returns:
        return
    returned = p_return(params, visit, item, taken)
    outcome.expected_return_cost = returned * (outcome.margin + params.return_handling)
    if uniform(draw, kinds.DRAW_RETURNED) < returned:
        outcome.returned = True
        outcome.return_cost = outcome.margin + params.return_handling
        outcome.return_delay = FIRST_RETURN - params.return_delay * math.log1p(
            -uniform(draw, kinds.DRAW_DELAY)
        )


# After the page


def continue_visit(
    params: ShopParams, visit: Visit, slate: Sequence[int], outcomes: Sequence[SlotOutcome]
) -> tuple[bool, bool]:
    """Move ``visit`` on to its next page.

    Returns:
        (left, cut): whether the shopper chose to leave, and whether ``max_pages`` cut the visit off.
    """
    clicks = sum(outcome.clicked for outcome in outcomes)
    carted = any(outcome.carted for outcome in outcomes)
    for item, outcome in zip(slate, outcomes, strict=True):
        if outcome.clicked or outcome.carted:
            visit.anchor = item
            visit.history = np.append(np.int32(item), visit.history)[: len(visit.history)]
            visit.intent = towards(visit.intent, params.embedding[item], params.drift)
            if params.remembers:
                _remember(params, visit, item, outcome)
    logit = params.leave_base + params.fatigue * visit.page - params.engagement * (clicks > 0)
    logit -= (params.mission_stay + visit.size) * visit.purpose
    left = uniform(page_key(visit), kinds.DRAW_LEAVE) < sigmoid(logit)
    if params.surfaces_on:
        left = left or (visit.surface == EMAIL and clicks == 0)
        _next_surface(params, visit, clicks > 0, carted)
    visit.pull = pull_of(params, visit)
    visit.clicks += clicks
    visit.page += 1
    cut = not left and visit.page >= params.max_pages
    visit.over = left or cut
    return left, cut


def _next_surface(params: ShopParams, visit: Visit, clicked: bool, carted: bool) -> None:
    """The page that is asked for next and, if it is a search, what is wanted."""
    page, visit.query = page_key(visit), NO_QUERY
    if carted and uniform(page, kinds.DRAW_TO_CART) < params.to_cart:
        visit.surface = CART
    elif clicked:
        visit.surface = PRODUCT
    elif uniform(page, kinds.DRAW_SEARCHED) < params.search_rate * (
        params.search_mission if visit.purpose else 1.0
    ):
        query_key = child(page, kinds.DRAW_QUERY)
        visit.anchor = wanted_item(params, visit, unit(query_key), child(query_key, kinds.DRAW_COIN))
        visit.surface = SEARCH
        visit.query = int(params.category[visit.anchor])
        visit.intent = towards(visit.intent, params.embedding[visit.anchor], SEARCH_DRIFT)
    else:
        visit.surface = HOME


def _remember(params: ShopParams, visit: Visit, item: int, outcome: SlotOutcome) -> None:
    """What an item clicked or put in the cart leaves in the person.

    ``joy`` / ``weight`` is the mean worth of what was opened (once) and bought (twice); ``mood`` falls by
    ``people.wait_weight`` per day of delivery beyond 3, by ``return_weight`` per line sent back and by
    ``missed_weight`` per item that was sold out.
    """
    visit.taste = towards(visit.taste, params.embedding[item], params.learning)
    visit.seen = towards(visit.seen, params.embedding[item], SEEN_RATE)
    visit.joy += float(params.worth[item])
    visit.weight += 1.0
    if outcome.sold != EMPTY:
        visit.joy += 2.0 * float(params.worth[outcome.sold])
        visit.weight += 2.0
        visit.bought += 1
        visit_reference.remember_purchase(visit, outcome.sold)
        late = max(delivery_days(params, visit, outcome.sold) - DAYS_PROMISED, 0.0)
        visit.mood -= params.wait_weight * late + params.return_weight * outcome.returned
    elif outcome.unavailable:
        visit.mood -= params.missed_weight
