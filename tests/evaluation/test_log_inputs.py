"""Inputs from a decision log and a policy: known answers, then truth within a stated error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders.slate_logs import (
    ATTRACTION,
    N_ITEMS,
    SLOT_EFFECT,
    SLOTS,
    expected,
    items,
    make_log,
    make_requests,
    policy,
    rng,
    true_value,
)

from shopgym.core import InvalidInput
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, OpeInputs, compare_inputs
from shopgym.evaluation.offline.log import item_features, log_inputs
from shopgym.evaluation.offline.uniform import UniformPolicy
from shopgym.policies.guards import CategoryCap

# --- known answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scarce", [False, True])
@pytest.mark.parametrize("marginals", [True, False])
def test_the_logging_policy_has_weights_of_one_empty_slots_included(scarce: bool, marginals: bool) -> None:
    log = make_log(policy(1.0), make_requests(200, scarce), marginals=marginals)
    assert (log.positions < 0).any() == scarce
    inputs = log_inputs(log, policy(1.0), rng=rng())
    assert inputs.weight == pytest.approx(np.ones((200, SLOTS)), abs=1e-6)
    assert DEFAULT_ESTIMATORS["snips"].estimate(inputs).value == pytest.approx(
        log.reward.sum(axis=1).mean(), abs=1e-6
    )
    assert inputs.unsupported == 0.0
    assert ("RIPS" in inputs.note) != marginals


def test_one_slot_is_a_log_of_actions() -> None:
    behaviour, target = policy(0.5, slots=1), policy(-1.0, slots=1)
    log = make_log(behaviour, make_requests(150))
    requests = log.requests()
    got = log_inputs(log, target, rng=rng())
    want = OpeInputs.from_actions(
        log.reward[:, 0], log.positions[:, 0], log.propensities[:, 0], target.marginals(requests)[:, 0]
    )
    assert got.weight == pytest.approx(want.weight, rel=1e-6)
    without = log_inputs(replace(log, marginals=None), target, rng=rng())
    assert without.weight == pytest.approx(want.weight, rel=1e-6)
    assert without.note == ""  # with one slot the propensity is the marginal


def test_weights_by_hand() -> None:
    log = make_log(policy(1.0), make_requests(50))
    target = policy(-1.0)
    rows, slots = np.indices(log.positions.shape)
    marginal = target.marginals(log.requests())[rows, slots, log.positions]
    assert log.marginals is not None
    got = log_inputs(log, target, rng=rng())
    assert got.weight == pytest.approx(marginal / log.marginals)
    ratio = target.propensities(log.requests(), log.positions) / log.propensities
    prefix = log_inputs(replace(log, marginals=None), target, rng=rng())
    assert prefix.weight[:, 2] == pytest.approx(ratio[:, 0] * ratio[:, 1] * ratio[:, 2])
    assert "products over the slots so far (RIPS)" in DEFAULT_ESTIMATORS["ips"].estimate(prefix).note


def test_predictions_are_the_models_and_their_target_mean_is_exact() -> None:
    """A reward that is linear in the features is learnt, so v_target is the target's true expected reward."""
    requests = make_requests(400)
    log = make_log(policy(1.0), requests)
    log = replace(log, reward=expected(log.slates))
    target = policy(-1.0)
    inputs = log_inputs(log, target, rng=rng(), features=item_features(log, items()), penalty=1e-6)
    assert inputs.q_logged == pytest.approx(log.reward, abs=1e-4)
    shown = ATTRACTION[requests.candidates]
    want = np.einsum("nkm,nm,k->nk", target.marginals(requests), shown, SLOT_EFFECT)
    assert inputs.v_target == pytest.approx(want, abs=1e-4)
    dr = DEFAULT_ESTIMATORS["dr"].estimate(inputs)
    assert dr.value == pytest.approx(true_value(target, requests), abs=1e-4)


def test_features_may_be_scaled_by_the_value_of_the_item() -> None:
    log, value = make_log(policy(1.0), make_requests(5)), np.arange(N_ITEMS) + 1.0
    plain, scaled = (
        item_features(log, items())(log.requests()),
        item_features(log, items(), value)(log.requests()),
    )
    assert scaled == pytest.approx(plain * value[log.candidates][:, :, None], rel=1e-6)


def test_chunks_change_nothing_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    log = make_log(policy(1.0), make_requests(100, scarce=True))
    target, features = policy(-1.0), item_features(log, items())
    whole = log_inputs(log, target, rng=rng(), features=features)
    monkeypatch.setattr("shopgym.evaluation.offline.checks.CHUNK_CELLS", 300)
    calls: list[tuple[int, int]] = []
    parts = log_inputs(
        log, target, rng=rng(), features=features, progress=lambda done, total: calls.append((done, total))
    )
    for column in ("weight", "q_logged", "v_target", "unsupported"):
        assert getattr(parts, column) == pytest.approx(getattr(whole, column), rel=1e-5, abs=1e-9), column
    assert len(calls) > 3
    assert calls[-1] == (100, 100)


def test_decisions_without_a_reward_are_left_out_and_counted() -> None:
    log = make_log(policy(1.0), make_requests(100))
    waiting = np.arange(100) < 30
    pending = replace(
        log, rewarded=~waiting, reward=np.where(waiting[:, None], np.nan, log.reward), events={}
    )
    got = log_inputs(pending, policy(-1.0), rng=rng())
    want = log_inputs(log.take(slice(30, 100)), policy(-1.0), rng=rng())
    assert got.weight == pytest.approx(want.weight)
    assert got.note == "30 decisions without a reward left out"
    none = replace(pending, rewarded=np.zeros(100, dtype=bool), reward=np.full(log.reward.shape, np.nan))
    with pytest.raises(InvalidInput, match="no decision has a reward yet"):
        log_inputs(none, policy(-1.0), rng=rng())


