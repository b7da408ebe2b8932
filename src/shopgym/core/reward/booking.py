"""How a reward is booked: which slots get the credit for an order, and which returns count."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InvalidInput, in_range, one_of
from .attribution import RULES
from .spec import RewardSpec

SOLD_SLOT = "sold_slot"
"""The slot whose item was bought gets all the credit for its order."""
ATTRIBUTIONS = (SOLD_SLOT, *RULES)
RETURN_TERMS = ("return_cost", "expected_return_cost")
ORDER_TERMS = ("purchase", "units", "revenue", "margin", "discount_cost")
"""What an order earns. The credit for it may go to another slot; other terms stay where they happened."""


@dataclass(frozen=True)
class Booking:
    """How the reward is booked.

    Attributes:
        attribution: ``sold_slot``, or a rule by which clicks of the same episode share an order:
            ``last_click``, ``first_click``, ``linear``, ``time_decay``.
        half_life: days, of ``time_decay``.
        maturity: days within which a return counts.
    """

    attribution: str = SOLD_SLOT
    half_life: float = 7.0
    maturity: float = 365.0

    def __post_init__(self) -> None:
        one_of("training.attribution", self.attribution, ATTRIBUTIONS)
        in_range("training.half_life", self.half_life, 0.0, 1e6, open_low=True)
        in_range("training.maturity", self.maturity, 0.0, 1e6)


def charge_of_returns(reward: RewardSpec) -> float:
    """How much of the cost of a return a reward charges; 0 where it charges none.

    Raises:
        InvalidInput: the reward cannot be booked: it charges both the returns and their mean, or clips what
            is booked later.
    """
    charged = [reward.weights[name] for name in RETURN_TERMS if name in reward.weights]
    if len(charged) == 2:
        fix = "it charges returns and their mean: keep one of the two"
        raise InvalidInput("reward.terms", list(RETURN_TERMS), fix)
    late = [name for name in reward.clip if name in (*ORDER_TERMS, *RETURN_TERMS)]
    if late:
        fix = "an order is booked in parts, which cannot be clipped together: leave the clip out"
        raise InvalidInput(f"reward.clip.{late[0]}", reward.clip[late[0]], fix)
    return -charged[0] if charged else 0.0
