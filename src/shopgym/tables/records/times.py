"""Times as shops write them: local hours stay; an order of day and month that is open is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64, AnyArray
from ..text import as_text

if TYPE_CHECKING:
    import pandas as pd

EPOCHS = {
    "seconds": (1e8, 1e10, 1.0),
    "milliseconds": (1e11, 1e13, 1e-3),
    "microseconds": (1e14, 1e16, 1e-6),
    "nanoseconds": (1e17, 1e19, 1e-9),
}
"""Times since 1970: from, below, and how many seconds one is. The ranges are the years 1973 to 2286."""
OFFSET = re.compile(r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})$")
"""The zone behind a time of day."""
NUMERIC_DATE = re.compile(r"^(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?:[,\sT]+(.*))?$")
"""Two numbers and a year: day and month, in an order that has to be found."""
DECIMAL_COMMA = re.compile(r"^(\d+),(\d+)$")
COMPACT = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}
"""Dates in one number, by the number of its digits."""
LATEST = 1e10
"""Seconds before and after 1970 that are times: from 1653 to 2286."""
FEWEST_SECONDS = 1e5
"""Smaller counts are of days or weeks, or are days as spreadsheets count them."""
DAY = 86_400.0


@dataclass(frozen=True, eq=False)
class ReadTimes:
    """Times by the shop's clock.

    Attributes:
        seconds: (r,) since 1970-01-01 00:00 of that clock; NaN where a cell is no time.
        remarks: what was recognised, in words.
    """

    seconds: F64
    remarks: tuple[str, ...] = ()


def read_times(
    column: pd.Series, field: str, *, day_first: bool | None = None, time_zone: str | None = None
) -> ReadTimes:
    """Read a column of times: texts, dates, or numbers since 1970.

    An offset such as ``+0200`` is dropped, so that the hours stay those of the shop. With ``time_zone``,
    times that have an offset or count from 1970 become those of this zone. Numbers are seconds, milli-,
    micro- or nanoseconds according to their size. Where a date begins with day and month, a number above 12
    settles their order.

    Args:
        column: (r,) as it was read.
        field: what errors call it.
        day_first: the order of day and month, where no row settles it.
        time_zone: of the shop, e.g. ``Europe/Paris``.

    Raises:
        InvalidInput: no row settles day and month, rows contradict each other, numbers are no times since
            1970, or there is no such zone.
    """
    import pandas as pd

    if time_zone is not None:
        _check_zone(time_zone)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _from_dates(column, time_zone)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _from_numbers(column.to_numpy(np.float64, na_value=np.nan), field, time_zone)
    code, cells = pd.factorize(as_text(column, field))
    texts = pd.Series(cells, dtype=object).str.strip()
    numbers = pd.to_numeric(texts.str.replace(DECIMAL_COMMA, r"\1.\2", regex=True), errors="coerce")
    if len(texts) and numbers.notna().mean() > 0.5:
        read = _from_numbers(np.asarray(numbers, np.float64), field, time_zone)
    else:
        read = _from_texts(texts, field, day_first, time_zone)
    return ReadTimes(np.append(read.seconds, np.nan)[code], read.remarks)


def _check_zone(name: str) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except Exception:  # a name that is no path raises errors of several kinds
        raise InvalidInput(
            "time_zone", name, "give a name such as Europe/Paris or America/New_York"
        ) from None


def _since_1970(moments: pd.Series) -> F64:
    """(r,) seconds; NaN where there is no time, or one of another age, such as 9999-12-31 for "never"."""
    microseconds = moments.to_numpy("datetime64[us]")
    seconds = np.where(np.isnat(microseconds), np.nan, microseconds.astype(np.int64) / 1e6)
    return np.where(np.abs(seconds) < LATEST, seconds, np.nan)


def _in_zone(moments: pd.Series, time_zone: str) -> pd.Series:
    """Moments without a zone, counted by the clock of UTC, by that of ``time_zone``."""
    local: pd.Series = moments.dt.tz_localize("UTC").dt.tz_convert(time_zone).dt.tz_localize(None)
    return local


def _from_dates(column: pd.Series, time_zone: str | None) -> ReadTimes:
    if column.dt.tz is None:
        return ReadTimes(_since_1970(column))
    if time_zone is not None:
        local = column.dt.tz_convert(time_zone).dt.tz_localize(None)
        return ReadTimes(_since_1970(local), (f"times are in {time_zone}",))
    remark = (f"times are by the clock of {column.dt.tz}",)
    return ReadTimes(_since_1970(column.dt.tz_localize(None)), remark)


def _from_numbers(numbers: F64, field: str, time_zone: str | None) -> ReadTimes:
    import pandas as pd

    finite = numbers[np.isfinite(numbers)]
    compact = _compact(numbers)
    if compact is not None:
        return compact
    counts = {name: int(((finite >= low) & (finite < high)).sum()) for name, (low, high, _) in EPOCHS.items()}
    unit = max(counts, key=lambda name: counts[name])
    if finite.size and not counts[unit] and _is_own_clock(finite):
        return ReadTimes(numbers, ("times are seconds of the shop's own clock",))
    if finite.size and not counts[unit]:
        shown = {"from": float(finite.min()), "to": float(finite.max())}
        fix = (
            "these numbers are no times since 1970 (in seconds, milli-, micro- or nanoseconds) and no dates "
            "yyyymmdd: give dates; a count of days or weeks says neither weekday nor season"
        )
        raise InvalidInput(field, shown, fix)
    low, high, size = EPOCHS[unit]
    seconds = np.where((numbers >= low) & (numbers < high), numbers * size, np.nan)
    remarks = [f"times are {unit} since 1970"]
    if time_zone is None:
        remarks.append("hours are taken to be the shop's own: give --time-zone where times are in UTC")
    else:
        seconds = _since_1970(_in_zone(pd.to_datetime(pd.Series(seconds), unit="s"), time_zone))
        remarks.append(f"times are in {time_zone}")
    return ReadTimes(seconds, tuple(remarks))


def _is_own_clock(numbers: F64) -> bool:
    """Whether numbers below the times since 1970 can be seconds: larger than counts of days and than days of
    spreadsheets, and no months such as 202401."""
    months = (numbers % 1 == 0) & (numbers >= 190_001) & (numbers <= 210_012) & (numbers % 100 <= 12)
    return bool(
        numbers.min() >= 0 and FEWEST_SECONDS <= numbers.max() < EPOCHS["seconds"][0] and not months.all()
    )


def _compact(numbers: F64) -> ReadTimes | None:
    """Dates such as 19970131, where all numbers are such dates; else None."""
    import pandas as pd

    finite = np.isfinite(numbers)
    whole = finite.any() and (numbers[finite] % 1 == 0).all()
    if not whole or not ((numbers[finite] > 1e7) & (numbers[finite] < 1e14 * 0.3)).all():
        return None
    texts = pd.Series([f"{number:.0f}" if fine else "" for number, fine in zip(numbers, finite)])
    lengths = set(texts[finite].str.len())
    if len(lengths) != 1 or not lengths <= set(COMPACT):
        return None
    moments = pd.to_datetime(texts, format=COMPACT[lengths.pop()], errors="coerce")
    return ReadTimes(_since_1970(moments)) if moments[finite].notna().mean() > 0.5 else None


def _from_texts(texts: pd.Series, field: str, day_first: bool | None, time_zone: str | None) -> ReadTimes:
    import pandas as pd

    remarks: list[str] = []
    numeric = texts.str.extract(NUMERIC_DATE.pattern).set_axis(
        ["first", "mark", "second", "year", "clock"], axis=1
    )
    dated = numeric["year"].notna()
    if dated.any():
        texts = texts.copy()
        texts[dated], remark = _year_first(texts[dated], numeric[dated], field, day_first)
        remarks += remark
    zone = texts.str.extract(OFFSET.pattern)[0]
    zone = zone.where(texts.str.contains(":"))  # 2024-01-05 ends like an offset
    plain = texts.where(zone.isna(), texts.str.replace(OFFSET.pattern, "", regex=True))
    moments = _moments(plain)
    zoned = zone.notna() & moments.notna()
    if zoned.any():
        if time_zone is not None:
            ahead = pd.to_timedelta(zone[zoned].map(_offset_seconds), unit="s")
            moments[zoned] = _in_zone(moments[zoned] - ahead, time_zone)
            remarks.append(f"times are in {time_zone}")
        else:
            remarks.append(_zone_remark(sorted(set(zone[zoned]))))
    return ReadTimes(_since_1970(moments), tuple(remarks))


def _zone_remark(zones: list[str]) -> str:
    if all(_offset_seconds(zone) == 0 for zone in zones):
        return "hours are those of UTC: give --time-zone for the shop's own"
    shown = ", ".join(zones[:4]) + (" and others" if len(zones) > 4 else "")
    return f"times have offsets ({shown}): the local hours are kept"


def _offset_seconds(zone: str) -> float:
    if zone[0] not in "+-":
        return 0.0
    digits = zone[1:].replace(":", "")
    return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1.0 if zone[0] == "-" else 1.0)


def _moments(texts: pd.Series) -> pd.Series:
    """ISO times, of which some may have fractions, and what pandas reads else, month names for instance."""
    import pandas as pd

    moments = pd.to_datetime(texts, format="ISO8601", errors="coerce")
    others = moments.isna() & texts.notna()
    if others.any():
        worded = texts[others].where(
            texts[others].str.contains(r"\d") & texts[others].str.contains(r"[A-Za-z]|\d:\d")
        )
        read = [_moment(cell) for cell in worded]
        moments[others] = pd.to_datetime(pd.Series(read, index=worded.index))
    return moments


def _moment(cell: object) -> object:
    import pandas as pd

    if not isinstance(cell, str):
        return pd.NaT
    try:
        moment = pd.Timestamp(cell)
    except (ValueError, OverflowError):
        return pd.NaT
    return moment if pd.isna(moment) or moment.tzinfo is None else moment.tz_localize(None)


def _year_first(
    texts: pd.Series, parts: pd.DataFrame, field: str, day_first: bool | None
) -> tuple[AnyArray, list[str]]:
    """The texts as ``yyyy-mm-dd`` and the time of day, and what is to be said about it."""
    first, second = parts["first"].astype(int), parts["second"].astype(int)
    day_leads, month_leads = (first > 12) & (second <= 12), (second > 12) & (first <= 12)
    remarks = []
    if day_first is None:
        if day_leads.any() and month_leads.any():
            shown = (texts[day_leads].iloc[0], texts[month_leads].iloc[0])
            fix = "some rows begin with the day, others with the month: say --day-first or --month-first"
            raise InvalidInput(field, shown, fix)
        if day_leads.any() or month_leads.any():
            day_first = bool(day_leads.any())
            row = texts[day_leads if day_first else month_leads].iloc[0]
            order = "day before month" if day_first else "month before day"
            remarks.append(f"dates have the {order}: {row} settles it")
        elif (first != second).any():
            example = texts[first != second].iloc[0]
            fix = (
                "no row has a day above 12, so day and month may stand in either order: say which "
                "(--day-first or --month-first)"
            )
            raise InvalidInput(field, example, fix)
    day, month = (first, second) if day_first or day_first is None else (second, first)
    year = parts["year"].astype(int)
    year = year.where(parts["year"].str.len() == 4, 2000 + year - 100 * (year >= 69))  # as POSIX reads them
    date = (
        year.astype(str).str.zfill(4)
        + "-"
        + month.astype(str).str.zfill(2)
        + "-"
        + day.astype(str).str.zfill(2)
    )
    clock = parts["clock"].fillna("").map(_clock)
    return (date + clock).to_numpy(dtype=object), remarks


def _clock(text: str) -> str:
    """A time of day as ISO writes it; an empty text where there is none."""
    match = re.fullmatch(
        r"(\d{1,2}):(\d{2})(:\d{2}(?:[.,]\d+)?)?\s*([AaPp])?\.?(?:[Mm]\.?)?(.*)", text.strip()
    )
    if match is None:
        return f" {text.strip()}" if text.strip() else ""
    hour = int(match[1])
    if match[4]:
        hour = hour % 12 + (12 if match[4] in "Pp" else 0)
    return f" {hour:02d}:{match[2]}{(match[3] or '').replace(',', '.')}{match[5]}"
