"""Times: local hours, order of day and month, numbers since 1970."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.tables.records.times import read_times

MOMENT = pd.Timestamp("2024-03-04 15:06:07")


def read(*cells: object, day_first: bool | None = None, time_zone: str | None = None) -> list[str]:
    times = read_times(pd.Series(list(cells)), "time", day_first=day_first, time_zone=time_zone)
    return ["" if np.isnan(t) else str(pd.Timestamp(t, unit="s").round("ms")) for t in times.seconds]


def test_offsets_are_dropped_and_local_hours_stay() -> None:
    cells = (
        "2024-01-05 23:30:00 +0100",
        "2024-07-05T08:00:00+02:00",
        "2024-07-05T08:00:00Z",
        "2024-07-05 08:00",
    )
    expected = ["2024-01-05 23:30:00", "2024-07-05 08:00:00", "2024-07-05 08:00:00", "2024-07-05 08:00:00"]
    assert read(*cells) == expected
    remarks = read_times(pd.Series(cells[:2]), "time").remarks
    assert remarks == ("times have offsets (+0100, +02:00): the local hours are kept",)


def test_a_time_zone_moves_times_with_an_offset_and_no_others() -> None:
    cells = ("2024-01-05 23:30:00 +0000", "2024-07-05T08:00:00Z", "2024-07-05T08:00:00")
    assert read(*cells, time_zone="Europe/Paris") == [
        "2024-01-06 00:30:00",
        "2024-07-05 10:00:00",
        "2024-07-05 08:00:00",
    ]
    with pytest.raises(InvalidInput, match="Europe/Paris or America/New_York"):
        read("2024-01-05", time_zone="Mars/Olympus")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("01.02.2024 10:00", "13.02.2024 11:00"), ["2024-02-01 10:00:00", "2024-02-13 11:00:00"]),
        (("1/2/2024 8:05", "2/13/2024 18:05"), ["2024-01-02 08:05:00", "2024-02-13 18:05:00"]),
        (("1/2/24 8:05 AM", "2/13/24 12:05 PM"), ["2024-01-02 08:05:00", "2024-02-13 12:05:00"]),
        (("02-01-2024", "31-01-2024"), ["2024-01-02 00:00:00", "2024-01-31 00:00:00"]),
    ],
)
def test_a_number_above_12_settles_day_and_month(cells: tuple[str, ...], expected: list[str]) -> None:
    assert read(*cells) == expected


def test_an_open_order_of_day_and_month_is_asked_for() -> None:
    cells = ("03.04.2024", "05.06.2024")
    with pytest.raises(InvalidInput, match=r"time = '03\.04\.2024'.*--day-first or --month-first"):
        read(*cells)
    assert read(*cells, day_first=True) == ["2024-04-03 00:00:00", "2024-06-05 00:00:00"]
    assert read(*cells, day_first=False) == ["2024-03-04 00:00:00", "2024-05-06 00:00:00"]
    assert read("04.04.2024", "05.05.2024") == [
        "2024-04-04 00:00:00",
        "2024-05-05 00:00:00",
    ]  # the same either way


def test_rows_that_contradict_each_other_are_asked_about() -> None:
    with pytest.raises(InvalidInput, match="some rows begin with the day, others with the month"):
        read("13.04.2024", "04.13.2024")
    assert read("13.04.2024", "04.13.2024", day_first=True) == ["2024-04-13 00:00:00", ""]


@settings(max_examples=40, deadline=None)
@given(
    days=st.lists(st.dates(pd.Timestamp("1990-01-01").date(), pd.Timestamp("2060-01-01").date()), min_size=1),
    mark=st.sampled_from("./-"),
    first=st.booleans(),
)
def test_every_date_comes_back_in_the_order_that_was_said(days: list[object], mark: str, first: bool) -> None:
    order = f"%d{mark}%m{mark}%Y" if first else f"%m{mark}%d{mark}%Y"
    stamps = pd.to_datetime(pd.Series(days))
    times = read_times(stamps.dt.strftime(order), "time", day_first=first)
    assert (pd.to_datetime(times.seconds, unit="s") == stamps).all()


@pytest.mark.parametrize(
    ("unit", "scale"), [("seconds", 1), ("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)]
)
def test_numbers_since_1970_are_recognised_by_their_size(unit: str, scale: float) -> None:
    seconds = np.array([1.3e9, 1.5e9, 1.709e9])
    for column in (pd.Series(seconds * scale), pd.Series([f"{value:.0f}" for value in seconds * scale])):
        times = read_times(column, "time")
        assert times.seconds == pytest.approx(seconds, abs=1e-3)
        assert times.remarks[0] == f"times are {unit} since 1970"


def test_fractions_may_be_mixed_and_other_cells_are_missing() -> None:
    cells = ("2024-03-04T15:06:07.123Z", "2024-03-04T15:06:07Z", "soon", "", None, "2024-13-45")
    assert read(*cells) == ["2024-03-04 15:06:07.123000", "2024-03-04 15:06:07", "", "", "", ""]
    assert read("19970131", "19970201") == ["1997-01-31 00:00:00", "1997-02-01 00:00:00"]
    assert read("Mar 4, 2024 3:06:07 PM", "4 March 2024") == [str(MOMENT), "2024-03-04 00:00:00"]


@pytest.mark.parametrize("numbers", [(1, 2, 711), (36_526.5, 45_000.0), (202_401, 202_402, 202_512)])
def test_counts_of_days_weeks_or_months_are_no_times(numbers: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInput, match="no times since 1970"):
        read(*numbers)


def test_dates_of_parquet_keep_the_clock_of_their_zone() -> None:
    stamps = pd.Series(pd.to_datetime(["2024-01-05 23:30", "2024-07-05 08:00"]).tz_localize("Europe/Paris"))
    assert read_times(stamps, "time").seconds == pytest.approx(
        [pd.Timestamp(text).timestamp() for text in ("2024-01-05 23:30", "2024-07-05 08:00")]
    )
