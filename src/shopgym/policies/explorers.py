"""Exploration: from scores to the rates of a Plackett-Luce mixture."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from ..core.errors import InvalidInput, in_range
from ..core.types import F64, Bool


class Explorer(Protocol):
    """Turns B scores per candidate into the log-rates of B components; a uniform component has ``floor``."""

    kind: ClassVar[str]

    @property
    def floor(self) -> float:
        """Probability that a slate is drawn uniformly from what is allowed."""
        ...

    def log_rates(self, scores: F64, allowed: Bool) -> F64:
        """(n, B, m) from scores (n, B, m) and the allowed candidates (n, m)."""
        ...


def with_floor(log_rates: F64, floor: float) -> tuple[F64, F64]:
    """(n, B', m) log-rates and (B',) weights: the B components share 1 - floor, a uniform one has floor."""
    n, components, m = log_rates.shape
    if floor == 0.0:
        return log_rates, np.full(components, 1.0 / components)
    if floor == 1.0:
        return np.zeros((n, 1, m)), np.ones(1)
    weights = np.append(np.full(components, (1.0 - floor) / components), floor)
    return np.concatenate([log_rates, np.zeros((n, 1, m))], axis=1), weights


@dataclass(frozen=True)
class Softmax:
    """log-rate = score / temperature (Boltzmann exploration).

    Attributes:
        temperature: > 0, in units of the score.
        floor: as in :class:`PlackettLuceRanking`.
    """

    kind: ClassVar[str] = "softmax"
    temperature: float = 1.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        in_range("explorer.temperature", self.temperature, 0.0, 1e12, open_low=True)
        in_range("explorer.floor", self.floor, 0.0, 1.0)

    def log_rates(self, scores: F64, allowed: Bool) -> F64:
        return scores / self.temperature


@dataclass(frozen=True)
class PlackettLuceRanking:
    """log-rate = -decay x rank, rank 0 for the best allowed: the sorted order with a little exploration.

    A Plackett-Luce model of the ranks, so the scale of the scores makes no difference. Equal scores keep
    the candidates' order. This is the explorer of most agents; their ``decay`` and ``floor`` mean this:

    Attributes:
        decay: in [0, 50]. Two neighbours in the order swap with probability 1 / (1 + exp(decay)), about
            exp(-decay); 0 is uniform, and from about 20 on the order is practically always the sorted one.
        floor: in [0, 1]. Probability that the whole slate is drawn uniformly from what is allowed, so that
            every allowed slate has a positive probability and can be evaluated from the log.
    """

    kind: ClassVar[str] = "ranked"
    decay: float = 3.0
    floor: float = 0.05

    def __post_init__(self) -> None:
        in_range("explorer.decay", self.decay, 0.0, 50.0)
        in_range("explorer.floor", self.floor, 0.0, 1.0)

    def log_rates(self, scores: F64, allowed: Bool) -> F64:
        order = np.argsort(np.where(allowed[:, None, :], -scores, np.inf), axis=2, kind="stable")
        ranks = np.empty(scores.shape)
        np.put_along_axis(ranks, order, np.arange(scores.shape[2], dtype=np.float64)[None, None, :], axis=2)
        return -self.decay * ranks


@dataclass(frozen=True)
class SquareCB:
    """Inverse-gap weighting (Foster & Rakhlin 2020, eq. 2) over the allowed candidates.

    p_i = 1 / (a + gamma (best - score_i)) for all but the best of a allowed candidates; the best has the
    remaining probability. The first slot has exactly this distribution; later slots draw in the same
    proportions from the candidates that are left.

    Attributes:
        gamma: >= 0, in units of 1 / score; larger is greedier.
        floor: as in :class:`PlackettLuceRanking`.
    """

    kind: ClassVar[str] = "squarecb"
    gamma: float = 100.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        in_range("explorer.gamma", self.gamma, 0.0, 1e12)
        in_range("explorer.floor", self.floor, 0.0, 1.0)

    def log_rates(self, scores: F64, allowed: Bool) -> F64:
        on = allowed[:, None, :]
        seen = np.where(on, scores, -np.inf)
        best = seen.argmax(axis=2)[:, :, None]
        top = np.take_along_axis(seen, best, axis=2)
        top[~np.isfinite(top)] = 0.0  # nothing is allowed in that row
        gap = np.maximum(top - np.where(on, scores, top), 0.0)
        count = np.maximum(allowed.sum(axis=1), 1)[:, None, None]
        p = np.where(on, 1.0 / (count + self.gamma * gap), 0.0)
        np.put_along_axis(p, best, 0.0, axis=2)
        np.put_along_axis(p, best, 1.0 - p.sum(axis=2, keepdims=True), axis=2)
        return np.log(p, where=on, out=np.zeros_like(p))


@dataclass(frozen=True)
class Elimination:
    """Uniform over the candidates that may be best (RegCB, Foster et al. 2018, alg. 1).

    It needs two scores, lower and upper. A candidate whose upper score is below the best lower score is
    eliminated: its log-rate is -decay x its rank by upper score among the eliminated, from 1.

    Attributes:
        decay: in [0, 50]; with a large one an eliminated candidate is shown only where no other is left.
        floor: as in :class:`PlackettLuceRanking`.
    """

    kind: ClassVar[str] = "elimination"
    decay: float = 20.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        in_range("explorer.decay", self.decay, 0.0, 50.0)
        in_range("explorer.floor", self.floor, 0.0, 1.0)

    def log_rates(self, scores: F64, allowed: Bool) -> F64:
        if scores.shape[1] != 2:
            raise InvalidInput("explorer.scores", scores.shape, "give two: lower and upper")
        lower, upper = scores[:, 0], np.where(allowed, scores[:, 1], -np.inf)
        best = np.where(allowed, lower, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
        order = np.argsort(-upper, axis=1, kind="stable")
        ranks = np.empty(upper.shape)
        np.put_along_axis(ranks, order, np.arange(upper.shape[1], dtype=np.float64)[None], axis=1)
        # upper bounds in order: the survivors stand first
        alive = upper >= best
        place = ranks - alive.sum(axis=1, keepdims=True) + 1
        return np.where(alive, 0.0, -self.decay * place)[:, None]


_ALL: tuple[type[Explorer], ...] = (Softmax, PlackettLuceRanking, SquareCB, Elimination)
EXPLORERS: dict[str, type[Explorer]] = {c.kind: c for c in _ALL}


def explorer_spec(explorer: Explorer) -> dict[str, Any]:
    """JSON-able form; ``EXPLORERS[kind](**rest)`` reads it back."""
    return {"kind": explorer.kind, **vars(explorer)}


def __getattr__(name: str) -> Any:
    if name == "Ranked":
        warnings.warn("explorers.Ranked is now PlackettLuceRanking", DeprecationWarning, stacklevel=2)
        return PlackettLuceRanking
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
