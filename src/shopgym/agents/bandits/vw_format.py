"""How few lines an example needs under ``--cb_type mtr``."""

from __future__ import annotations

from math import ceil

import numpy as np

from ...core.types import F64, I64


class Lines:
    """Under ``mtr`` an example weighs events / (actions so far) / p, whatever is on the lines not chosen.

    So it may have fewer lines, most often 1, if p grows as the sum of lines falls behind that of actions.
    """

    def __init__(self) -> None:
        self.actions = self.sent = 0

    def needed(self, p: F64, actions: I64) -> tuple[F64, I64]:
        """Probabilities and numbers of lines that teach what p (r,) would among so many actions (r,)."""
        out, lines = np.empty(len(p)), np.empty(len(p), np.int64)
        for at, (chance, count) in enumerate(zip(p.tolist(), actions.tolist())):
            self.actions += count
            lines[at] = max(1, ceil(chance * self.actions - self.sent))
            self.sent += int(lines[at])
            out[at] = chance * self.actions / self.sent
        return out, lines
