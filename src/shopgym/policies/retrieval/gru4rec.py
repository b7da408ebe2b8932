"""GRU4Rec in numpy: a gated recurrent unit over the last items (Hidasi et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ...core.types import F32, I32, I64
from .sequence import SequenceModel


class GRU4RecModel(SequenceModel):
    """One GRU layer (Cho et al. 2014) as torch computes it; see :class:`.SequenceModel`.

    r = sigmoid(W_ir x + W_hr h), z = sigmoid(W_iz x + W_hz h), c = tanh(W_ic x + r (W_hc h)), all with
    biases; h becomes (1 - z) c + z h.
    """

    kind: ClassVar[str] = "gru4rec"
    shapes: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "gate_in": ("d", "3d"),
        "gate_state": ("d", "3d"),
        "gate_in_bias": ("3d",),
        "gate_state_bias": ("3d",),
    }

    def read(self, rows: I32, size: I64) -> F32:
        """See :class:`.SequenceModel`."""
        w, d = self.weights, self.vectors.shape[1]
        h = np.zeros((len(rows), 1, d), np.float32)
        inputs = self.vectors[np.maximum(rows, 0)] @ w["gate_in"] + w["gate_in_bias"]
        for t in range(int(size.max(initial=0))):
            x, s = inputs[:, t : t + 1], h @ w["gate_state"] + w["gate_state_bias"]
            gates = _float32_sigmoid(x[..., : 2 * d] + s[..., : 2 * d])
            reset, keep = gates[..., :d], gates[..., d:]
            new = np.tanh(x[..., 2 * d :] + reset * s[..., 2 * d :])
            h = np.where((t < size)[:, None, None], (1.0 - keep) * new + keep * h, h)
        return h[:, 0]


def _float32_sigmoid(x: F32) -> F32:
    """1 / (1 + exp(-x)) in single precision, by tanh, which never overflows."""
    out: F32 = 0.5 * (1.0 + np.tanh(0.5 * x))
    return out
