"""Decisions without a reward: late ones do no harm, those of nothing happened are recognised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders.slate_logs import make_log, make_requests, policy, rng

from shopgym.core.types import Bool
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, compare_inputs
from shopgym.evaluation.offline.log import log_inputs
from shopgym.evaluation.offline.missing_rewards import missing_reward_doubts
from shopgym.policies.decision_log.log import DecisionLog

N = 3000
RATE = 0.2
POLICY = policy(0.5, slots=1)


def orders(rate: float = RATE) -> DecisionLog:
    """One slot; a decision earns 1 with probability ``rate``; one decision every hundredth of a day."""
    log = make_log(POLICY, make_requests(N))
    reward = (rng(3).random((N, 1)) < rate).astype(float)
    return replace(log, reward=reward, events={"order": reward.copy()}, time=np.arange(N) / 100.0)


def without(log: DecisionLog, missing: Bool) -> DecisionLog:
    """The log where the rewards of ``missing`` have not arrived."""
    blank = missing[:, None]
    return replace(
        log,
        rewarded=~missing,
        reward=np.where(blank, np.nan, log.reward),
        events={name: np.where(blank, np.nan, values) for name, values in log.events.items()},
    )


def test_a_log_to_which_only_orders_sent_rewards_gives_no_number() -> None:
    log = orders()
    truth = float(log.reward.mean())
    log = without(log, log.reward[:, 0] == 0)
    inputs = log_inputs(log, POLICY, rng=rng())
    assert inputs.logged_value == 1.0  # five times the truth
    (doubt,) = missing_reward_doubts(log)
    assert doubt in inputs.doubts
    assert doubt[0] == "refuse"
    assert (
        "79% of the early decisions have no reward, and every reward that arrived had an outcome" in doubt[1]
    )
    estimate = DEFAULT_ESTIMATORS["snips"].estimate(inputs)
    assert estimate.verdict == "refuse"
    assert "sent only when something happened" in estimate.reason
    assert compare_inputs(inputs, inputs, estimator="snips").verdict == "refuse"
    # closed by hand, as --close-after does
    closed = replace(log, rewarded=np.ones(N, bool), reward=np.nan_to_num(log.reward), events={})
    assert log_inputs(closed, POLICY, rng=rng()).logged_value == pytest.approx(truth)
    assert missing_reward_doubts(closed) == ()


def test_an_event_is_an_outcome_though_its_reward_is_nothing() -> None:
    """Rewards of clicks: some have margin 0 or less, none has no click."""
    log = orders(0.4)
    click = log.reward.copy()
    log = without(
        replace(log, reward=click * rng(4).normal(size=(N, 1)).round(), events={"click": click}),
        click[:, 0] == 0,
    )
    assert [word for word, _ in missing_reward_doubts(log)] == ["refuse"]


def test_late_rewards_are_no_doubt() -> None:
    """Those of the last tenth have not arrived; a few of them of orders that were quick."""
    log = orders()
    late = (np.arange(N) > 0.9 * N) & (rng(5).random(N) < 0.9)
    assert missing_reward_doubts(without(log, late)) == ()
    assert (
        log_inputs(without(log, late), POLICY, rng=rng()).doubts == log_inputs(log, POLICY, rng=rng()).doubts
    )


@pytest.mark.parametrize(("share", "verdicts"), [(0.005, []), (0.05, ["caution"]), (0.5, ["caution"])])
def test_rewards_that_are_lost_at_random_are_a_caution(share: float, verdicts: list[str]) -> None:
    log = without(orders(), rng(6).random(N) < share)
    assert [word for word, _ in missing_reward_doubts(log)] == verdicts


def test_a_few_zeros_among_the_rewards_do_not_hide_it() -> None:
    log = orders()
    none = log.reward[:, 0] == 0
    none[np.flatnonzero(none)[:4]] = False
    ((word, why),) = missing_reward_doubts(without(log, none))
    assert word == "refuse"
    assert "99." in why


def test_a_complete_log_and_one_without_rewards_have_no_doubt() -> None:
    log = orders()
    assert missing_reward_doubts(log) == ()
    assert missing_reward_doubts(without(log, np.ones(N, bool))) == ()
