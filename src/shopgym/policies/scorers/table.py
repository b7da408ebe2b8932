"""One number per item, the same for all requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.types import F64, AnyArray
from ..state import State


@dataclass(frozen=True, eq=False)
class TableScorer:
    """One number per item, the same for all requests: popularity, or equal numbers for a random policy."""

    kind: ClassVar[str] = "table"
    values: F64

    def scores(self, requests: Requests) -> F64:
        """(n, 1, m)"""
        return self.values[np.maximum(requests.candidates, 0)][:, None, :]

    def state(self) -> State:
        return {"kind": self.kind}, {"values": self.values}

    @classmethod
    def from_state(cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items) -> TableScorer:
        values = arrays["values"]
        if values.shape != (len(items),):
            fix = f"give one number for each of {len(items)} items"
            raise InvalidInput("scorer.values", values.shape, fix)
        return cls(values)
