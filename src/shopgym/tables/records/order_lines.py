"""Order lines of any shop system: what was sold, what came back, and what is set aside with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import Bool
from ..numbers import to_numbers
from .columns import RecordTable
from .mapping import SOLD, RecordMapping
from .money import paid_prices, refunds, require_whole_units
from .options import RecordOptions
from .overlap import repeats_in_file
from .people import known_customers
from .set_aside import Refusals, reasons_of, shown
from .times import read_times

if TYPE_CHECKING:
    import pandas as pd

FOR_A_CATALOG = ("order", "item", "price")
FOR_A_SHOP = ("order", "item", "customer", "time", "price")
"""Fields that a use needs. Without a column ``quantity`` every line is one unit."""
ORDER_LEVEL = (
    *("customer", "guest", "time", "currency", "status", "cancelled"),
    *("order_discount", "subtotal", "refunded"),
)
"""Fields that are alike in all lines of an order; some systems write them on its first line only."""
KEPT = (
    "order",
    "item",
    "customer",
    "time",
    "quantity",
    "price",
    "currency",
    "description",
    "unit_cost",
    "category",
)
MOST, MOST_WORDS = 0.5, 20
SMALLEST, LARGEST, MOST_UNITS = 1e-9, 1e12, 1e9
"""Prices up to the first are 0; larger prices and more units of a line are errors."""
RETURN = "below 0: counted as a return"
NO_SALE = ("status", "cancelled", "cancelled_quantity", "line")
"""Columns that refuse a row because nothing was sold: a cancelled order, or a line that was there before."""
FALSE = ("", "false", "no", "0", "n", "f", "none", "null", "nan")


@dataclass(frozen=True, eq=False)
class OrderLines:
    """Order lines.

    Attributes:
        sold: order, item (str), customer (str; missing for guests), time (s since 1970 by the shop's clock),
            quantity > 0, price > 0 of one unit after discounts, and description, unit_cost, category and
            currency where the records have them.
        returned: lines with a negative quantity and lines that were paid back, with quantity > 0. The time
            of the latter is that of the order.
        set_aside: ``row`` (position in the file, from 0), ``column``, ``value``, ``reason``.
        rows: number of rows that were read.
        currency: of all lines used; "" if the records do not say.
        remarks: what was recognised or assumed, in words.
        coverage: by ``items``, ``lines`` and ``revenue``: ``used``, and ``total`` of all sales in the
            records. Rows that are set aside count too, except cancelled orders, returns and repeated lines.
            Revenue is counted where its amount is known, in the same currency.
        guests: number of orders without a known customer.
        mapping: name of the mapping.
        recognised: how a text table is written, where that is not plain CSV, in words.
        left_out: ids of items that were left out by pattern or number of orders.
    """

    sold: pd.DataFrame
    returned: pd.DataFrame
    set_aside: pd.DataFrame
    rows: int
    currency: str
    remarks: tuple[str, ...] = ()
    coverage: dict[str, dict[str, float]] = field(default_factory=dict)
    guests: int = 0
    mapping: str = "plain"
    recognised: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()

    def reasons(self) -> dict[str, int]:
        """Number of rows set aside by column and reason, the most frequent first."""
        return reasons_of(self.set_aside)

    def until(self, day: str) -> OrderLines:
        """The lines up to and with a day, such as 2024-12-31; what was set aside stays as it is.

        Raises:
            InvalidInput: it is no day, or no line is as early.
        """
        try:
            end = (np.datetime64(day, "D") + 1).astype("datetime64[s]").astype(np.int64)
        except ValueError:
            raise InvalidInput("until", day, "give a day such as 2024-12-31") from None
        sold, returned = (
            lines[lines["time"] < end].reset_index(drop=True) for lines in (self.sold, self.returned)
        )
        if sold.empty:
            raise InvalidInput("until", day, "all lines are later: give a later day")
        return replace(self, sold=sold, returned=returned)


def order_lines(
    record: RecordTable, options: RecordOptions, *, need: Sequence[str] = FOR_A_CATALOG, fewest: int = 1
) -> OrderLines:
    """Separate sales, returns and rows that cannot be used.

    A row is set aside with the first reason that applies. A line with a negative quantity is a return; it is
    listed in ``set_aside`` too, because it is no sale. Discounts lower the price; cancelled orders are set
    aside; refunds are returns. Fields of the order that only its first line has are filled.

    Args:
        record: the rows.
        options: how they are read.
        need: the fields that must have a column.
        fewest: lines that must be usable.

    Raises:
        InvalidInput: a field has no column, day and month or the unit of prices are open, or too few rows can
            be used; names what to do.
    """
    mapping = record.mapping
    record.require(need)
    lines, remarks = record.table.copy(), [*mapping.remarks, *record.remarks]
    if mapping.currency and "currency" not in lines:
        lines["currency"] = mapping.currency
    remarks += _fill_within_orders(lines)
    remarks += [] if record.file is not None else repeats_in_file(lines)
    refusals = Refusals(len(lines))
    _read_ids(lines, mapping, options, refusals)
    _read_time(lines, mapping, options, "time" in need, refusals, remarks)
    whole = _read_status(lines, mapping, refusals, remarks)
    currency = _currency(lines, options)
    _read_amounts(lines, mapping, options, currency, refusals, remarks)
    if currency and "currency" in lines:
        other = lines["currency"].notna() & (lines["currency"] != currency)
        refusals.refuse(lines["currency"].isna(), "currency", "missing")
        refusals.refuse(other, "currency", f"not {currency}, the currency of most rows")
        remarks += _changed_currency(lines, currency)
    if "customer" in lines:
        lines["customer"], said = known_customers(lines, mapping, options)
        remarks += said
    if "line" in lines:
        refusals.refuse(
            lines["line"].duplicated() & lines["line"].notna(), "line", "this id was there before"
        )
    if "customer" in lines:
        owner = lines.groupby("order")["customer"].transform("first")
        stranger = lines["customer"].notna() & (lines["customer"] != owner)
        refusals.refuse(stranger, "order", "this id is another customer's too")
    refusals.refuse(lines["quantity"] < 0, "quantity", RETURN)
    inside = _in_catalog(lines, mapping, options, refusals)
    sold = lines[refusals.good]
    if len(sold) < fewest:
        _too_few(refusals, len(sold), fewest, len(lines))
    guests = int(sold.loc[sold["customer"].isna(), "order"].nunique()) if "customer" in sold else 0
    if guests:
        remarks.append(f"orders by guests: {guests:,}; they are told apart by order")
    back, said = np.zeros(len(sold)), []
    if "price" in sold:
        back, price, said = refunds(sold, whole[refusals.good])
        sold = sold.assign(price=price)
    coverage = _coverage(lines, refusals, currency)
    negative = lines[refusals.reason == RETURN].assign(quantity=lambda rows: -rows["quantity"])
    paid_back = sold[back > 0].assign(quantity=back[back > 0])
    return OrderLines(
        _kept(sold),
        _kept(negative if paid_back.empty else _concat(negative, paid_back)),
        record.set_aside(refusals),
        record.rows,
        currency,
        tuple(dict.fromkeys([*remarks, *said])),
        coverage,
        guests,
        mapping.name,
        record.recognised,
        frozenset(lines.loc[~inside, "item"].dropna()) if "item" in lines else frozenset(),
    )


def _kept(lines: pd.DataFrame) -> pd.DataFrame:
    return lines[[name for name in KEPT if name in lines]].reset_index(drop=True)


def _concat(*tables: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def _fill_within_orders(lines: pd.DataFrame) -> list[str]:
    """Fill the fields of orders that a file writes on the first line of an order only.

    A file does so with a field where most orders of several lines that have it at all have it on their first
    line alone; a single gap in a column that is else filled stays a missing value.
    """
    if "order" not in lines:
        return []
    filled: dict[str, int] = {}
    by_order = lines.groupby("order", sort=False)
    size = by_order["order"].transform("size")
    for name in ORDER_LEVEL:
        if name not in lines or not lines[name].isna().any() or lines[name].isna().all():
            continue
        count = by_order[name].transform("count")
        first = ~lines["order"].duplicated()
        leading = first & (size > 1) & (count > 0)
        alone = leading & (count == 1) & lines[name].notna()
        if alone.sum() <= MOST * leading.sum():
            continue
        gaps = lines[name].isna() & (count == 1)
        lines[name] = lines[name].where(~gaps, by_order[name].transform("first"))
        filled[name] = int(gaps.sum())
    if not filled:
        return []
    what = ", ".join(f"{name} of {count:,} lines" for name, count in filled.items())
    return [f"filled from the first line of the order: {what}"]


def _read_ids(
    lines: pd.DataFrame, mapping: RecordMapping, options: RecordOptions, refusals: Refusals
) -> None:
    if "order" not in lines:
        parts = [name for name in mapping.order_from if name in lines]
        code = lines.groupby(parts, sort=False).ngroup()  # -1 where one part is missing
        lines["order"] = code.astype(str).where(code >= 0, None)
    refusals.refuse(lines["order"].isna(), "order", "missing")
    if "item" in lines:
        refusals.refuse(lines["item"].isna(), "item", "missing")


def _read_time(
    lines: pd.DataFrame,
    mapping: RecordMapping,
    options: RecordOptions,
    needed: bool,
    refusals: Refusals,
    remarks: list[str],
) -> None:
    """Seconds in place of times; a column that cannot be read goes where it is not needed."""
    if "time" not in lines:
        return
    zone = options.time_zone or mapping.time_zone
    try:
        times = read_times(lines["time"], "time", day_first=options.day_first, time_zone=zone)
    except InvalidInput as error:
        if needed:
            raise
        del lines["time"]
        remarks.append(f"times are not used: {error.fix}")
        return
    lines["time"] = times.seconds
    remarks += times.remarks
    refusals.refuse(lines["time"].isna(), "time", "missing or no time")


def _read_status(lines: pd.DataFrame, mapping: RecordMapping, refusals: Refusals, remarks: list[str]) -> Bool:
    """(r,) lines of orders that came back whole; orders that were never sent are refused."""
    whole = np.zeros(len(lines), np.bool_)
    if "status" in lines:
        word = lines["status"].fillna("").astype(str).str.strip().str.lower()
        word = word.str.removeprefix("wc-").str.replace(r"[ _]", "-", regex=True)
        cancelled, refunded = (
            {text.replace("_", "-") for text in words} for words in (mapping.cancelled, mapping.refunded)
        )
        for text in sorted(set(word) & cancelled):
            refusals.refuse(word == text, "status", f"the order is {text}")
        whole = np.asarray(word.isin(refunded), np.bool_)
        others = word[~word.isin({*cancelled, *refunded, *SOLD, ""})].value_counts().head(MOST_WORDS)
        for other, count in others.items():
            word_shown = shown("status", other)
            remarks.append(f"status {word_shown!r} is not a known word: its {count:,} lines count as sold")
    if "cancelled" in lines:
        flag = lines["cancelled"].fillna("").astype(str).str.strip().str.lower()
        refusals.refuse(~flag.isin(FALSE), "cancelled", "the order was cancelled")
    return whole


def _read_amounts(
    lines: pd.DataFrame,
    mapping: RecordMapping,
    options: RecordOptions,
    currency: str,
    refusals: Refusals,
    remarks: list[str],
) -> None:
    """Numbers in place; price and quantity of every line."""
    amounts = ("quantity", "price", "value", "unit_cost", "line_discount", "order_discount", "subtotal")
    for name in (*amounts, "refunded", "refunded_quantity", "cancelled_quantity"):
        if name in lines:
            lines[name] = to_numbers(lines[name], name)
    if "quantity" not in lines:
        lines["quantity"] = 1.0
        remarks.append("no column of quantities: every line is one unit")
    quantity = lines["quantity"].where(np.isfinite(lines["quantity"]))
    if "cancelled_quantity" in lines:
        never_sent = lines["cancelled_quantity"].abs().fillna(0.0)
        gone = (never_sent > 0) & (never_sent >= quantity)
        refusals.refuse(gone, "cancelled_quantity", "all units were cancelled")
        quantity = quantity.where(gone, quantity - never_sent)
    if mapping.least_quantity:
        quantity = quantity.where(
            ~((quantity >= 0) & (quantity < mapping.least_quantity)), mapping.least_quantity
        )
    lines["quantity"] = quantity
    refusals.refuse(quantity.isna() | (quantity == 0), "quantity", "missing, 0 or no number")
    refusals.refuse(quantity.abs() > MOST_UNITS, "quantity", f"above {MOST_UNITS:,.0f} units")
    if "price" not in lines and "value" in lines:
        lines["price"] = lines["value"] / quantity.where(quantity != 0)
    if "price" not in lines:
        return
    source = "price" if "price" in mapping.columns or "value" not in lines else "value"
    money = [name for name in ("price", "unit_cost", *amounts[4:], "refunded") if name in lines]
    if options.price_unit is None:
        require_whole_units(lines["price"].to_numpy(np.float64), currency)
    elif options.price_unit != 1:
        for name in dict.fromkeys(money):
            lines[name] *= options.price_unit
    refusals.refuse(~np.isfinite(lines["price"]), source, "missing or no number")
    refusals.refuse(lines["price"] <= SMALLEST, source, "0 or less")
    too_much = (lines["price"] > LARGEST) | (quantity.abs() > MOST_UNITS)
    refusals.refuse(lines["price"] > LARGEST, source, f"above {LARGEST:,.0f}")
    lines.loc[too_much, "price"] = np.nan
    lines["price"], said = paid_prices(lines)
    remarks += said
    refusals.refuse(lines["price"] <= SMALLEST, source, "0 or less after discounts")


def _currency(lines: pd.DataFrame, options: RecordOptions) -> str:
    """The currency that was said, or that of most lines; "" where the records do not say."""
    if "currency" not in lines or not lines["currency"].notna().any():
        return (options.currency or "").upper()
    lines["currency"] = lines["currency"].str.upper()
    counts = lines["currency"].value_counts()
    if options.currency is not None and options.currency.upper() not in counts:
        raise InvalidInput("currency", options.currency, f"the records are in {', '.join(counts.index)}")
    return str(options.currency or counts.index[0]).upper()


def _changed_currency(lines: pd.DataFrame, currency: str) -> list[str]:
    """Words where the record is in one currency up to a day and in another from then on."""
    import pandas as pd

    other = lines["currency"].notna() & (lines["currency"] != currency)
    if "time" not in lines or not other.any():
        return []
    mine, theirs = lines.loc[lines["currency"] == currency, "time"], lines.loc[other, "time"]
    if theirs.max() <= mine.min() or mine.max() <= theirs.min():
        start, end = (pd.Timestamp(time, unit="s").date() for time in (mine.min(), mine.max()))
        names = ", ".join(sorted(set(lines.loc[other, "currency"])))
        used = f"the time in {currency}, {start} to {end}, is used, that in {names} is not"
        return [f"the record changed its currency: {used}"]
    return []


def _in_catalog(
    lines: pd.DataFrame, mapping: RecordMapping, options: RecordOptions, refusals: Refusals
) -> Bool:
    """(r,) lines of items that stay; the others are refused."""
    inside = np.ones(len(lines), np.bool_)
    if "item" not in lines:
        return inside
    pattern = options.item_pattern or mapping.item_pattern
    if pattern is not None:
        fits = lines["item"].fillna("").str.fullmatch(pattern).to_numpy(bool)
        refusals.refuse(~fits, "item", f"does not match {pattern}")
        inside &= fits
    if options.min_orders > 1:
        orders = lines[refusals.good].groupby("item")["order"].nunique()
        few = lines["item"].isin(orders.index[orders < options.min_orders]).to_numpy(bool)
        refusals.refuse(few, "item", f"in fewer than {options.min_orders} orders")
        inside &= ~few
    return inside


def _coverage(lines: pd.DataFrame, refusals: Refusals, currency: str) -> dict[str, dict[str, float]]:
    """What is used of all sales of the records; amounts count where they are known, in the same currency.

    A row with an amount below 0 pays something back, and is no sale.
    """
    sale = ~(np.isin(refusals.column, NO_SALE) | (lines["quantity"] < 0).to_numpy(bool))
    if "price" in lines:
        sale &= ~(lines["price"] < 0).to_numpy(bool)
    sales, used = lines[sale], refusals.good[sale]
    out: dict[str, dict[str, float]] = {}
    if "item" in sales:
        out["items"] = {"used": int(sales["item"][used].nunique()), "total": int(sales["item"].nunique())}
    out["lines"] = {"used": int(used.sum()), "total": len(sales)}
    if "price" in sales:
        amount = (sales["price"] * sales["quantity"]).to_numpy(np.float64, copy=True)
        other = np.zeros(len(sales), np.bool_)
        if currency and "currency" in sales:
            other = (sales["currency"] != currency).to_numpy(bool)
        amount[~np.isfinite(amount) | other] = 0.0
        out["revenue"] = {"used": round(float(amount[used].sum()), 2), "total": round(float(amount.sum()), 2)}
    return out


def _too_few(refusals: Refusals, used: int, fewest: int, rows: int) -> None:
    from collections import Counter

    reasons = [f"{column}: {reason}" for column, reason in zip(refusals.column, refusals.reason) if reason]
    counts = dict(Counter(reasons).most_common(6))
    if not used:
        raise InvalidInput("transactions", counts, f"none of {rows} rows can be used: see the reasons")
    raise InvalidInput(
        "transactions", counts or f"{rows:,} rows", f"{used} rows can be used: give {fewest} or more"
    )
