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


def in_range(field: str, value: float, low: float, high: float, *, open_low: bool = False) -> None:
    """Raise :class:`InvalidInput` unless ``low <= value <= high`` (``low < value`` with ``open_low``)."""
    ok = (low < value if open_low else low <= value) and value <= high
    if not ok:
        left = "(" if open_low else "["
        raise InvalidInput(field, value, f"give a number in {left}{low:g}, {high:g}]")
