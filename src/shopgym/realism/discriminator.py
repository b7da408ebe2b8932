"""Can a classifier tell simulated sessions from real ones? An AUC of 0.5 says that it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.random import Generator

from ..core.errors import InvalidInput, in_range
from ..core.types import F64, I64, Bool
from .compare import shared_features
from .resampling import LEVEL, RESAMPLES
from .shop_data import ShopData

TREES = {"max_iter": 200, "learning_rate": 0.05, "max_leaf_nodes": 8, "early_stopping": False}
"""Small trees, learnt slowly: with few sessions, large ones learn the sessions by heart and miss the shop."""
FOLDS = 5
MAX_SESSIONS = 20_000
LEAST_SESSIONS = 10
"""Sessions of each shop in a fold, at least."""


@dataclass(frozen=True)
class Discrimination:
    """How well sessions are told apart.

    Attributes:
        auc: mean over folds of the area under the ROC curve on sessions not trained on.
        low, high: 95% bootstrap interval over sessions, given the classifiers.
        sessions: of each shop.
        folds: of the cross-validation.
        features: what the classifier was shown.
    """

    auc: float
    low: float
    high: float
    sessions: int
    folds: int
    features: tuple[str, ...]


def auc(score: F64, positive: Bool) -> float:
    """Probability that a positive scores above a negative, ties counting half (Mann & Whitney 1947)."""
    from scipy.stats import rankdata

    n = int(positive.sum())
    m = len(positive) - n
    return float((rankdata(score)[positive].sum() - n * (n + 1) / 2) / (n * m))


def discriminate(
    real: ShopData,
    simulated: ShopData,
    rng: Generator,
    *,
    features: Sequence[str] | None = None,
    folds: int = FOLDS,
    max_sessions: int = MAX_SESSIONS,
    resamples: int = RESAMPLES,
) -> Discrimination:
    """Train gradient-boosted trees to tell simulated (1) from real (0) sessions, cross-validated.

    Each shop gives the same number of sessions, drawn without replacement. Missing values are shown as such.

    Args:
        real, simulated: the shops.
        rng: draws sessions, folds, the classifier's seeds and resamples; the result is a function of it.
        features: columns of the session table; None = what both shops record.
        folds: at least 2, stratified by shop.
        max_sessions: of each shop.
        resamples: of the bootstrap, at least 20.

    Raises:
        InvalidInput: if scikit-learn is not installed, a feature is unknown, or sessions are too few.
    """
    try:
        ensemble = import_module("sklearn.ensemble")
    except ImportError as error:
        raise InvalidInput(
            "scikit-learn", None, "the discriminator needs it: pip install scikit-learn"
        ) from error
    in_range("folds", folds, 2, 100)
    in_range("resamples", resamples, 20, 100_000)
    names = shared_features(real, simulated) if features is None else list(features)
    for data in (real, simulated):
        unknown = [name for name in names if name not in data.sessions.columns]
        if unknown or not names:
            raise InvalidInput("features", unknown, "name columns that both session tables have")
    n = min(len(real.sessions), len(simulated.sessions), max_sessions)
    if n < LEAST_SESSIONS * folds:
        raise InvalidInput(
            "sessions", n, f"give {LEAST_SESSIONS * folds} or more of each shop, or fewer folds"
        )

    x = np.concatenate([_drawn(data, names, n, rng) for data in (real, simulated)])
    y = np.repeat([False, True], n)
    fold = np.concatenate([rng.permutation(np.arange(n) % folds) for _ in range(2)])
    score = np.empty(2 * n)
    for k in range(folds):
        held = fold == k
        model = ensemble.HistGradientBoostingClassifier(**TREES, random_state=int(rng.integers(2**31)))
        model.fit(x[~held], y[~held])
        score[held] = model.decision_function(x[held])

    rows = [[np.flatnonzero((fold == k) & (y == label)) for label in (False, True)] for k in range(folds)]
    again = [
        _mean_auc(score, y, [[_resampled(r, rng) for r in pair] for pair in rows]) for _ in range(resamples)
    ]
    low, high = np.quantile(again, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Discrimination(_mean_auc(score, y, rows), float(low), float(high), n, folds, tuple(names))


def _drawn(data: ShopData, names: list[str], n: int, rng: Generator) -> F64:
    rows = rng.choice(len(data.sessions), size=n, replace=False)
    return np.asarray(data.sessions[names].to_numpy(np.float64)[rows])


def _resampled(rows: I64, rng: Generator) -> I64:
    return np.asarray(rows[rng.integers(len(rows), size=len(rows))])


def _mean_auc(score: F64, y: Bool, folds: list[list[I64]]) -> float:
    """Mean over folds; scores of different classifiers are not put on one scale."""
    chosen = [np.concatenate(pair) for pair in folds]
    return float(np.mean([auc(score[rows], y[rows]) for rows in chosen]))
