"""The catalogue: features, files, synthetic and shipped ones."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from builders.paths import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.simulators.catalog.catalog import (
    FEATURE_NAMES,
    Catalog,
    gini,
    standardise,
    zipf_exponent,
)
from shopgym.simulators.catalog.online_retail import (
    build_online_retail,
    derive,
    main,
    online_retail,
    tidy,
)

pytestmark = pytest.mark.slow

PUBLIC = SHARED / "data"
RAW = PUBLIC / "online_retail_uci" / "online_retail.parquet"
FACTS = PUBLIC / "stylised_facts.json"


def three(**changes: object) -> dict[str, object]:
    """Columns of three items whose features are easy to work out."""
    embedding = np.zeros((3, 16))
    embedding[:, 0], embedding[:, 1] = (3.0, 0.0, 1.0), (4.0, 2.0, 1.0)
    embedding[:, 12] = (12.0, 0.0, 0.0)
    columns: dict[str, object] = {
        "item_id": np.array(["a", "b", "c"]),
        "name": np.array(["Apple", "Bread", "Cheese"]),
        "category": np.array([0, 1, 1]),
        "category_names": ("fruit", "food"),
        "price": [1.0, np.e, np.e**2],
        "unit_cost": [0.5, np.e * 0.4, np.e**2 * 0.6],
        "popularity": [1, 1, 2],
        "embedding": embedding,
        "quality": [1.0, 2.0, 3.0],
        "units_mean": [1.0, 1.5, 2.0],
    }
    return columns | changes


# Features and figures


def test_features_of_three_items_by_hand() -> None:
    catalog = Catalog.assemble(**three())
    assert catalog.items.feature_names == FEATURE_NAMES
    assert FEATURE_NAMES[7:] == ("embedding_7", "log_price", "margin_rate", "popularity")
    features = catalog.items.features
    assert features.dtype == np.float32
    assert np.allclose(catalog.embedding[0, [0, 1, 12]], np.array([3, 4, 12]) / 13)
    assert np.allclose(
        features[0, :8], [0.6, 0.8, 0, 0, 0, 0, 0, 0]
    )  # the taste's other 8 columns are unseen
    up = np.sqrt(1.5)
    assert np.allclose(catalog.items.feature("log_price"), [-up, 0, up])
    assert np.allclose(catalog.items.feature("margin_rate"), [0, up, -up], atol=1e-6)
    assert np.allclose(catalog.items.feature("popularity"), np.array([-1, -1, 2]) / np.sqrt(2))
    assert np.allclose(catalog.quality, [-up, 0, up])
    assert catalog.items.popularity.tolist() == [0.25, 0.25, 0.5]
    assert catalog.neighbours[1, 0] == 0  # 0.8 of the way against 0.71


def test_figures_of_known_distributions() -> None:
    assert gini(np.ones(7)) == pytest.approx(0)
    assert gini(np.array([0, 0, 0, 1.0])) == pytest.approx(3 / 4)
    assert zipf_exponent(np.arange(1, 1001) ** -0.7) == pytest.approx(0.7)
    assert np.isnan(zipf_exponent(np.ones(10)))
    assert standardise(np.full(5, 0.1)).tolist() == [0] * 5
    assert standardise([1.0, 3.0]).tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"price": [1.0, 0.0, 2.0]}, "catalog.price[1]"),
        ({"price": [1.0, np.nan, 2.0]}, "catalog.price[1]"),
        ({"popularity": [0.5, 0.5, 0.0]}, "catalog.popularity[2]"),
        ({"embedding": np.zeros((3, 16))}, "catalog.embedding[0]"),
        ({"embedding": np.ones((3, 7))}, "items.features"),
        ({"units_mean": [1.0, 0.9, 2.0]}, "catalog.units_mean[1]"),
        ({"units_mean": [1.0, 2.0, np.inf]}, "catalog.units_mean[2]"),
        ({"units_mean": [1.0, 2.0]}, "catalog.units_mean"),
        ({"item_id": np.array(["a", "b", "a"])}, "items.item_id"),
        ({"category": np.array([0, 1, 2])}, "items.category"),
    ],
)
def test_bad_columns_are_named(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        Catalog.assemble(**three(**changes))
    assert error.value.field == field


def test_bad_parts_are_named() -> None:
    good = Catalog.assemble(**three())
    for changes, field in (
        ({"quality": good.quality + 1}, "catalog.quality"),
        ({"quality": good.quality.astype(np.float64)}, "catalog.quality"),
        ({"neighbours": good.neighbours[:, :1] * 0}, "catalog.neighbours[0]"),
        ({"neighbours": good.neighbours + 2}, "catalog.neighbours[0]"),
        ({"embedding": good.embedding * 2}, "catalog.embedding[0]"),
        ({"items": replace(good.items, name=good.items.name.astype(object))}, "items.name"),
    ):
        with pytest.raises(InvalidInput) as error:
            replace(good, **changes)
        assert error.value.field == field


def test_summaries_add_up() -> None:
    catalog = Catalog.assemble(**three())
    table = catalog.by_category()
    assert table["category"].tolist() == ["food", "fruit"]
    assert table["order_share"].tolist() == [0.75, 0.25]
    assert table["most_popular"][0] == "Cheese; Bread"
    assert catalog.describe()["margin_rate_mean"] == pytest.approx(0.5)


# Files


@pytest.mark.parametrize("n", [1, 2, 70])
def test_a_saved_catalogue_is_loaded_unchanged(tmp_path: Path, n: int) -> None:
    catalog = Catalog.synthetic(n, seed=3)
    catalog.save(tmp_path / "shop.parquet")
    back = Catalog.load(tmp_path / "shop.parquet")
    assert back.hash == catalog.hash
    assert back.notes == catalog.notes
    for name, column in catalog.items.columns().items():
        assert getattr(back.items, name).dtype == column.dtype
        assert np.array_equal(getattr(back.items, name), column)


def test_the_hash_changes_with_one_penny() -> None:
    assert Catalog.assemble(**three()).hash == Catalog.assemble(**three()).hash
    assert Catalog.assemble(**three(unit_cost=[0.51, 1, 4])).hash != Catalog.assemble(**three()).hash
    assert Catalog.assemble(**three(currency="EUR")).hash != Catalog.assemble(**three()).hash


def test_a_changed_or_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shop.parquet"
    Catalog.synthetic(20, seed=0).save(path)
    table = pq.read_table(path)
    price = table.column_names.index("price")
    dearer = table.set_column(price, "price", [table.column("price").to_numpy() * 2])
    pq.write_table(dearer.replace_schema_metadata(table.schema.metadata), path)
    with pytest.raises(InvalidInput, match="changed after it was saved"):
        Catalog.load(path)
    pq.write_table(table.replace_schema_metadata({}), path)
    with pytest.raises(InvalidInput, match=r"Catalog\.save wrote"):
        Catalog.load(path)
    path.write_text("item,price\n")
    with pytest.raises(InvalidInput, match=r"Catalog\.save wrote"):
        Catalog.load(path)
    with pytest.raises(InvalidInput, match="missing"):
        Catalog.load(tmp_path / "missing.parquet")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shop.parquet"
    first = Catalog.synthetic(20, seed=0)
    first.save(path)

    def full_disk(table: object, where: Path, **options: object) -> None:
        where.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(pq, "write_table", full_disk)
    with pytest.raises(OSError, match="no space"):
        Catalog.synthetic(30, seed=1).save(path)
    assert Catalog.load(path).hash == first.hash
    assert list(tmp_path.iterdir()) == [path]


# Synthetic catalogues


def test_the_same_seed_gives_the_same_catalogue() -> None:
    assert Catalog.synthetic(500, seed=7).hash == Catalog.synthetic(500, seed=7).hash
    assert Catalog.synthetic(500, seed=7).hash != Catalog.synthetic(500, seed=8).hash


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 300), dim=st.integers(8, 24), seed=st.integers(0, 2**63 - 1))
def test_any_size_gives_a_valid_catalogue(n: int, dim: int, seed: int) -> None:
    catalog = Catalog.synthetic(n, seed=seed, dim=dim)
    assert catalog.embedding.shape == (n, dim)
    assert (catalog.items.margin > 0).all()
    assert catalog.items.popularity.sum() == pytest.approx(1)


def test_synthetic_figures_follow_the_arguments() -> None:
    # Sampling errors at N = 10,000 and 500 categories: each bound is over 4.9 standard errors wide, so a
    # false alarm has probability below 1e-6; the seed is fixed besides.
    catalog = Catalog.synthetic(10_000, seed=11, num_categories=500, price_median=10.0, price_log_sd=0.5)
    log_price = np.log(catalog.items.price)
    assert np.median(log_price) == pytest.approx(np.log(10), abs=0.08)
    assert log_price.std() == pytest.approx(0.5, abs=0.04)
    assert catalog.units_mean.mean() == pytest.approx(3.0, abs=0.08)
    shared = np.corrcoef(catalog.quality, np.log(catalog.items.popularity))[0, 1]
    assert shared == pytest.approx(0.8, abs=0.02)
    rates = catalog.items.margin / catalog.items.price
    assert 0.25 - 1e-9 <= rates.min() < 0.27
    assert 0.63 < rates.max() <= 0.65 + 1e-9
    plain = Catalog.synthetic(5000, seed=1, zipf_exponent=1.1, tail=0.0)
    assert zipf_exponent(plain.items.popularity) == pytest.approx(1.1, abs=1e-6)


def test_synthetic_neighbours_share_their_category_more_than_chance() -> None:
    catalog = Catalog.synthetic(2000, seed=5, num_categories=10)
    category = catalog.items.category
    same = (category[catalog.neighbours[:, :10]] == category[:, None]).mean()
    assert same > 3 * (np.bincount(category) ** 2).sum() / 2000**2


@pytest.mark.skipif(not FACTS.exists(), reason="the stylised facts are not beside the repository")
@pytest.mark.parametrize("n", [1000, 10_000])
def test_synthetic_popularity_lies_within_the_measured_intervals(n: int) -> None:
    facts = {fact["name"]: fact for fact in json.loads(FACTS.read_text())["facts"]}
    about = Catalog.synthetic(n, seed=2).describe()
    for ours, theirs in (
        ("popularity_gini", "retail_item_gini_orders"),
        ("popularity_zipf_top20", "retail_item_zipf_top20"),
    ):
        assert facts[theirs]["low"] <= about[ours] <= facts[theirs]["high"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"num_items": 0}, "num_items"),
        ({"num_items": 5, "dim": 4}, "dim"),
        ({"num_items": 5, "num_categories": 6}, "num_categories"),
        ({"num_items": 5, "units_mean": 0.5}, "units_mean"),
        ({"num_items": 5, "zipf_exponent": -1.0}, "zipf_exponent"),
        ({"num_items": 5, "price_median": 0.0}, "price_median"),
        ({"num_items": 5, "margin_rates": (0.5, 0.2)}, "margin_rates"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, float], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        Catalog.synthetic(**arguments, seed=0)
    assert error.value.field == field


# The shipped catalogue


def test_the_shipped_catalogue_is_the_gift_shop() -> None:
    catalog = online_retail()
    items = catalog.items
    assert len(catalog) == 3131
    assert items.currency == "GBP"
    light = items.row_of["85123A"]
    assert items.name[light] == "White Hanging Heart T-Light Holder"
    assert items.price[light] == 2.95
    assert items.popularity.argmax() == light
    assert "10.24432/C5BW33" in catalog.notes["origin"]
    assert "Assumed for 3131 of 3131" in catalog.notes["unit_cost"]
    assert catalog.units_mean.min() >= 1
    assert catalog.units_mean.max() <= 6
    assert "jumbo bag" in items.category_names
    assert np.bincount(items.category).min() >= 10


@pytest.mark.parametrize(
    ("name", "word", "least"),
    [
        ("Lunch Bag Red Retrospot", "Bag", 5),
        ("Alarm Clock Bakelike Red", "Alarm Clock", 4),
        ("Herb Marker Thyme", "Herb Marker", 5),
        ("Wooden Star Christmas Scandinavian", "Christmas", 2),
        ("Jumbo Bag Red Retrospot", "Bag", 5),
    ],
)
def test_neighbours_of_known_products_are_similar_products(name: str, word: str, least: int) -> None:
    catalog = online_retail()
    row = int(np.flatnonzero(catalog.items.name == name)[0])
    beside = catalog.items.name[catalog.neighbours[row, :6]]
    assert sum(word in other for other in beside) >= least, list(beside)


def test_the_shipped_table_is_small_and_has_no_customer_data() -> None:
    table = files("shopgym.simulators.catalog") / "data" / "online_retail.parquet"
    with table.open("rb") as handle:
        assert len(handle.read()) < 600_000
    with table.open("rb") as handle:
        schema = pq.read_schema(handle)
    columns = "item_id name category price unit_cost popularity quality units_mean embedding"
    assert schema.names == columns.split()


@pytest.mark.slow
@pytest.mark.skipif(not RAW.exists(), reason="the raw order lines are not beside the repository")
def test_the_shipped_table_can_be_derived_again(tmp_path: Path) -> None:
    built = build_online_retail(RAW, tmp_path / "again.parquet")
    shipped = online_retail()
    for column in ("item_id", "name", "price"):
        assert np.array_equal(getattr(built.items, column), getattr(shipped.items, column)), column
    assert np.allclose(built.items.popularity, shipped.items.popularity, rtol=1e-12)
    assert np.allclose(built.units_mean, shipped.units_mean, rtol=1e-6)
    # Another machine may turn a singular vector round: columns are compared up to their sign.
    sign = np.sign((built.embedding * shipped.embedding).sum(axis=0))
    assert np.abs(built.embedding * sign - shipped.embedding).max() < 1e-3
    # k-means may send an item on a border the other way, and its group's name with it.
    ours, theirs = (np.array(c.items.category_names)[c.items.category] for c in (built, shipped))
    assert (ours == theirs).mean() > 0.9
    assert built.notes == shipped.notes


def test_names_are_tidied_word_by_word() -> None:
    assert tidy("LUNCH BAG  BLACK SKULL.") == "Lunch Bag Black Skull"
    assert tidy("PAPER CHAIN KIT 50'S CHRISTMAS ") == "Paper Chain Kit 50's Christmas"
    assert tidy("SET/6 T-LIGHT (SMALL)") == "Set/6 T-Light (Small)"


def test_the_script_prints_its_usage() -> None:
    with pytest.raises(SystemExit, match="usage"):
        main([])
    with pytest.raises(FileNotFoundError):
        derive("no-such-table.parquet")
