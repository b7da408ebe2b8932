"""Files of shop systems, by the columns that their makers document: what each row becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders.paths import DATA, SHARED

from shopgym.core import InvalidInput
from shopgym.tables.records import (
    EVENTS,
    ITEMS,
    LINES,
    EventRecords,
    OrderLines,
    RecordOptions,
    load_mapping,
    read_events,
    read_items,
    read_order_lines,
    read_record_table,
    shipped_mappings,
)
from shopgym.tables.records.mapping import parse_mapping

RECORDS = DATA / "records"
FILES = {
    "cdnow": "cdnow.txt",
    "complete_journey": "complete_journey.csv",
    "complete_journey_products": "complete_journey_products.csv",
    "ga4": "ga4_events.jsonl",
    "hm": "hm.csv",
    "instacart": "instacart.csv",
    "magento": "magento_orders.json",
    "otto": "otto.jsonl",
    "retailrocket": "retailrocket_events.csv",
    "shopify": "shopify_orders.csv",
    "shopify_products": "shopify_products.csv",
    "taobao": "taobao.csv",
    "uci_online_retail": "uci_online_retail.csv",
    "uci_online_retail_2": "uci_online_retail_2.csv",
    "woocommerce": "woocommerce_orders.json",
    "woocommerce_products": "woocommerce_products.csv",
    "yoochoose": "yoochoose.txt",
    "yoochoose_buys": "yoochoose_buys.dat",
    "yoochoose_clicks": "yoochoose_clicks.dat",
}
PERSONAL = ("jane", "bob@", "example.com", "Main Street", "Springfield")


def lines_of(name: str, **options: Any) -> OrderLines:
    return read_order_lines(RECORDS / FILES[name], RecordOptions(**options), need=("order",))


def events_of(name: str, **options: Any) -> EventRecords:
    return read_events(RECORDS / FILES[name], RecordOptions(**options))


def stamp(seconds: float) -> str:
    return str(pd.Timestamp(seconds, unit="s"))


# --- recognition -----------------------------------------------------------------------------------------


def test_every_shipped_mapping_has_a_fixture_and_names_its_documentation() -> None:
    assert {mapping.name for mapping in shipped_mappings()} == set(FILES)
    assert all(mapping.source.startswith("https://") for mapping in shipped_mappings())


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_recognised_by_its_columns_or_cells(name: str) -> None:
    record = read_record_table(RECORDS / FILES[name], "FILE", RecordOptions())
    assert record.mapping.name == name


@pytest.mark.parametrize("name", [name for name in FILES if load_mapping(name).kind != ITEMS])
def test_no_personal_data_come_out(name: str) -> None:
    kind = load_mapping(name).kind
    read = lines_of(name) if kind == LINES else events_of(name)
    tables = [
        read.set_aside,
        *((read.sold, read.returned) if isinstance(read, OrderLines) else (read.events,)),
    ]
    text = "".join(table.to_csv() for table in tables) + " ".join(read.remarks)
    assert not [word for word in PERSONAL if word.lower() in text.lower()]


# --- order lines -----------------------------------------------------------------------------------------


def test_shopify() -> None:
    """Discounts of orders and lines; voided, refunded, partly refunded orders; guests; dollars."""
    lines = lines_of("shopify")
    sold = lines.sold[["order", "item", "customer", "quantity", "price"]].to_numpy().tolist()
    assert sold == [
        ["#1001", "00001", "c1", 2.0, 12.0],  # 40 of 50 was paid: 15 becomes 12
        ["#1001", "00002", "c1", 1.0, 16.0],
        ["#1002", "00001", "c1", 2.0, 13.5],  # 3 off two mugs; the same customer in other letters
        ["#1004", "00002", "c2", 1.0, 20.0],
        ["#1005", "00001", "c3", 2.0, 15.0],
        ["#1005", "00002", "c3", 1.0, 20.0],
        ["#1007", "Gift Wrap", None, 1.0, 9.0],  # no SKU: the name; no e-mail: a guest
    ]
    assert lines.returned[["order", "item", "quantity"]].to_numpy().tolist() == [
        ["#1004", "00002", 1.0],
        ["#1005", "00002", 1.0],  # 20 is the value of this line
    ]
    assert lines.reasons() == {
        "status: the order is voided": 1,
        "currency: not EUR, the currency of most rows": 1,
        "price: missing or no number": 1,
    }
    assert lines.set_aside.to_numpy().tolist() == [
        [3, "status", "voided", "the order is voided"],
        [7, "currency", "USD", "not EUR, the currency of most rows"],
        [9, "price", "(withheld)", "missing or no number"],  # an address in the wrong column
    ]
    assert (lines.currency, lines.guests, lines.rows) == ("EUR", 1, 10)
    assert [stamp(time) for time in lines.sold["time"].iloc[[0, 2]]] == [
        "2024-01-05 23:30:00",  # +0100: the local hour
        "2024-07-06 08:15:00",  # +0200
    ]
    assert any(
        "filled from the first line of the order: currency of 2 lines" in text for text in lines.remarks
    )


def test_woocommerce() -> None:
    """Nested orders: guests with customer 0, a refund of one line, statuses, totals after discounts."""
    lines = lines_of("woocommerce")
    assert lines.sold[["order", "item", "customer", "quantity", "price"]].to_numpy().tolist() == [
        ["727", "M-01", "7", 2.0, 13.5],
        ["727", "94", "7", 1.0, 18.0],  # no SKU: the product
        ["728", "M-01", None, 1.0, 15.0],
        ["729", "M-01", None, 1.0, 15.0],
        ["731", "M-01", "8", 2.0, 15.0],
        ["731", "94", "8", 1.0, 20.0],
        ["732", "94", "8", 1.0, 20.0],
    ]
    assert lines.returned["order"].tolist() == ["731", "732"]
    assert lines.guests == 2
    assert lines.set_aside.to_numpy().tolist() == [[3, "status", "cancelled", "the order is cancelled"]]


def test_magento() -> None:
    lines = lines_of("magento")
    assert lines.sold[["order", "item", "customer", "quantity", "price", "unit_cost"]].values.tolist() == [
        ["000000001", "WS-01", "11", 2.0, 17.5, 8.0],
        ["000000003", "WS-01", None, 1.0, 20.0, 8.0],
    ]
    assert lines.returned["quantity"].tolist() == [1.0, 1.0]
    assert lines.set_aside["reason"].tolist() == ["all units were cancelled", "the order is canceled"]


def test_uci_online_retail() -> None:
    lines = lines_of("uci_online_retail")
    assert lines.sold["item"].tolist() == ["85123A", "71053", "84879"]
    assert stamp(lines.sold["time"].iloc[0]) == "2010-12-01 08:26:00"  # a row of 12/13 settles the month
    assert lines.currency == "GBP"
    assert lines.returned["quantity"].tolist() == [12.0]
    assert lines.reasons() == {
        r"item: does not match \d{5}[A-Za-z]*": 1,
        "price: 0 or less": 1,
        "quantity: below 0: counted as a return": 1,
    }
    second = lines_of("uci_online_retail_2").sold
    assert second[["order", "customer", "price"]].to_numpy().tolist() == [
        ["489434", "13085", 6.95],
        ["489434", "13085", 6.75],
    ]


def test_complete_journey_counts_weighed_goods_as_one_unit() -> None:
    sold = lines_of("complete_journey").sold
    assert sold[["quantity", "price"]].to_numpy().tolist() == [[1.0, 0.5], [1.0, 0.99], [2.0, 1.5]]


def test_orders_without_a_number_are_made_of_customer_and_day() -> None:
    cdnow = lines_of("cdnow")
    assert cdnow.sold["customer"].tolist() == ["00001", "00002", "00002", "00003"]
    assert cdnow.sold["order"].nunique() == 3
    assert lines_of("hm").sold["order"].nunique() == 2
    with pytest.raises(
        InvalidInput, match="CDNOW, orders of a cohort has no item: the file says how many CDs"
    ):
        read_order_lines(RECORDS / FILES["cdnow"])


def test_a_panel_without_dates_or_prices_says_what_it_lacks() -> None:
    assert lines_of("instacart").sold["order"].tolist() == ["2", "2", "3"]
    with pytest.raises(InvalidInput, match="Instacart publishes no prices"):
        read_order_lines(RECORDS / FILES["instacart"])
    with pytest.raises(
        InvalidInput, match=r"the weekday, the hour and the days between orders, and no dates"
    ):
        read_order_lines(RECORDS / FILES["instacart"], need=("time",))


# --- events ------------------------------------------------------------------------------------------------


def test_ga4() -> None:
    """Nested items and parameters; a number of a visit is unique for one user only; hours of the shop."""
    read = events_of("ga4", time_zone="Europe/Berlin")
    events = read.events
    assert events["event"].tolist() == ["view", "cart", "purchase", "purchase", "view", "search"]
    assert events["item_id"].tolist()[:5] == ["007", "007", "007", "008", "008"]
    assert events["session_id"].unique().tolist() == ["u.1|11", "u.2|11"]
    assert stamp(events["time"].iloc[0]) == "2024-03-01 11:00:01"
    assert read.reasons() == {"event: session_start: no event that is used": 1}
    bought = read.purchases()
    assert bought is not None
    assert bought[["order", "item", "quantity", "price"]].to_numpy().tolist() == [
        ["T1", "007", 2.0, 15.0],
        ["T1", "008", 1.0, 20.0],
    ]


def test_click_logs() -> None:
    rocket = events_of("retailrocket").events
    assert rocket["event"].tolist() == ["view", "cart", "purchase", "view"]
    assert rocket["order_id"].tolist()[2] == "4000"
    assert stamp(rocket["time"].iloc[0])[:19] == "2015-06-02 05:02:12"
    assert rocket["session_id"].nunique() == 2
    otto = events_of("otto").events
    assert otto["event"].tolist() == ["click", "cart", "purchase"]
    assert otto["session_id"].nunique() == 2  # a pause of hours
    taobao = events_of("taobao").events
    assert stamp(taobao["time"].iloc[0]) == "2017-11-25 01:21:10"  # Chinese time
    assert events_of("yoochoose").events["session_id"].tolist() == ["3", "3", "6"]
    assert set(events_of("yoochoose_clicks").events["event"]) == {"click"}
    buys = events_of("yoochoose_buys").events
    assert buys[["order_id", "quantity", "price"]].values.tolist() == [
        ["420374", 1.0, 12462.0],
        ["420374", 2.0, 10471.0],
    ]


# --- items -----------------------------------------------------------------------------------------------


def test_products_of_shop_systems() -> None:
    shopify = read_items(RECORDS / FILES["shopify_products"])
    assert shopify.items.loc["00003"].tolist() == [
        "Mug",
        "Cups",
        16.0,
        6.5,
    ]  # a variant has its product's name
    assert shopify.items["description"].tolist() == ["Mug", "Pot", "Mug"]
    assert shopify.set_aside[["row", "column", "reason"]].to_numpy().tolist() == [[2, "item", "missing"]]
    woo = read_items(RECORDS / FILES["woocommerce_products"]).items
    assert woo["price"].to_dict() == {"94": 20.0, "M-01": 13.5}
    journey = read_items(RECORDS / FILES["complete_journey_products"]).items
    assert journey["category"].tolist() == ["GROCERY", "MISCELLANEOUS"]


def test_costs_come_from_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "costs.csv").write_text("item;unit_cost\n00002;7,25\n00009;1,50\n00001;99,00\n")
    table = read_items([RECORDS / FILES["shopify_products"], tmp_path / "costs.csv"])
    assert table.items["unit_cost"].to_dict() == {"00001": 6.0, "00002": 7.25, "00003": 6.5, "00009": 1.5}


# --- own mappings ----------------------------------------------------------------------------------------


def test_an_own_mapping_is_a_small_yaml_file(tmp_path: Path) -> None:
    mapping = tmp_path / "mine.yaml"
    mapping.write_text(
        "title: my shop\ncolumns: {order: bon, item: artikel, price: preis, quantity: menge}\n"
    )
    (tmp_path / "a.csv").write_text("bon;artikel;menge;preis\n1;007;2;3,50\n2;008;1;4,25\n")
    lines = read_order_lines(tmp_path / "a.csv", RecordOptions(mapping=str(mapping)))
    assert lines.sold[["item", "quantity", "price"]].to_numpy().tolist() == [
        ["007", 2.0, 3.5],
        ["008", 1.0, 4.25],
    ]
    other = RecordOptions(mapping=str(mapping), columns={"item": "menge"})
    assert read_order_lines(tmp_path / "a.csv", other).sold["item"].tolist() == ["2", "1"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("columns: {ordre: x}", "did you mean 'order'"),
        ("colums: {order: x}", "did you mean 'columns'"),
        ("kind: invoices", "choose one of order lines, events"),
        ("[1, 2]", "write settings"),
        ("a: [", "it is not YAML"),
    ],
)
def test_a_wrong_mapping_says_what_is_wrong(text: str, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        parse_mapping(text, "mine")


def test_an_unknown_mapping_and_one_of_another_kind_are_named() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'shopify'"):
        load_mapping("shopfy")
    with pytest.raises(InvalidInput, match="give one of events"):
        read_events(RECORDS / FILES["shopify"], RecordOptions(mapping="shopify"))
    assert load_mapping("ga4").kind == EVENTS


def test_nested_orders_with_our_own_names_need_no_mapping(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text(
        '{"order": 1, "customer": 5, "lines": [{"item": "007", "quantity": 2, "price": 3.5}]}\n'
        "no json\n"
        '{"order": 2, "customer": 5, "lines": [{"item": "008", "quantity": 1, "price": 4}, '
        '{"item": "007", "price": 3}]}\n'
    )
    lines = read_order_lines(path)
    assert lines.sold[["order", "item", "customer"]].values.tolist() == [["1", "007", "5"], ["2", "008", "5"]]
    assert lines.set_aside.to_numpy().tolist() == [[2, "quantity", "", "missing, 0 or no number"]]
    assert "1 lines are no JSON objects and were left out" in lines.remarks


def test_nested_parquet_is_read_as_nested_json(tmp_path: Path) -> None:
    import json

    records = json.loads((RECORDS / FILES["woocommerce"]).read_text())
    kept = ("id", "status", "currency", "date_created", "customer_id", "line_items")
    table = pd.DataFrame([{name: record[name] for name in kept} for record in records])
    table["line_items"] = [
        [
            {k: v for k, v in line.items() if k in ("id", "sku", "product_id", "quantity", "total", "name")}
            for line in lines
        ]
        for lines in table["line_items"]
    ]
    table.to_parquet(tmp_path / "orders.parquet")
    lines = read_order_lines(tmp_path / "orders.parquet")
    assert lines.mapping == "woocommerce"
    assert lines.sold["price"].tolist() == lines_of("woocommerce").sold["price"].tolist()


def test_files_of_one_system_are_one_record_and_rows_say_their_file(tmp_path: Path) -> None:
    text = (RECORDS / FILES["shopify"]).read_text().splitlines()
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("\n".join(text[:3]) + "\n")
    second.write_text("\n".join([text[0], *text[3:]]) + "\n")
    lines = read_order_lines([first, second])
    pd.testing.assert_frame_equal(lines.sold, lines_of("shopify").sold)
    assert lines.set_aside[["file", "row"]].values.tolist() == [["b.csv", 1], ["b.csv", 5], ["b.csv", 7]]
    with pytest.raises(InvalidInput, match="read them apart"):
        read_order_lines([first, RECORDS / FILES["woocommerce"]])


# --- public data -----------------------------------------------------------------------------------------

PUBLIC = {
    "online_retail_uci/online_retail.parquet": ("uci_online_retail", 541_909),
    "cdnow/CDNOW_master.txt": ("cdnow", 69_659),
    "yoochoose_100k/train_full.txt": ("yoochoose", 70_278),
    "otto_sample/train.jsonl": ("otto", 862),
    "taobao_userbehavior_sample/UserBehavior.csv": ("taobao", 4_321),
}


@pytest.mark.slow
@pytest.mark.parametrize("file", PUBLIC)
def test_public_data_are_read_whole(file: str) -> None:
    path = SHARED / "data" / file
    if not path.exists():
        pytest.skip(f"shared data not here: {file}")
    name, rows = PUBLIC[file]
    kind = load_mapping(name).kind
    read = read_order_lines(path, need=("order",)) if kind == LINES else read_events(path)
    used = len(read.sold if isinstance(read, OrderLines) else read.events)
    assert (read.mapping, read.rows) == (name, rows)
    assert used + len(read.set_aside) == rows
    assert used > 0.95 * rows
