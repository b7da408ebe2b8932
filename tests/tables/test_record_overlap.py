"""Exports that overlap count each line once; slips of times and amounts are set aside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.tables.records import read_events, read_order_lines
from shopgym.tables.records.mapping import LINES
from shopgym.tables.records.overlap import in_later_files

HEADER = "order,item,customer,time,quantity,price,status"


def line(
    order: int, item: str = "a", status: str = "paid", price: str = "9.5", day: str = "2024-05-01"
) -> str:
    return f"{order},{item},c{order % 7},{day} 10:00:00,1,{price},{status}"


def write(path: Path, lines: list[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_line_that_two_exports_have_counts_once_and_as_the_later_has_it(tmp_path: Path) -> None:
    early = write(tmp_path / "early.csv", [line(1), line(2), line(2, "b")])
    late = write(tmp_path / "late.csv", [line(2, status="refunded"), line(2, "b"), line(3)])
    lines = read_order_lines([early, late])
    assert lines.rows == 6
    assert sorted(zip(lines.sold["order"], lines.sold["item"])) == [
        ("1", "a"),
        ("2", "a"),
        ("2", "b"),
        ("3", "a"),
    ]
    assert lines.reasons() == {"file: a later file has this row too": 2}
    assert lines.set_aside[["file", "row"]].to_numpy().tolist() == [["early.csv", 1], ["early.csv", 2]]
    assert lines.returned["item"].tolist() == ["a"]  # what the later export says of it


def test_equal_lines_of_one_export_are_two_and_stay_two(tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv", [line(1), line(1), line(2)])
    two = write(tmp_path / "two.csv", [line(1), line(1), line(3)])
    assert read_order_lines(one).sold["order"].tolist() == ["1", "1", "2"]
    assert sorted(read_order_lines([one, two]).sold["order"]) == ["1", "1", "2", "3"]


def test_subtotals_are_spread_over_lines_that_count(tmp_path: Path) -> None:
    """A line that stood twice would halve the price of its order."""
    header = f"{HEADER},subtotal"
    files = [write(tmp_path / f"{name}.csv", [f"{line(1, price='10')},8"], header) for name in ("one", "two")]
    assert read_order_lines(files).sold["price"].tolist() == [8.0]


def test_events_count_once_too(tmp_path: Path) -> None:
    header, rows = "user_id,session_id,time,event,item_id", ["u1,s1,2024-05-01 10:00:00,click,a"]
    other = "u2,s2,2024-05-02 10:00:00,click,b"
    files = [write(tmp_path / "1.csv", rows, header), write(tmp_path / "2.csv", [*rows, other], header)]
    events = read_events(files)
    assert events.rows == 3
    assert events.events["user_id"].tolist() == ["u1", "u2"]


def test_repeats_within_one_file_are_said(tmp_path: Path) -> None:
    orders = [line(number) for number in range(40)]
    remarks = read_order_lines(write(tmp_path / "twice.csv", [*orders, *orders[:20]])).remarks
    assert any(remark.startswith("20 rows repeat a row of their order") for remark in remarks)
    doubled = [each for order in orders for each in (order, order)]  # two of each in one order: no repeat
    assert not any(
        "repeat" in said for said in read_order_lines(write(tmp_path / "pairs.csv", doubled)).remarks
    )


@given(st.lists(st.lists(st.integers(0, 3), max_size=6), min_size=1, max_size=4))
def test_of_equal_rows_the_most_that_one_file_has_stay(files: list[list[int]]) -> None:
    import pandas as pd

    rows = [(number, order) for number, orders in enumerate(files) for order in orders]
    table = pd.DataFrame({"order": [str(order) for _, order in rows]})
    again = in_later_files(table, np.array([number for number, _ in rows], np.int64), LINES)
    for order in range(4):
        stay = sum(not gone for gone, (_, own) in zip(again, rows) if own == order)
        assert stay == max(orders.count(order) for orders in files)


def test_times_of_another_age_are_no_times(tmp_path: Path) -> None:
    """``9999-12-31`` stands for "never"; nanoseconds end in 2262."""
    lines = read_order_lines(
        write(tmp_path / "never.csv", [line(1), line(2, day="9999-12-31"), line(3, day="0001-01-01")])
    )
    assert lines.sold["order"].tolist() == ["1"]
    assert lines.reasons() == {"time: missing or no time": 2}


@pytest.mark.parametrize(("price", "reason"), [("1e308", "price: above"), ("1e13", "price: above")])
def test_slips_of_amounts_are_set_aside(price: str, reason: str, tmp_path: Path) -> None:
    lines = read_order_lines(write(tmp_path / "slip.csv", [line(1), line(2, price=price)]))
    assert lines.sold["order"].tolist() == ["1"]
    assert [why.startswith(reason) for why in lines.reasons()] == [True]
    assert lines.coverage["revenue"] == {"used": 9.5, "total": 9.5}


def test_json_without_records_names_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1, 2, 3]", encoding="utf-8")
    with pytest.raises(InvalidInput, match="give records that are JSON objects: there is none"):
        read_order_lines(tmp_path / "list.json")


def test_files_of_one_record_that_differ_in_their_columns_are_named(tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv", [line(1), line(2)])
    other = write(tmp_path / "other.csv", ["3,a,x"], "Invoice,item,customer")
    with pytest.raises(InvalidInput, match=r"no column for order: other\.csv has Invoice, item, customer"):
        read_order_lines([one, other])
    guests = write(tmp_path / "guests.csv", ["3,a,2024-05-01,1,9.5"], "order,item,time,quantity,price")
    lines = read_order_lines([one, guests])
    assert "guests.csv has no column for customer, status" in lines.remarks
    assert lines.guests == 1


def test_a_file_without_quantities_beside_one_with_them_has_one_unit_a_line(tmp_path: Path) -> None:
    """As it has alone; the report says which file it is."""
    header = HEADER.replace("quantity,", "")
    two = write(tmp_path / "two.csv", ["o1,a,k1,2024-01-01,2,9.5,paid"])
    none = write(tmp_path / "none.csv", ["o2,a,k1,2024-01-02,9.5,paid"], header)
    lines = read_order_lines([two, none])
    assert lines.sold["quantity"].tolist() == [2, 1]
    assert "no column of quantities in none.csv: every line there is one unit" in lines.remarks
