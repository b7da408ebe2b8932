"""Who gets the credit for an outcome that comes later; every outcome is shared out once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput, finite, in_range, one_of
from ..types import F64, I64, AnyArray

RULES = ("last_click", "first_click", "linear", "time_decay")


@dataclass(frozen=True)
class Touches:
    """What may have led to an outcome, e.g. pages with a click.

    Attributes:
        journey: (t,) whose, e.g. the customer or the visit.
        time: (t,) when, in days.
    """

    journey: AnyArray
    time: AnyArray


@dataclass(frozen=True)
class Outcomes:
    """What came of them, e.g. orders.

    Attributes:
        journey: (m,) whose.
        time: (m,) when, in days.
        amount: (m,) how much, in any unit; a return is a negative amount.
    """

    journey: AnyArray
    time: AnyArray
    amount: AnyArray


def attribute(
    touches: Touches,
    outcomes: Outcomes,
    rule: str = "linear",
    *,
    window: float = math.inf,
    half_life: float = 7.0,
) -> tuple[F64, float]:
    """((t,) credit of each touch, what no touch led to). Their sum is the sum of the outcomes.

    An outcome is shared among the touches of its journey that came before it or at the same moment, by
    ``rule``: all to the latest (``last_click``), all to the earliest (``first_click``), in equal parts
    (``linear``), or in parts that halve with every ``half_life`` days of age (``time_decay``). A rule shares
    out; it does not measure what a touch changed.

    Args:
        window: days before the outcome within which a touch counts.

    Raises:
        InvalidInput: lengths differ, or something is not finite.
    """
    one_of("rule", rule, RULES)
    in_range("window", window, 0.0, math.inf)
    in_range("half_life", half_life, 0.0, math.inf, open_low=True)
    _check(touches, outcomes)
    order, first, last = _spans(touches, outcomes, window)
    amount = np.asarray(outcomes.amount, np.float64)
    count = last - first
    credit: F64 = np.zeros(len(order))
    led_to = count > 0
    if rule in ("last_click", "first_click"):
        at = last - 1 if rule == "last_click" else first
        np.add.at(credit, at[led_to], amount[led_to])
    elif led_to.any():
        place, outcome = _pairs(first[led_to], count[led_to])
        share = np.ones(len(place))
        if rule == "time_decay":
            age = np.asarray(outcomes.time, np.float64)[led_to][outcome] - touches.time[order][place]
            newest = np.minimum.reduceat(age, np.cumsum(count[led_to]) - count[led_to])
            share = np.exp2(-(age - newest[outcome]) / half_life)
        total = np.bincount(outcome, share)
        np.add.at(credit, place, amount[led_to][outcome] * share / total[outcome])
    shared: F64 = np.empty_like(credit)
    shared[order] = credit
    return shared, float(amount[~led_to].sum())


def _spans(touches: Touches, outcomes: Outcomes, window: float) -> tuple[I64, I64, I64]:
    """((t,) touches in order of journey and time, (m,) first and (m,) last + 1 of those that count)."""
    t, m = len(touches.time), len(outcomes.time)
    _, journey = np.unique(np.concatenate([touches.journey, outcomes.journey]), return_inverse=True)
    end = np.asarray(outcomes.time, np.float64)
    moments = np.concatenate([np.asarray(touches.time, np.float64), end - window, end])
    times, rank = np.unique(moments, return_inverse=True)
    key = journey[:t] * len(times) + rank[:t]
    order = np.argsort(key, kind="stable")
    start = journey[t:] * len(times)
    first = np.searchsorted(key[order], start + rank[t : t + m], side="left")
    last = np.searchsorted(key[order], start + rank[t + m :], side="right")
    return order, first, last


def _pairs(first: I64, count: I64) -> tuple[I64, I64]:
    """(places, number of the span) of every place in the spans [first, first + count)."""
    span = np.repeat(np.arange(len(first)), count)
    return np.arange(len(span)) - np.repeat(np.cumsum(count) - count, count) + first[span], span


def _check(touches: Touches, outcomes: Outcomes) -> None:
    if len(touches.journey) != len(touches.time):
        raise InvalidInput("touches.time", len(touches.time), f"give one per touch ({len(touches.journey)})")
    for name in ("time", "amount"):
        if len(getattr(outcomes, name)) != len(outcomes.journey):
            fix = f"give one per outcome ({len(outcomes.journey)})"
            raise InvalidInput(f"outcomes.{name}", len(getattr(outcomes, name)), fix)
    finite("touches.time", np.asarray(touches.time, np.float64))
    finite("outcomes.time", np.asarray(outcomes.time, np.float64))
    finite("outcomes.amount", np.asarray(outcomes.amount, np.float64))
