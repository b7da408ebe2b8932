"""A shop's own records, read and checked, and what a calibration can be judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ...core.errors import InvalidInput, in_range
from ...simulators import Catalog
from ...simulators.catalog.from_events import lines_of_events
from ...tables.records import (
    FOR_A_SHOP,
    EventRecords,
    ItemTable,
    OrderLines,
    RecordOptions,
    read_events,
    read_items,
    read_order_lines,
)
from ..own_records import record_data, split_in_time
from ..shop_data import DAY, ShopData
from ..shop_events import week_of_year
from .parts import Part, parts_of

FEWEST_LINES, FEWEST_SESSIONS = 100, 500
LEAST_DAYS, LEAST_HELD_OUT = 3, 2
"""Days of a record, and of the part that is held out; of a shorter record nothing is held out."""
MOST_UNITS = 10_000
"""Units of a line that a shop allows."""
MOST_LINES = 0.999


@dataclass(frozen=True, eq=False)
class OwnRecords:
    """Order lines, events of visits, or both, of one shop.

    Attributes:
        lines: the order lines; of a shop that gave events alone, its purchases, else its page views as lines
            of one unit at price 1.
        mapping: by which they, or else the events, were read.
        priced: whether prices were recorded.
        events: of visits, or None.
        data: both in the form in which facts are measured.
        items: the item table, or None.
        holdout: share of the days, at the end, that is kept out of the fit; 0: none.
        remarks: what was decided about the records, in words.
    """

    lines: OrderLines
    mapping: str
    priced: bool
    events: EventRecords | None
    data: ShopData
    items: ItemTable | None
    holdout: float
    remarks: tuple[str, ...]

    @cached_property
    def days(self) -> int:
        """Whole days from the first to the last, both included."""
        time = self.data.required_events()["time"]
        return int(time.iloc[-1] // DAY - time.iloc[0] // DAY) + 1

    @property
    def start_week(self) -> int:
        """Week of the year in which the record begins, from 0."""
        return week_of_year(float(self.data.required_events()["time"].iloc[0]))

    @cached_property
    def cut(self) -> float:
        """Seconds since 1970 at which the part that is held out begins."""
        start = float(self.data.required_events()["time"].iloc[0] // DAY * DAY)
        return start + DAY * round((1.0 - self.holdout) * self.days)

    @property
    def until(self) -> str | None:
        """The last day that is fitted, as a date; None where nothing is held out."""
        if self.holdout == 0:
            return None
        return str(pd.Timestamp(self.cut - DAY, unit="s").date())

    @cached_property
    def fitted_lines(self) -> OrderLines:
        """The order lines of the part that is fitted."""
        return self.lines if self.until is None else self.lines.until(self.until)

    @cached_property
    def fitted_data(self) -> ShopData:
        """The part that is fitted, as facts are measured."""
        return self.data if self.holdout == 0 else split_in_time(self.data, 1.0 - self.holdout)[0]

    @property
    def fitted_days(self) -> float:
        """Days of that part."""
        return float(self.days if self.holdout == 0 else self.fitted_data.days)

    def parts(self, seed: int, resamples: int) -> tuple[Part, ...]:
        """The fitted part and the part that is held out."""
        return parts_of(self.data, self.holdout, np.random.default_rng(seed), resamples)

    @cached_property
    def most_units(self) -> int:
        """Units that hardly a line exceeds, as far as a shop allows them."""
        return min(max(self._most, 1), MOST_UNITS)

    @property
    def most_units_how(self) -> str:
        """What they are, in words."""
        if self._most > MOST_UNITS:  # e.g. fuel by the hundredth of a litre
            return (
                f"99.9% of the order lines hold no more than {self._most:,}; the shop allows {MOST_UNITS:,}"
            )
        return "99.9% of the order lines hold no more"

    @cached_property
    def _most(self) -> int:
        return int(np.ceil(self.fitted_lines.sold["quantity"].quantile(MOST_LINES)))

    def catalog(self) -> Catalog:
        """The catalogue of the part that is fitted."""
        return Catalog.from_transactions(
            self.fitted_lines, items=self.items, units_cap=float(self.most_units)
        )


def read_own(
    transactions: Path | None,
    sessions: Path | None,
    *,
    records: RecordOptions,
    item_table: Sequence[Path] = (),
    holdout: float = 0.25,
) -> OwnRecords:
    """Read the records, and decide what is held out.

    Raises:
        InvalidInput: names the file, column, row and fix; or the records are too few.
    """
    in_range("holdout", holdout, 0.0, 0.5)
    if transactions is None and sessions is None:
        raise InvalidInput("--transactions", None, "give order lines, --sessions with events, or both")
    events, lines, priced = None, None, True
    if sessions is not None:
        options = records if transactions is None else records.for_another_file()
        events = read_events(sessions, options, field="--sessions", columns_field="--column")
    if transactions is not None:
        lines = read_order_lines(
            transactions,
            records,
            need=FOR_A_SHOP,
            fewest=FEWEST_LINES,
            field="--transactions",
            columns_field="--column",
        )
    elif events is not None:
        lines, priced = lines_of_events(events, records.currency)
    assert lines is not None
    items = None
    if item_table:
        of_items = RecordOptions(dialect=records.dialect, currency=lines.currency or None)
        items = read_items(item_table, of_items, field="--item-table")
    data = record_data(lines if transactions is not None else None, events)
    if events is not None and len(data.sessions) < FEWEST_SESSIONS:
        raise InvalidInput("--sessions", len(data.sessions), f"give {FEWEST_SESSIONS} visits or more")
    mapping = lines.mapping if events is None or transactions is not None else events.mapping
    own = OwnRecords(lines, mapping, priced, events, data, items, holdout, ())
    return _checked(own)


def _checked(own: OwnRecords) -> OwnRecords:
    """The records with what they are too short for said and left out."""
    remarks = []
    if own.days < LEAST_DAYS:
        raise InvalidInput("records", f"{own.days} days", "give records of a week or more")
    if own.holdout and round(own.holdout * own.days) < LEAST_HELD_OUT:
        words = "too few to hold some out: the shop is judged on what it was fitted to"
        remarks.append(f"{own.days} days are {words}")
        own = replace(own, holdout=0.0)
    if not own.priced:
        remarks.append("the events hold no prices: every item costs 1, so amounts of money mean nothing")
    return replace(own, remarks=tuple(remarks))
