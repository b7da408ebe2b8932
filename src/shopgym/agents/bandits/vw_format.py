"""How few lines an example of Vowpal Wabbit needs under ``--cb_type mtr``."""

from __future__ import annotations

from math import ceil

import numpy as np

from ...core.types import F64, I64


class MtrExampleSizes:
    """How many lines each example is sent with, and the probability that keeps what it teaches.

    Under ``mtr`` Vowpal Wabbit weighs an example by events / (lines so far) / p and reads nothing on the
    lines not chosen. So an example may have fewer lines than actions, most often 1, if p grows in proportion.
    """

    def __init__(self) -> None:
        self.actions = self.lines_sent = 0

    def shorten(self, p: F64, actions: I64) -> tuple[F64, I64]:
        """(r,) probabilities and (r,) numbers of lines that teach what p (r,) does among ``actions`` (r,)."""
        out, lines = np.empty(len(p)), np.empty(len(p), np.int64)
        for row, (probability, count) in enumerate(zip(p.tolist(), actions.tolist())):
            self.actions += count
            lines[row] = max(1, ceil(probability * self.actions - self.lines_sent))
            self.lines_sent += int(lines[row])
            out[row] = probability * self.actions / self.lines_sent
        return out, lines
