"""The settings of the shop, each with its unit, range and source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..core.errors import InvalidInput, in_range, in_ranges
from .catalog.catalog import Catalog
from .market.campaigns import Campaign
from .market.market import MarketConfig, Shock
from .market.replenishment import StockConfig as StockConfig
from .page.surfaces import SurfaceConfig, SurfacesConfig
from .people.arrivals import ArrivalConfig
from .people.retention import RetentionConfig
from .people.satisfaction import PeopleConfig


@dataclass(frozen=True)
class ChoiceConfig:
    """How a shopper behaves: logits of click, cart, purchase and leaving.

    With q = taste_weight x taste + intent_weight x intent and v = q . embedding:

    - click: ``click_base + v + quality_weight x quality - fatigue x page``, if examined;
    - cart, given a click: ``cart_base + depth x v - p`` (less ``mobile_penalty`` on a phone, plus
      ``brand_weight`` for the user's own brand and ``mission_lift`` on a visit with a purpose);
    - purchase, given the cart: ``buy_base - buy_price x p``, with one random draw for all lines of a
      visit, so that a cart is mostly bought or left as a whole. But each line is weighed once more: it is
      only kept there, as on a list of wishes, with probability ``cart_only`` (0 = off) at p = 0 and with
      logit(``cart_only``) + ``cart_price x p`` else;
    - p = price sensitivity x log(price / reference), where the reference is median price x (list price /
      median price) ** ``reference_price``: 0 = expensive items are avoided; 1 = only the difference
      from what an item usually costs counts (Kalyanaram & Winer 1995);
    - leaving after a page: ``leave_base + fatigue x page - engagement x [clicked]`` (less
      ``mission_stay`` on a visit with a purpose).

    A click opens the item's page. On a visit with a purpose a share ``quick`` of what would be put in the
    cart is put there straight from the list, without a click. Purposes differ in size: ``mission_stay``
    varies by a normal variable of standard deviation ``mission_spread``, and per logit of it the units beyond
    the first are scaled by exp(-``mission_units``), because long visits are for many small things.

    A share ``mission_share`` of visits has a purpose. ``mission_alike`` in [0, 1) is the intraclass
    correlation of that among the visits of one user, ``size_alike`` in [0, 1] that of the purpose's size.
    Users differ in the units beyond the first by a Pareto factor of log-sd ``bulk_sd`` < 1. The visits of a
    user differ by such a factor too, of log-sd ``order_sd`` and mean 1, the same for all lines of a visit:
    units and order values have a power tail of exponent 1 / ``order_sd``, up to ``max_units`` a line. Whoever
    would put an item in the cart that is out of stock takes the most similar item in stock instead with
    probability ``substitution`` (0 = off).

    Items that the visitor has examined on one page compete for the order (0 = off). An item that would be
    bought alone is bought with probability d / (d + ``competition`` x sum of s' d'), else a similar one was
    preferred. d = P(liked) P(cart) P(purchase) of the item, d' of another one, s' = max(0, cosine of the two
    embeddings)^2. So two identical items at 1 sell together as much as one, and a lower price of one costs
    the other sales.

    Examination of slot j (from 1) has probability ``j ** -position_decay`` (position-based model,
    Craswell et al. 2008). Defaults give about 4% clicks per examined random slot, 15% carts per click
    and 35% purchases per cart, inside the published ranges of session conversion (1 to 16%).
    """

    click_base: float = -3.9
    taste_weight: float = 2.0
    intent_weight: float = 2.0
    quality_weight: float = 0.35
    fatigue: float = 0.05
    cart_base: float = -2.4
    depth: float = 0.4
    buy_base: float = -0.6
    buy_price: float = 0.5
    cart_only: float = 0.0
    cart_price: float = 0.0
    mobile_penalty: float = 0.4
    mobile_share: float = 0.55
    price_sensitivity: float = 1.0
    reference_price: float = 0.0
    leave_base: float = -1.4
    engagement: float = 1.0
    drift: float = 0.5
    position_decay: float = 0.4
    max_units: int = 20
    brand_weight: float = 0.0
    bulk_sd: float = 0.0
    order_sd: float = 0.0
    mission_share: float = 0.0
    mission_alike: float = 0.0
    mission_lift: float = 0.0
    mission_stay: float = 0.0
    mission_spread: float = 0.0
    mission_units: float = 0.0
    size_alike: float = 0.0
    quick: float = 0.0
    substitution: float = 0.0
    competition: float = 0.0

    def __post_init__(self) -> None:
        field = "shop.choice"
        in_ranges(self, field, -20.0, 20.0, "click_base", "cart_base", "buy_base", "leave_base")
        in_ranges(self, field, 0.0, 20.0, "taste_weight", "intent_weight", "quality_weight", "depth")
        in_ranges(self, field, 0.0, 20.0, "cart_price")
        in_ranges(self, field, 0.0, 20.0, "engagement", "mobile_penalty", "brand_weight", "buy_price")
        in_ranges(self, field, 0.0, 20.0, "mission_lift", "mission_stay", "mission_spread", "mission_units")
        in_ranges(self, field, 0.0, 10.0, "fatigue", "price_sensitivity", "position_decay")
        in_ranges(self, field, 0.0, 0.99, "bulk_sd", "order_sd")
        in_ranges(self, field, 0.0, 1.0, "mobile_share", "drift", "mission_share", "size_alike")
        in_ranges(self, field, 0.0, 1.0, "quick", "substitution", "competition")
        in_ranges(self, field, 0.0, 1.0, "reference_price")
        in_ranges(self, field, 0.0, 1.0, "mission_alike", "cart_only", open_high=True)
        in_ranges(self, field, 1, 10_000, "max_units")


@dataclass(frozen=True)
class DwellConfig:
    """How long things are looked at: log-normal seconds.

    Attributes:
        enabled: off = no time is noted.
        median, log_sd: of the page of an item opened; 47 s and 1.38 are those of Taobao's sessions.
        depth: how much log seconds grow with appeal.
        reading: median seconds on a page of a list.
    """

    enabled: bool = False
    median: float = 47.0
    log_sd: float = 1.38
    depth: float = 0.1
    reading: float = 15.0

    def __post_init__(self) -> None:
        in_ranges(self, "shop.dwell", 0.0, 86_400.0, "median", "reading", open_low=True)
        in_ranges(self, "shop.dwell", 0.0, 10.0, "log_sd", "depth")


@dataclass(frozen=True)
class DeliveryConfig:
    """What waiting costs. An item needs its own shipping days and those of the user's region.

    Attributes:
        weight: logits of cart lost per day of waiting beyond one; 0 = off.
        region_days: days to each region; users live in them in equal parts.
    """

    weight: float = 0.0
    region_days: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0)

    def __post_init__(self) -> None:
        in_range("shop.delivery.weight", self.weight, 0.0, 20.0)
        if not self.region_days:
            raise InvalidInput("shop.delivery.region_days", (), "name at least one region")
        for days in self.region_days:
            in_range("shop.delivery.region_days", days, 0.0, 365.0)


@dataclass(frozen=True)
class ReturnConfig:
    """Order lines sent back: P = sigmoid(logit(item's rate) - depth x appeal - worth x item's worth).

    Attributes:
        enabled: off = everything is kept.
        rate: mean rate to which the catalogue's are scaled; None = as they are. 0.2 of online sales come
            back (NRF 2022 to 2024: 0.165 to 0.2), 0.3 of apparel.
        depth, worth: how much liking and worth prevent it.
        spread: standard deviation in logits between users.
        delay: mean days until it is back, exponential after one day.
        handling: currency that one returned line costs beside its margin.
    """

    enabled: bool = False
    rate: float | None = None
    depth: float = 0.0
    worth: float = 0.5
    spread: float = 0.0
    delay: float = 10.0
    handling: float = 0.0

    def __post_init__(self) -> None:
        if self.rate is not None:
            in_range("shop.returns.rate", self.rate, 0.0, 1.0, open_high=True)
        in_ranges(self, "shop.returns", 0.0, 20.0, "depth", "worth", "spread")
        in_range("shop.returns.delay", self.delay, 0.0, 365.0, open_low=True)
        in_range("shop.returns.handling", self.handling, 0.0, 1e6)


@dataclass(frozen=True)
class ShopConfig:
    """One shop. Every mechanism beyond the page itself has its own switch and is off unless asked for.

    Attributes:
        users: number of people M who may visit.
        slate_size: k slots on a page.
        num_candidates: m items a page may choose from; 0 = the whole catalogue.
        history: h items that the user opened last, part of a request; 0 = none. With the clock ``pages``
            it starts empty in every visit.
        live: whether a request holds the present ``price`` (currency), ``margin`` (currency per unit) and
            ``stock`` (units on hand) of each candidate.
        max_pages: a visit is cut off after this many pages.
        pages_per_day: pages that one concurrent visit is shown in a day; sets the clock of the stock.
        similar_share: share of candidates that resemble what was last looked at; the rest is popular,
            but for ``random_share``, which is drawn uniformly from the whole catalogue.
        taste_noise: standard deviation of the noise in what is known of a user's taste and price
            sensitivity.
        calendar: whether the context tells hour, weekday and week of the year.
        allow_losses: whether items may be sold below cost.
        choice, stock: behaviour and stock.
        surfaces, dwell, delivery, returns: pages of a site, time, waiting, goods sent back.
        market, campaigns, shocks: what changes from day to day.
        people: what a visit leaves behind; arrivals: who comes when (``Season-v0``).
    """

    users: int = 20_000
    slate_size: int = 5
    num_candidates: int = 30
    history: int = 0
    live: bool = False
    max_pages: int = 20
    pages_per_day: int = 288
    similar_share: float = 0.5
    random_share: float = 0.1
    taste_noise: float = 0.3
    calendar: bool = False
    allow_losses: bool = False
    choice: ChoiceConfig = field(default_factory=ChoiceConfig)
    stock: StockConfig = field(default_factory=StockConfig)
    surfaces: SurfacesConfig = field(default_factory=SurfacesConfig)
    dwell: DwellConfig = field(default_factory=DwellConfig)
    delivery: DeliveryConfig = field(default_factory=DeliveryConfig)
    returns: ReturnConfig = field(default_factory=ReturnConfig)
    market: MarketConfig = field(default_factory=MarketConfig)
    campaigns: tuple[Campaign, ...] = ()
    shocks: tuple[Shock, ...] = ()
    people: PeopleConfig = field(default_factory=PeopleConfig)
    arrivals: ArrivalConfig = field(default_factory=ArrivalConfig)

    def __post_init__(self) -> None:
        in_range("shop.users", self.users, 1, 2**31 - 1)
        in_range("shop.slate_size", self.slate_size, 1, 1000)
        in_range("shop.num_candidates", self.num_candidates, 0, 10_000)
        in_range("shop.history", self.history, 0, 1_000)
        in_range("shop.max_pages", self.max_pages, 1, 10_000)
        in_range("shop.pages_per_day", self.pages_per_day, 1, 86_400)
        in_ranges(self, "shop", 0.0, 1.0, "similar_share", "random_share")
        in_range("shop.taste_noise", self.taste_noise, 0.0, 10.0)
        if self.similar_share + self.random_share > 1.0:
            fix = "similar_share + random_share must not exceed 1"
            raise InvalidInput("shop.random_share", self.random_share, fix)
        if 0 < self.num_candidates < self.slate_size:
            fix = f"offer at least slate_size = {self.slate_size} candidates"
            raise InvalidInput("shop.num_candidates", self.num_candidates, fix)

    @classmethod
    def full(cls, **settings: Any) -> ShopConfig:
        """Every kind of mechanism on, with plausible numbers; ``settings`` replace single fields.

        What only records of a real shop ask for stays at its limiting case: prices felt against the usual,
        purposes of different sizes, carts straight from the list, bulk buyers, passers-by.
        """
        defaults: dict[str, Any] = {
            "calendar": True,
            "choice": ChoiceConfig(
                brand_weight=0.3, mission_share=0.2, mission_lift=1.0, mission_stay=1.0, substitution=0.3
            ),
            "surfaces": SurfacesConfig(enabled=True),
            "dwell": DwellConfig(enabled=True),
            "delivery": DeliveryConfig(weight=0.1),
            "returns": ReturnConfig(enabled=True),
            "market": MarketConfig(season=0.3, drift=0.01, new_share=0.05, old_share=0.05),
            "campaigns": (Campaign(),),
            "shocks": (Shock(),),
            "people": PeopleConfig(
                enabled=True,
                retention=RetentionConfig(
                    r=1.2, alpha=10.0, a=1.1, b=12.0, rate_effect=0.5, churn_effect=1.0
                ),
            ),
            "arrivals": ArrivalConfig(per_day=20.0, established=300),
        }
        return cls(**{**defaults, **settings})

    @property
    def pages(self) -> tuple[SurfaceConfig, ...]:
        """The pages of the site: one homepage unless surfaces are on."""
        if self.surfaces.enabled:
            return self.surfaces.pages
        return (SurfaceConfig(decay=self.choice.position_decay, similar_share=self.similar_share),)

    @property
    def visits_per_day(self) -> float:
        """Newcomers and customers who come back, on an average day early in a season."""
        arrivals, retention = self.arrivals, self.people.retention
        returning = arrivals.established * retention.r / retention.alpha if self.people.enabled else 0.0
        return arrivals.per_day + returning

    def check_catalog(self, catalog: Catalog) -> None:
        """Raise unless the catalogue can fill candidates and slates and nothing is sold at a loss unasked."""
        size, items = len(catalog), catalog.items
        for name in ("slate_size", "num_candidates"):
            if getattr(self, name) > size:
                fix = f"the catalogue has only {size} items"
                raise InvalidInput(f"shop.{name}", getattr(self, name), fix)
        loss = items.unit_cost > items.price
        if loss.any() and not self.allow_losses:
            row = int(loss.argmax())
            problem = f"the price is only {items.price[row]:g} ({int(loss.sum())} items are sold at a loss)"
            fix = f"{problem}: correct it, or set shop.allow_losses"
            raise InvalidInput(f"items.unit_cost[{row}]", float(items.unit_cost[row]), fix)
