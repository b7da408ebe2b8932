"""All facts at once: measure whatever the records allow, say what the rest lacks."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from numpy.random import Generator

from ..core.errors import InvalidInput
from . import customer_facts, item_facts, order_facts, session_facts
from .registry import FACTS, Fact
from .resampling import RESAMPLES, Bootstrap
from .shop_data import ShopData

__all__ = ["FACTS", "Fact", "measure"]

SUBJECTS = (session_facts, order_facts, customer_facts, item_facts)
"""Modules that register their facts when imported."""

COLUMNS = ("name", "value", "low", "high", "unit", "group", "n", "lacks")


def measure(
    data: ShopData, rng: Generator, *, names: Sequence[str] | None = None, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Measure facts of a shop.

    Args:
        data: the shop's records.
        rng: of the bootstrap.
        names: which; None = all.
        resamples: at least 20, or 0: no intervals.

    Returns:
        One row per fact: name, value, low, high (95%), unit, group, n (independent units), lacks (why there
        is no value; "" if there is one).

    Raises:
        InvalidInput: if a name is not registered.
    """
    wanted = list(FACTS) if names is None else list(names)
    unknown = [name for name in wanted if name not in FACTS]
    if unknown:
        raise InvalidInput("names", unknown, f"choose from {sorted(FACTS)}")
    boot, rows = Bootstrap(rng, resamples), []
    for name in wanted:
        fact = FACTS[name]
        lacks = fact.lacks(data)
        row: dict[str, object] = {
            "name": name,
            "unit": fact.unit,
            "group": fact.group,
            "lacks": ", ".join(lacks),
        }
        if not lacks:
            try:
                found = fact.measure(data, boot)
                row |= {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
            except InvalidInput as error:  # recorded, yet too little of it: say so and go on
                row["lacks"] = str(error)
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))
