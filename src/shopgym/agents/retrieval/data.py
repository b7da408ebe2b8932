"""Training data of retrieval models: which users had which items, in which order.

:class:`Sequences` keeps the order, with one sequence per user or per session; :class:`UserItems` is a matrix
without order. Its axes must be named, because a user x item matrix and its transpose look alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ...core.batches import EMPTY
from ...core.errors import InvalidInput
from ...core.types import F32, F64, I32, I64, AnyArray, Bool

AXES = ("user", "item")


@dataclass(frozen=True, eq=False)
class UserItems:
    """How much each of M users interacted with each of N items.

    Attributes:
        csr: (M, N), rows are users, columns are items; stored values are finite and > 0, no pair twice.
    """

    csr: csr_array

    @classmethod
    def from_pairs(
        cls, *, user: AnyArray, item: AnyArray, users: int, items: int, value: AnyArray | None = None
    ) -> UserItems:
        """From r pairs of a user row and an item row, each pair once; ``value`` (r,) > 0, default 1.

        Raises:
            InvalidInput: a row out of range, a pair given twice, a value that is not finite and positive.
        """
        user, item = _rows("user", user, users), _rows("item", item, items)
        value = np.ones(len(user)) if value is None else np.asarray(value, np.float64)
        if not len(user) == len(item) == len(value):
            raise InvalidInput("pairs", (len(user), len(item), len(value)), "give columns of one length")
        wrong = ~(np.isfinite(value) & (value > 0))
        if wrong.any():
            index = int(np.flatnonzero(wrong)[0])
            raise InvalidInput(f"value[{index}]", float(value[index]), "give finite numbers above 0")
        pairs, count = np.unique(user * items + item, return_counts=True)
        if len(pairs) != len(user):
            pair = int(pairs[count > 1][0])
            fix = "this pair is given twice: add its values up first"
            raise InvalidInput("pairs", (pair // items, pair % items), fix)
        return cls(csr_array((value, (user, item)), shape=(users, items)))

    @classmethod
    def from_csr(cls, matrix: Any, axes: tuple[str, str]) -> UserItems:
        """From a SciPy sparse matrix whose axes are ``("user", "item")`` or ``("item", "user")``."""
        if tuple(axes) not in (AXES, AXES[::-1]):
            raise InvalidInput("axes", axes, f"say which axis is which: {AXES} or {AXES[::-1]}")
        pairs = matrix.tocoo()
        row, column = (pairs.row, pairs.col) if tuple(axes) == AXES else (pairs.col, pairs.row)
        shape = matrix.shape if tuple(axes) == AXES else matrix.shape[::-1]
        return cls.from_pairs(user=row, item=column, users=shape[0], items=shape[1], value=pairs.data)


@dataclass(frozen=True, eq=False)
class Sequences:
    """S sequences of item rows, each in order of time, the latest last; items may repeat.

    Attributes:
        items: (r,) int32, the sequences one after the other.
        start: (S + 1,) int64, where each begins; the last is r.
        num_items: N.
        time: (r,) float64, days, or None.
        user: (S, u) float32, features of the user of each sequence, or None.
    """

    items: I32
    start: I64
    num_items: int
    time: F64 | None = None
    user: F32 | None = None

    def __post_init__(self) -> None:
        _rows("item", self.items, self.num_items)
        ends = (int(self.start[0]), int(self.start[-1])) if len(self.start) else None
        if ends != (0, len(self.items)) or (np.diff(self.start) < 0).any():
            raise InvalidInput("start", ends, f"give bounds that rise from 0 to {len(self.items)}")
        for name, values, rows in (("time", self.time, len(self.items)), ("user", self.user, len(self))):
            if values is not None and len(values) != rows:
                raise InvalidInput(name, len(values), f"give {rows} rows")
            if values is not None and not np.isfinite(values).all():
                raise InvalidInput(name, "not finite", "remove NaN and infinity")

    def __len__(self) -> int:
        return len(self.start) - 1

    @classmethod
    def from_lists(cls, lists: Iterable[Iterable[int]], num_items: int, user: F32 | None = None) -> Sequences:
        """From lists of item rows."""
        rows = [list(row) for row in lists]
        start = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls(np.array([i for row in rows for i in row], np.int32), start, num_items, user=user)

    @classmethod
    def from_events(cls, *, owner: AnyArray, item: AnyArray, time: AnyArray, num_items: int) -> Sequences:
        """From r events in any order, with ``owner`` (r,) and ``time`` (r,).

        Sequences are sorted by their owners' numbers; events at the same time keep their order.
        """
        owner, time = np.asarray(owner), np.asarray(time, np.float64)
        if not len(owner) == len(item) == len(time):
            raise InvalidInput("events", (len(owner), len(item), len(time)), "give columns of one length")
        if not np.isfinite(time).all():
            raise InvalidInput("time", "not finite", "remove NaN and infinity")
        order = np.lexsort((time, owner))
        _, count = np.unique(owner, return_counts=True)
        start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        rows = _rows("item", item, num_items).astype(np.int32)
        return cls(rows[order], start, num_items, time[order])

    @property
    def owner(self) -> I64:
        """(r,) to which sequence each entry belongs."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    @property
    def counts(self) -> I64:
        """(N,) how often each item occurs."""
        return np.bincount(self.items, minlength=self.num_items)

    def matrix(self) -> UserItems:
        """Sequences x items: 1 where an item occurs in a sequence."""
        pairs = np.unique(self.owner * self.num_items + self.items)
        user, item = pairs // self.num_items, pairs % self.num_items
        return UserItems.from_pairs(user=user, item=item, users=len(self), items=self.num_items)

    def take(self, rows: AnyArray) -> Sequences:
        """The sequences at ``rows`` (indices or mask), in that order."""
        rows = np.arange(len(self))[rows]
        size = np.diff(self.start)[rows]
        start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        index = np.arange(start[-1]) + np.repeat(self.start[:-1][rows] - start[:-1], size)
        time = None if self.time is None else self.time[index]
        user = None if self.user is None else self.user[rows]
        return Sequences(self.items[index], start, self.num_items, time, user)

    def filter_entries(self, keep: Bool) -> Sequences:
        """The same sequences with only the entries that the mask ``keep`` (r,) selects."""
        size = np.bincount(self.owner[keep], minlength=len(self))
        start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        time = None if self.time is None else self.time[keep]
        return Sequences(self.items[keep], start, self.num_items, time, self.user)

    def histories(self, h: int | None = None) -> I32:
        """(S, h) the last h items of each, the latest first, as in ``Requests.history``; default: all."""
        size = np.diff(self.start)
        width = int(size.max(initial=0)) if h is None else h
        return self._preceding(self.start[1:], self.start[:-1], width)

    def steps(self, h: int) -> tuple[I32, I32, I64]:
        """Every entry but the first of each sequence as a target of prediction.

        Returns:
            (histories (p, h) latest first, targets (p,), owner (p,)).
        """
        owner = self.owner
        index = np.flatnonzero(np.arange(len(self.items)) > self.start[:-1][owner])
        return self._preceding(index, self.start[:-1][owner[index]], h), self.items[index], owner[index]

    def _preceding(self, end: AnyArray, start: AnyArray, h: int) -> I32:
        index = end[:, None] - 1 - np.arange(h)
        exists = index >= start[:, None]
        if not len(self.items):
            return np.full(exists.shape, EMPTY, np.int32)
        return np.where(exists, self.items[np.maximum(index, 0)], EMPTY).astype(np.int32)


def _rows(field: str, rows: AnyArray, count: int) -> I64:
    """``rows`` as int64, if each is a whole number in [0, count)."""
    rows = np.asarray(rows)
    if rows.ndim != 1 or (rows.dtype.kind not in "iu" and rows.size):
        raise InvalidInput(field, f"{rows.dtype} of shape {rows.shape}", "give a column of whole row numbers")
    wrong = (rows < 0) | (rows >= count)
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        raise InvalidInput(f"{field}[{index}]", int(rows[index]), f"give rows from 0 to {count - 1}")
    return rows.astype(np.int64)
