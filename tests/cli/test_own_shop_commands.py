"""``calibrate``, ``realism`` and ``ingest`` refuse early and by name, and replace no file that they read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.experiments.catalogs import load_catalog
from shopgym.experiments.config import load_config
from shopgym.realism.calibration import fit
from shopgym.realism.calibration.work import Work

QUICK = ("--profile", "fashion", "--holdout", "0", "--rounds", "0", "--visits", "1000", "--no-assumed")
HEADER = "order,item,customer,time,quantity,price"


def orders(path: Path, count: int = 400, items: int = 1) -> Path:
    """Orders of one line over 200 days."""
    days = [f"2024-{1 + i * 6 // count:02d}-{1 + i % 28:02d} 1{i % 10}:00" for i in range(count)]
    rows = [f"{i},i{i % items},c{i % 90},{day},1,{9 + i % items}.5" for i, day in enumerate(days)]
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(*arguments: object) -> InvalidInput:
    error = invoke(*arguments).exception
    assert isinstance(error, InvalidInput), error
    return error


@pytest.fixture
def no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the fit began")

    monkeypatch.setattr(Work, "fit", fail)


@pytest.mark.parametrize("name", ["orders.csv", "set_aside.csv"])
def test_calibrate_replaces_no_file_that_it_reads(tmp_path: Path, name: str) -> None:
    file = orders(tmp_path / name)
    out = file if name == "orders.csv" else tmp_path / "mine.yaml"
    before = file.read_bytes()
    error = refused("calibrate", "--transactions", file, "--out", out)
    assert (error.field, Path(str(error.value))) == ("--out", file)
    assert "would be replaced" in error.fix
    assert file.read_bytes() == before


def test_realism_and_ingest_replace_no_file_that_they_read(tmp_path: Path) -> None:
    file, config = orders(tmp_path / "set_aside.csv"), tmp_path / "mine.yaml"
    before = file.read_bytes()
    assert refused("ingest", file, "--out", tmp_path).field == "--out"
    assert refused("realism", "--config", config, "--records", file, "--html", file).field == "--html"
    assert file.read_bytes() == before


def test_a_place_that_cannot_be_written_is_refused_before_the_records_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the records were read")

    monkeypatch.setattr(fit, "calibrate", fail)
    file = orders(tmp_path / "orders.csv")
    assert isinstance(invoke("calibrate", "--transactions", file, "--out", tmp_path).exception, OSError)
    below = file / "mine.yaml"
    assert isinstance(invoke("calibrate", "--transactions", file, "--out", below).exception, OSError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.csv"]


@pytest.mark.usefixtures("no_fit")
def test_an_unreadable_price_test_is_refused_before_the_fit(tmp_path: Path) -> None:
    file, prices = orders(tmp_path / "orders.csv", items=20), tmp_path / "prices.csv"
    prices.write_text("arm,price,orders,visits\nusual,20,510,30000\ncheaper,0,640,30000\n")
    error = refused(
        "calibrate", "--transactions", file, "--out", tmp_path / "m.yaml", "--price-test", prices, *QUICK
    )
    assert error.field == "--price-test price[1]"


def test_options_and_counts_are_named(tmp_path: Path) -> None:
    file, out = orders(tmp_path / "orders.csv", count=30), tmp_path / "mine.yaml"
    error = refused("calibrate", "--transactions", file, "--out", out, "--profile", "toys")
    assert (error.field, error.value) == ("--profile", "toys")
    error = refused("calibrate", "--transactions", file, "--out", out)
    assert (error.value, error.fix) == ("30 rows", "30 rows can be used: give 100 or more")
    error = refused("calibrate", "--transactions", orders(file), "--out", out, "--profile", "fashion")
    assert (error.field, error.value) == ("items", 1)


def test_a_shop_of_few_items_is_calibrated_and_no_word_of_its_tables_is_broken(tmp_path: Path) -> None:
    file, out = orders(tmp_path / "orders.csv"), tmp_path / "mine.yaml"
    orders(file, items=5)
    result = invoke("calibrate", "--transactions", file, "--out", out, *QUICK)
    assert result.exit_code == 0, result.output
    for words in (
        "returning_order_share_h2",
        "busiest_weekday_order_share",
        "99.9% of the order lines hold no more",
    ):
        assert f" {words} " in result.stdout
    config = load_config(out)
    assert config.shop_config().slate_size == 5
    config.shop_config().check_catalog(load_catalog(config.catalog, 0)[0])


def test_realism_names_the_option_whose_file_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("name: mine\ncatalog: {source: synthetic, items: 50}\n", encoding="utf-8")
    assert refused("realism", "--config", config, "--records", tmp_path / "nope").field == "--records"
