"""How much a step counts under the target: products of ratios, whole, step by step or from a marginal.

Each weighting gives (N, H) weights, mean 1 in every column. An episode that has ended keeps its last weight:
it is as likely to have ended as its steps were to be taken, so weighted means stay over all episodes
(the absorbing state of Thomas and Brunskill 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import F64
from ..checks import refuse
from .episodes import Episodes


class Weighting(Protocol):
    """From each step's ratio of probabilities to its weight."""

    def __call__(self, episodes: Episodes, ratio: F64) -> F64:
        """(N, H) weights from ``ratio`` (n,), target over behaviour probability of the action."""
        ...


@dataclass(frozen=True)
class Trajectory:
    """The product of an episode's ratios, at each of its steps (Precup, Sutton and Singh 2000)."""

    def __call__(self, episodes: Episodes, ratio: F64) -> F64:
        """See :class:`Weighting`."""
        whole = np.multiply.reduceat(ratio, episodes.offsets[:-1])
        return np.repeat(whole[:, None], episodes.longest, axis=1)


@dataclass(frozen=True)
class PerDecision:
    """The product of the ratios up to the step (Precup, Sutton and Singh 2000)."""

    def __call__(self, episodes: Episodes, ratio: F64) -> F64:
        """See :class:`Weighting`."""
        return np.asarray(np.cumprod(episodes.dense(ratio, 1.0), axis=1), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Marginal:
    """The state's ratio ``steps`` steps ago times the ratios since; with 0 steps the state-action ratio.

    Liu, Li, Tang and Zhou 2018 (Breaking the curse of horizon) for 0 steps; the spectrum up to
    :class:`PerDecision` is that of Yuan, Chandak, Giguere, Thomas and Niekum 2021 (SOPE).

    Attributes:
        state_ratio: (n,) the probability of being in the step's state at that step, target over behaviour.
        steps: steps for which ratios are multiplied before the state's ratio takes over.
    """

    state_ratio: F64
    steps: int = 0

    def __call__(self, episodes: Episodes, ratio: F64) -> F64:
        """See :class:`Weighting`.

        Raises:
            InvalidInput: state ratios of a wrong shape, negative or not finite, or negative steps.
        """
        if self.state_ratio.shape != ratio.shape:
            raise InvalidInput("state_ratio", self.state_ratio.shape, f"give shape {ratio.shape}")
        if self.steps < 0:
            raise InvalidInput("steps", self.steps, "give 0 or more")
        bad = ~(np.isfinite(self.state_ratio) & (self.state_ratio >= 0))
        refuse("state_ratio", self.state_ratio, bad, "give numbers >= 0")
        at, state = episodes.dense(ratio, 1.0), episodes.dense(self.state_ratio, 1.0)
        since = at.copy()
        for back in range(1, self.steps + 1):
            since[:, back:] *= at[:, : at.shape[1] - back]
        late = state.shape[1] - self.steps
        if late > 0:  # earlier steps have all their ratios in the product
            since[:, self.steps :] *= state[:, :late]
        return kept(episodes, since)


def kept(episodes: Episodes, weight: F64) -> F64:
    """``weight`` (N, H), each episode's last one kept after its end."""
    last = weight[np.arange(len(episodes)), episodes.length - 1]
    after = np.arange(episodes.longest) >= episodes.length[:, None]
    return np.where(after, last[:, None], weight)
