"""One kind of error for bad input: it names the field, the value and the fix."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import numpy as np


class InvalidInput(ValueError):
    """Raised wherever a user's input cannot be used.

    The command line turns it into exit code 2, the server into a 4xx answer.

    Args:
        field: dotted name of what is wrong, e.g. ``shop.slate_size``.
        value: the offending value (shortened when long).
        fix: what to do about it, as a sentence.
    """

    def __init__(self, field: str, value: object, fix: str) -> None:
        try:
            shown = repr(value)
        except RecursionError:  # nested more deeply than Python prints
            shown = f"a deeply nested {type(value).__name__}"
        if len(shown) > 120:
            shown = shown[:117] + "..."
        super().__init__(f"{field} = {shown}: {fix}")
        self.field = field
        self.value = value
        self.fix = fix


def in_range(
    field: str, value: float, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> None:
    """Raise :class:`InvalidInput` unless ``low <= value <= high``; an open end is left out."""
    ok = (low < value if open_low else low <= value) and (value < high if open_high else value <= high)
    if not ok:
        left, right = "(" if open_low else "[", ")" if open_high else "]"
        raise InvalidInput(field, value, f"give a number in {left}{low:g}, {high:g}{right}")


def in_ranges(
    owner: object,
    prefix: str,
    low: float,
    high: float,
    *names: str,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """:func:`in_range` of the attributes ``names`` of ``owner``, which errors call ``prefix.name``."""
    for name in names:
        field = f"{prefix}.{name}"
        in_range(field, getattr(owner, name), low, high, open_low=open_low, open_high=open_high)


def one_of(field: str, value: object, choices: Iterable[object]) -> None:
    """Raise :class:`InvalidInput` unless ``value`` is one of ``choices``; names the nearest of them."""
    names = [str(choice) for choice in choices]
    if str(value) not in names:
        raise InvalidInput(field, value, f"choose one of {', '.join(names)}{did_you_mean(value, names)}")


def did_you_mean(value: object, names: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` where one of ``names`` is close to ``value``, else nothing."""
    by_lower_case = {name.lower(): name for name in names}  # the case of letters makes no difference
    near = get_close_matches(str(value).lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[near[0]]!r}?" if near else ""


def finite(field: str, values: Any, fix: str = "remove NaN and infinity") -> None:
    """Raise :class:`InvalidInput` at the first row of ``values``, an array or number, that is not finite."""
    fine = np.isfinite(values)
    if fine.all():
        return
    if not fine.ndim:
        raise InvalidInput(field, values, fix)
    refuse_rows(field, np.asarray(values), ~fine.reshape(len(fine), -1).all(axis=1), fix)


def refuse_rows(field: str, values: Any, bad: Any, fix: str) -> None:
    """Raise :class:`InvalidInput` at the first row of the array ``values`` that is ``bad`` (n,) bool."""
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InvalidInput(f"{field}[{row}]", values[row].tolist(), fix)
