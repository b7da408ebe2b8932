"""Point estimates against stored values of another implementation, to 1e-9 relative."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shopgym.experiments.ope import ESTIMATORS, OpeInputs

REFERENCE = Path(__file__).resolve().parents[1].parent / "shared" / "reference" / "ope"
pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs the folder shared/reference/ope")

ACTIONS = (
    "obp_synth_binary",
    "obp_synth_continuous",
    "obp_synth_binary_deterministic",
    "obd_random_all_to_bts",
    "obd_bts_all_to_random",
)
SLATES = ("obp_slate_standard_additive_pbm", "obp_slate_cascade_additive_cascade")
THEIR_NAMES = {"ips": "ipw[lambda=inf]", "snips": "snipw", "dm": "dm", "dr": "dr[lambda=inf]"}


def read(name: str) -> tuple[Any, dict[str, Any]]:
    expected = json.loads((REFERENCE / f"{name}.json").read_text())["expected"]
    return np.load(REFERENCE / f"{name}.npz"), expected


@pytest.mark.parametrize("name", ACTIONS)
def test_single_actions_agree(name: str) -> None:
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
    inputs = OpeInputs.from_actions(data["reward"], data["action"], data["pscore"], target, q)
    for ours, theirs in THEIR_NAMES.items():
        want = expected[theirs]["value"]
        assert ESTIMATORS[ours].estimate(inputs).value == pytest.approx(want, rel=1e-9, abs=0), ours
    if "diag:ess_kish" in expected:
        assert inputs.ess == pytest.approx(expected["diag:ess_kish"]["value"], rel=1e-9)
        assert inputs.max_weight == pytest.approx(expected["diag:max_w"]["value"], rel=1e-9)
        assert inputs.mean_weight == pytest.approx(expected["diag:mean_w"]["value"], rel=1e-9)


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
        want = expected[theirs]["value"]
        assert ESTIMATORS[ours].estimate(inputs).value == pytest.approx(want, rel=1e-9, abs=0), theirs


def test_bootstrap_agrees_with_theirs_where_theirs_is_right() -> None:
    # ips and dr are plain means, so both percentile intervals estimate the same two quantiles. With 1000
    # resamples an end has a standard error of about 2.6 / sqrt(1000) = 0.08 standard deviations of the value
    # in each; 5 x 0.08 x sqrt(2) = 0.6 of them is a false alarm with probability below 1e-5 an end.
    data, expected = read("obd_random_all_to_bts")
    target = data["action_dist_item_position"].T[data["position"].astype(int)]
    q = data["q_hat_at_position_f32"].astype(float)
    inputs = OpeInputs.from_actions(data["reward"], data["action"], data["pscore"], target, q)
    rng = np.random.default_rng(0)
    for ours, theirs in (("ips", "ci95:ipw[bootstrap,1000]"), ("dr", "ci95:dr[bootstrap,1000]")):
        got = ESTIMATORS[ours].estimate(inputs, interval="bootstrap", rng=rng)
        want = expected[theirs]
        spread = (want["upper"] - want["lower"]) / (2 * 1.96)
        assert abs(got.low - want["lower"]) < 0.6 * spread
        assert abs(got.high - want["upper"]) < 0.6 * spread
