"""One kind of error for bad input: it names the field, the value and the fix."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from numbers import Real
from typing import Any, overload

import numpy as np


class InvalidInput(ValueError):
    """Raised wherever a user's input cannot be used.

    The command line turns it into exit code 2, the server into a 4xx answer. It reaches other processes
    whole: it can be pickled, and made from such an error alone, which is how Gymnasium's ``AsyncVectorEnv``
    raises what one of its workers sent.

    Args:
        field: dotted name of what is wrong, e.g. ``shop.slate_size``; or an error to copy.
        value: the offending value (shortened when long).
        fix: what to do about it, as a sentence.
    """

    field: str
    value: object
    fix: str

    @overload
    def __init__(self, field: str, value: object, fix: str) -> None: ...
    @overload
    def __init__(self, field: InvalidInput) -> None: ...
    def __init__(self, field: str | InvalidInput, value: object = None, fix: str = "") -> None:
        if isinstance(field, InvalidInput):
            super().__init__(*field.args)
            self.__dict__.update(field.__dict__)
            return
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

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        state = dict(self.__dict__)
        try:
            pickle.dumps(self.value)
        except Exception:  # e.g. a lambda: the message says what it was
            state["value"] = repr(self.value)
        return _rebuilt, (type(self), self.args, state)


def _rebuilt(kind: type[InvalidInput], message: tuple[Any, ...], state: dict[str, Any]) -> InvalidInput:
    """A pickled error again, whatever arguments its class takes."""
    error = kind.__new__(kind, *message)
    error.__dict__.update(state)
    return error


MANY = 30
"""From so many names on, a message gives the nearest instead of all."""


def in_range(
    field: str, value: float, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> None:
    """Raise :class:`InvalidInput` unless ``low <= value <= high``; an open end is left out."""
    if not is_number(value):
        raise InvalidInput(field, value, f"give a number from {low:g} to {high:g}")
    ok = (low < value if open_low else low <= value) and (value < high if open_high else value <= high)
    if not ok:
        left, right = "(" if open_low else "[", ")" if open_high else "]"
        raise InvalidInput(field, value, f"give a number in {left}{low:g}, {high:g}{right}")


def is_number(value: Any) -> bool:
    """Whether ``value`` is a real number, of Python or numpy."""
    return isinstance(value, Real)


def whole_number(field: str, value: Any) -> int:
    """``value`` as an int; raises :class:`InvalidInput` unless it is one, of Python or numpy."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidInput(field, value, "give a whole number")
    return int(value)


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
    if str(value) in names:
        return
    fix = f"choose one of {', '.join(names)}{did_you_mean(value, names)}"
    if len(names) >= MANY:
        near = get_close_matches(str(value).lower(), names, n=3, cutoff=0.0)
        fix = f"choose one of {len(names)}; the nearest are {', '.join(near)}{did_you_mean(value, names)}"
    raise InvalidInput(field, value, fix)


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
    """Raise :class:`InvalidInput` at the first row of the array ``values`` that is ``bad`` (n,) bool.

    Values may be numbers, or the cells (n,) object of a file as they were read.
    """
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        value = values[row]
        raise InvalidInput(f"{field}[{row}]", value.tolist() if hasattr(value, "tolist") else value, fix)
