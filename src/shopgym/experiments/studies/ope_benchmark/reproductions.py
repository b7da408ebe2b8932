"""Published comparisons of estimators that anyone can run again: Open Bandit data and the digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput
from ....core.types import F64, I64
from ....evaluation.offline import ESTIMATORS, Estimator, OpeInputs, Tuned, Weighted
from ....evaluation.offline.estimators import LEVELS
from ....evaluation.offline.open_bandit import OpenBanditLog, load, open_bandit_inputs
from ....evaluation.offline.reward_model import assign_folds
from ....evaluation.offline.smoothing import Optimistic, Switched
from .published_model import logistic_inputs, published_item_features
from .zozotown import CLICKS, NO_CLICKS, thompson_marginals

RUNS = 30
NAMES = ("dm", "ips", "snips", "dr", "sndr", "switch-dr", "dr-os")
OPEN_BANDIT = dict(
    zip(NAMES, (0.156876, 0.311082, 0.311795, 0.292464, 0.302407, 0.258410, 0.159520), strict=True)
)
"""Relative errors that Open Bandit Pipeline publishes for ``examples/obd``: its dm is called dm, its ipw ips,
its snipw snips."""
DIGITS = dict(zip(NAMES, (0.436541, 0.030288, 0.022764, 0.016156, 0.022082, 0.034657, 0.015868), strict=True))
"""As above, for ``examples/multiclass`` on scikit-learn's digits."""
FIXED: Mapping[str, Estimator] = {
    "switch-dr": Weighted("switch-dr", Switched(10.0), needs_model=True),
    "dr-os": Weighted("dr-os", Optimistic(10.0), needs_model=True),
}
"""Shrinkage by a constant of 10 gives what is published for Open Bandit data."""
SLOPE: Mapping[str, Estimator] = {
    "switch-dr": Tuned("switch-dr", Weighted("dr", needs_model=True), tuple(map(Switched, LEVELS)))
}
"""What is published for digits is tuned by SLOPE, as dr-os is here too."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Reproduced:
    """One estimator: mean relative error over ``runs``, with a normal interval at 95%, and as published.

    ``model`` is its reward model: ``ridge``, ours; ``logistic`` or ``trees``, that of the original.
    """

    estimator: str
    model: str
    relative_error: float
    low: float
    high: float
    published: float
    runs: int


def open_bandit(
    folder: Path, *, runs: int = RUNS, seed: int = 0, progress: Progress | None = None
) -> list[Reproduced]:
    """Value of Thompson sampling from resamples of the log of the random policy.

    The truth is the click rate in Thompson sampling's own log. Resample r is that of
    ``numpy.random.RandomState(r)``, as in the original. Twice: with our reward model and tuned shrinkage, and
    where scikit-learn is installed by the original's conventions (:func:`.published_model.logistic_inputs`
    and ``FIXED``).

    Args:
        folder: with ``random/all`` and ``bts/all``.
        runs: number of resamples.
        seed: decides the folds of our reward model.
        progress: gets a name, the runs done and the runs in all.

    Raises:
        InvalidInput: no such data in the folder.
    """
    random, thompson = (folder / policy / "all" for policy in ("random", "bts"))
    for path in (random, thompson):
        if not path.is_dir():
            fix = f"there is no {path.relative_to(folder)}: give the Open Bandit folder"
            raise InvalidInput("--data", str(folder), fix)
    log, truth = load(random), float(load(thompson).reward.mean())
    target = thompson_marginals(CLICKS, NO_CLICKS, log.positions)
    target /= target.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(seed)

    def resamples() -> Iterator[OpenBanditLog]:
        rows = np.arange(len(log))
        for run in range(runs):
            yield _take(log, np.random.RandomState(run).choice(rows, size=len(log), replace=True))

    ours = ((open_bandit_inputs(each, target, rng=rng), truth) for each in resamples())
    own_model = _errors(ours, runs, OPEN_BANDIT, ("Open Bandit", "ridge"), {}, progress)
    if find_spec("sklearn") is None:
        return own_model
    items = published_item_features(random)
    theirs = ((logistic_inputs(each, items, target), truth) for each in resamples())
    return [*own_model, *_errors(theirs, runs, OPEN_BANDIT, ("Open Bandit", "logistic"), FIXED, progress)]


def digits(*, runs: int = RUNS, seed: int = 0, progress: Progress | None = None) -> list[Reproduced]:
    """Value of a random forest's guesses at handwritten digits from the log of a logistic regression's.

    70% of the images are the log: the context is an image, the action a digit, the reward whether it is
    right. The behaviour policy takes the guess of a logistic regression with probability 0.4 and is else
    uniform, the target that of a random forest with 0.9. The reward model is boosted trees.

    Raises:
        InvalidInput: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        fix = "it is not installed: pip install scikit-learn"
        raise InvalidInput("digits", "scikit-learn", fix) from error
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    logs = (_digits_log(np.asarray(x, float), np.asarray(y), run, rng) for run in range(runs))
    with threadpool_limits(1):  # small trees: threads would wait for one another
        return _errors(logs, runs, DIGITS, ("digits", "trees"), SLOPE, progress)


