"""A report of all invalid values of a log: they are counted over all rows and named in one error."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import AnyArray

SHOWN = 3
"""Row numbers named for each problem."""


@dataclass
class InvalidRows:
    """Rows with the same problem: the first few, the first wrong value, their number."""

    rows: list[int]
    value: object
    count: int


@dataclass
class ValidationReport:
    """Problems by (column, what to do); reports merge over parts of a log."""

    problems: dict[tuple[str, str], InvalidRows] = field(default_factory=dict)

    def check(
        self, column: str, values: AnyArray, bad: AnyArray | np.bool, fix: str, first_row: int = 0
    ) -> None:
        """Count the ``bad`` rows of ``values``, both (r,) or (r, ...), which start at ``first_row``."""
        bad = np.asarray(bad)
        if not bad.any():
            return
        rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
        value = np.asarray(values[rows[:1]]).tolist()[0]
        self._add((column, fix), InvalidRows([int(r) + first_row for r in rows[:SHOWN]], value, len(rows)))

    def merge(self, other: ValidationReport) -> None:
        """Add the problems of later rows."""
        for key, fault in other.problems.items():
            self._add(key, fault)

    def _add(self, key: tuple[str, str], fault: InvalidRows) -> None:
        earlier = self.problems.get(key)
        if earlier is None:
            self.problems[key] = InvalidRows(list(fault.rows), fault.value, fault.count)
        else:
            earlier.rows = [*earlier.rows, *fault.rows][:SHOWN]
            earlier.count += fault.count

    def stop(self, n: int, row_numbers: AnyArray | None = None) -> None:
        """Raise one :class:`InvalidInput` about all problems of ``n`` rows, if there are any.

        ``row_numbers`` (n,) are the rows' numbers where some rows of the file were left out.
        """
        if not self.problems:
            return
        if row_numbers is not None:
            for fault in self.problems.values():
                fault.rows = [int(row_numbers[row]) for row in fault.rows]
        (column, fix), first = next(iter(self.problems.items()))
        message = f"{fix} ({_where(first, n)})"
        for (other, advice), fault in list(self.problems.items())[1:]:
            message += f"; {other}[{fault.rows[0]}] = {fault.value!r}: {advice} ({_where(fault, n)})"
        raise InvalidInput(f"{column}[{first.rows[0]}]", first.value, message)


def _where(fault: InvalidRows, n: int) -> str:
    are = "row is" if n == 1 else "rows are"
    message = f"{fault.count} of {n} {are} wrong"
    if fault.count > 1:
        ellipsis = ", ..." if fault.count > len(fault.rows) else ""
        message += f": {', '.join(map(str, fault.rows))}{ellipsis}"
    return message
