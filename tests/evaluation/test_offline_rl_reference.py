"""Sequences against stored values of SCOPE-RL 0.2.1, to 1e-9 relative, where it is right.

Where it is not, the test says what it leaves out or swaps, and reaches its number by doing so too.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from builders.paths import SHARED

from shopgym.evaluation.intervals import Student
from shopgym.evaluation.offline.rl import (
    Episodes,
    Marginal,
    PredictedReturns,
    episodes_from_table,
    evaluate_sequences,
    return_distribution,
    sequence_inputs,
)

REFERENCE = SHARED / "reference" / "ope"
pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs the folder shared/reference/ope")
GAMMA = 0.95


def read() -> tuple[Any, dict[str, Any]]:
    expected = json.loads((REFERENCE / "scope_rl_tabular.json").read_text())["expected"]
    return np.load(REFERENCE / "scope_rl_tabular.npz"), expected


def log(data: Any, scale: float = 1.0) -> Episodes:
    n, steps = data["state"].shape
    state = data["state"].astype(int).ravel()
    return episodes_from_table(
        episode=np.repeat(np.arange(n), steps),
        step=np.tile(np.arange(steps), n),
        state=state,
        action=data["action"].astype(int).ravel(),
        reward=scale * data["reward"].ravel(),
        terminal=np.zeros(n * steps, dtype=bool),
        n_actions=3,
        n_states=6,
        behaviour=data["pi_b"][state],
    )


def close(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=0)


def test_values_agree() -> None:
    data, expected = read()
    theirs = {"tis": "tis", "pdis": "pdis", "sntis": "sntis", "snpdis": "snpdis", "dr": "dr", "wdr": "sndr"}
    for ours, key in {**theirs, "dm": "dm"}.items():
        got = evaluate_sequences(log(data), data["pi_e"], ours, gamma=GAMMA, q=data["q_hat"])
        assert got.value == close(expected[key]["value"]), ours
        assert got.estimator == ours


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_marginal_values_agree(steps: int) -> None:
    data, expected = read()
    for ours, key in {"mis": "sam-is", "snmis": "sam-snis"}.items():
        got = evaluate_sequences(
            log(data),
            data["pi_e"],
            ours,
            gamma=GAMMA,
            state_ratio=data["state_marginal_w"],
            steps=steps,
        )
        assert got.value == close(expected[f"{key}[n_step_pdis={steps}]"]["value"]), ours


def test_the_t_interval_is_theirs_at_the_level_that_theirs_has() -> None:
    # their 95% interval takes the 95% quantile of t at either end: it is a 90% interval
    data, expected = read()
    for name in ("tis", "pdis", "dr"):
        got = evaluate_sequences(
            log(data), data["pi_e"], name, gamma=GAMMA, q=data["q_hat"], interval=Student(), level=0.9
        )
        record = expected[f"ci95:{name}[ttest]"]
        assert got.value == close(record["mean"])
        assert got.low == close(record["95.0% CI (lower)"])
        assert got.high == close(record["95.0% CI (upper)"])


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_marginal_doubly_robust_but_for_their_swap(steps: int) -> None:
    # they put the 0 that follows the last step before the last value instead of behind it: the last but
    # one step has no next value, and the last step has its own
    data, expected = read()
    weighting = Marginal(data["state_marginal_w"], steps)
    q = data["q_hat"]
    inputs = sequence_inputs(log(data), data["pi_e"], gamma=GAMMA, weighting=weighting, q=q)
    n, length = inputs.reward.shape
    v = np.einsum("na,na->n", q, data["pi_e"][data["state"].astype(int).ravel()]).reshape(n, length)[:, -1]
    w = inputs.weight
    swapped = (GAMMA**length * w[:, -1] - GAMMA ** (length - 1) * w[:, -2]) * v
    ours = evaluate_sequences(
        log(data), data["pi_e"], "drl", gamma=GAMMA, q=q, state_ratio=data["state_marginal_w"], steps=steps
    )
    assert ours.value + swapped.mean() == close(expected[f"sam-dr[n_step_pdis={steps}]"]["value"])
    # and the right one is nearer to what they made the data with
    truth = expected["truth:policy_value"]["value"]
    assert ours.low < truth < ours.high


def test_double_reinforcement_learning_but_for_their_discount() -> None:
    # theirs leaves out the discount: ours with none is theirs
    data, expected = read()
    got = evaluate_sequences(
        log(data), data["pi_e"], "drl", gamma=1.0, q=data["q_hat"], state_ratio=data["state_marginal_w"]
    )
    assert got.value == close(expected["drl"]["value"])


@pytest.mark.parametrize("normalised", [False, True])
def test_distribution_functions_but_for_their_discount(normalised: bool) -> None:
    # theirs discounts the first reward too, by gamma: their returns are gamma times the right ones; and
    # their F(0) is 0 although some return is 0
    data, expected = read()
    grid = np.linspace(0, 8, 41)
    key = "cd-sntis" if normalised else "cd-tis"
    result = return_distribution(log(data, GAMMA), data["pi_e"], gamma=GAMMA, normalised=normalised)
    theirs = np.array(expected[f"{key}:cdf[reward_scale=linspace(0,8,41)]"])
    np.testing.assert_allclose(result.distribution.cdf(grid)[1:], theirs[1:], rtol=1e-9)
    # the right one has the mean of the trajectory-wise estimator
    right = return_distribution(log(data), data["pi_e"], gamma=GAMMA, normalised=normalised).distribution
    name = "sntis" if normalised else "tis"
    assert right.mean() == close(expected[name]["value"])


def test_doubly_robust_distribution_function_but_for_their_discount() -> None:
    # with the value of the first state as the only predicted return; see above for their discount
    data, expected = read()
    episodes = log(data, GAMMA)
    first = episodes.offsets[:-1]
    target = data["pi_e"][episodes.state[first]]
    v = np.einsum("na,na->n", data["q_hat"][first], target)[:, None]
    result = return_distribution(
        episodes,
        data["pi_e"],
        gamma=GAMMA,
        normalised=False,
        predicted=PredictedReturns(v, np.ones_like(v)),
    )
    grid = np.linspace(0, 8, 41)
    ours = np.clip(np.maximum.accumulate(result.distribution.cdf(grid)), 0.0, 1.0)
    theirs = np.array(expected["cd-tdr:cdf[reward_scale=linspace(0,8,41)]"])
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
