"""The settings of what a visit leaves behind: taste, boredom, habit, satisfaction, the next visit.

During a visit every click moves the person's taste and boredom (:mod:`..page.visit_step`). When the visit
ends, its experience changes satisfaction and its purchases change habit (:mod:`.visit_end`). Both change
the time until the next visit and the probability of never coming back (:mod:`.retention`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...core.errors import in_ranges
from .repurchase import RepurchaseConfig
from .retention import RetentionConfig

HABIT_RATE = 0.2
"""Share of the way that habit moves at the end of a visit, to 1 if something was bought, else to 0."""


@dataclass(frozen=True)
class PeopleConfig:
    """How experience works. With all effects 0 every visit is like the first.

    The experience of a visit is, with w the mean worth of what was opened (once) and bought (twice)::

        x = worth_weight w + purchase_bonus [bought] - missed_weight (looked at, sold out)
            - return_weight (lines sent back) - wait_weight (days of delivery beyond 3, summed over lines)

    and satisfaction becomes ``inertia`` x before + (1 - ``inertia``) x tanh(x).

    Attributes:
        enabled: whether visits leave anything behind.
        learning: share of the way that taste moves to an item opened.
        boredom: logits taken off the appeal of items that are similar to those opened lately.
        boredom_days: time constant in days of forgetting.
        inertia: of satisfaction, in [0, 1).
        worth_weight, purchase_bonus, missed_weight, return_weight, wait_weight: the weights of x.
        habit_effect: how much a habit of buying (in [0, 1]) shortens the time to the next visit.
        retention: when people come back; ``rate_effect`` and ``churn_effect`` are those of satisfaction.
        repurchase: whether they buy again what they bought before.
    """

    enabled: bool = False
    learning: float = 0.02
    boredom: float = 0.5
    boredom_days: float = 30.0
    inertia: float = 0.7
    worth_weight: float = 1.0
    purchase_bonus: float = 0.3
    missed_weight: float = 0.3
    return_weight: float = 0.5
    wait_weight: float = 0.1
    habit_effect: float = 0.0
    retention: RetentionConfig = field(
        default_factory=lambda: RetentionConfig(rate_effect=0.5, churn_effect=1.0)
    )
    repurchase: RepurchaseConfig = field(default_factory=RepurchaseConfig)

    def __post_init__(self) -> None:
        in_ranges(self, "shop.people", 0.0, 1.0, "learning")
        in_ranges(self, "shop.people", 0.0, 1e6, "boredom_days", open_low=True)
        in_ranges(self, "shop.people", 0.0, 1.0, "inertia", open_high=True)
        in_ranges(self, "shop.people", 0.0, 20.0, "boredom", "worth_weight", "purchase_bonus")
        in_ranges(
            self, "shop.people", 0.0, 20.0, "missed_weight", "return_weight", "wait_weight", "habit_effect"
        )

    @property
    def purchases(self) -> int:
        """Different items bought last that a person remembers; 0 where visits leave nothing behind."""
        return self.repurchase.items if self.enabled else 0
