"""``shopgym ingest``, and that calibrate, run and ingest read one file alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from builders.paths import DATA
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.experiments.catalogs import load_catalog
from shopgym.experiments.config import CatalogSection, load_config
from shopgym.realism.calibration.fit import calibrate
from shopgym.simulators import Catalog
from shopgym.tables.records import FOR_A_SHOP, RecordOptions, read_order_lines

RECORDS = DATA / "records"
QUICK = ("--profile", "fashion", "--holdout", 0, "--rounds", 0, "--visits", 4000, "--no-assumed")
"""Options of a calibration that fits what has a closed form alone, and compares small seasons."""


def invoke(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.stdout


def shop(rows: int = 1200, days: int = 200, **columns: Any) -> pd.DataFrame:
    """Lines in euros with ids 00001 to 00059, and every tenth order in dollars."""
    rng = np.random.default_rng(0)
    order = np.arange(rows) // 2
    start = pd.Timestamp("2024-01-01")
    time = start + pd.to_timedelta(np.sort(rng.integers(0, days * 1440, rows // 2)).repeat(2), unit="min")
    base = {
        "order": [f"#{1000 + i}" for i in order],
        "item": [f"{i:05d}" for i in rng.integers(1, 60, rows)],
        "customer": rng.integers(1, 120, rows // 2).repeat(2),
        "time": time.strftime("%d.%m.%Y %H:%M"),
        "quantity": 1,
        "price": rng.choice([4.5, 9.9, 19.9], rows),
        "currency": np.where(order % 10 == 0, "USD", "EUR"),
    }
    return pd.DataFrame({**base, **columns})


def test_the_report_says_what_came_in(tmp_path: Path) -> None:
    answer = invoke("ingest", RECORDS / "shopify_orders.csv", RECORDS / "ga4_events.jsonl", "--json")
    assert (answer["rows"], answer["used"], answer["set_aside"]) == (17, 13, 4)
    assert answer["coverage"]["items"] == {"used": 3, "total": 3}
    assert [report["mapping"] for report in answer["records"]] == ["shopify", "ga4"]
    text = invoke("ingest", RECORDS / "shopify_orders.csv", "--out", tmp_path / "mine")
    assert "10 rows: 7 used, 3 set aside" in text
    assert "5 orders, 3 known customers, 1 orders by guests, 3 items, in EUR" in text
    assert "the catalogue covers 3 of 3 items, 7 of 9 lines, 100.0% of the revenue" in text
    names = {path.name for path in (tmp_path / "mine").iterdir()}
    assert names == {"order_lines.parquet", "returned_lines.parquet", "set_aside.csv", "report.json"}
    written = pd.read_csv(tmp_path / "mine" / "set_aside.csv")
    assert list(written.columns) == ["row", "column", "value", "reason"]
    everything = b"".join(path.read_bytes() for path in (tmp_path / "mine").iterdir())
    assert b"example.com" not in everything.lower()
    assert b"Main Street" not in everything


def test_what_was_written_is_read_again_as_it_was(tmp_path: Path) -> None:
    invoke("ingest", RECORDS / "shopify_orders.csv", "--out", tmp_path)
    first = read_order_lines(RECORDS / "shopify_orders.csv", need=FOR_A_SHOP)
    again = read_order_lines(tmp_path / "order_lines.parquet", need=FOR_A_SHOP)
    pd.testing.assert_frame_equal(again.sold, first.sold)
    assert (again.currency, again.guests) == (first.currency, first.guests)


def test_purchases_among_events_are_order_lines_too(tmp_path: Path) -> None:
    answer = invoke("ingest", RECORDS / "ga4_events.jsonl", "--out", tmp_path, "--json")
    assert (answer["rows"], answer["used"], answer["set_aside"]) == (7, 6, 1)
    assert answer["coverage"]["revenue"] == {"used": 50.0, "total": 50.0}
    assert pd.read_parquet(tmp_path / "order_lines.parquet")["item"].tolist() == ["007", "008"]


def test_run_and_calibrate_and_the_catalogue_read_alike(tmp_path: Path) -> None:
    """Euros with ids 00001, lines in dollars set aside, days before months: everywhere the same."""
    file, out = tmp_path / "orders.csv", tmp_path / "mine.yaml"
    shop().to_csv(file, index=False)
    answer = invoke("calibrate", "--transactions", file, "--out", out, *QUICK, "--json")
    euros = int((shop()["currency"] == "EUR").sum())
    assert (answer["used"], answer["set_aside"], answer["currency"]) == (euros, 1200 - euros, "EUR")
    assert answer["coverage"]["items"] == {"used": 59, "total": 59}
    catalog, set_aside = load_catalog(load_config(out).catalog, 0)
    assert set_aside is not None
    assert len(set_aside) == 1200 - euros
    assert catalog.items.currency == "EUR"
    assert catalog.items.item_id[0] == "00001"
    config = load_config(out)
    table, cap = pd.read_csv(file, dtype={"item": str}), config.catalog.units_cap
    assert catalog.hash == Catalog.from_transactions(table, units_cap=cap).hash
    config.shop_config().check_catalog(catalog)


def test_a_config_says_all_that_was_said_of_the_records(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    cents = shop(price=np.random.default_rng(1).choice([499, 999, 1999, 1490, 2995, 350], 1200))
    cents = cents.rename(columns={"order": "bon"}).assign(time="03.04.2024", customer="web")
    cents["time"] = [
        f"{day:02d}.{month:02d}.2024"
        for day, month in zip(np.arange(1200) // 2 % 12 + 1, np.arange(1200) // 2 // 12 % 12 + 1)
    ]
    cents.to_csv(file, index=False)
    records = RecordOptions(
        columns={"order": "bon"},
        day_first=True,
        price_unit=0.01,
        guests=("web",),
        min_orders=2,
        currency="EUR",
    )
    told = calibrate(file, records=records, base="fashion", holdout=0, rounds=0, visits=4000, assumed=False)
    section = CatalogSection(**yaml.safe_load(told.yaml())["catalog"] | {"path": file, "guests": ("web",)})
    assert section.record_options() == RecordOptions(**{**vars(records), "mapping": "plain"})
    catalog, _ = load_catalog(section, 0)
    assert told.own.lines.sold["price"].max() == pytest.approx(29.95)
    assert catalog.hash == told.shop.catalog.hash
    assert any(
        one.name == "people.retention.r" and "no customer is known" in one.why for one in told.unidentified
    )


@pytest.mark.parametrize(
    ("change", "options", "match"),
    [
        ({"time": np.arange(1200) // 2 // 12 + 1}, {}, "no times since 1970"),
        ({"time": "03.04.2024"}, {}, "--day-first"),
        ({"price": [1999, 499, 999, 1490, 2995, 350] * 200}, {}, "--price-unit"),
        ({"price": 0.0}, {}, "none of 1200 rows can be used"),
        ({}, {"currency": "GBP"}, "the records are in EUR, USD"),
        ({}, {"columns": {"order": "bon"}}, "no column for order"),
        ({}, {"mapping": "shopify"}, "no column for order"),
        ({"unit_cost": 99.0}, {}, "sold at a loss"),
    ],
)
def test_bad_records_are_refused_with_the_reason(
    tmp_path: Path, change: dict[str, Any], options: dict[str, Any], match: str
) -> None:
    file = tmp_path / "orders.csv"
    shop(**change).to_csv(file, index=False)
    with pytest.raises(InvalidInput, match=match):
        calibrate(file, records=RecordOptions(**options))


@pytest.mark.parametrize(
    ("rows", "days", "change", "reason"),
    [
        (1200, 29, {}, "give 60 days or more"),
        (1200, 200, {"customer": "one"}, "give the orders of 30 known customers or more"),
        (1200, 200, {"customer": 0}, "no customer is known"),
    ],
)
def test_short_records_are_bounded_and_their_config_is_right(
    tmp_path: Path, rows: int, days: int, change: dict[str, Any], reason: str
) -> None:
    """A month of data, one customer, guests alone: the config keeps what is unknown, and is right."""
    file, out = tmp_path / "orders.csv", tmp_path / "mine.yaml"
    shop(rows, days, **change).to_csv(file, index=False)
    answer = invoke("calibrate", "--transactions", file, "--out", out, *QUICK, "--json")
    why = {one["name"]: one["why"] for one in answer["not_identified"]}["people.retention.r"]
    assert reason in why
    config = load_config(out)
    config.shop_config().check_catalog(load_catalog(config.catalog, 0)[0])


def test_lines_of_many_units_are_bounded_by_what_a_shop_allows(tmp_path: Path) -> None:
    file, out = tmp_path / "orders.csv", tmp_path / "mine.yaml"
    shop(quantity=[1, 25_000] * 600).to_csv(file, index=False)
    answer = invoke("calibrate", "--transactions", file, "--out", out, *QUICK, "--json")
    units = next(one for one in answer["found"] if one["name"] == "choice.max_units")
    assert units["value"] == 10_000
    assert "no more than 25,000" in units["how"]
    assert load_config(out).shop_config().choice.max_units == 10_000


def test_a_catalogue_smaller_than_a_page_bounds_the_page(tmp_path: Path) -> None:
    file, out = tmp_path / "orders.csv", tmp_path / "mine.yaml"
    shop(item=[f"{i % 8}" for i in range(1200)]).to_csv(file, index=False)
    gift = ["gift" if option == "fashion" else option for option in QUICK]  # its pages have 30 slots
    answer = invoke("calibrate", "--transactions", file, "--out", out, *gift, "--json")
    assert {"slate_size", "num_candidates"} <= {one["name"] for one in answer["found"]}
    config = load_config(out)
    config.shop_config().check_catalog(load_catalog(config.catalog, 0)[0])


def test_new_products_and_costs_come_in_with_the_item_table(tmp_path: Path) -> None:
    file, products, costs, out = (tmp_path / name for name in ("o.csv", "p.csv", "c.csv", "mine.yaml"))
    shop().to_csv(file, index=False)
    products.write_text("item,description,price\n00001,First,4.5\nnew-1,Novelty,12.5\n")
    costs.write_text("item,unit_cost\n00001,1.25\nnew-1,6.5\n")
    tables = ("--item-table", products, "--item-table", costs)
    invoke("calibrate", "--transactions", file, *tables, "--out", out, *QUICK, "--json")
    catalog, _ = load_catalog(load_config(out).catalog, 0)
    ids = list(catalog.items.item_id)
    assert len(ids) == 60
    new, first = ids.index("new-1"), ids.index("00001")
    assert (catalog.items.price[new], catalog.items.unit_cost[new]) == (12.5, 6.5)
    assert (catalog.items.name[first], catalog.items.unit_cost[first]) == ("First", 1.25)
    answer = invoke("ingest", RECORDS / "shopify_orders.csv", RECORDS / "shopify_products.csv", "--json")
    assert [report["kind"] for report in answer["records"]] == ["order lines", "items"]
    assert answer["records"][1]["known"] == {"description": 3, "category": 3, "price": 3, "unit_cost": 2}
