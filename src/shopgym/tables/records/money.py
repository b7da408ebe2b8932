"""What was paid: discounts of lines and orders, amounts in cents, currencies, refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64, Bool

if TYPE_CHECKING:
    import pandas as pd

WITHOUT_CENTS = frozenset(
    {"JPY", "KRW", "VND", "CLP", "ISK", "HUF", "TWD", "IDR", "COP", "PYG", "XAF", "XOF"}
)
"""Currencies whose prices are whole numbers."""
CENT = 0.006
"""Amounts that differ by less are equal."""
FEWEST_PRICES = 5


def require_whole_units(prices: F64, currency: str) -> None:
    """Raise :class:`InvalidInput` where all prices are whole numbers from 100: they may be cents.

    Args:
        prices: (r,) as they were read.
        currency: of most of them, or "".
    """
    different = np.unique(prices[np.isfinite(prices) & (prices > 0)])
    if len(different) < FEWEST_PRICES or currency.upper() in WITHOUT_CENTS:
        return
    if (different % 1 == 0).all() and (different >= 100).mean() >= 0.9:
        fix = (
            f"all prices are whole numbers, such as {different[len(different) // 2]:.0f}: say whether they "
            "are cents (--price-unit 0.01) or not (--price-unit 1)"
        )
        raise InvalidInput("price", f"{different[0]:.0f} to {different[-1]:.0f}", fix)


def paid_prices(lines: pd.DataFrame) -> tuple[F64, list[str]]:
    """((r,) what was paid for one unit, what is to be said about it).

    A discount of a line is spread over its units. An order's subtotal, or else its discount, is spread over
    its lines in proportion to what they cost.

    Args:
        lines: order, quantity, price, and any of line_discount, order_discount and subtotal.
    """
    price = lines["price"].to_numpy(np.float64, copy=True)
    quantity = lines["quantity"].to_numpy(np.float64)
    list_price = price.copy()
    sold = (quantity > 0) & np.isfinite(price)
    if "line_discount" in lines:
        discount = np.abs(np.nan_to_num(lines["line_discount"].to_numpy(np.float64)))
        price = np.where(sold, price - discount / np.where(sold, quantity, 1.0), price)
    value = np.where(sold, price, 0.0) * np.where(sold, quantity, 0.0)
    order = lines["order"]
    gross = _by_order(value, order)
    share = np.ones(len(lines))
    if "order_discount" in lines:
        off = np.abs(np.nan_to_num(lines["order_discount"].to_numpy(np.float64)))
        share = 1.0 - np.minimum(off / np.where(gross > 0, gross, np.inf), 1.0)
    if "subtotal" in lines:
        subtotal = lines["subtotal"].to_numpy(np.float64)
        said = np.isfinite(subtotal) & (gross > 0) & (subtotal >= 0) & (subtotal <= gross + CENT)
        share = np.where(said, subtotal / np.where(gross > 0, gross, 1.0), share)
    price = np.where(sold & (np.abs(share - 1.0) > 1e-9), price * share, price)
    lowered = sold & (price < list_price - 1e-9)
    if not lowered.any():
        return price, []
    before = float((list_price * quantity)[sold].sum())
    after = float((price * quantity)[sold].sum())
    remark = (
        f"discounts lower the price of {int(lowered.sum()):,} lines, by {1 - after / before:.1%} of all sales"
    )
    return price, [remark]


def refunds(lines: pd.DataFrame, whole: Bool) -> tuple[F64, F64, list[str]]:
    """((r,) units that came back, (r,) price paid, what is to be said).

    An amount that pays back a whole order brings all its lines back. One that equals the value of a line
    brings that line back. Any other lowers the prices of its order in proportion, because the record does not
    say which line it is about.

    Args:
        lines: order, quantity > 0, price, and any of refunded and refunded_quantity; sold lines only.
        whole: (r,) lines of orders whose status says that they came back.
    """
    quantity, price = lines["quantity"].to_numpy(np.float64), lines["price"].to_numpy(np.float64, copy=True)
    back = np.where(whole, quantity, 0.0)
    remarks: list[str] = []
    if "refunded_quantity" in lines:
        units = np.abs(np.nan_to_num(lines["refunded_quantity"].to_numpy(np.float64)))
        back = np.maximum(back, np.minimum(units, quantity))
    if "refunded" in lines:
        amount = np.abs(np.nan_to_num(lines["refunded"].to_numpy(np.float64)))
        value = quantity * price
        total = _by_order(value, lines["order"])
        open_amount = (amount > 0) & (back == 0)
        everything = open_amount & (amount >= total - CENT)
        back = np.where(everything, quantity, back)
        partly = open_amount & ~everything
        equal = partly & (np.abs(value - amount) < CENT)
        first = equal & ~lines["order"].where(equal).duplicated().to_numpy()
        settled = _by_order(first.astype(np.float64), lines["order"]) > 0
        back = np.where(first, quantity, back)
        spread = partly & ~settled
        price = np.where(spread, price * (1.0 - amount / np.where(total > 0, total, 1.0)), price)
        if spread.any():
            orders = lines.loc[spread, "order"].nunique()
            remarks.append(
                f"orders paid back in part, and no line says for what: {orders:,}; their prices are lowered"
            )
    if (back > 0).any():
        remarks.insert(
            0, f"sold lines that were paid back: {int((back > 0).sum()):,}; they count as returns too"
        )
    return back, price, remarks


def _by_order(values: F64, order: pd.Series) -> F64:
    """(r,) the sum of the values of a row's order."""
    import pandas as pd

    sums = pd.Series(values).groupby(order.to_numpy(), dropna=False).transform("sum")
    return np.asarray(sums, np.float64)
