"""Estimated propensities for a log that has none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ....core.types import F64, I64, AnyArray
from ..reward_model import FOLDS, assign_folds

PENALTY = 1.0
"""Ridge on the coefficients, in rounds: how far they depart from the plain frequencies."""
FREQUENCIES = (
    "the log has no propensities: they are taken as the frequencies of the actions, as if the choice had "
    "ignored who the customer was"
)


@dataclass(frozen=True, eq=False)
class Propensities:
    """Estimated probabilities of the logged actions.

    Attributes:
        logged: (n,) of each round's action, in (0, 1].
        warning: what this leaves uncertain, in words; with it no verdict is better than caution.
        facts: JSON-able; ``log_loss`` is the mean -log p, out of sample with context.
    """

    logged: F64
    warning: str
    facts: dict[str, float | str]


def estimated_propensities(
    action: I64,
    features: F64,
    n_actions: int,
    *,
    rng: Generator,
    context: tuple[str, ...] = (),
    users: AnyArray | None = None,
    folds: int = FOLDS,
    sample_weight: F64 | None = None,
) -> Propensities:
    """The propensity score of each logged action.

    Without features the frequency of each action. With them a multinomial logistic regression, cross-fitted
    and then calibrated: one temperature and one shift per action, fitted to the predictions of rounds that
    the regression has not seen (vector scaling with one temperature; Guo, Pleiss, Sun and Weinberger 2017, On
    calibration of modern neural networks, section 4.2). Weights by an estimated propensity are right when
    the choice depended on nothing but the features, and the regression has the right form (Rosenbaum and
    Rubin 1983). The delta interval then is, if anything, too wide (Hirano, Imbens and Ridder 2003).

    Args:
        action: (n,) in [0, n_actions).
        features: (n, D) of the context, of size about 1; D may be 0.
        n_actions: number of actions.
        rng: decides the folds.
        context: the features' columns, for the words.
        users: (n,) or None; the rounds of a user share a fold.
        folds: of the regression.
        sample_weight: (n,) how many rounds each row stands for; None: one each.
    """
    rows = np.arange(len(action))
    size = np.ones(len(action)) if sample_weight is None else sample_weight / sample_weight.mean()
    share = np.bincount(action, size, n_actions) / len(action)
    plain = float(-(size * np.log(share[action])).mean())
    if features.shape[1] == 0:
        return Propensities(share[action], FREQUENCIES, {"method": "frequencies", "log_loss": plain})
    fold = assign_folds(len(action), rng, folds, users)
    score = np.empty((len(action), n_actions))
    for f in range(folds):
        held_out = fold == f
        score[held_out] = _regression(features[~held_out], action[~held_out], n_actions, size[~held_out])(
            features[held_out]
        )
    probability = _calibrated(score, action, size)
    logged = probability[rows, action]
    warning = (
        f"the log has no propensities: they are estimated from {', '.join(context) or 'the context'}, and "
        "whatever else drove the choice biases the value"
    )
    loss = float(-(size * np.log(logged)).mean())
    facts: dict[str, float | str] = {
        "method": "calibrated cross-fitted multinomial logistic regression",
        "log_loss": loss,
        "log_loss_of_frequencies": plain,
    }
    return Propensities(logged, warning, facts)


class _regression:
    """From features (r, D) to log probabilities (r, A), up to a constant per row.

    Ridge-penalised coefficients are added to the logarithm of the frequencies with one round added to each
    action, so that an action the training rows lack keeps a probability.
    """

    def __init__(self, features: F64, action: I64, n_actions: int, size: F64) -> None:
        from scipy.optimize import minimize

        n = len(action)
        design = np.hstack([np.ones((n, 1)), features])
        counts = np.bincount(action, size, n_actions)
        self.prior = np.log((counts + 1.0) / (size.sum() + n_actions))
        one_hot = np.zeros((n, n_actions))
        one_hot[np.arange(n), action] = size
        observed = design.T @ one_hot

        def loss(flat: F64) -> tuple[float, F64]:
            beta = flat.reshape(observed.shape)
            score = design @ beta + self.prior
            probability, total = _softmax(score, size)
            value = total - float((score * one_hot).sum()) + 0.5 * PENALTY * float(flat @ flat)
            gradient = design.T @ (size[:, None] * probability) - observed + PENALTY * beta
            return value / n, gradient.ravel() / n

        done = minimize(loss, np.zeros(observed.size), jac=True, method="L-BFGS-B", options={"maxiter": 500})
        self.beta = done.x.reshape(observed.shape)

    def __call__(self, features: F64) -> F64:
        return np.asarray(features @ self.beta[1:] + self.beta[0] + self.prior)


def _calibrated(score: F64, action: I64, size: F64) -> F64:
    """(n, A) softmax(temperature * score + shift), the temperature and shifts (A,) most likely."""
    from scipy.optimize import minimize

    n, actions = score.shape
    rows = np.arange(n)
    counts = np.bincount(action, size, actions)
    at_action = float(size @ score[rows, action])
    start = np.concatenate([[1.0], np.zeros(actions)])

    def loss(x: F64) -> tuple[float, F64]:
        probability, total = _softmax(x[0] * score + x[1:], size)
        probability = size[:, None] * probability
        away = x - start
        value = total - x[0] * at_action - float(x[1:] @ counts) + 0.5 * PENALTY * float(away @ away)
        of_temperature = float((probability * score).sum()) - at_action
        gradient = np.concatenate([[of_temperature], probability.sum(axis=0) - counts])
        return value / n, (gradient + PENALTY * away) / n

    # a temperature below 0 would fit the noise that one fold shares with the others
    bounds = [(0.0, None), *[(None, None)] * actions]
    done = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500})
    return _softmax(done.x[0] * score + done.x[1:], size)[0]


def _softmax(score: F64, size: F64) -> tuple[F64, float]:
    """Row-wise softmax and the sum of the rows' log normalisers, each counted ``size`` times."""
    top = score.max(axis=1, keepdims=True)
    out = np.exp(score - top)
    total = out.sum(axis=1, keepdims=True)
    log = float(size @ (np.log(total) + top)[:, 0])
    out /= total
    return out, log
