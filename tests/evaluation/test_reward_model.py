"""The reward model: closed forms, cross-fitting, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.evaluation.offline.reward_model import PENALTIES, Moments, assign_folds, fit_predict


def test_without_features_a_group_is_shrunk_towards_the_mean_of_all() -> None:
    rng = np.random.default_rng(0)
    n, groups, penalty = 60, 3, 7.0
    group, reward, fold = rng.integers(groups, size=n), rng.normal(size=n), np.arange(n) % 4
    got = fit_predict(np.empty((n, 0)), group, reward, fold, groups, penalty)
    for f in range(4):
        train = fold != f
        mean = reward[train].mean()
        for g in range(groups):
            own = reward[train & (group == g)]
            want = mean + (own - mean).sum() / (len(own) + penalty)
            assert got[fold == f, g] == pytest.approx(want)


def test_with_one_group_it_is_ridge_regression_of_the_ridge_residuals() -> None:
    rng = np.random.default_rng(1)
    n, penalty = 50, 3.0
    x, fold = rng.normal(size=(n, 2)), np.arange(n) % 2
    reward = x @ [1.0, -2.0] + rng.normal(size=n)
    got = fit_predict(x, np.zeros(n, dtype=int), reward, fold, 1, penalty)
    design = np.c_[np.ones(n), x]
    train, test = design[fold == 0], design[fold == 1]
    y = reward[fold == 0]
    root = np.sqrt(penalty) * np.eye(3)
    # ridge as least squares with rows added; the intercept of the first stage is free
    first = np.linalg.lstsq(np.r_[train, root[1:]], np.r_[y, np.zeros(2)])[0]
    second = np.linalg.lstsq(np.r_[train, root], np.r_[y - train @ first, np.zeros(3)])[0]
    assert got[fold == 1, 0] == pytest.approx(test @ (first + second))


def test_a_linear_reward_is_learnt_and_an_unseen_group_gets_the_common_model() -> None:
    rng = np.random.default_rng(2)
    n = 4000
    x, group, fold = rng.normal(size=(n, 2)), rng.integers(3, size=n), assign_folds(n, rng)
    slope = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, -1.0], [1.0, 0.0]])
    level = np.array([0.0, 1.0, 2.0, 1.0])
    truth = x @ slope.T + level
    got = fit_predict(x, group, truth[np.arange(n), group], fold, 4, 1e-6)
    assert np.abs(got[:, :3] - truth[:, :3]).max() < 1e-4
    assert np.abs(got[:, 3] - truth[:, 3]).max() < 0.3  # never logged: about the mean of the three


@pytest.mark.parametrize("penalty", [None, 2.0])
def test_no_row_is_predicted_by_a_model_that_saw_it(penalty: float | None) -> None:
    rng = np.random.default_rng(3)
    n = 200
    x, group, reward = rng.normal(size=(n, 2)), rng.integers(3, size=n), rng.normal(size=n)
    fold = assign_folds(n, rng)
    before = fit_predict(x, group, reward, fold, 3, penalty)
    mine = fold == fold[0]
    after = fit_predict(x, group, np.where(mine, 1e6, reward), fold, 3, penalty)
    # second moments of a fold leave by subtraction: exact up to rounding of the huge numbers put in
    assert np.abs(after[mine] - before[mine]).max() < 1e-5
    assert np.abs(after[~mine] - before[~mine]).max() > 1.0


def test_users_stay_together_and_folds_are_even() -> None:
    users = np.random.default_rng(0).integers(50, size=1000)
    fold = assign_folds(1000, np.random.default_rng(1), 5, users)
    assert all(len(np.unique(fold[users == user])) == 1 for user in range(50))
    assert (np.bincount([fold[users == user][0] for user in range(50)]) == 10).all()
    assert (np.bincount(assign_folds(1000, np.random.default_rng(1))) == 200).all()


def test_chunks_add_up() -> None:
    rng = np.random.default_rng(4)
    x, group, reward = rng.normal(size=(90, 3)), rng.integers(2, size=90), rng.normal(size=90)
    fold = assign_folds(90, rng)
    whole, parts = Moments(5, 2, 3), Moments(5, 2, 3)
    whole.add(x, group, reward, fold)
    for rows in (slice(0, 40), slice(40, 41), slice(41, 90)):
        parts.add(x[rows], group[rows], reward[rows], fold[rows])
    want = whole.fit(1.0).coefficients
    assert parts.fit(1.0).coefficients == pytest.approx(want)


def test_the_penalty_is_large_for_noise_and_small_for_signal() -> None:
    rng = np.random.default_rng(5)
    n = 3000
    group, fold = rng.integers(20, size=n), assign_folds(n, rng)
    empty = np.empty((n, 0))
    noise = rng.normal(size=n)
    assert np.ptp(fit_predict(empty, group, noise, fold, 20)[0]) < 0.1
    signal = np.arange(20.0)[group]
    got = fit_predict(empty, group, signal, fold, 20)
    want = fit_predict(empty, group, signal, fold, 20, min(PENALTIES))
    assert got == pytest.approx(want)


def test_predictions_have_one_value_per_candidate_and_group() -> None:
    rng = np.random.default_rng(6)
    x, group, fold = rng.normal(size=(30, 2)), rng.integers(3, size=30), assign_folds(30, rng)
    moments = Moments(5, 3, 2)
    moments.add(x, group, rng.normal(size=30), fold)
    model = moments.fit(1.0)
    flat = model.predict(x, fold)
    assert model.predict(np.repeat(x[:, None], 4, axis=1), fold) == pytest.approx(
        np.repeat(flat[:, None], 4, axis=1)
    )


def test_refusals() -> None:
    rng = np.random.default_rng(0)
    for folds in (1, 11):
        with pytest.raises(InvalidInput, match="folds"):
            assign_folds(10, rng, folds)
    with pytest.raises(InvalidInput, match="users = 2: the reward model has 5 folds"):
        assign_folds(10, rng, 5, np.arange(10) % 2)
    with pytest.raises(InvalidInput, match="one user per row"):
        assign_folds(10, rng, 5, np.arange(9))
    x, group, reward = np.ones((4, 1)), np.zeros(4, dtype=int), np.ones(4)
    with pytest.raises(InvalidInput, match="penalty"):
        fit_predict(x, group, reward, np.arange(4) % 2, 1, 0.0)
    with pytest.raises(InvalidInput, match="3 folds"):
        fit_predict(x, group, reward, np.arange(4) % 2, 1)
    x[2] = np.nan
    with pytest.raises(InvalidInput, match=r"features\[2\]"):
        fit_predict(x, group, reward, np.arange(4), 1, 1.0)
