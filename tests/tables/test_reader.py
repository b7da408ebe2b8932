"""One table per dialect, the errors, and that every command reads the same table."""

from __future__ import annotations

import gzip
import io
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from shopgym.core import InvalidInput
from shopgym.evaluation.offline.formats import weigh_log
from shopgym.experiments.catalogs import load_catalog
from shopgym.experiments.config import CatalogSection
from shopgym.realism.calibration import calibrate
from shopgym.tables import Dialect, is_parquet, read_table, unique_columns
from shopgym.tables.records import RecordOptions, read_order_lines

CSV = b"order,item,price\n1,a,2.5\n2,b,\n"
TABLE = pd.DataFrame({"order": [1, 2], "item": ["a", "b"], "price": [2.5, np.nan]})


def workbook() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
    return out.getvalue()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# --- dialects ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("plain.csv", CSV, {}),
        ("no_ending", CSV, {}),
        ("windows.csv", CSV.replace(b"\n", b"\r\n"), {}),
        ("byte_order_mark.csv", b"\xef\xbb\xbf" + CSV, {}),
        ("quoted.csv", CSV.replace(b"item", b'"item"').replace(b"a,", b'"a",'), {}),
        ("packed.csv.gz", gzip.compress(CSV, mtime=0), {}),
        ("tabs.tsv", CSV.replace(b",", b"\t"), {}),
        ("columns.txt", b"order item price\n1  a 2.5\n2  b NaN\n", {"dialect": Dialect(separator=r"\s+")}),
        ("no_header.csv", CSV.split(b"\n", 1)[1], {"names": ["order", "item", "price"]}),
    ],
)
def test_text_dialects_give_the_same_table(
    tmp_path: Path, name: str, content: bytes, options: dict[str, object]
) -> None:
    table = read_table(written(tmp_path / name, content), "LOG", **options)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(table, TABLE, check_dtype=False)
    assert table.dtypes.map(lambda dtype: dtype.kind).tolist()[::2] == ["i", "f"]


def test_parquet_files_and_folders_of_parquet_files(tmp_path: Path) -> None:
    TABLE.to_parquet(tmp_path / "whole.parquet")
    (tmp_path / "parts").mkdir()
    for part in (0, 1):
        TABLE.iloc[[part]].to_parquet(tmp_path / "parts" / f"{part}.parquet", index=False)
    for path in (tmp_path / "whole.parquet", tmp_path / "parts"):
        assert is_parquet(path)
        pd.testing.assert_frame_equal(read_table(path, "LOG"), TABLE, check_dtype=False)
    assert not is_parquet(tmp_path / "whole.csv")


def test_an_encoding_that_is_named_wrongly_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "latin.csv", "item\ncafé\n".encode("latin-1"))
    assert read_table(path, "LOG")["item"].tolist() == ["café"]
    with pytest.raises(InvalidInput, match="say its encoding"):
        read_table(path, "LOG", dialect=Dialect(encoding="utf-8"))


def test_column_names_are_those_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "names.csv", b"a,a,NA,,007\n1,2,3,4,5\n")
    table = read_table(path, "LOG")
    assert table.columns.tolist() == ["a", "a", "NA", "", "007"]
    assert table.to_numpy().tolist() == [[1, 2, 3, 4, 5]]
    unique_columns("--column", table, ["NA", "007", "not there"])
    with pytest.raises(InvalidInput, match="--column = 'a': the table has it 2 times: rename or drop one"):
        unique_columns("--column", table, ["NA", "a"])


def test_leading_zeros_stay(tmp_path: Path) -> None:
    path = written(tmp_path / "ids.csv", b"item,user\n007,01\n7,1\n")
    assert read_table(path, "LOG").to_numpy().tolist() == [["007", "01"], ["7", "1"]]
    assert read_table(path, "LOG", text=["item", "other"])["item"].tolist() == ["007", "7"]
    ids = read_order_lines(order_lines().assign(item=7)).sold["item"]
    assert set(ids) == {"7"}  # numbers become text again where they are ids


# --- errors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "there is no such file"),
        ("none.parquet", None, "there is no such file"),
        ("empty.csv", b"", "no readable table"),
        ("header.csv", b"a,b\n", "the table has no rows"),
        ("ragged.csv", b"a,b\n1,2\n1,2,3\n", "no readable table .*line 3"),
        ("bytes.csv", b"a,b\n\x00\x01\x02,3\n", "bytes that are no text"),
        ("book.csv", workbook(), "it is a workbook: save the sheet as CSV"),
        ("long.csv", b"a,b\n1,2,\n3,4,\n", "rows have 3 values and the header 2 names"),
        ("two.csv", b"a|b,c\n1|2,3\n", "comma and pipe both separate its columns"),
        ("not.parquet", CSV, "give a CSV or Parquet table"),
        ("cut.csv.gz", gzip.compress(CSV * 999, mtime=0)[:60], "no readable table"),
    ],
)
def test_errors_name_field_path_and_fix(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_table(path, "catalog.path")
    assert (caught.value.field, caught.value.value) == ("catalog.path", str(path))


def test_a_folder_without_parquet_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no rows"):
        read_table(tmp_path, "LOG")


# --- commands ------------------------------------------------------------------------------------------


def order_lines(count: int = 200) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "order": [f"o{i // 2}" for i in range(count)],
            "item": [f"i{i % 20}" for i in range(count)],
            "customer": [f"c{i // 2}" for i in range(count)],
            "time": np.arange(count) // 2 * 3600.0,
            "quantity": 1,
            "price": 2.0,
        }
    )


