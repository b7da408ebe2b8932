"""Measure all facts that the records of a shop allow, and say what the records lack for the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd
from numpy.random import Generator

from ..core.errors import InvalidInput, one_of
from . import (  # noqa: F401 (they register their facts)
    customer_facts,
    day_facts,
    item_facts,
    next_item_facts,
    order_facts,
    season_facts,
    session_facts,
)
from .registry import FACTS, Fact
from .resampling import RESAMPLES, ClusterBootstrap
from .shop_data import ShopData

__all__ = ["FACTS", "Fact", "measure"]

COLUMNS = ("name", "value", "low", "high", "unit", "group", "n", "lacks")


def measure(
    data: ShopData, rng: Generator, *, names: Sequence[str] | None = None, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Measure facts of a shop.

    Args:
        data: the shop's records.
        rng: of the bootstrap.
        names: of the facts; None: all.
        resamples: at least 20, or 0 for no intervals.

    Returns:
        One row per fact: name, value, low, high (95%), unit, group, n (independent units), lacks (why there
        is no value; "" if there is one).

    Raises:
        InvalidInput: a name is not registered.
    """
    boot, rows = ClusterBootstrap(rng, resamples), []
    for name in names or ():
        one_of("names", name, FACTS)
    for name in FACTS if names is None else names:
        fact = FACTS[name]
        lacks = fact.lacks(data)
        row: dict[str, object] = {"name": name, "unit": fact.unit, "group": fact.group}
        row["lacks"] = ", ".join(lacks)
        if not lacks:
            try:
                row |= asdict(fact.measure(data, boot))
            except InvalidInput as error:  # there are too few records: report it and go on
                row["lacks"] = str(error)
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))
