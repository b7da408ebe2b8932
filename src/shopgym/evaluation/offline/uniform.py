"""The policy that shows what is in stock in random order: the plainest yardstick for a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from ...core.batches import EMPTY, Decisions, Requests
from ...core.types import F64, I32, AnyArray


@dataclass(frozen=True)
class UniformPolicy:
    """Draws ``slate_size`` candidates in stock without replacement (implements ``core.Policy``)."""

    slate_size: int

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Draw a slate for each request; see :class:`shopgym.core.Decisions`."""
        keys = np.where(requests.in_stock, rng.random(requests.candidates.shape), np.inf)
        k = min(self.slate_size, requests.num_candidates)
        positions = np.full((len(requests), self.slate_size), EMPTY, dtype=np.int32)
        positions[:, :k] = np.argsort(keys, axis=1)[:, :k]
        positions[np.arange(self.slate_size) >= _in_stock(requests)] = EMPTY
        rows = np.take_along_axis(requests.candidates, np.maximum(positions, 0), axis=1)
        slates = np.where(positions >= 0, rows, EMPTY).astype(np.int32)
        return Decisions(positions, slates, self.propensities(requests, positions))

    def propensities(self, requests: Requests, positions: I32) -> F64:
        """(n, k) one over what is left in stock; 0 for what is not, 1 for a slot that had to be empty."""
        left = _in_stock(requests) - np.arange(positions.shape[1])
        allowed = np.take_along_axis(requests.in_stock, np.maximum(positions, 0), axis=1)
        share = np.where(allowed, 1.0 / np.maximum(left, 1), 0.0)
        return np.where(positions >= 0, share, left <= 0)

    @property
    def has_marginals(self) -> bool:
        """True."""
        return True

    def marginals(self, requests: Requests) -> F64:
        """(n, k, m) every candidate in stock is as likely as any other at every slot that is filled."""
        count = _in_stock(requests)
        filled = np.arange(self.slate_size) < count
        share = np.where(filled, 1.0 / np.maximum(count, 1), 0.0)
        out: F64 = share[:, :, None] * requests.in_stock[:, None, :]
        return out

    def state(self) -> tuple[Mapping[str, Any], Mapping[str, AnyArray]]:
        """(spec, arrays)."""
        return {"kind": "uniform", "slate_size": self.slate_size}, {}


def _in_stock(requests: Requests) -> AnyArray:
    return np.asarray(requests.in_stock.sum(axis=1, keepdims=True))
