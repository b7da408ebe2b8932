"""Order lines: what is filled, told apart, lowered, sent back and set aside, and what is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders.paths import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.tables.records import (
    FOR_A_SHOP,
    OrderLines,
    RecordOptions,
    lines_report,
    read_events,
    read_order_lines,
)

CASES = SHARED / "cases" / "shop_data"


def table(rows: int = 40, **columns: Any) -> pd.DataFrame:
    """Orders of two lines each: 40 rows are 20 orders of 10 customers."""
    number = np.arange(rows)
    base = {
        "order": [f"o{i // 2}" for i in number],
        "item": [f"{i % 7:03d}" for i in number],
        "customer": [f"k{i // 2 % 10}" for i in number],
        "time": [str(pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(i // 2), hours=9)) for i in number],
        "quantity": 1,
        "price": 4.5,
        "currency": "EUR",
    }
    return pd.DataFrame({**base, **columns})


def read(data: pd.DataFrame, **options: Any) -> OrderLines:
    return read_order_lines(data, RecordOptions(**options), need=FOR_A_SHOP)


# --- the cases of shops' own files -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dst", "ddmm", "blank"])
def test_files_as_shops_export_them_are_read_whole(name: str) -> None:
    path = CASES / f"{name}.csv"
    if not path.exists():
        pytest.skip("shared cases not here")
    lines = read_order_lines(path, need=FOR_A_SHOP)
    assert (len(lines.sold), lines.rows, lines.currency) == (1800, 1800, "EUR")
    report = lines_report(lines)
    assert report["last"][:16] == "2024-10-26 03:54"
    assert report["items"] == 59
    assert "00001" in set(lines.sold["item"])
    first_hour = lines.sold["time"].iloc[0] % 86_400 // 3600
    assert first_hour == 2


def test_the_long_tail_stays_and_coverage_counts_what_is_left_out() -> None:
    path = CASES / "tail.csv"
    if not path.exists():
        pytest.skip("shared cases not here")
    assert read_order_lines(path).coverage["items"] == {"used": 987, "total": 987}
    few = read_order_lines(path, RecordOptions(min_orders=5))
    assert few.coverage["items"] == {"used": 99, "total": 987}
    assert few.coverage["lines"] == {"used": len(few.sold), "total": 6000}
    revenue = (few.sold["price"] * few.sold["quantity"]).sum()
    assert few.coverage["revenue"]["used"] == pytest.approx(revenue)


def test_coverage_counts_rows_that_are_set_aside_but_no_sales_that_never_were() -> None:
    """Without half of the times half of the lines are used; cancelled orders and returns are no sales."""
    data = table(status="paid")
    data.loc[data.index[20:], "time"] = None
    half = read(data)
    assert half.coverage["lines"] == {"used": 20, "total": 40}
    assert half.coverage["revenue"] == {"used": 90.0, "total": 180.0}
    data = table(status="paid")
    data.loc[data.index[:2], "status"] = "cancelled"
    data.loc[data.index[2:6], "quantity"] = -1
    data.loc[data.index[6:10], "currency"] = "USD"
    less = read(data)
    assert less.coverage["lines"] == {"used": 30, "total": 34}
    assert less.coverage["revenue"] == {"used": 135.0, "total": 135.0}
    assert len(less.returned) == 4


# --- fields of the order -----------------------------------------------------------------------------------


def test_fields_on_the_first_line_of_an_order_are_filled_and_said() -> None:
    data = table()
    blank = np.arange(40) % 2 == 1
    for name in ("customer", "time", "currency"):
        data.loc[blank, name] = None
    lines = read(data)
    assert len(lines.sold) == 40
    assert lines.sold["customer"].tolist() == table()["customer"].tolist()
    said = ", ".join(f"{name} of 20 lines" for name in ("customer", "time", "currency"))
    assert f"filled from the first line of the order: {said}" in lines.remarks


def test_a_single_gap_is_a_missing_value() -> None:
    data = table()
    data.loc[3, "time"] = None
    assert read(data).reasons() == {"time: missing or no time": 1}


# --- customers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["0", "", None, "guest", "-1"])
def test_guests_are_told_apart_by_order(word: str | None) -> None:
    data = table(customer=[word if i // 2 % 2 else f"k{i // 2 % 5}" for i in range(40)])
    lines = read(data)
    assert lines.guests == 10
    assert lines.sold["customer"].nunique() == 5
    assert lines.sold["customer"].isna().sum() == 20
    assert "orders by guests: 10; they are told apart by order" in lines.remarks


def test_a_guest_column_and_own_words_for_guests() -> None:
    flagged = read(table(guest=["yes" if i < 4 else "no" for i in range(40)]))
    assert flagged.guests == 2
    named = table(customer=["web" if i < 8 else f"k{i // 2}" for i in range(40)])
    assert read(named, guests=("WEB",)).guests == 4
    assert read(named).guests == 0


def test_one_customer_with_many_orders_is_asked_about() -> None:
    lines = read(table(200, customer=["77" if i < 160 else f"k{i // 2}" for i in range(200)]))
    assert any("one customer has 80% of the orders" in remark for remark in lines.remarks)


def test_ids_that_say_who_somebody_is_become_numbers() -> None:
    mails = [f"p{i // 2 % 4}@shop.example" for i in range(40)]
    lines = read(table(customer=mails))
    assert set(lines.sold["customer"]) == {"c1", "c2", "c3", "c4"}
    assert "shop.example" not in lines.sold.to_csv()
    plain = read(table()).sold["customer"]
    assert plain.tolist() == table()["customer"].tolist()


# --- money -------------------------------------------------------------------------------------------------


def test_discounts_lower_the_price_that_was_paid() -> None:
    """An order of 2 x 10 and 1 x 20: 4 off the first line, then 9 off the order of 36."""
    data = table(2, quantity=[2, 1], price=[10.0, 20.0], line_discount=[4.0, 0.0], order_discount=[9.0, 9.0])
    assert read(data).sold["price"].tolist() == pytest.approx([8.0 * 0.75, 20.0 * 0.75])
    said = data.assign(subtotal=18.0)  # what was paid is known: it counts
    assert read(said).sold["price"].tolist() == pytest.approx([4.0, 10.0])
    free = read(table(4, order_discount=[9.0, 9.0, 0, 0]))
    assert free.reasons() == {"price: 0 or less after discounts": 2}


@settings(max_examples=50, deadline=None)
@given(
    prices=st.lists(st.floats(0.5, 99.0), min_size=2, max_size=8),
    share=st.floats(0.0, 0.9),
)
def test_what_an_order_paid_is_its_value_less_its_discount(prices: list[float], share: float) -> None:
    total = sum(prices)
    data = table(len(prices), order="one", customer="k", price=prices, order_discount=total * share)
    sold = read(data, price_unit=1.0).sold
    assert (sold["price"] * sold["quantity"]).sum() == pytest.approx(total * (1 - share))


def test_cancelled_orders_are_set_aside_and_refunds_come_back() -> None:
    status = [
        "paid",
        "paid",
        "Voided",
        "voided",
        "wc-cancelled",
        "cancelled",
        "refunded",
        "refunded",
        "odd",
        "odd",
    ]
    lines = read(table(10, status=status))
    assert lines.reasons() == {"status: the order is voided": 2, "status: the order is cancelled": 2}
    assert set(lines.returned["order"]) == {"o3"}
    assert "status 'odd' is not a known word: its 2 lines count as sold" in lines.remarks
    flagged = read(table(4, cancelled=["2024-01-02", "2024-01-02", "", ""]))
    assert flagged.reasons() == {"cancelled: the order was cancelled": 2}


def test_refunds_in_part_go_to_the_line_they_equal_or_lower_all_prices() -> None:
    data = table(6, price=[5.0, 15.0] * 3, refunded=[15.0, 15.0, 4.0, 4.0, 20.0, 20.0])
    lines = read(data)
    assert lines.returned[["order", "price"]].to_numpy().tolist() == [["o0", 15.0], ["o2", 5.0], ["o2", 15.0]]
    assert lines.sold["price"].tolist() == pytest.approx([5.0, 15.0, 4.0, 12.0, 5.0, 15.0])
    units = read(table(2, quantity=3, refunded_quantity=[1, 0]))
    assert units.returned["quantity"].tolist() == [1.0]


def test_other_currencies_are_set_aside_and_counted() -> None:
    data = table(currency=["EUR"] * 30 + ["usd"] * 10)
    lines = read(data)
    assert (lines.currency, len(lines.sold)) == ("EUR", 30)
    assert lines.reasons() == {"currency: not EUR, the currency of most rows": 10}
    assert read(data, currency="usd").currency == "USD"
    assert any("the record changed its currency" in remark for remark in lines.remarks)
    mixed = read(table(currency=["EUR", "EUR", "EUR", "EUR", "USD", "USD", "EUR", "EUR"] * 5))
    assert not any("changed" in remark for remark in mixed.remarks)
    with pytest.raises(InvalidInput, match="the records are in EUR, USD"):
        read(data, currency="GBP")


def test_prices_that_may_be_cents_are_asked_about() -> None:
    cents = [199, 1499, 999, 2599, 450, 1990, 799, 1299] * 5
    with pytest.raises(InvalidInput, match="--price-unit"):
        read(table(price=cents))
    assert read(table(price=cents), price_unit=0.01).sold["price"].max() == pytest.approx(25.99)
    assert read(table(price=cents), price_unit=1.0).sold["price"].max() == 2599
    assert read(table(price=cents, currency="JPY")).sold["price"].max() == 2599


# --- rows that are set aside -------------------------------------------------------------------------------


def test_set_aside_rows_name_row_column_value_and_reason_and_nobody() -> None:
    data = table().astype({"price": object, "quantity": object})
    data["email"] = "jane@example.com"
    data.loc[1, "price"] = "jane@example.com"
    data.loc[3, "price"] = "many"
    data.loc[5, "quantity"] = "Jane Example"
    data.loc[7, "time"] = "+49 170 1234567"
    data.loc[9, "customer"] = "another Jane"
    aside = read(data).set_aside
    assert list(aside.columns) == ["row", "column", "value", "reason"]
    assert aside.to_numpy().tolist() == [
        [1, "price", "(withheld)", "missing or no number"],
        [3, "price", "many", "missing or no number"],
        [5, "quantity", "(withheld)", "missing, 0 or no number"],
        [7, "time", "(withheld)", "missing or no time"],
        [9, "order", "o4", "this id is another customer's too"],
    ]


def test_a_time_that_is_not_needed_and_cannot_be_read_is_left_out_and_said() -> None:
    data = table(time="03.04.2024")
    lines = read_order_lines(data)
    assert "time" not in lines.sold
    assert any(remark.startswith("times are not used: no row has a day above 12") for remark in lines.remarks)
    with pytest.raises(InvalidInput, match="--day-first"):
        read(data)


def test_many_unknown_words_stay_few_reasons() -> None:
    rows = 300
    events = pd.DataFrame(
        {
            "user_id": "u",
            "session_id": "s",
            "time": 1.7e9 + np.arange(rows),
            "event": ["view", "Jane Doe", *(f"word{i}" for i in range(rows - 2))],
            "item_id": "7",
        }
    )
    read_back = read_events(events)
    assert len(read_back.events) == 1
    assert len(read_back.reasons()) <= 51
    assert "Jane" not in read_back.set_aside.to_csv()


def test_limits_say_what_records_cannot_tell() -> None:
    report = lines_report(read(table(customer="0")))
    assert report["limits"] == [
        "19 days: how often customers come back needs 60 or more",
        "19 days: seasons need a whole year",
        "no known customer: how often customers come back is unknown",
        "no unit costs: margins are assumed",
    ]
    assert (report["orders"], report["customers"], report["guest_orders"]) == (20, 0, 20)