read_by_calibrate = partial(calibrate, base="fashion", holdout=0, rounds=0, visits=4000, assumed=False)
"""What is read is the same however well the shop is fitted."""


def forms(table: pd.DataFrame, folder: Path) -> list[Path]:
    """The table as CSV, gzipped CSV, a Parquet file and a folder of Parquet files."""
    (folder / "parts").mkdir()
    paths = [folder / name for name in ("t.csv", "t.csv.gz", "t.parquet")]
    for path in paths[:2]:
        table.to_csv(path, index=False)
    for path in (paths[2], folder / "parts" / "t.parquet"):
        table.to_parquet(path, index=False)
    return [*paths, folder / "parts"]


def test_a_catalogue_is_the_same_from_every_form(tmp_path: Path) -> None:
    hashes = {
        load_catalog(CatalogSection(source="transactions", path=path), 0)[0].hash
        for path in forms(order_lines(), tmp_path)
    }
    assert len(hashes) == 1


def test_a_calibration_is_the_same_from_every_form(tmp_path: Path) -> None:
    summaries = [read_by_calibrate(path).summary() for path in forms(order_lines(), tmp_path)]
    assert summaries[0]["used"] == 200
    assert all(summary == summaries[0] for summary in summaries)


def test_an_evaluation_is_the_same_from_every_form(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    log = pd.DataFrame({"action": rng.choice(["a", "b"], 100), "reward": rng.random(100), "propensity": 0.5})
    values = [
        weigh_log(path, "action:a", rng=np.random.default_rng(1), stream=False).estimate("ips").value
        for path in forms(log, tmp_path)
    ]
    assert values == [pytest.approx(values[0], rel=1e-12)] * 4
    chosen = log["action"] == "a"
    assert values[0] == pytest.approx((log["reward"] * chosen / 0.5).mean())


def test_every_command_reads_a_dialect_alike(tmp_path: Path) -> None:
    plain, european, odd = (tmp_path / name for name in ("plain.csv", "european.csv", "odd.csv"))
    lines = order_lines().assign(item=lambda table: [f"00{i % 20}" for i in range(len(table))], price=2.5)
    lines.to_csv(plain, index=False)
    lines.to_csv(european, index=False, sep=";", decimal=",", encoding="utf-16")
    lines.assign(price="2.500", time=range(0, 360_000, 1800)).to_csv(odd, index=False, sep=";")
    hashes = {
        load_catalog(CatalogSection(source="transactions", path=path), 0)[0].hash
        for path in (plain, european)
    }
    assert len(hashes) == 1
    catalog, _ = load_catalog(CatalogSection(source="transactions", path=plain), 0)
    assert "007" in catalog.items.item_id
    first, second = (read_by_calibrate(path) for path in (plain, european))
    one, two = (dict(told.summary()) for told in (first, second))
    one.pop("table", None)
    two.pop("table", None)
    assert one == two
    assert second.own.lines.recognised == ("separated by semicolon", "encoding utf-16", "decimal comma")
    with pytest.raises(InvalidInput, match=r"it may be 2\.5 or 2500"):
        read_by_calibrate(odd)
    told = read_by_calibrate(odd, records=RecordOptions(dialect=Dialect(decimal=".")))
    assert set(told.own.lines.sold["price"]) == {2.5}
    config = yaml.safe_load(told.yaml())["catalog"]
    assert config["dialect"] == {"decimal": "."}
    section = CatalogSection(source="transactions", path=odd, dialect=config["dialect"])
    assert set(load_catalog(section, 0)[0].items.price) == {2.5}


@pytest.mark.parametrize("name", ["order", "price"])
def test_a_column_that_occurs_twice_is_refused_where_it_is_used(tmp_path: Path, name: str) -> None:
    lines = order_lines()
    path = tmp_path / "twice.csv"
    pd.concat([lines, lines[[name]]], axis=1).to_csv(path, index=False)
    with pytest.raises(InvalidInput, match=f"--column = '{name}': the table has it 2 times"):
        read_by_calibrate(path)
    with pytest.raises(InvalidInput, match=f"catalog.columns = '{name}': the table has it 2 times"):
        load_catalog(CatalogSection(source="transactions", path=path), 0)
    unused = pd.concat([lines.assign(note=1), lines.assign(note=2)[["note"]]], axis=1)
    unused.to_csv(path, index=False)
    assert len(load_catalog(CatalogSection(source="transactions", path=path), 0)[0]) == 20
