"""Can a classifier tell simulated sessions from real ones? With an AUC of 0.5 it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.random import Generator

from ..core.errors import InvalidInput, in_range
from ..core.types import F64, I64, Bool
from .distances import shared_features
from .resampling import RESAMPLES, TAILS
from .shop_data import ShopData

TREES = {"max_iter": 200, "learning_rate": 0.05, "max_leaf_nodes": 8, "early_stopping": False}
"""Small trees and a low learning rate: large trees overfit when there are few sessions."""
FOLDS = 5
MAX_SESSIONS = 20_000
LEAST_SESSIONS = 10
"""Sessions of each shop in a fold, at least."""


@dataclass(frozen=True)
class Discrimination:
    """How well the classifier separates the two shops.

    Attributes:
        auc: mean over folds of the area under the ROC curve on held-out sessions.
        low, high: 95% bootstrap interval over sessions, given the classifiers.
        sessions: of each shop.
        folds: of the cross-validation.
        features: of the classifier.
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

    Each shop gives the same number of sessions, drawn without replacement. Missing values stay missing.

    Args:
        real, simulated: the shops.
        rng: draws sessions, folds, the classifier's seeds and resamples. It determines the result.
        features: columns of the session table; None: those that both shops record.
        folds: number of folds, at least 2; stratified by shop.
        max_sessions: most sessions of each shop.
        resamples: number of bootstrap resamples, at least 20.

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

    x = np.concatenate([_sample(data, names, n, rng) for data in (real, simulated)])
    y = np.repeat([False, True], n)
    fold = np.concatenate([rng.permutation(np.arange(n) % folds) for _ in range(2)])
    score = np.empty(2 * n)
    for k in range(folds):
        test = fold == k
        model = ensemble.HistGradientBoostingClassifier(**TREES, random_state=int(rng.integers(2**31)))
        model.fit(x[~test], y[~test])
        score[test] = model.decision_function(x[test])

    rows = [[np.flatnonzero((fold == k) & (y == label)) for label in (False, True)] for k in range(folds)]
    resampled = [
        _mean_auc(score, y, [[_resample(r, rng) for r in pair] for pair in rows]) for _ in range(resamples)
    ]
    low, high = np.quantile(resampled, TAILS)
    return Discrimination(_mean_auc(score, y, rows), float(low), float(high), n, folds, tuple(names))


def _sample(data: ShopData, names: list[str], n: int, rng: Generator) -> F64:
    rows = rng.choice(len(data.sessions), size=n, replace=False)
    return np.asarray(data.sessions[names].to_numpy(np.float64)[rows])


def _resample(rows: I64, rng: Generator) -> I64:
    return np.asarray(rows[rng.integers(len(rows), size=len(rows))])


def _mean_auc(score: F64, y: Bool, folds: list[list[I64]]) -> float:
    """Mean over folds, because scores of different classifiers have different scales."""
    chosen = [np.concatenate(pair) for pair in folds]
    return float(np.mean([auc(score[rows], y[rows]) for rows in chosen]))
