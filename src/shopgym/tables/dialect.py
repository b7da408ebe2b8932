"""How a text table is written: separator, decimal mark, thousands separator, encoding."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace

from ..core.errors import InvalidInput, one_of

SEPARATORS = (",", ";", "\t", "|")
"""Those that are recognised; others can be named."""
BLANKS = r"\s+"
"""As a separator: any number of blanks."""
NAMES = {"tab": "\t", r"\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
THOUSANDS = ",. '\u2019\u00a0\u202f\u2009"
"""Marks between groups of three digits: comma, point, blank, two apostrophes, and three narrow blanks."""


@dataclass(frozen=True)
class Dialect:
    r"""How a text table is written. None: recognised from the file.

    Attributes:
        separator: between values: one character, ``tab``, or ``\s+`` for any number of blanks.
        decimal: the decimal mark, ``.`` or ``,``.
        thousands: the mark between groups of three digits, e.g. ``.`` or a blank.
        encoding: e.g. ``utf-8`` or ``cp1252``.

    Raises:
        InvalidInput: no such separator, mark or encoding; one mark for two purposes.
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        for name in ("separator", "decimal", "thousands"):
            value = getattr(self, name)
            object.__setattr__(self, name, NAMES.get(value, value))
        separator = self.separator
        if separator is not None and separator != BLANKS and (len(separator) != 1 or separator in '\r\n"'):
            raise InvalidInput("separator", separator, r"give one character, e.g. ';', or 'tab'")
        if self.decimal is not None:
            one_of("decimal", self.decimal, (".", ","))
        if self.thousands is not None and self.thousands not in tuple(THOUSANDS):
            raise InvalidInput("thousands", self.thousands, "give a comma, a point, a blank or an apostrophe")
        if self.thousands is not None and self.thousands == self.decimal:
            raise InvalidInput("thousands", self.thousands, "it is the decimal mark: give another")
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                fix = "there is no such encoding: give e.g. utf-8, cp1252 or utf-16"
                raise InvalidInput("encoding", self.encoding, fix) from None

    def with_implied_decimal(self) -> Dialect:
        """A comma or point between thousands says that the other is the decimal mark."""
        if self.decimal is None and self.thousands in (",", "."):
            return replace(self, decimal="." if self.thousands == "," else ",")
        return self


AUTO = Dialect()
"""Everything is recognised."""
