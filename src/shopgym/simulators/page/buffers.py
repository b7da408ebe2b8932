"""What a tick leaves of every page: arrays that the kernels fill."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...core.batches import DETAILS, EMPTY, SLOT_TERMS
from ...core.types import F64, I64, U64, AnyArray, Bool
from ..engine.jit import kernel

LOOKED, IN_CART, TAKEN_OUT, SOLD, BOUGHT, PAID, EARNED, SENT_BACK, BACK_COST, BACK_DELAY = range(len(DETAILS))
"""Columns of ``Feedback.details``."""


PADDING = 72
"""Columns of nobody: rows whose length is a power of two would push one another out of the cache."""


class PageBuffers(NamedTuple):
    """The fields of :class:`shopgym.core.Feedback`, but for the details, and what is read.

    The sums over the page lie term by term, so that one of them, of all lanes, is one array.
    """

    clicked: Bool  # (n, k)
    carted: Bool
    examined: Bool
    unavailable: Bool
    page: F64  # (9, n + PADDING)
    first: I64  # (n,)
    read: U64  # (n,) key of a page that somebody spent time on, else 0


def room_for(n: int, k: int) -> PageBuffers:
    """Arrays that the kernels fill."""
    clicked, carted, examined, unavailable = np.empty((4, n, k), np.bool_)
    return PageBuffers(
        clicked=clicked,
        carted=carted,
        examined=examined,
        unavailable=unavailable,
        page=np.empty((len(SLOT_TERMS), n + PADDING)),
        first=np.empty(n, np.int64),
        read=np.empty(n, np.uint64),
    )


@kernel
def clear(out: PageBuffers, low: int, high: int) -> None:
    """Nobody has done anything yet; what is examined and what has run out is noted of every slot."""
    out.clicked[low:high] = False
    out.carted[low:high] = False
    for term in range(out.page.shape[0]):
        out.page[term, low:high] = 0.0
    out.read[low:high] = 0


@kernel
def known(slates: AnyArray, items: int) -> bool:
    """Whether all of (n, k) are item rows or ``EMPTY``."""
    strange = False
    for item in slates.flat:
        strange |= (item < EMPTY) | (item >= items)
    return not strange
