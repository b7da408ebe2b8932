"""The scores of a linear ranker for every item at once, as products of vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F32, I32, I64
from ..state import Stored
from .embedding import Embedding
from .model import checked, user_columns


@dataclass(frozen=True, eq=False)
class LinearRetriever(Stored, Embedding):
    """query_t = theta_t x the product of term t's columns of user and context; see :class:`.FeatureMap`.

    It reads no history. A column is an index into [1, user, context]; 0 is the constant.

    Attributes:
        vectors: (N, D) float32, each term's item side times the item's value.
        bias: (N,) float32.
        theta: (D,) float32.
        columns: (D, f) int64, which columns make up a term.
        width: u + c, how many columns users and contexts have together.
    """

    kind: ClassVar[str] = "matched"
    needs_history: ClassVar[bool] = False
    needs_context: ClassVar[bool] = True
    vectors: F32
    bias: F32
    theta: F32
    columns: I64
    width: int

    def __post_init__(self) -> None:
        if self.vectors.shape != (len(self.bias), len(self.theta)) or len(self.columns) != len(self.theta):
            raise InvalidInput("model.vectors", self.vectors.shape, "give (N, D) with D terms in theta")
        if self.columns.size and not 0 <= self.columns.min() <= self.columns.max() <= self.width:
            raise InvalidInput("model.columns", int(self.columns.max()), f"columns are 0 to {self.width}")

    def queries(self, history: I32, user: F32 | None = None) -> F32:
        """(n, D); see :class:`.Embedding`."""
        n = len(checked(history, self.num_items))
        features = user_columns(user, n, self.width)
        columns = np.concatenate([np.ones((n, 1), np.float32), features], axis=1)
        out: F32 = self.theta * columns[:, self.columns].prod(axis=2)
        return out
