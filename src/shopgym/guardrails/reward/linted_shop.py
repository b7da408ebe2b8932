"""The shop that a reward is checked in, and how much of it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput, in_range
from ...core.reward import RewardSpec
from ...envs.page_terms import refuse_absent_terms
from ...policies.guards import Guard, InStock
from ...simulators import Catalog, Shop, ShopConfig
from ...simulators.calendar import Clock
from .page_means import MOST_NUMBERS, PageMeans
from .page_rules import means_of

TERMS = 9


@dataclass(frozen=True)
class LintSize:
    """How much is looked at.

    Attributes:
        pages: first pages of visitors, whose best pages are found exactly.
        visits: visits of a paired simulation.
        lives: lives of customers of a paired simulation; 0 = none.
    """

    pages: int = 4096
    visits: int = 2048
    lives: int = 1024

    def __post_init__(self) -> None:
        in_range("lint.pages", self.pages, 16, 10**7)
        in_range("lint.visits", self.visits, 16, 10**7)
        in_range("lint.lives", self.lives, 0, 10**6)


@dataclass(frozen=True)
class LintedShop:
    """A shop, and what an agent may do in it.

    Attributes:
        catalog, config, seed: of the shop.
        discounts: shares that an agent may take off all prices of a page; the first is 0.
        guards: what they forbid is not shown, whatever the reward.
    """

    catalog: Catalog
    config: ShopConfig = field(default_factory=ShopConfig)
    seed: int = 0
    discounts: tuple[float, ...] = (0.0,)
    guards: tuple[Guard, ...] = (InStock(),)

    def __post_init__(self) -> None:
        off = np.asarray(self.discounts, np.float64)
        if off.ndim != 1 or not len(off) or off[0] != 0 or not ((off >= 0) & (off < 1)).all():
            raise InvalidInput("discounts", list(self.discounts), "give shares in [0, 1), the first 0")

    @classmethod
    def read(cls, shop: LintedShop | Shop) -> LintedShop:
        """``shop`` itself, or the description of a running one."""
        if isinstance(shop, LintedShop):
            return shop
        return cls(shop.catalog, shop.config, shop.seed)

    def require(self, spec: RewardSpec) -> None:
        """Raise :class:`InvalidInput` at what a reward, its north star or a limit reads and the shop has not.

        These are terms of people or of a stock that are not simulated, and items that are not sold.
        """
        refuse_absent_terms(spec, self.config)
        spec.groups(self.catalog.items)

    @property
    def has_lives(self) -> bool:
        """Whether people come back."""
        return self.config.people.enabled

    @property
    def candidates(self) -> int:
        """Items that a page chooses from."""
        return self.config.num_candidates or len(self.catalog)

    def open(self, lanes: int, clock: Clock = Clock.PAGES, days: float = 364.0) -> Shop:
        """The shop with ``lanes`` visits at a time."""
        return Shop(self.catalog, self.config, lanes=lanes, seed=self.seed, clock=clock, days=days, threads=0)

    def first_pages(
        self, pages: int, guards: Sequence[Guard] | None = None, *, visitors: int | None = None
    ) -> tuple[PageMeans, Requests]:
        """The exact means of the first pages of as many visitors as fit, and what they ask for.

        Args:
            visitors: seeds who of the shop's people comes, and what for; None: the shop's own seed.
        """
        most = int(MOST_NUMBERS / (self.candidates * len(self.discounts) * TERMS))
        shop = self.open(max(16, min(pages, most)))
        shop.reset(self.seed if visitors is None else visitors)
        shop.start_visits(np.ones(shop.lanes, np.bool_))
        requests = shop.requests()
        guards = self.guards if guards is None else guards
        return means_of(shop, requests, self.discounts, guards), requests
