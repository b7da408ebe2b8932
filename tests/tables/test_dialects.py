"""Dialects of CSV: what is recognised, what is reported, what is refused; any table comes back."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.tables import RECOGNISED, Dialect, as_text, read_table, to_numbers
from shopgym.tables.numbers import decimal_marks, is_ambiguous, read_numbers


def table(tmp_path: Path, content: str, encoding: str = "utf-8", **options: Any) -> pd.DataFrame:
    (tmp_path / "t.csv").write_bytes(content.encode(encoding))
    return read_table(tmp_path / "t.csv", "LOG", **options)


# --- known answers ------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "values", "remarks"),
    [
        (["0,5", "1"], [0.5, 1], ["decimal comma"]),
        (["1.234,50", "0,25"], [1234.5, 0.25], ["decimal comma", "thousands separated"]),
        (["1,234.5", "12"], [1234.5, 12], ["thousands separated"]),
        (["1,234,567", "1,000"], [1234567, 1000], ["thousands separated"]),
        (["1.234.567"], [1234567], ["decimal comma", "thousands separated"]),
        (["1 234", "12 345 678"], [1234, 12345678], ["thousands separated"]),
        (["1\u00a0234,5", "0,5"], [1234.5, 0.5], ["decimal comma", "thousands separated"]),
        (["1'234.5"], [1234.5], ["thousands separated"]),
        (["5%", "12.5 %", "0"], [0.05, 0.125, 0], ["percentages (5% is 0.05)"]),
        (["5,5 %", "1,0%"], [0.055, 0.01], ["decimal comma", "percentages (5% is 0.05)"]),
        (["£5", "-£1.50", "£-2", "0"], [5, -1.5, -2, 0], ["in £"]),
        (["5 €", "1.000,50€"], [5, 1000.5], ["decimal comma", "thousands separated", "in €"]),
        (["\u22125.5", "+1e-3", ".5"], [-5.5, 0.001, 0.5], []),
        (["0,123"], [0.123], ["decimal comma"]),
        (["12,50"], [12.5], ["decimal comma"]),
    ],
)
def test_numbers_by_hand(cells: list[str], values: list[float], remarks: list[str]) -> None:
    read = read_numbers(cells, "x")
    assert read is not None
    assert read.values == pytest.approx(values, rel=1e-15)
    assert read.remarks == remarks


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "abc",
        "12a",
        "01.02.2024",
        "1,23,456",
        "12,3456.5",
        "1.2.3",
        "GBP 5",
        "--5",
        "5%%",
        "2024-01-02",
        "£",
    ],
)
def test_what_is_no_number(cell: str) -> None:
    assert decimal_marks([cell]) == frozenset()


@pytest.mark.parametrize("cell", ["1,234", "1.234", "12,345", "-999.000"])
def test_what_may_be_two_numbers_is_refused(cell: str) -> None:
    assert is_ambiguous(cell)
    assert read_numbers([cell], "x") is None
    point, comma = (read_numbers([cell], "x", mark) for mark in (".", ","))
    assert point is not None
    assert comma is not None
    ratio = abs(point.values[0] / comma.values[0])
    assert max(ratio, 1 / ratio) == pytest.approx(1000)


def test_amounts_of_several_currencies_and_half_written_percents_are_refused() -> None:
    with pytest.raises(InvalidInput, match="amounts of several currencies"):
        to_numbers(pd.Series(["£5", "€5"]), "reward")
    with pytest.raises(InvalidInput, match="write all alike"):
        to_numbers(pd.Series(["5%", "0.05"]), "reward")
    with pytest.raises(InvalidInput, match="write all alike"):
        to_numbers(pd.Series(["0,5", "0.25"]), "reward")


def test_flags_are_numbers_where_numbers_are_asked_for() -> None:
    got = to_numbers(pd.Series(["Yes", "no", "TRUE", "False", None, "maybe"]), "reward")
    assert got[:4].tolist() == [1, 0, 1, 0]
    assert np.isnan(got[4:]).all()
    assert np.isnan(to_numbers(pd.Series(["1", "yes", "0"]), "reward")).tolist() == [False, True, False]
    assert to_numbers(pd.Series([True, False]), "reward").tolist() == [1, 0]
    assert np.isnan(to_numbers(pd.Series(pd.to_datetime(["2024-01-01"])), "reward")).all()


SEMICOLONS = "aktion;belohnung;wahrscheinlichkeit\nblau;0,5;0,25\nrot;1.234,5;0,75\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_european_table_is_recognised(tmp_path: Path, encoding: str) -> None:
    text = SEMICOLONS.replace("blau", "blaugrün") if encoding == "cp1252" else SEMICOLONS
    got = table(tmp_path, text, encoding)
    assert got["belohnung"].tolist() == [0.5, 1234.5]
    assert got["wahrscheinlichkeit"].tolist() == [0.25, 0.75]
    assert got["aktion"][0].startswith("blau")
    assert got.attrs[RECOGNISED][0] == "separated by semicolon"
    assert "decimal comma" in got.attrs[RECOGNISED]
    assert ("encoding" in " ".join(got.attrs[RECOGNISED])) == (encoding not in ("utf-8", "utf-8-sig"))


def test_plain_csv_has_nothing_to_report(tmp_path: Path) -> None:
    got = table(tmp_path, "a,b,c\nx,1,0.5\ny,2,1.234\n")
    assert got.attrs[RECOGNISED] == []
    assert got.dtypes.map(lambda dtype: dtype.kind).tolist()[1:] == ["i", "f"]


def test_other_columns_decide_what_one_leaves_open(tmp_path: Path) -> None:
    assert table(tmp_path, 'a,b\n"1,234",0.5\n"2,345",0.25\n')["a"].tolist() == [1234, 2345]
    assert table(tmp_path, "a;b\n1.234;0,5\n2.345;0,25\n")["a"].tolist() == [1234, 2345]
    assert table(tmp_path, "a;b\n1.234;0.5\n2.345;0.25\n")["a"].tolist() == [1.234, 2.345]
    assert table(tmp_path, "a,b\n1.234,x\n2.345,y\n")["a"].tolist() == [1.234, 2.345]


def test_what_the_whole_table_leaves_open_has_to_be_said(tmp_path: Path) -> None:
    for text in ('a,b\n"1,234",1\n"2,345",2\n', "a;b\n1.234;1\n2.345;2\n"):
        left = table(tmp_path, text)
        with pytest.raises(InvalidInput, match=r"it may be 1.?234 or 1.?234: say which .*--decimal"):
            to_numbers(left["a"], "a")
        values = [table(tmp_path, text, dialect=Dialect(decimal=mark))["a"].tolist() for mark in (".", ",")]
        assert sorted(values) == [[1.234, 2.345], [1234, 2345]]
    got = table(tmp_path, 'a,b\n"1,234",1\n', dialect=Dialect(thousands=","))
    assert got["a"].tolist() == [1234]


def test_one_bad_cell_is_the_only_one_told(tmp_path: Path) -> None:
    column = table(tmp_path, "a;b\n1.234;0,5\nabc;0,25\n2.000;0,1\n")["a"]
    got = to_numbers(column, "a")
    assert np.isnan(got).tolist() == [False, True, False]
    assert got[[0, 2]].tolist() == [1234, 2000]


def test_dates_and_lists_stay_text(tmp_path: Path) -> None:
    got = table(tmp_path, "a;b;c\n01.02.2024;0,5;1,2,3\n12.11.2024;0,1;4,5\n")
    assert got["a"].tolist() == ["01.02.2024", "12.11.2024"]
    assert got["c"].tolist() == ["1,2,3", "4,5"]


def test_the_hint_of_spreadsheets_and_named_separators(tmp_path: Path) -> None:
    assert table(tmp_path, "sep=;\na;b\n1;2\n").columns.tolist() == ["a", "b"]
    assert table(tmp_path, "a~b\n1~2\n", dialect=Dialect(separator="~")).columns.tolist() == ["a", "b"]
    assert table(tmp_path, "a|b\n1|2\n").columns.tolist() == ["a", "b"]
    assert Dialect(separator="tab").separator == "\t"


@pytest.mark.parametrize(
    "options",
    [
        {"separator": ""},
        {"separator": ";;"},
        {"decimal": ";"},
        {"thousands": "x"},
        {"decimal": ",", "thousands": ","},
        {"encoding": "klingon"},
    ],
)
def test_dialects_that_are_none(options: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        Dialect(**options)


def test_compressed_tables_are_told_by_their_bytes(tmp_path: Path) -> None:
    plain = SEMICOLONS.encode()
    for name, content in (
        ("gz", gzip.compress(plain, mtime=0)),
        ("bz2", bz2.compress(plain)),
        ("xz", lzma.compress(plain)),
    ):
        for path in (tmp_path / f"t.csv.{name}", tmp_path / f"{name}.csv"):
            path.write_bytes(content)
            assert read_table(path, "LOG")["belohnung"].tolist() == [0.5, 1234.5]
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", plain)
    assert read_table(tmp_path / "t.zip", "LOG")["belohnung"].tolist() == [0.5, 1234.5]
    with zipfile.ZipFile(tmp_path / "t.zip", "a") as archive:
        archive.writestr("u.csv", plain)
    with pytest.raises(InvalidInput, match="the archive holds 2 files"):
        read_table(tmp_path / "t.zip", "LOG")


def test_letters_beyond_the_first_lines_tell_the_encoding(tmp_path: Path) -> None:
    text = "name,value\n" + "plain,0.5\n" * 40_000 + "café,0.5\n"
    got = table(tmp_path, text, "cp1252")
    assert got["name"].iloc[-1] == "café"
    assert got.attrs[RECOGNISED] == ["encoding cp1252"]


# --- names ------------------------------------------------------------


def test_names_are_text_as_written(tmp_path: Path) -> None:
    cells = ["007", "7", "7.0", "NA", "None", "nan", "null", "True", "1e3", " x "]
    text = "arm,reward\n" + "".join(f"{cell},1\n" for cell in cells)
    assert table(tmp_path, text, text=["arm"])["arm"].tolist() == cells
    assert table(tmp_path, text + ",1\n", text=["arm"])["arm"].isna().tolist() == [False] * 10 + [True]
    other = table(tmp_path, "arm,reward\nNA,NA\nx,1\n", text=["arm"])
    assert other["reward"].isna().tolist() == [True, False]


def texts(column: pd.Series) -> list[str | None]:
    return [None if pd.isna(text) else text for text in as_text(column, "x")]


def test_names_of_a_frame_are_the_text_of_their_type() -> None:
    for values, want in (
        ([7, 8], ["7", "8"]),
        ([7.0, 7.5], ["7.0", "7.5"]),
        ([True, False], ["True", "False"]),
        ([1, True, "1"], ["1", "True", "1"]),
        (["a", None], ["a", None]),
        (["", "a"], [None, "a"]),
    ):
        kept = pd.Series(values, dtype=object if len(set(map(type, values))) > 1 else None)
        assert texts(kept) == want
    assert texts(pd.Series(["b", "a", None, "b"], dtype="category")) == ["b", "a", None, "b"]
    assert texts(pd.Series([3, None], dtype="Int64")) == ["3", None]
    assert texts(pd.Series(["b", None], dtype="string")) == ["b", None]
    with pytest.raises(InvalidInput, match=r"x\[1\] = b'a': decode it"):
        as_text(pd.Series(["a", b"a"]), "x")
    with pytest.raises(InvalidInput, match="give one value in each row"):
        as_text(pd.Series([["a"], ["b"]]), "x")


# --- any table comes back ------------------------------------------------------------

NUMBERS = st.lists(
    st.one_of(
        st.integers(-(10**9), 10**9).map(float),
        st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 2)),
        st.floats(0, 1).map(lambda x: round(x, 4)),
    ),
    min_size=1,
    max_size=12,
)
WORDS = st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)


def as_written(x: float, decimal: str, thousands: str, decimals: int) -> str:
    plain = f"{x:,.{decimals}f}"
    return plain.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


@settings(max_examples=150, deadline=None)
@given(
    numbers=NUMBERS,
    data=st.data(),
    marks=st.sampled_from(
        [(".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", "'"), (",", "\u00a0")]
    ),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    unit=st.sampled_from(["", "%", "£", " €"]),
    packed=st.booleans(),
)
def test_any_table_comes_back(
    numbers: list[float],
    data: st.DataObject,
    marks: tuple[str, str],
    separator: str,
    encoding: str,
    unit: str,
    packed: bool,
) -> None:
    names = data.draw(st.lists(WORDS, min_size=len(numbers), max_size=len(numbers)))
    if encoding == "cp1252" and unit == "":
        names[0] += "ü"
    cells = [as_written(x, *marks, 4) for x in numbers]
    cells = [unit + cell if unit == "£" else cell + unit for cell in cells]
    frame = pd.DataFrame({"name": names, "value": cells, "sure": as_written(0.5, *marks, 2)})
    text = frame.to_csv(index=False, sep=separator, lineterminator="\n")
    content = text.encode(encoding)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(gzip.compress(content) if packed else content)
        try:
            got = read_table(path, "LOG", text=["name"])
        except InvalidInput as error:  # a name may hold separators such that two of them fit
            assert "both separate its columns" in str(error)  # noqa: PT017
            got = read_table(path, "LOG", text=["name"], dialect=Dialect(separator=separator))
        if encoding == "cp1252" and got.attrs[RECOGNISED] and "encoding cp1252" not in got.attrs[RECOGNISED]:
            got = read_table(path, "LOG", text=["name"], dialect=Dialect(separator, encoding="cp1252"))
    want = np.array(numbers) / (100 if unit == "%" else 1)
    assert to_numbers(got["value"], "value") == pytest.approx(want, rel=1e-14)
    assert got["name"].tolist() == names