def _digits_log(x: F64, y: I64, run: int, rng: Generator) -> tuple[OpeInputs, float]:
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split

    learn_x, log_x, learn_y, log_y = train_test_split(x, y, test_size=0.7, random_state=run)
    logistic = LogisticRegression(max_iter=10_000, C=100, random_state=12345)
    behaviour = _mixed(logistic, learn_x, learn_y, log_x, 0.4)
    forest = RandomForestClassifier(n_estimators=30, max_depth=5, min_samples_leaf=10, random_state=12345)
    target = _mixed(forest, learn_x, learn_y, log_x, 0.9)
    rows = np.arange(len(log_y))
    action = (behaviour.cumsum(axis=1) < rng.random(len(log_y))[:, None]).sum(axis=1)
    action = np.minimum(action, behaviour.shape[1] - 1)
    reward = (action == log_y).astype(float)
    fold, q = assign_folds(len(rows), rng, 3), np.empty(behaviour.shape)
    one_hot = np.eye(behaviour.shape[1])
    for part in range(3):
        trees = HistGradientBoostingClassifier(
            max_iter=30, learning_rate=0.01, max_depth=5, min_samples_leaf=10, random_state=12345
        )
        training, predicted = fold != part, np.flatnonzero(fold == part)
        trees.fit(np.hstack([log_x, one_hot[action]])[training], reward[training])
        contexts = np.repeat(log_x[predicted], len(one_hot), axis=0)
        pairs = np.hstack([contexts, np.tile(one_hot, (len(predicted), 1))])
        q[predicted] = trees.predict_proba(pairs)[:, 1].reshape(len(predicted), -1)
    inputs = OpeInputs.from_actions(reward, action, behaviour[rows, action], target, q)
    return inputs, float(target[rows, log_y].mean())


def _mixed(classifier: Any, learn_x: F64, learn_y: I64, x: F64, share: float) -> F64:
    """(n, classes) the classifier's guess with probability ``share``, else uniform."""
    guess = classifier.fit(learn_x, learn_y).predict(x)
    classes = len(np.unique(learn_y))
    out = np.full((len(x), classes), (1.0 - share) / classes)
    out[np.arange(len(x)), guess] += share
    return out


def _errors(
    logs: Iterator[tuple[OpeInputs, float]],
    runs: int,
    published: Mapping[str, float],
    name: tuple[str, str],
    instead: Mapping[str, Estimator],
    progress: Progress | None,
) -> list[Reproduced]:
    """Of the estimators of those names, or what stands ``instead`` of them; ``name``: study and model."""
    estimators = {**{each: ESTIMATORS[each] for each in published}, **instead}
    errors_by_name: dict[str, list[float]] = {estimator: [] for estimator in published}
    for done, (inputs, truth) in enumerate(logs, start=1):
        for estimator, errors in errors_by_name.items():
            value = estimators[estimator].fitted(inputs).statistic(inputs).value
            errors.append(abs(value - truth) / truth)
        if progress:
            progress(name[0], done, runs)
    out = []
    for estimator, errors in errors_by_name.items():
        mean = float(np.mean(errors))
        half = 1.96 * float(np.std(errors, ddof=1)) / len(errors) ** 0.5 if len(errors) > 1 else np.inf
        out.append(
            Reproduced(estimator, name[1], mean, mean - half, mean + half, published[estimator], len(errors))
        )
    return out


def _take(log: OpenBanditLog, rows: I64) -> OpenBanditLog:
    names = ("action", "position", "reward", "propensity", "features")
    return replace(log, **{name: getattr(log, name)[rows] for name in names})
