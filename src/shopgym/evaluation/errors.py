"""Errors of evaluation that a caller may answer by asking another estimator or interval."""

from __future__ import annotations

from ..core.errors import InvalidInput


class NotEstimable(InvalidInput):
    """This log has no answer for this estimator or interval; another one may have an answer.

    Every other :class:`InvalidInput` says that the input itself is wrong, and nothing goes on after it.
    """


class NoOverlap(NotEstimable):
    """The target never shows what was logged: no estimator that uses the weights has an answer."""