def test_items_never_shown_at_a_slot_are_unsupported() -> None:
    requests = make_requests(1)
    log = make_log(policy(1.0), requests)
    log = log.take(np.zeros(50, dtype=int))  # one slate, fifty times
    target = policy(-1.0)
    marginals = target.marginals(requests)[0]
    want = 1.0 - marginals[np.arange(SLOTS), log.positions[0]].sum() / SLOTS
    assert log_inputs(log, target, rng=rng()).unsupported == pytest.approx(want)


def test_uniform_policy_by_hand() -> None:
    uniform, requests = UniformPolicy(3), make_requests(20, scarce=True)
    marginals = uniform.marginals(requests)
    assert marginals[1] == pytest.approx(np.full((3, 6), 1 / 6))
    assert marginals[0, :2, :2] == pytest.approx(np.full((2, 2), 1 / 2))
    assert (marginals[0, :, 2:] == 0).all()
    assert (marginals[0, 2] == 0).all()
    decisions = uniform.decide(requests, rng())
    assert decisions.propensities[1] == pytest.approx([1 / 6, 1 / 5, 1 / 4])
    assert decisions.propensities[0] == pytest.approx([1 / 2, 1, 1])
    assert (decisions.positions[::2, 2] == -1).all()
    assert (uniform.propensities(requests, decisions.positions) == decisions.propensities).all()
    sold_out = np.array([[5, 4, 3]] * 20, dtype=np.int32)
    assert (uniform.propensities(requests, sold_out)[::2] == 0).all()
    slate = policy(0.0)
    assert slate.marginals(requests) == pytest.approx(marginals, abs=1e-8)
    assert slate.propensities(requests, decisions.positions) == pytest.approx(decisions.propensities)


# --- statistics --------------------------------------------------------------------------------------


@pytest.mark.parametrize("marginals", [True, False])
@pytest.mark.parametrize("scarce", [False, True])
def test_estimates_are_near_the_truth(scarce: bool, marginals: bool) -> None:
    # rewards follow the item-position model, so both weightings are unbiased. 4.5 standard errors: false
    # alarm 7e-6 for each of the 12 comparisons
    requests = make_requests(4000, scarce)
    log = make_log(policy(1.0), requests, marginals=marginals)
    target = policy(-1.0)
    inputs = log_inputs(log, target, rng=rng(), features=item_features(log, items()))
    for name in ("ips", "snips", "dr"):
        got = DEFAULT_ESTIMATORS[name].estimate(inputs)
        error = (got.high - got.low) / (2 * 1.96)
        assert abs(got.value - true_value(target, requests)) < 4.5 * error, name
    assert "mean weight" not in DEFAULT_ESTIMATORS["ips"].estimate(inputs).note


def test_a_target_that_looks_back_falls_back_to_prefix_weights() -> None:
    requests = make_requests(4000)
    log = make_log(policy(1.0), requests)
    capped = policy(-0.5, CategoryCap(maximum=2))
    inputs = log_inputs(log, capped, rng=rng(), features=item_features(log, items()))
    assert "the target has no slot marginals" in inputs.note
    draws = capped.decide(requests, rng(9))
    truth = expected(draws.slates).sum(axis=1)
    for name in ("ips", "snips", "dm", "dr"):  # 4.5 standard errors, the truth's own included
        got = DEFAULT_ESTIMATORS[name].estimate(inputs)
        error = np.hypot((got.high - got.low) / (2 * 1.96), truth.std() / np.sqrt(len(truth)))
        assert abs(got.value - truth.mean()) < 4.5 * error + (0.02 if name == "dm" else 0), name


def test_the_better_policy_is_shown_to_be_better() -> None:
    requests = make_requests(3000)
    log = make_log(policy(0.0), requests)
    features = item_features(log, items())
    better = log_inputs(log, policy(2.0), rng=rng(), features=features)
    logged = log_inputs(log, policy(0.0), rng=rng(), features=features)
    got = compare_inputs(better, logged)
    truth = true_value(policy(2.0), requests) - true_value(policy(0.0), requests)
    assert 0 < got.low < truth + 4.5 * (got.high - got.low) / (2 * 1.96)


# --- refusals ----------------------------------------------------------------------------------------


def test_refusals() -> None:
    log = make_log(policy(1.0), make_requests(20, scarce=True))
    with pytest.raises(InvalidInput, match=r"policy.marginals = \(20, 2, 6\)"):
        log_inputs(log, policy(1.0, slots=2), rng=rng())
    with pytest.raises(InvalidInput, match=r"policy.slate_size = 2"):
        log_inputs(log, policy(1.0, CategoryCap(maximum=1), slots=2), rng=rng())
    earning = np.where(log.positions < 0, 1.0, log.reward)
    with pytest.raises(InvalidInput, match=r"log.reward\[0\].*empty slot cannot earn .*\(10 of 20 rows"):
        log_inputs(replace(log, reward=earning), policy(1.0), rng=rng())
    other = replace(items(), item_id=np.array([f"other{i}" for i in range(N_ITEMS)]))
    with pytest.raises(InvalidInput, match="another catalogue"):
        item_features(log, other)
