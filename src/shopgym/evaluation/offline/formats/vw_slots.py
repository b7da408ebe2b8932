"""Slots (CCB) and slates in Vowpal Wabbit's DSJSON, and the values that its lines hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ....core.types import F64
from ..slate import slate_inputs
from .validation import ValidationReport
from .weighed_log import WeighedLog

PMF_TOLERANCE = 1e-4
"""A logged distribution may miss 1 by this much: Vowpal Wabbit writes single precision."""
SUM = f"the probabilities have to sum to 1 within {PMF_TOLERANCE:g}"
UNIT = "reward (minus cost)"
Event = tuple[int, dict[str, Any]]
"""The number of a line from 0, and its JSON object."""


def slots_source(events: list[Event], size: F64 | None, note: str) -> WeighedLog:
    """Weigh rounds of several slots for the uniform policy.

    Rounds may have different numbers of slots: those that a round lacks earn nothing and change no weight.

    Args:
        events: with ``_outcomes``; a slate has one cost, else each slot has its own.
        size: (n,) how many lines each stands for, or None.
        note: what the reader of an estimate has to know of the log.

    Raises:
        InvalidInput: lines that cannot be used, with their numbers.
    """
    lines = np.array([number for number, _ in events])
    slate = "_label_cost" in events[0][1]
    slots = [_outcomes(event) for _, event in events]
    sizes = np.array([len(each) for each in slots])
    report = ValidationReport()
    report.check("_outcomes", sizes, sizes == 0, "give one JSON object for each slot, at least one")
    mixed = np.array([("_label_cost" in event) != slate for _, event in events])
    report.check(
        "_label_cost", mixed, mixed, "give one cost a slate in every line, or one a slot in every line"
    )
    report.stop(len(events), lines)
    shape = (len(events), int(sizes.max()))
    reward, propensity, target, total = np.zeros(shape), np.ones(shape), np.ones(shape), np.ones(shape)
    for i, (_, event) in enumerate(events):
        if slate:
            reward[i, 0] = -number_in(event.get("_label_cost"))
        for j, outcome in enumerate(slots[i]):
            p = [number_in(each) for each in listed_values(outcome.get("_p"))]
            a = listed_values(outcome.get("_a"))
            total[i, j] = sum(p) if len(p) == len(a) else np.nan
            propensity[i, j] = p[0] if p else np.nan
            target[i, j] = 1.0 / max(1, len(a))
            if not slate:
                reward[i, j] = -number_in(outcome.get("_label_cost"))
    whole = (np.abs(total - 1.0) <= PMF_TOLERANCE).all(axis=1)
    report.check("_p", total, ~whole, f"give one for every action in _a, the chosen one first: {SUM}")
    finite = np.isfinite(reward).all(axis=1)
    report.check("_label_cost", reward, ~finite, "give a number")
    in_range = ((propensity > 0) & (propensity <= 1)).all(axis=1)
    report.check("_p", propensity, ~in_range & whole, "give probabilities in (0, 1]")
    report.stop(len(events), lines)
    model = "standard" if slate else "cascade"
    inputs = slate_inputs(reward, propensity, target, model=model, unit=UNIT)
    notes = [f"weights are products over {'all slots' if slate else 'the slots so far'}", note]
    inputs = replace(inputs, note="; ".join(filter(None, notes)), sample_weight=size)
    return WeighedLog(inputs)


def _outcomes(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The slots; none if one of them is no object."""
    outcomes = listed_values(event.get("_outcomes"))
    return outcomes if all(isinstance(each, dict) for each in outcomes) else []


def listed_values(value: Any) -> list[Any]:
    """A list as it is, anything else as a list of one, nothing as an empty one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def number_in(value: Any) -> float:
    """The number, or NaN."""
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if plain else float("nan")


def is_whole(value: Any) -> bool:
    """Whether it is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)
