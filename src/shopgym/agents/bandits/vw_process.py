"""A frozen copy of a Vowpal Wabbit model as a scorer, for explorations that its weights do not describe."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.types import F64, AnyArray
from ...policies.scorers import State


def normalised(pmf: F64, real: F64, floor: float) -> F64:
    """(n, m) probabilities that sum to 1 over the ``real`` candidates, each at least floor / their number.

    ``--regcbopt`` gives 1 to several actions, and bag, cover, regcb and large_action_space give 0 to many.
    """
    pmf = np.where(real, np.maximum(pmf, 0.0), 0.0)
    count = np.maximum(real.sum(axis=1, keepdims=True), 1.0)
    total = pmf.sum(axis=1, keepdims=True)
    uniform = np.where(real, 1.0 / count, 0.0)
    out: F64 = (1.0 - floor) * np.divide(pmf, total, where=total > 0, out=uniform.copy()) + floor * uniform
    return out


class VowpalWabbitScorer:
    """score = log of Vowpal Wabbit's probability: a softmax of temperature 1 has it in the first slot.

    Probabilities are made to sum to 1 and mixed with ``floor`` of the uniform, and logged like that.

    Args:
        workspace: it is copied through a file, with everything that its exploration depends on.
        texts: from requests to the text of an example for each.
        floor: > 0.
    """

    kind: ClassVar[str] = "vowpal_wabbit"

    def __init__(self, workspace: Any, arguments: str, texts: Any, label: Any, floor: float) -> None:
        import vowpalwabbit

        self.texts, self.label, self.floor = texts, label, floor
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "model.vw")
            workspace.save(path)
            self.workspace = vowpalwabbit.Workspace(f"{arguments} -i {path} -t")

    def pmf(self, requests: Requests) -> F64:
        """(n, m) the probabilities as Vowpal Wabbit gives them; 0 at padding."""
        out = np.zeros(requests.candidates.shape)
        for row, text in enumerate(self.texts(requests)):
            if text:
                example = self.workspace.parse(text, self.label)
                out[row, requests.candidates[row] >= 0] = self.workspace.predict(example)
                self.workspace.finish_example(example)
        return out

    def scores(self, requests: Requests) -> F64:
        """(n, 1, m)"""
        real = requests.candidates >= 0
        pmf = normalised(self.pmf(requests), real.astype(np.float64), self.floor)
        return np.log(pmf, where=real, out=np.zeros(pmf.shape))[:, None, :]

    def state(self) -> State:
        """Refused.

        Raises:
            InvalidInput: always; its weights do not describe what it does.
        """
        fix = "it needs Vowpal Wabbit to decide: it cannot be exported"
        raise InvalidInput("policy.scorer", self.kind, fix)

    @classmethod
    def from_state(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items
    ) -> VowpalWabbitScorer:
        """Refused, like ``state``."""
        raise InvalidInput("policy.scorer", cls.kind, "it cannot be read from a file")
