"""What the clauses need from a decision log: the north star, and each term that a cost is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.reward import CostLimit, RewardSpec
from ...core.reward.terms import CURRENCY, term_named
from ...core.types import F64
from ...policies.decision_log.log import DecisionLog
from .clauses import PAGE

IMPRESSION = "impression"


def north_star_log(log: DecisionLog, reward: RewardSpec, currency: str = "currency") -> DecisionLog:
    """The decisions of ``log`` judged by the north star of ``reward`` instead of the reward itself.

    A page is credited with what it caused, whenever that happens: a horizon that is shorter than the delay of
    a term, or a discount, is not applied, because a log of pages does not say when amounts arrive.

    Raises:
        InvalidInput: the log lacks a term of it.
    """
    total: F64 = np.zeros(log.slates.shape)
    for name, weight in reward.star_weights.items():
        total = total + weight * _amounts(log, name)
    unit = currency if reward.star_unit == CURRENCY else reward.star_unit
    return log.with_reward(total, f"{unit} of {reward.star.name}")


def outcome_logs(
    log: DecisionLog, costs: Sequence[CostLimit], items: Items, currency: str = "currency"
) -> dict[str, DecisionLog]:
    """The decisions of ``log`` judged by each outcome that the ``costs`` are made of.

    An outcome that a log of pages does not tell, such as what a whole life brings, is left out: the gate then
    refuses the clause and says so.
    """
    outcomes: dict[str, DecisionLog] = {}
    for cost in costs:
        shown = log.slates >= 0
        if cost.items is not None:
            shown = shown & cost.items.mask(items)[np.maximum(log.slates, 0)]
            outcomes[cost.label] = log.with_reward(shown.astype(np.float64), IMPRESSION)
        for name in (cost.term, cost.per):
            if name in outcomes or name == PAGE or (name != IMPRESSION and name not in log.events):
                continue
            unit = term_named("reward.costs", name).unit
            outcomes[name] = log.with_reward(_amounts(log, name), currency if unit == CURRENCY else unit)
    return outcomes


def _amounts(log: DecisionLog, name: str) -> F64:
    """(n, k) a term of each slot; NaN where it has not arrived."""
    if name == IMPRESSION:
        return (log.slates >= 0).astype(np.float64)
    if name not in log.events:
        fix = f"the log has {', '.join(log.events) or 'no terms'}: log it as an event"
        raise InvalidInput("reward.north_star", name, fix)
    return log.events[name]
