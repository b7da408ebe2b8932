"""The amounts of every term on a page, from its feedback."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ..batches import PAGE_TERMS, SLOT_TERMS, VISIT_TERMS, Feedback
from ..errors import InvalidInput, finite
from ..types import F64
from .terms import TERMS, own_amounts

COUNTED = (*SLOT_TERMS, *PAGE_TERMS)
"""The rows of ``PageBuffers.page``."""


def page_amounts(feedback: Feedback, own: Iterable[str] = (), *, copy: bool = False) -> dict[str, F64]:
    """{term: (n,) amount in the term's own unit} of every term that the feedback tells.

    ``VISIT_TERMS`` are there where ``feedback.measures`` is; of one's ``own`` terms those named. Unless
    ``copy`` they are views of the feedback.

    Raises:
        InvalidInput: an own term is not finite, or has another shape.
    """
    counted = feedback.buffers.page[:, : len(feedback.first)]
    amounts: dict[str, F64] = dict(zip(COUNTED, counted.copy() if copy else counted, strict=True))
    if feedback.measures is not None:
        _, _, _, *measured = feedback.measures
        amounts.update(
            zip(VISIT_TERMS, [values.copy() for values in measured] if copy else measured, strict=True)
        )
    for name in own:
        values = own_amounts(name, feedback)
        amounts[name] = values.sum(axis=1) if values.ndim == 2 else values.copy()
        finite(f"feedback.{name}", amounts[name], "let the function of the term return finite numbers")
    return amounts


def amount_named(amounts: Mapping[str, F64], name: str) -> F64:
    """The amounts of one term.

    Raises:
        InvalidInput: the feedback does not tell it.
    """
    if name not in amounts:
        fix = "only an environment measures it: the feedback of the shop alone does not tell where visits end"
        raise InvalidInput("feedback.measures", None, f"{name!r} is missing; {fix}")
    return amounts[name]


def slot_amounts(feedback: Feedback, name: str) -> F64:
    """(n, k) one term, slot by slot: what is counted of a page as a whole is spread over the items on it.

    Where a page is empty it is spread over all slots.
    """
    if name in SLOT_TERMS:
        return feedback.term(name)
    values = amount_named(page_amounts(feedback), name) if name in TERMS else own_amounts(name, feedback)
    return values if values.ndim == 2 else spread(feedback, values)


def spread(feedback: Feedback, values: F64) -> F64:
    """(n, k) amounts of whole pages (n,) in equal parts on the items shown."""
    shape = feedback.clicked.shape
    filled = np.ones(shape, np.bool_) if feedback.measures is None else feedback.measures.shown >= 0
    filled = filled | ~filled.any(axis=1, keepdims=True)
    return np.where(filled, (values / filled.sum(axis=1))[:, None], 0.0)


def bounded_slots(amount: F64, bounds: tuple[float, float]) -> F64:
    """(n, k) the amounts of slots, made smaller in proportion where their sum on a page is out of bounds."""
    page = amount.sum(axis=1)
    kept = np.divide(np.clip(page, *bounds), page, out=np.ones_like(page), where=page != 0)
    bounded: F64 = amount * kept[:, None]
    return bounded
