"""Where a page is shown, and how a list is read there.

A visitor reads a list from the top. Slot j is examined when it is reached, with probability
``attention_j``. After an item that was examined, the visitor reads on with a probability that depends on
whether it was clicked. Three click models are three settings of this one chain:

- position: ``attention_j = j ** -decay``, always reads on (position-based model; Craswell et al. 2008);
- cascade: attention 1, reads on with probability ``continuation`` unless clicked, and stops at the first
  click (Craswell et al. 2008, sec. 3.4);
- dbn: attention 1, reads on with ``continuation``, after a click only if the item did not satisfy
  (dynamic Bayesian network; Chapelle & Zhang 2009, sec. 3). Item i satisfies with probability
  ``sigmoid(logit(satisfied) + 0.5 worth_i)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...core.errors import InvalidInput, in_range, in_ranges, one_of
from ...core.types import AnyArray

SURFACES = ("home", "product", "cart", "search", "email")
HOME, PRODUCT, CART, SEARCH, EMAIL = range(5)
CLICK_MODELS = ("position", "cascade", "dbn")
CHANNELS = (("direct", HOME), ("search_engine", PRODUCT), ("advert", PRODUCT), ("email", EMAIL))
"""The channels through which visitors come, and the surface on which each arrives."""


@dataclass(frozen=True)
class SurfaceConfig:
    """One kind of page.

    Attributes:
        slots: items on it, at most ``slate_size``; 0 = ``slate_size``.
        click_model: how the list is read.
        decay: exponent of the position curve (model ``position``).
        attention: the position curve itself, slot by slot in (0, 1], in place of ``decay``: for grids and
            other layouts that no power describes. Empty = the power.
        continuation: probability of reading on (models ``cascade`` and ``dbn``).
        satisfied: probability that an item of average worth ends the reading, once clicked (``dbn``).
        lift: logits added to carts here, the surface's conversion level.
        similar_share: share of candidates that resemble what was last looked at.
        fixed: share of candidates that are the same whenever the page follows the same item, as in a list of
            what others looked at next: the similar ones first, then popular ones.
    """

    slots: int = 0
    click_model: str = "position"
    decay: float = 0.4
    attention: tuple[float, ...] = ()
    continuation: float = 0.85
    satisfied: float = 0.5
    lift: float = 0.0
    similar_share: float = 0.5
    fixed: float = 0.0

    def __post_init__(self) -> None:
        in_range("shop.surfaces.slots", self.slots, 0, 1000)
        one_of("shop.surfaces.click_model", self.click_model, CLICK_MODELS)
        in_range("shop.surfaces.decay", self.decay, 0.0, 10.0)
        for share in self.attention:
            in_range("shop.surfaces.attention", share, 0.0, 1.0, open_low=True)
        if self.attention and self.click_model != "position":
            raise InvalidInput("shop.surfaces.attention", self.attention, "only with click_model position")
        in_range("shop.surfaces.continuation", self.continuation, 0.0, 1.0)
        in_range("shop.surfaces.satisfied", self.satisfied, 0.0, 1.0, open_low=True, open_high=True)
        in_range("shop.surfaces.lift", self.lift, -20.0, 20.0)
        in_range("shop.surfaces.similar_share", self.similar_share, 0.0, 1.0)
        in_range("shop.surfaces.fixed", self.fixed, 0.0, 1.0)


@dataclass(frozen=True)
class SurfacesConfig:
    """The pages of a site and the ways between them.

    After a page on which something was put in the cart, the next is the cart with probability ``to_cart``.
    Otherwise it is the product page if something was clicked, and else a search (``search_rate``) or the
    homepage. A search asks for something like one of the visitor's
    favourites or, as often, something popular. An e-mail that is not opened or not clicked ends the visit.

    Attributes:
        enabled: off = every page is the homepage.
        to_cart: probability.
        search_rate: probability; 15% of sessions search (published range 6 to 30%).
        search_mission: factor of ``search_rate`` on a visit with a mission, which has many pages.
        search_first: probability that a visit which comes to the homepage begins with a search for what
            the visitor came for.
        opened: share of e-mails opened, 0.3 (published range 0.18 to 0.40).
        channels: shares of :data:`CHANNELS`; they are scaled to sum to 1.
        home, product, cart, search, email: the pages. Complements in the cart are similar to what was put
            in, but of another category.
    """

    enabled: bool = False
    to_cart: float = 0.5
    search_rate: float = 0.05
    search_mission: float = 1.0
    search_first: float = 0.0
    opened: float = 0.3
    channels: tuple[float, ...] = (0.4, 0.35, 0.15, 0.1)
    home: SurfaceConfig = field(default_factory=SurfaceConfig)
    product: SurfaceConfig = field(
        default_factory=lambda: SurfaceConfig(click_model="position", decay=0.5, similar_share=0.9)
    )
    cart: SurfaceConfig = field(
        default_factory=lambda: SurfaceConfig(click_model="position", decay=0.3, lift=0.4, similar_share=0.6)
    )
    search: SurfaceConfig = field(
        default_factory=lambda: SurfaceConfig(click_model="dbn", lift=0.3, similar_share=0.9)
    )
    email: SurfaceConfig = field(
        default_factory=lambda: SurfaceConfig(click_model="cascade", continuation=0.7, similar_share=0.2)
    )

    def __post_init__(self) -> None:
        in_ranges(self, "shop.surfaces", 0.0, 1.0, "to_cart", "search_rate", "opened")
        in_ranges(self, "shop.surfaces", 0.0, 1.0, "search_mission", "search_first")
        if len(self.channels) != len(CHANNELS) or min(self.channels) < 0 or not sum(self.channels) > 0:
            raise InvalidInput(
                "shop.surfaces.channels", self.channels, f"give {len(CHANNELS)} shares >= 0, not all 0"
            )

    @property
    def pages(self) -> tuple[SurfaceConfig, ...]:
        """In the order of :data:`SURFACES`."""
        return self.home, self.product, self.cart, self.search, self.email


def surface_params(
    pages: tuple[SurfaceConfig, ...], opened: float, slate_size: int, num_candidates: int
) -> dict[str, AnyArray]:
    """The fields of ``ShopParams`` about ``pages``, which are in the order of :data:`SURFACES`."""
    count = len(pages)
    attention = np.zeros((count, slate_size))
    slots = np.array([page.slots or slate_size for page in pages], np.int32)
    for s, page in enumerate(pages):
        if page.slots > slate_size:
            raise InvalidInput(
                f"shop.surfaces.{SURFACES[s]}.slots", page.slots, f"slate_size is only {slate_size}"
            )
        if page.attention and len(page.attention) != slots[s]:
            raise InvalidInput(
                f"shop.surfaces.{SURFACES[s]}.attention", page.attention, f"give {slots[s]} shares"
            )
        curve = np.arange(1, slots[s] + 1, dtype=np.float64) ** -page.decay
        attention[s, : slots[s]] = page.attention or (curve if page.click_model == "position" else 1.0)
    model = np.array([CLICK_MODELS.index(page.click_model) for page in pages])
    satisfied = np.array([page.satisfied for page in pages])
    continuation = np.array([page.continuation for page in pages])
    return {
        "attention": attention,
        "go_on": np.where(model == 0, 1.0, continuation),
        "stops": (model == 1).astype(np.float64),
        "satisfies": (model == 2).astype(np.float64),
        "chain": model > 0,
        "opened": np.array([opened if s == EMAIL else 1.0 for s in range(count)]),
        "lift": np.array([page.lift for page in pages]),
        "slots": slots,
        "satisfied": np.log(satisfied / (1 - satisfied)),
        "similar": np.array([round(page.similar_share * num_candidates) for page in pages], np.int32),
        "fixed": np.array([round(page.fixed * num_candidates) for page in pages], np.int32),
    }
