"""From order lines to a catalogue: what is set aside, what is added up, what is told apart."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders.paths import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator, Philox

from shopgym.core import InvalidInput
from shopgym.simulators.catalog.catalog import Catalog, unit_rows
from shopgym.simulators.catalog.transactions import (
    catalog_from_transactions,
    clean,
    copurchase_embedding,
    group_items,
    telling_words,
)

THEIRS = {"order": "InvoiceNo", "item": "StockCode", "quantity": "Quantity", "price": "UnitPrice"}
DOCS = ROOT / "docs" / "catalog.md"


def lines(*rows: tuple[object, ...], columns: str = "order item quantity price") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns.split())


def two_worlds(orders: int = 400, size: int = 4, params: int = 12, seed: int = 0) -> pd.DataFrame:
    """Orders of bags only or of clocks only, by turns; items 0..11 are bags, 12..23 clocks."""
    rng = Generator(Philox(seed))
    rows = [
        (number, item + params * (number % 2), 1, 2.0)
        for number in range(orders)
        for item in rng.choice(params, size=size, replace=False)
    ]
    return lines(*rows)


# Cleaning


def test_each_kind_of_bad_row_is_set_aside_with_its_reason() -> None:
    df = lines(
        ("A1", "10001", 1, 2.5),
        (None, "10001", 1, 2.5),
        ("A1", None, 1, 2.5),
        ("A1", "POST", 1, 18.0),
        ("C2", "10001", -1, 2.5),
        ("A3", "10002", 1, 0.0),
        ("A3", "10002", 1, None),
        ("A3", "10002", "two", 1.0),
        ("A3", " 10001 ", 2, "2.60"),
        ("A3", "10003", 2, np.inf),
        ("A4", "10009", 2, 1.0),
    )
    good, aside = clean(df, item_pattern=r"\d{5}", min_orders=2)
    assert good["item"].tolist() == ["10001", "10001"]
    assert good["price"].tolist() == [2.5, 2.6]
    assert {row: (column, reason) for row, column, _, reason in aside.itertuples(index=False)} == {
        1: ("order", "missing"),
        2: ("item", "missing"),
        3: ("item", r"does not match \d{5}"),
        4: ("quantity", "below 0: counted as a return"),
        5: ("price", "0 or less"),
        6: ("price", "missing or no number"),
        7: ("quantity", "missing, 0 or no number"),
        9: ("price", "missing or no number"),
        10: ("item", "in fewer than 2 orders"),
    }
    assert aside.set_index("row")["value"][7] == "two"  # as it came, for a person to look at


def test_a_missing_column_error_lists_columns_and_the_fix() -> None:
    df = lines(("A1", "x", 1, 2.0), columns="InvoiceNo StockCode Quantity Price")
    with pytest.raises(InvalidInput) as error:
        clean(df, columns=THEIRS)
    assert error.value.field == "columns.price"
    assert error.value.value == "UnitPrice"
    assert "InvoiceNo, StockCode, Quantity, Price" in str(error.value)
    assert "columns={'price': " in str(error.value)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"columns": {"prise": "price"}}, "columns"),
        ({"item_pattern": "["}, "item_pattern"),
        ({"min_orders": 3}, "transactions"),
        ({"dim": 4}, "dim"),
        ({"units_cap": 0}, "units_cap"),
        ({"min_orders": 1, "num_categories": 9}, "num_categories"),
        ({"min_orders": 1, "margin_rates": (0.5, 1.5)}, "margin_rates"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        catalog_from_transactions(lines(("A", "x", 1, 2.0), ("A", "y", 1, 2.0)), **options)
    assert error.value.field == field


def test_if_no_row_can_be_used_the_reasons_are_counted() -> None:
    with pytest.raises(InvalidInput, match=r"price: 0 or less': 2.*none of 2 rows"):
        clean(lines(("A", "x", 1, 0.0), ("B", "x", 1, -1.0)))


def test_ids_that_a_missing_value_made_float_are_whole_numbers_again() -> None:
    good, aside = clean(lines(("A", 85123.0, 1, 2.0), ("A", np.nan, 1, 2.0)), min_orders=1)
    assert good["item"].tolist() == ["85123"]
    assert len(aside) == 1


messy = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", None]),
        st.sampled_from(["p", "q", "r", "s", "t", "", None]),
        st.sampled_from([1, 2, 50, 0.5, 0, -3, np.nan, "x"]),
        st.sampled_from([0.01, 1.0, 2.5, 1e4, 0.0, -1.0, np.nan, np.inf]),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(rows=messy)
def test_every_row_is_used_or_set_aside(
    rows: list[tuple[object, ...]],
) -> None:
    df = lines(*rows)
    usable = (
        df["order"].notna()
        & df["item"].notna()
        & (df["item"] != "")
        & (pd.to_numeric(df["quantity"], errors="coerce") > 0)
        & (df["price"] > 0)
        & np.isfinite(df["price"])
    )
    if not usable.any():
        with pytest.raises(InvalidInput):
            clean(df, min_orders=1)
        return
    good, aside = clean(df, min_orders=1)
    assert len(good) == usable.sum()
    assert sorted(aside["row"]) == np.flatnonzero(~usable).tolist()
    catalog = catalog_from_transactions(df, min_orders=1)
    assert sorted(catalog.items.item_id) == sorted(df["item"][usable].unique())
    assert catalog.notes["set_aside"].startswith(f"{len(aside)} order lines set aside.")


# Adding up

SMALL = lines(
    ("A", "x", 1, 2.0, "Lunch bag", "bags", 1.0),
    ("B", "x", 100, 1.0, "Lunch bag", "bags", None),
    ("C", "x", 1, 2.2, "lunch bag?", "boxes", 1.2),
    ("A", "y", 2, 5.0, "Clock", None, None),
    ("A", "y", 3, 6.0, None, "", -1.0),
    columns="order item quantity price description category unit_cost",
)


def test_columns_of_a_small_shop_by_hand() -> None:
    catalog = catalog_from_transactions(SMALL, min_orders=1, currency="EUR")
    items = catalog.items
    assert items.item_id.tolist() == ["x", "y"]
    assert items.name.tolist() == ["Lunch bag", "Clock"]
    assert [items.category_names[c] for c in items.category] == ["bags", "uncategorised"]
    assert items.price.tolist() == [2.0, 5.5]  # medians of lines, whatever the units
    assert items.popularity.tolist() == [0.75, 0.25]  # in 3 orders and in 1
    assert catalog.units_mean.tolist() == [(1 + 6 + 1) / 3, 2.5]  # 100 units count as 6
    assert items.unit_cost[0] == pytest.approx(1.1)
    assert 0.25 <= items.margin[1] / items.price[1] <= 0.65
    assert "Assumed for 1 of 2 items" in catalog.notes["unit_cost"]
    assert items.currency == "EUR"


def test_the_order_of_the_rows_does_not_matter() -> None:
    df = two_worlds()
    one, other = (catalog_from_transactions(table) for table in (df, df.sample(frac=1, random_state=4)))
    for name in ("item_id", "price", "popularity"):
        assert np.array_equal(getattr(one.items, name), getattr(other.items, name))
    assert np.array_equal(one.units_mean, other.units_mean)


def test_the_same_lines_and_seed_give_the_same_catalogue() -> None:
    df = two_worlds()
    assert catalog_from_transactions(df).hash == catalog_from_transactions(df).hash
    assert catalog_from_transactions(df).hash != catalog_from_transactions(df, seed=1).hash


def test_an_item_table_brings_costs_categories_and_new_products() -> None:
    table = pd.DataFrame(
        {
            "item": ["x", "z", "free", "q"],
            "description": ["Lunch Bag", "Big Bag", "Gift", "Thing"],
            "category": ["bags", "bags", "bags", "things"],
            "price": [9.0, 8.0, None, 5.0],
            "unit_cost": [1.5, 3.0, 1.0, None],
        }
    )
    catalog = catalog_from_transactions(SMALL, currency="EUR", items=table)
    items = catalog.items
    assert items.item_id.tolist() == ["q", "x", "y", "z"]  # without a price there is nothing to sell
    assert items.name.tolist() == ["Thing", "Lunch Bag", "Clock", "Big Bag"]
    assert items.price.tolist() == [5.0, 2.0, 5.5, 8.0]  # what was paid, and the table where nothing was
    assert items.unit_cost[[1, 3]].tolist() == [1.5, 3.0]
    assert items.popularity.tolist() == pytest.approx(np.array([0.5, 3, 1, 0.5]) / 5)
    assert items.category_names == ("bags", "things", "uncategorised")
    assert catalog.notes["items"] == "2 of 4 items are of the item table and were not sold yet."
    assert "Assumed for 2 of 4 items" in catalog.notes["unit_cost"]


def test_the_taste_of_a_new_product_is_that_of_its_category() -> None:
    df = two_worlds().assign(category=lambda lines: np.where(lines["item"] < 12, "bags", "clocks"))
    table = pd.DataFrame({"item": ["new"], "category": ["bags"], "price": [3.0]})
    catalog = catalog_from_transactions(df, items=table)
    cosine = catalog.embedding @ catalog.embedding[list(catalog.items.item_id).index("new")]
    bag = np.array([name.isdigit() and int(name) < 12 for name in catalog.items.item_id])
    clock = np.array([name.isdigit() and int(name) >= 12 for name in catalog.items.item_id])
    assert cosine[bag].mean() > cosine[clock].mean() + 0.2


def test_items_that_were_left_out_do_not_come_back_with_the_item_table() -> None:
    table = pd.DataFrame({"item": ["y", "z"], "price": [5.0, 8.0]})
    catalog = catalog_from_transactions(SMALL, min_orders=2, items=table, num_categories=1)
    assert catalog.items.item_id.tolist() == ["x", "z"]


# Telling apart


def embed(df: pd.DataFrame, n: int, dim: int = 16) -> tuple[np.ndarray, int]:
    pairs = df[["order", "item"]].drop_duplicates()
    rng = Generator(Philox(0))
    vectors, alone = copurchase_embedding(
        pairs["order"].to_numpy(), pairs["item"].to_numpy(), n, dim=dim, rng=rng
    )
    return unit_rows(vectors), alone


def cosines(vectors: np.ndarray, params: int) -> tuple[float, float]:
    """Mean cosine within and between the two worlds."""
    cosine = vectors @ vectors.T
    first = np.arange(len(vectors)) < params
    same = (first[:, None] == first) & ~np.eye(len(vectors), dtype=bool)
    return float(cosine[same].mean()), float(cosine[first][:, ~first].mean())


def test_items_bought_together_have_similar_embeddings() -> None:
    vectors, alone = embed(two_worlds(), 24)
    within, between = cosines(vectors, 12)
    assert alone == 0
    assert len(set(np.sign(vectors[:12, 0]))) == len(set(np.sign(vectors[12:, 0]))) == 1
    assert vectors[0, 0] * vectors[12, 0] < 0  # the first column tells the two worlds apart
    assert within > 0.2
    assert between < -0.2


def test_the_iterative_factorisation_agrees_in_a_large_shop() -> None:
    vectors, _ = embed(two_worlds(orders=6000, params=300), 600)  # 600 x 600: no dense factorisation
    within, between = cosines(vectors, 300)
    assert within > 0.1
    assert within > between + 0.2


def test_resellers_mixed_orders_do_not_outvote_many_small_ones() -> None:
    # 80 orders of the same 6 bags and 6 clocks hold each mixed pair 80 times, the 400 small orders hold
    # each pair of bags 18 times; but a line of 12 gives each of the others 1/11, a line of 4 gives 1/3.
    # With equal votes the cosines come out at 0.12 within and -0.10 between.
    df = two_worlds()
    resellers = [(1000 + r, item, 1, 2.0) for r in range(80) for item in (*range(6), *range(12, 18))]
    everyone = pd.concat([df, lines(*resellers)])
    everyone["order"] = pd.factorize(everyone["order"])[0]
    vectors, _ = embed(everyone, 24)
    within, between = cosines(vectors, 12)
    assert within > 0.15
    assert between < -0.2


def test_items_bought_alone_are_drawn_and_counted() -> None:
    df = pd.concat([two_worlds(), lines(*((900 + n, 24, 1, 9.0) for n in range(6)))])
    catalog = catalog_from_transactions(df)
    assert catalog.notes["embedding"].startswith("1 of 25 items")
    assert len(catalog) == 25


def test_items_are_grouped_by_the_words_of_their_names() -> None:
    kinds = ["lunch bag {}", "{} alarm clock", "christmas tree {} decoration"]
    colours = ["red", "blue", "spotty", "striped", "owl", "paisley", "retro", "skull"]
    names = [kind.format(colour) for kind in kinds for colour in colours]
    vectors = Generator(Philox(1)).standard_normal((24, 16)).astype(np.float32)
    group, titles = group_items(names, vectors, 3, Generator(Philox(0)))
    assert [len(set(group[start : start + 8].tolist())) for start in (0, 8, 16)] == [1, 1, 1]
    assert titles[group[0]] == "lunch bag"
    assert titles[group[8]] == "alarm clock"
    assert set(titles[group[16]].split()) < {"christmas", "tree", "decoration"}


def test_items_without_words_are_grouped_by_their_buyers() -> None:
    catalog = catalog_from_transactions(two_worlds(), num_categories=2)
    category = catalog.items.category[np.argsort(catalog.items.item_id.astype(int))]
    assert len(set(category[:12].tolist())) == len(set(category[12:].tolist())) == 1
    assert catalog.items.category_names == ("group", "group 2")


def test_groups_have_unique_names_and_are_no_more_than_the_items() -> None:
    group, titles = group_items(["bag"] * 6, np.ones((6, 16), np.float32), 4, Generator(Philox(0)))
    assert set(group.tolist()) == {0}
    assert len(titles) == 1


def test_telling_words_exclude_colours_and_sizes() -> None:
    assert telling_words("SET OF 3 RED Lunch-Bags, large") == ["lunch", "bags"]


def test_the_code_in_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    assert blocks
    space: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(DOCS), "exec"), space)
    assert isinstance(space["catalog"], Catalog)


def test_the_figures_in_the_documentation_are_those_of_the_shipped_catalogue() -> None:
    written = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|$", DOCS.read_text(encoding="utf-8"), re.M))
    about = Catalog.online_retail().describe()
    assert written == {k: str(v) if isinstance(v, int | str) else f"{v:.3g}" for k, v in about.items()}
