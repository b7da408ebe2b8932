"""Point estimates and intervals against stored values of other implementations, to 1e-9 relative."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from builders.paths import SHARED

from shopgym.evaluation.intervals import (
    Betting,
    CressieRead,
    Delta,
    EmpiricalBernstein,
    Hoeffding,
    Interval,
    Student,
)
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, ESTIMATORS, OpeInputs, Tuned, Weighted
from shopgym.evaluation.offline.bandit import kernel_inputs, marginal_inputs, select_embedding
from shopgym.evaluation.offline.estimators import LEVELS
from shopgym.evaluation.offline.slate import slate_inputs
from shopgym.evaluation.offline.smoothing import Clipped, Optimistic, Smoothing, SubGaussian, Switched

REFERENCE = SHARED / "reference" / "ope"
pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs the folder shared/reference/ope")

ACTIONS = (
    "obp_synth_binary",
    "obp_synth_continuous",
    "obp_synth_binary_deterministic",
    "obd_random_all_to_bts",
    "obd_bts_all_to_random",
)
SLATES = ("obp_slate_standard_additive_pbm", "obp_slate_cascade_additive_cascade")
PLAIN = {"snipw": "snips", "dm": "dm", "sndr": "sndr", "replay": "replay"}
SMOOTHED: dict[str, tuple[Callable[[float], Smoothing], bool]] = {
    "ipw": (Clipped, False),
    "dr": (Clipped, True),
    "switch-dr": (Switched, True),
    "dr-os": (Optimistic, True),
    "sg-ipw": (SubGaussian, False),
    "sg-dr": (SubGaussian, True),
}
SHARES = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5)
"""Their candidates for sg-ipw and sg-dr."""
RULES = {"slope,bias_ub=True": "slope", "mse,bias_ub=True": "mse-bound", "mse,bias_ub=False": "mse"}


def read(name: str) -> tuple[Any, dict[str, Any]]:
    expected = json.loads((REFERENCE / f"{name}.json").read_text())["expected"]
    return np.load(REFERENCE / f"{name}.npz"), expected


def actions(name: str, propensity: str = "pscore") -> tuple[OpeInputs, dict[str, Any], Any]:
    data, expected = read(name)
    n = len(data["reward"])
    if name.startswith("obd"):
        target = data["action_dist_item_position"].T[data["position"].astype(int)]
        q = data["q_hat_at_position_f32"].astype(float)
    elif "action_dist" in data:
        target, q = data["action_dist"], data["q_hat"]
    else:
        target, q = np.zeros((n, 10)), data["q_hat"]
        target[np.arange(n), data["pi_e_action"].astype(int)] = 1.0
    inputs = OpeInputs.from_actions(data["reward"], data["action"], data[propensity], target, q)
    return inputs, expected, data


def close(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=0)


@pytest.mark.parametrize("name", ACTIONS)
def test_single_actions_agree(name: str) -> None:
    inputs, expected, data = actions(name)
    compared = 0
    for key, record in expected.items():
        theirs, _, argument = key.rstrip("]").partition("[")
        if theirs in SMOOTHED and argument.startswith("lambda="):
            make, model = SMOOTHED[theirs]
            ours = Weighted(theirs, make(float(argument.removeprefix("lambda="))), needs_model=model)
            got = ours.estimate(inputs).value
        elif theirs in SMOOTHED and argument == "estimated_pscore":
            other, _, _ = actions(name, "estimated_pscore")
            got = DEFAULT_ESTIMATORS["dr" if theirs == "dr" else "ips"].estimate(other).value
        elif theirs == "b-ipw":
            learnt = OpeInputs(inputs.reward, data["estimated_importance_weights"][:, None])
            got = DEFAULT_ESTIMATORS["snips"].estimate(learnt).value
        elif theirs in PLAIN:
            got = ESTIMATORS[PLAIN[theirs]].estimate(inputs).value
        else:
            continue
        if np.isnan(record["value"]):  # theirs is 0 / 0 where a weight is 0: see the limits below
            continue
        assert got == close(record["value"]), key
        compared += 1
    assert compared >= 19
    if "diag:ess_kish" in expected:
        assert inputs.ess == close(expected["diag:ess_kish"]["value"])
        assert inputs.max_weight == close(expected["diag:max_w"]["value"])
        assert inputs.mean_weight == close(expected["diag:mean_w"]["value"])


def test_where_theirs_is_not_a_number_ours_is_the_limit() -> None:
    inputs, expected, _ = actions("obp_synth_binary_deterministic")
    assert np.isnan(expected["dr-os[lambda=0.0]"]["value"])
    shrunk = Weighted("dr-os", Optimistic(0.0), needs_model=True).estimate(inputs).value
    assert shrunk == close(DEFAULT_ESTIMATORS["dm"].estimate(inputs).value)
    for key, model in (("sg-ipw[lambda=1.0]", False), ("sg-dr[lambda=1.0]", True)):
        assert np.isnan(expected[key]["value"])
        at, near = (
            Weighted("sg", SubGaussian(amount), needs_model=model).estimate(inputs).value
            for amount in (1.0, 1.0 - 1e-12)
        )
        assert at == pytest.approx(near, rel=1e-9)


@pytest.mark.parametrize("name", ACTIONS[:3])
def test_tuned_estimators_agree(name: str) -> None:
    inputs, expected, _ = actions(name)
    keys = [key for key in expected if key.startswith("tuned:")]
    assert len(keys) == 18
    for key in keys:
        theirs, _, rule = key.removeprefix("tuned:").rstrip("]").partition("[")
        make, model = SMOOTHED[theirs]
        levels = SHARES if theirs.startswith("sg") else LEVELS
        ours = Tuned(key, Weighted(theirs, needs_model=model), tuple(map(make, levels)), RULES[rule])
        assert ours.estimate(inputs).value == close(expected[key]["value"]), key
        if "mse_scores" in expected[key]:
            scores = [expected[key]["mse_scores"][f"{level:g}"] for level in levels]
            assert ours.scores(inputs) == close(scores), key


@pytest.mark.parametrize("name", ["obp_synth_binary", "obp_synth_binary_deterministic"])
def test_lower_bounds_agree(name: str) -> None:
    # theirs are one-sided at 95%, the lower ends of two-sided intervals at 90%. With rewards of either sign
    # their range [0, largest] is none, so the log with such rewards is left out.
    inputs, expected, _ = actions(name)
    bounds = {
        key.partition("[")[2].partition(",")[0].rstrip("]"): key for key in expected if "lower95" in key
    }
    for theirs, interval in (
        ("hoeffding", Hoeffding(0.0, inputs.max_weight)),
        ("bernstein", EmpiricalBernstein(0.0, inputs.max_weight)),
        ("student_t", Student()),
    ):
        got = DEFAULT_ESTIMATORS["ips"].estimate(inputs, level=0.9, interval=interval)
        assert got.low == close(expected[bounds[theirs]]["value"])


def test_continuous_actions_agree() -> None:
    data, expected = read("obp_continuous_action")
    names = {"kernel-ipw": "ips", "kernel-snipw": "snips", "kernel-dr": "dr"}
    keys = [key for key in expected if key.startswith("kernel")]
    assert len(keys) == 24
    for key in keys:
        theirs, _, arguments = key.rstrip("]").partition("[")
        kernel, _, bandwidth = arguments.partition(",h=")
        inputs = kernel_inputs(
            data["reward"],
            data["action"],
            data["pscore"],
            data["action_by_evaluation_policy"],
            bandwidth=float(bandwidth),
            kernel=kernel,
            q=data["q_hat_eval_action"],
        )
        assert DEFAULT_ESTIMATORS[names[theirs]].estimate(inputs).value == close(expected[key]["value"]), key


def test_marginalised_ips_agrees() -> None:
    data, expected = read("obp_mips")
    n = len(data["reward"])
    target = np.full((n, 50), 0.05 / 50)
    target[np.arange(n), data["eval_greedy_action"]] += 0.95
    log = (data["reward"], data["action"], data["pi_b"], target, data["action_embed"])
    plain = OpeInputs.from_actions(data["reward"], data["action"], data["pscore"], target)
    true = marginal_inputs(*log, given_action=data["p_e_a"])
    picked, dims = select_embedding(*log, given_action=data["p_e_a"])
    for name, inputs, key in (
        ("ips", plain, "ipw"),
        ("snips", plain, "snipw"),
        ("ips", true, "mips[true p_e_a]"),
        ("ips", picked, "mips[true p_e_a, embedding_selection=exact, min_emb_dim=1]"),
    ):
        assert DEFAULT_ESTIMATORS[name].estimate(inputs).value == close(expected[key]["value"]), key
    assert dims == (0, 2)
    # theirs of the normalised form takes the dimensions as independent given the context, not given the
    # action as their own unnormalised form does: the product of one-dimensional weights gives their number
    single = [marginal_inputs(*log, given_action=data["p_e_a"], dims=(dim,)).weight for dim in range(3)]
    theirs = OpeInputs(true.reward, np.prod(single, axis=0))
    assert DEFAULT_ESTIMATORS["snips"].estimate(theirs).value == close(
        expected["snmips[true p_e_a]"]["value"]
    )


@pytest.mark.parametrize("name", SLATES)
@pytest.mark.parametrize(
    ("weights", "column"), [("iips", "pscore_item_position"), ("rips", "pscore_cascade"), ("sips", "pscore")]
)
def test_slates_agree(name: str, weights: str, column: str) -> None:
    data, expected = read(name)
    rounds = len(np.unique(data["slate_id"]))
    reward = data["reward"].reshape(rounds, -1)
    weight = (data[f"evaluation_policy_{column}"] / data[column]).reshape(rounds, -1)
    inputs = OpeInputs(reward, weight)
    for ours, theirs in (("ips", weights), ("snips", f"sn{weights}")):
        assert DEFAULT_ESTIMATORS[ours].estimate(inputs).value == close(expected[theirs]["value"]), theirs


@pytest.mark.parametrize("name", SLATES)
def test_slate_weights_from_conditional_probabilities_agree(name: str) -> None:
    data, expected = read(name)
    rounds = len(np.unique(data["slate_id"]))
    given: dict[str, Any] = {}
    for who in ("", "evaluation_policy_"):  # what they store is the probability of all items so far
        so_far = data[f"{who}pscore_cascade"].reshape(rounds, -1)
        given[who] = np.concatenate([so_far[:, :1], so_far[:, 1:] / so_far[:, :-1]], axis=1)
    reward = data["reward"].reshape(rounds, -1)
    shape = (*reward.shape, -1)
    q, dist = data["q_hat"].reshape(shape), data["evaluation_policy_action_dist"].reshape(shape)
    q_logged = np.take_along_axis(q, data["action"].reshape(shape), axis=2)[:, :, 0]
    v_target = (q * dist).sum(axis=2)
    for model, theirs in (("standard", "sips"), ("cascade", "rips")):
        inputs = slate_inputs(reward, given[""], given["evaluation_policy_"], model=model)
        assert DEFAULT_ESTIMATORS["ips"].estimate(inputs).value == close(expected[theirs]["value"])
    inputs = slate_inputs(
        reward, given[""], given["evaluation_policy_"], model="cascade", q_logged=q_logged, v_target=v_target
    )
    assert ESTIMATORS["cascade-dr"].estimate(inputs).value == close(expected["cascade-dr"]["value"])


def test_empirical_likelihood_and_confidence_sequences_agree() -> None:
    data, expected = read("vw_estimators")
    inputs = OpeInputs(data["reward"][:, None], (data["p_pred"] / data["p_log"])[:, None])
    for name, theirs in (("ips", "ips"), ("snips", "snips"), ("cressie-read", "cressieread")):
        assert ESTIMATORS[name].estimate(inputs).value == close(expected[f"{theirs}.Estimator"]["value"])
    intervals: tuple[tuple[Interval, str], ...] = (
        (CressieRead(rewards=(0.0, 1.0)), "cressieread"),
        (Delta(), "gaussian"),
        (Betting(), "cs"),
    )
    for interval, theirs in intervals:
        got = DEFAULT_ESTIMATORS["ips"].estimate(inputs, interval=interval)
        assert [got.low, got.high] == close(expected[f"{theirs}.Interval[alpha=.05]"]), theirs


def test_the_pseudo_inverse_agrees() -> None:
    data, expected = read("vw_estimators")
    ratio = data["slate_p_preds"] / data["slate_p_logs"]
    reward = np.zeros_like(ratio)
    reward[:, 1] = data["slate_reward"]  # only the slate's reward counts, wherever it is booked
    got = ESTIMATORS["pi"].estimate(OpeInputs(reward, ratio))
    assert got.value == close(expected["slates.pseudo_inverse.Estimator"]["value"])
    assert [got.low, got.high] == close(expected["slates.gaussian.Interval"])


def test_bootstrap_agrees_with_theirs_where_theirs_is_right() -> None:
    # ips and dr are plain means, so both percentile intervals estimate the same two quantiles. With 1000
    # resamples an end has a standard error of about 2.6 / sqrt(1000) = 0.08 standard deviations of the value
    # in each; 5 x 0.08 x sqrt(2) = 0.6 of them is a false alarm with probability below 1e-5 an end.
    inputs, expected, _ = actions("obd_random_all_to_bts")
    rng = np.random.default_rng(0)
    for ours, theirs in (("ips", "ci95:ipw[bootstrap,1000]"), ("dr", "ci95:dr[bootstrap,1000]")):
        got = DEFAULT_ESTIMATORS[ours].estimate(inputs, interval="bootstrap", rng=rng)
        want = expected[theirs]
        spread = (want["upper"] - want["lower"]) / (2 * 1.96)
        assert abs(got.low - want["lower"]) < 0.6 * spread
        assert abs(got.high - want["upper"]) < 0.6 * spread
