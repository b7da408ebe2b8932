"""A shop's figures beside those of real shops: is each inside the real interval?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from .reference import StylisedFact, near

SPAN_TOLERANCE = 0.1
"""Facts that grow with time are compared only if the two times watched differ by no more than this share."""


def scorecard(
    values: pd.DataFrame, facts: Sequence[StylisedFact], *, days: float | None = None
) -> pd.DataFrame:
    """Compare measured values with stylised facts.

    Args:
        values: table of :func:`~.facts.measure`.
        facts: the stylised facts; several of them may have the same measure.
        days: how long the shop was watched; None: compare facts that grow with time too.

    Returns:
        One row per fact: name, group, unit, measure, real, real_low, real_high, value, low, high, inside
        (value in [real_low, real_high]; missing if the fact cannot be compared), near (inside, or within 10%
        of the real value), overlaps (the two intervals meet), why (the reason why it cannot be compared, else
        ""), source.

    Raises:
        InvalidInput: ``values`` lacks a column or names a fact twice.
    """
    missing = [name for name in ("name", "value", "low", "high") if name not in values.columns]
    if missing:
        raise InvalidInput("values", list(values.columns), f"add the columns {missing}")
    if values["name"].duplicated().any():
        raise InvalidInput("values", values["name"][values["name"].duplicated()].tolist(), "name facts once")
    measured = {str(row["name"]): row for row in values.to_dict("records")}
    rows = []
    for fact in facts:
        row: dict[str, object] = {"name": fact.name, "group": fact.group, "unit": fact.unit}
        row |= {"measure": fact.measure, "real": fact.value, "real_low": fact.low, "real_high": fact.high}
        row |= {"inside": pd.NA, "near": pd.NA, "overlaps": pd.NA, "why": "", "source": fact.source}
        values_row = measured.get(fact.measure)
        value, low, high = (
            float(values_row[end]) if values_row else np.nan for end in ("value", "low", "high")
        )
        row |= {"value": value, "low": low, "high": high}
        if values_row is None:
            row["why"] = "not measured"
        elif np.isnan(value):
            row["why"] = str(values_row.get("lacks", "")) or "no value"
        elif days is not None and fact.days is not None and not similar_span(days, fact.days):
            row["why"] = f"watched for {days:.0f} days, the real shop for {fact.days:.0f}"
        else:
            row["inside"] = bool(fact.low <= value <= fact.high)
            row["near"] = near(value, fact)
            row["overlaps"] = bool(low <= fact.high and high >= fact.low)
        rows.append(row)
    columns = ["name", "group", "unit", "measure", "real", "real_low", "real_high"]
    columns += ["value", "low", "high", "inside", "near", "overlaps", "why", "source"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype(dict.fromkeys(("inside", "near", "overlaps"), "boolean"))


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as values that JSON can hold."""
    plain = table.astype(object).where(table.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def similar_span(days: float, real_days: float) -> bool:
    """Whether two shops were watched for about the same number of days; true if ``days`` is NaN."""
    return not abs(days - real_days) > SPAN_TOLERANCE * real_days
