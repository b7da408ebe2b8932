"""One kind of error for bad input: it names the field, the value and the fix."""

from __future__ import annotations


class InvalidInput(ValueError):
    """Raised wherever a user's input cannot be used.

    The command line turns it into exit code 2, the server into a 4xx answer.

    Args:
        field: dotted name of what is wrong, e.g. ``shop.slate_size``.
        value: the offending value (shortened when long).
        fix: what to do about it, as a sentence.
    """

    def __init__(self, field: str, value: object, fix: str) -> None:
        shown = repr(value)
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
