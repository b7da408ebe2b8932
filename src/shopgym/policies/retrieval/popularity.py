"""Popularity: the same ranking for all users, or one for each cohort of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F32, I32, I64
from ..state import Stored
from .model import checked


@dataclass(frozen=True, eq=False)
class Popularity(Stored):
    """One table of scores per cohort.

    One column of the user's features gives the cohort: cohort c has the values in [edges_c-1, edges_c). For
    example, edges 0.5 and 1.5 separate the codes 0, 1 and 2.

    Attributes:
        table: (C, N) float32.
        column: of ``Requests.user``; ignored where C is 1.
        edges: (C - 1,) rising.
    """

    kind: ClassVar[str] = "popularity"
    needs_history: ClassVar[bool] = False
    needs_context: ClassVar[bool] = False
    table: F32
    column: int
    edges: F32

    def __post_init__(self) -> None:
        if self.table.ndim != 2 or self.edges.shape != (len(self.table) - 1,):
            raise InvalidInput("model.edges", self.edges.shape, "give one edge between every two cohorts")

    @property
    def num_items(self) -> int:
        """N."""
        return int(self.table.shape[1])

    def scores(self, history: I32, user: F32 | None = None) -> F32:
        """(n, N); see :class:`.Model`."""
        return self.table[self._cohort(checked(history, self.num_items), user)]

    def scores_at(self, history: I32, rows: I32, user: F32 | None = None) -> F32:
        """(n, m); see :class:`.Model`."""
        cohort = self._cohort(checked(history, self.num_items), user)
        return self.table[cohort[:, None], np.maximum(rows, 0)]

    def _cohort(self, history: I32, user: F32 | None) -> I64:
        return cohort_of(self.edges, self.column, len(history), user)


def cohort_of(edges: F32, column: int, n: int, user: F32 | None) -> I64:
    """(n,) the cohort of each user; 0 for all where there are no edges."""
    if not len(edges):
        return np.zeros(n, np.int64)
    if user is None or user.ndim != 2 or len(user) != n or column >= user.shape[1]:
        raise InvalidInput("user", None if user is None else user.shape, f"give ({n}, u) with u > {column}")
    if not np.isfinite(user[:, column]).all():
        raise InvalidInput(f"user[:, {column}]", "not finite", "remove NaN and infinity from user features")
    return np.searchsorted(edges, user[:, column], side="right")
