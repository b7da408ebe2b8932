"""Rules with a state: frequency caps, exposure floors, the discount budget.

The state is counted outside, see :mod:`.counters`, and stands in ``Requests.counters`` of each request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput, in_range, one_of
from ...core.items import Items
from ...core.reward.costs import ItemGroup
from ...core.types import I32, Bool
from .page_rules import same_category
from .rule import Guard, counted, group_label, group_mask, in_group, shown_count

SHOWN, SPENT, REVENUE, SPENT_TODAY = "shown", "discount", "revenue", "discount_today"
CENT = 0.005
"""A live price counts as reduced if it is so much below the catalogue's: live prices are float32."""


class CountedGuard(Guard):
    """A rule that reads counters."""

    @property
    def counters(self) -> tuple[str, ...]:
        """Names of the counters that it reads."""
        raise NotImplementedError


@dataclass(frozen=True)
class FrequencyCap(CountedGuard):
    """A user sees an item, or items of a category, at most ``maximum`` times within ``days``.

    Attributes:
        maximum: showings; a page that shows an item counts once for it.
        days: length of the window that ends with the request.
        per: ``item`` or ``category``. By category the slots of the page itself count too.
    """

    kind: ClassVar[str] = "frequency_cap"
    maximum: int = 3
    days: float = 7.0
    per: str = "item"

    def __post_init__(self) -> None:
        in_range("guards.frequency_cap.maximum", self.maximum, 1, 1_000_000)
        in_range("guards.frequency_cap.days", self.days, 0.0, 36_500.0, open_low=True)
        one_of("guards.frequency_cap.per", self.per, ("item", "category"))

    @property
    def label(self) -> str:
        """Its name in tables."""
        return f"{self.kind} per {self.per}"

    @property
    def why(self) -> str:
        """Why it forbids a candidate."""
        return f"{self.per} shown {self.maximum} times in {self.days:g} days"

    @property
    def looks_back(self) -> bool:
        """By category: an item stands on a page once anyway."""
        return self.per == "category"

    @property
    def counters(self) -> tuple[str, ...]:
        """Of each candidate: showings to the user within the window."""
        return (f"{SHOWN}_{self.per}_{self.days:g}d",)

    def before(self, requests: Requests, items: Items) -> Bool:
        allowed: Bool = counted(self, requests, self.counters[0]) < self.maximum
        return allowed

    def after(self, requests: Requests, items: Items, positions: I32) -> Bool:
        if self.per == "item":
            return super().after(requests, items, positions)
        earlier = counted(self, requests, self.counters[0])
        allowed: Bool = earlier + same_category(requests, items, positions) < self.maximum
        return allowed


@dataclass(frozen=True)
class ExposureFloor(CountedGuard):
    """A group of items gets at least a share of all slots that were shown so far.

    While its share is below the floor, every page shows the group at once and then about twice as often as
    the floor says, until the share is reached. So many pages that are decided at one moment do not overshoot
    by much. A page without a candidate of the group is shown without it, and counted.

    Attributes:
        items: the group, e.g. what small sellers offer.
        minimum: share of the slots, in (0, 1).
    """

    kind: ClassVar[str] = "exposure_floor"
    gives_way: ClassVar[bool] = True
    items: ItemGroup
    minimum: float = 0.1

    def __post_init__(self) -> None:
        in_range("guards.exposure_floor.minimum", self.minimum, 0.0, 1.0, open_low=True, open_high=True)

    @property
    def label(self) -> str:
        """Its name in tables."""
        return f"{self.kind} of {group_label(self.items)}"

    @property
    def why(self) -> str:
        """Why it forbids a candidate."""
        return f"{group_label(self.items)} below {self.minimum:.0%} of what was shown"

    @property
    def looks_back(self) -> bool:
        """Always."""
        return True

    @property
    def counters(self) -> tuple[str, ...]:
        """Slots that showed the group so far, and all that showed something."""
        return (f"{SHOWN}.{group_label(self.items)}", SHOWN)

    def bound(self, items: Items, columns: Mapping[str, Sequence[str]]) -> Self:
        group_mask(self, self.items, items)
        return self

    def after(self, requests: Requests, items: Items, positions: I32) -> Bool:
        group = in_group(self, self.items, requests, items)
        own, slots = (counted(self, requests, name) for name in self.counters)
        on_page, filled = shown_count(group, positions), (positions >= 0).sum(axis=1)
        behind = own + on_page < self.minimum * (slots + filled + 1)
        wanted = behind & (on_page <= 2.0 * self.minimum * filled)
        allowed: Bool = group | ~wanted[:, None]
        return allowed


@dataclass(frozen=True)
class DiscountBudget(CountedGuard):
    """Reduced items are shown only while discounts on what was bought are within a budget.

    A candidate is reduced if its live price is below the catalogue's price. What was given away is units
    bought times the catalogue's price, less what was paid.

    Attributes:
        maximum: share of the revenue (``per: revenue``), or currency a day (``per: day``).
        per: ``revenue`` or ``day``.
    """

    kind: ClassVar[str] = "discount_budget"
    maximum: float = 0.05
    per: str = "revenue"

    def __post_init__(self) -> None:
        one_of("guards.discount_budget.per", self.per, ("revenue", "day"))
        high = 1.0 if self.per == "revenue" else 1e12
        in_range("guards.discount_budget.maximum", self.maximum, 0.0, high, open_low=True)

    @property
    def label(self) -> str:
        """Its name in tables."""
        return f"{self.kind} per {self.per}"

    @property
    def why(self) -> str:
        """Why it forbids a candidate."""
        return f"reduced, and the budget of {self.maximum:g} per {self.per} is spent"

    @property
    def counters(self) -> tuple[str, ...]:
        """Currency: discounts and revenue so far, or the discounts of the day."""
        return (SPENT, REVENUE) if self.per == "revenue" else (SPENT_TODAY,)

    def spent(self, requests: Requests) -> Bool:
        """(n,) bool, whether the budget is spent."""
        given_away = counted(self, requests, self.counters[0])
        if self.per == "day":
            return np.asarray(given_away >= self.maximum)
        revenue = counted(self, requests, REVENUE)
        return np.asarray((given_away > 0) & (given_away >= self.maximum * revenue))

    def before(self, requests: Requests, items: Items) -> Bool:
        if "price" not in requests.live:
            fix = "the rule compares it with the catalogue's price: send it, or set shop.live: true"
            raise InvalidInput("requests.live.price", None, fix)
        listed = items.price[np.maximum(requests.candidates, 0)]
        reduced = requests.live["price"] < listed - CENT
        allowed: Bool = ~(reduced & self.spent(requests)[:, None])
        return allowed
