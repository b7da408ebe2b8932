"""The numbers of the shop, each with its unit, range and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.errors import InvalidInput, in_range


@dataclass(frozen=True)
class StockConfig:
    """Shared stock under a periodic (s, S) rule (Zipkin 2000, ch. 9).

    Attributes:
        enabled: off = nothing ever runs out.
        review: days between reviews, also the length of the bucket in which deliveries arrive.
        lead_time: days from order to delivery.
        cover_days: days of expected demand that an order fills up beyond the lead time.
        safety: reorder point in lead times of expected demand.
        minimum: units of every item that the order-up-to level never goes below.
        conversion: order lines per page assumed when the levels are set.
        out_at_start: share of items out of stock on day 0; 0.083 is the worldwide average of Gruen,
            Corsten & Bharadwaj (2002).
    """

    enabled: bool = True
    review: float = 1.0
    lead_time: int = 3
    cover_days: float = 7.0
    safety: float = 1.5
    minimum: int = 3
    conversion: float = 0.02
    out_at_start: float = 0.083

    def __post_init__(self) -> None:
        in_range("shop.stock.review", self.review, 0.0, 365.0, open_low=True)
        in_range("shop.stock.lead_time", self.lead_time, 1, 90)
        in_range("shop.stock.cover_days", self.cover_days, 0.0, 365.0)
        in_range("shop.stock.safety", self.safety, 0.0, 100.0)
        in_range("shop.stock.minimum", self.minimum, 1, 1_000_000)
        in_range("shop.stock.conversion", self.conversion, 0.0, 1.0)
        in_range("shop.stock.out_at_start", self.out_at_start, 0.0, 1.0)


@dataclass(frozen=True)
class ChoiceConfig:
    """How a shopper behaves: logits of click, cart, purchase and leaving.

    With q = taste_weight x taste + intent_weight x intent and v = q . embedding:

    - click: ``click_base + v + quality_weight x quality - fatigue x page``, if examined;
    - cart, given a click: ``cart_base + depth x v - p`` (less ``mobile_penalty`` on a phone);
    - purchase, given the cart: ``buy_base - p / 2``;
    - p = price sensitivity x log(price / median price);
    - leaving after a page: ``leave_base + fatigue x page - engagement x [clicked]``.

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
    mobile_penalty: float = 0.4
    mobile_share: float = 0.55
    price_sensitivity: float = 1.0
    leave_base: float = -1.4
    engagement: float = 1.0
    drift: float = 0.5
    position_decay: float = 0.4
    max_units: int = 20

    def __post_init__(self) -> None:
        for name in ("click_base", "cart_base", "buy_base", "leave_base"):
            in_range(f"shop.choice.{name}", getattr(self, name), -20.0, 20.0)
        for name in (
            "taste_weight",
            "intent_weight",
            "quality_weight",
            "depth",
            "engagement",
            "mobile_penalty",
        ):
            in_range(f"shop.choice.{name}", getattr(self, name), 0.0, 20.0)
        for name in ("fatigue", "price_sensitivity", "position_decay"):
            in_range(f"shop.choice.{name}", getattr(self, name), 0.0, 10.0)
        for name in ("mobile_share", "drift"):
            in_range(f"shop.choice.{name}", getattr(self, name), 0.0, 1.0)
        in_range("shop.choice.max_units", self.max_units, 1, 10_000)


@dataclass(frozen=True)
class ShopConfig:
    """One shop.

    Attributes:
        users: number of people M who may visit.
        slate_size: k slots on a page.
        num_candidates: m items a page may choose from; 0 = the whole catalogue.
        max_pages: a visit is cut off after this many pages.
        pages_per_day: pages that one lane (one concurrent visitor) is shown in a day; the clock of stock.
        similar_share: share of candidates that resemble what was last looked at; the rest is popular,
            but for ``random_share``, which is drawn evenly from the whole catalogue.
        taste_noise: standard deviation of the noise in what is known of a user's taste and price
            sensitivity.
        choice, stock: behaviour and stock.
    """

    users: int = 20_000
    slate_size: int = 5
    num_candidates: int = 30
    max_pages: int = 20
    pages_per_day: int = 288
    similar_share: float = 0.5
    random_share: float = 0.1
    taste_noise: float = 0.3
    choice: ChoiceConfig = field(default_factory=ChoiceConfig)
    stock: StockConfig = field(default_factory=StockConfig)

    def __post_init__(self) -> None:
        in_range("shop.users", self.users, 1, 2**31 - 1)
        in_range("shop.slate_size", self.slate_size, 1, 1000)
        in_range("shop.num_candidates", self.num_candidates, 0, 10_000)
        in_range("shop.max_pages", self.max_pages, 1, 10_000)
        in_range("shop.pages_per_day", self.pages_per_day, 1, 86_400)
        for name in ("similar_share", "random_share"):
            in_range(f"shop.{name}", getattr(self, name), 0.0, 1.0)
        in_range("shop.taste_noise", self.taste_noise, 0.0, 10.0)
        if self.similar_share + self.random_share > 1.0:
            raise InvalidInput(
                "shop.random_share", self.random_share, "similar_share + random_share must not exceed 1"
            )
        if 0 < self.num_candidates < self.slate_size:
            raise InvalidInput(
                "shop.num_candidates",
                self.num_candidates,
                f"offer at least slate_size = {self.slate_size} candidates",
            )

    def check_catalog(self, size: int) -> None:
        """Raise unless a catalogue of ``size`` items can fill candidates and slates."""
        if self.slate_size > size:
            raise InvalidInput("shop.slate_size", self.slate_size, f"the catalogue has only {size} items")
        if self.num_candidates > size:
            raise InvalidInput(
                "shop.num_candidates", self.num_candidates, f"the catalogue has only {size} items"
            )
