"""Slates in long format: one row for each slot, put together to rounds of several slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import F64, I64, AnyArray
from ....tables import to_numbers
from .columns import Columns, check_present, numeric_column
from .target import Target
from .validation import ValidationReport

if TYPE_CHECKING:
    import pandas as pd


def check_slates(frame: pd.DataFrame, columns: Columns, target: Target, report: ValidationReport) -> None:
    """Count the rows that make no slates, and refuse policies that cannot be weighed slot by slot.

    Raises:
        InvalidInput: a policy other than ``column:NAME``, or estimated propensities.
    """
    assert columns.slate is not None
    assert columns.slot is not None
    if target.kind != "column":
        fix = "of slates write column:NAME, the policy's probability of the slot's action given those before"
        raise InvalidInput("--policy", str(target), fix)
    if not columns.propensity:
        fix = "propensities of slates are not estimated: name the column (--propensity-column)"
        raise InvalidInput("--propensity-column", None, fix)
    check_present(frame, columns.slate, report, 0)
    slot = numeric_column(frame, columns.slot, report)
    report.check(columns.slot, slot, np.isinf(slot), "remove infinity")
    pair = frame[[columns.slate, columns.slot]]
    report.check(columns.slot, slot, pair.duplicated().to_numpy(), "the slate has this slot twice")


class LongSlates:
    """Rows in the order of slates and slots, and their place in arrays (slates, slots).

    A slate with fewer slots than the longest ends early: the slots that it lacks earn nothing and change no
    weight.
    """

    def __init__(self, frame: pd.DataFrame, columns: Columns) -> None:
        import pandas as pd

        assert columns.slate is not None
        assert columns.slot is not None
        slate, _ = pd.factorize(frame[columns.slate])
        self._order = np.lexsort((to_numbers(frame[columns.slot], columns.slot), slate))
        self._slate: I64 = slate[self._order].astype(np.int64)
        starts = np.flatnonzero(np.r_[True, np.diff(self._slate) > 0])
        self._slot: I64 = np.arange(len(frame)) - starts[self._slate]
        self._first = self._order[starts]
        self.shape = len(starts), int(self._slot.max()) + 1

    def wide(self, values: F64, missing: float) -> F64:
        """(slates, slots) of one value a row; ``missing`` where a slate has no such slot."""
        out = np.full(self.shape, missing)
        out[self._slate, self._slot] = values[self._order]
        return out

    def one_each(self, name: str, values: AnyArray) -> Any:
        """(slates,) the value that all rows of a slate share.

        Raises:
            InvalidInput: the rows of a slate have several.
        """
        first = values[self._first]
        ordered = values[self._order]
        wrong = ordered != first[self._slate]
        if wrong.any():
            row = int(self._order[np.flatnonzero(wrong)[0]])
            fix = f"the rows of a slate have to have one value ({int(wrong.sum())} rows have another)"
            raise InvalidInput(f"{name}[{row}]", values[row], fix)
        return first
