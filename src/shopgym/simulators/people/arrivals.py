"""When visitors come: a Poisson process whose rate follows the hour, the weekday and the season.

The i-th visitor of a shop comes when the integrated rate reaches the sum of i unit exponential times
(time rescaling: Daley & Vere-Jones 2003, prop. 7.4.I). Each of these times is a keyed draw, so visitor i
is the same person with the same random draws whatever the rates are, and comes earlier in a busier shop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...core.errors import InvalidInput, in_range
from ...core.types import F64
from ..engine.hash_rng import keys, units

HOURS, WEEKDAYS, WEEKS = 24, 7, 52
FLAT_HOURS, FLAT_WEEKDAYS, FLAT_WEEKS = (1.0,) * HOURS, (1.0,) * WEEKDAYS, (1.0,) * WEEKS


@dataclass(frozen=True)
class ArrivalConfig:
    """How busy the shop is. The year has 52 weeks; day 0 is a Monday, time 0 its midnight.

    Attributes:
        per_day: (new) visitors on an average day.
        established: customers that a season begins with.
        representative: whether the established customers are spread evenly over the distribution of
            customers, so that a few hundred represent it, instead of drawn independently.
        hours, weekdays, weeks: multipliers >= 0 by hour of the day, day of the week (Monday first) and
            week of the year; each is scaled to mean 1.
    """

    per_day: float = 1000.0
    established: int = 0
    representative: bool = False
    hours: tuple[float, ...] = field(default=FLAT_HOURS)
    weekdays: tuple[float, ...] = field(default=FLAT_WEEKDAYS)
    weeks: tuple[float, ...] = field(default=FLAT_WEEKS)

    def __post_init__(self) -> None:
        in_range("shop.arrivals.per_day", self.per_day, 0.0, 1e9, open_low=True)
        in_range("shop.arrivals.established", self.established, 0, 2**31 - 1)
        for name, count in (("hours", HOURS), ("weekdays", WEEKDAYS), ("weeks", WEEKS)):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if values.shape != (count,):
                raise InvalidInput(f"shop.arrivals.{name}", values.shape, f"give {count} multipliers")
            if not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
                raise InvalidInput(f"shop.arrivals.{name}", values.tolist(), "give numbers >= 0, not all 0")

    @cached_property
    def by_hour(self) -> F64:
        """(8736,) expected visitors in each hour of the year."""
        hours, weekdays, weeks = (
            np.asarray(part, dtype=np.float64) / np.mean(part)
            for part in (self.hours, self.weekdays, self.weeks)
        )
        shape = weeks[:, None, None] * weekdays[None, :, None] * hours[None, None, :]
        return (self.per_day / HOURS * shape).ravel()

    @cached_property
    def _reached(self) -> F64:
        """(8737,) integrated rate at the start of each hour of the year, and at its end."""
        return np.concatenate([[0.0], np.cumsum(self.by_hour)])

    def expected(self, start: float, end: float) -> float:
        """Expected visitors between two times in days."""
        return float(self._integral(np.array([end]))[0] - self._integral(np.array([start]))[0])

    def times(self, seed: int, count: int) -> F64:
        """(count,) times in days at which the first ``count`` visitors come, rising."""
        draw = units(keys(np.uint64(seed), np.arange(count, dtype=np.uint64)))
        target = np.cumsum(-np.log1p(-draw))
        return self._when(target)

    def after(self, start: F64, gaps: F64) -> F64:
        """(n,) times in days at which ``gaps`` average days of business have passed since ``start``."""
        return self._when(self._integral(start) + gaps * self.per_day)

    def _when(self, target: F64) -> F64:
        """The times at which the integrated rate reaches ``target``."""
        year, total = np.divmod(target, self._reached[-1])
        hour = np.searchsorted(self._reached, total, side="right") - 1
        hour = np.minimum(hour, len(self.by_hour) - 1)
        inside = (total - self._reached[hour]) / self.by_hour[hour]
        times: F64 = (year * len(self.by_hour) + hour + inside) / HOURS
        return times

    def _integral(self, days: F64) -> F64:
        year, hours = np.divmod(days * HOURS, len(self.by_hour))
        hour = np.minimum(hours.astype(np.int64), len(self.by_hour) - 1)
        integral: F64 = year * self._reached[-1] + self._reached[hour] + (hours - hour) * self.by_hour[hour]
        return integral
