"""Customers: guests are told apart by order, and what says who somebody is becomes a number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .mapping import RecordMapping
from .options import RecordOptions

if TYPE_CHECKING:
    import pandas as pd

PERSONAL = re.compile(r"@|\w\s+\w|^\+\s*\d")
"""An e-mail address, a name of several words, a telephone number."""
TRUE = ("true", "yes", "1", "y", "t")
LARGE_SHARE, FEWEST_ORDERS = 0.2, 50


def known_customers(
    lines: pd.DataFrame, mapping: RecordMapping, options: RecordOptions
) -> tuple[pd.Series, list[str]]:
    """((r,) ids of known customers, missing for guests; what is to be said).

    Args:
        lines: order, customer, and guest if the records have it.
    """
    words = {*mapping.guests, *(word.lower() for word in options.guests)}
    ids = lines["customer"]
    guest = ids.isna() | ids.str.strip().str.lower().isin(words)
    if "guest" in lines:
        guest |= lines["guest"].fillna("").astype(str).str.strip().str.lower().isin(TRUE)
    ids = ids.astype(object).where(~guest, None)
    remarks = []
    by_customer = lines[~guest].groupby(ids[~guest])["order"].nunique()
    largest = by_customer.max() if len(by_customer) else 0
    if len(by_customer) > 1 and largest >= FEWEST_ORDERS and largest > LARGE_SHARE * by_customer.sum():
        share = largest / by_customer.sum()
        remarks.append(
            f"one customer has {share:.0%} of the orders: if that id stands for guests, say --guest ID"
        )
    ids, said = without_personal(ids)
    return ids, [*remarks, *said]


def without_personal(ids: pd.Series) -> tuple[pd.Series, list[str]]:
    """(the ids, or numbers in their place where some are e-mail addresses, names or telephone numbers; what
    is to be said about it)."""
    import pandas as pd

    code, different = pd.factorize(ids.str.strip().str.lower())
    if not any(PERSONAL.search(cell) for cell in different):
        return ids, []
    numbers = [f"c{number + 1}" if number >= 0 else None for number in code]
    remark = "ids of customers are e-mail addresses, names or telephone numbers: numbers replace them"
    return pd.Series(numbers, index=ids.index, dtype=object), [remark]
