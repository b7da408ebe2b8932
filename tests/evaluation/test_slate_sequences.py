"""Whole episodes of pages: against a process whose values are known, and against single pages."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from test_offline_rl import policy

from shopgym.core import Interactions, Requests
from shopgym.core.errors import InvalidInput
from shopgym.core.types import F32
from shopgym.evaluation.offline.estimators import ESTIMATORS
from shopgym.evaluation.offline.log import log_inputs, outcome_inputs
from shopgym.evaluation.offline.rl import slate_sequence_inputs
from shopgym.evaluation.offline.rl.slates import page_count_log
from shopgym.evaluation.offline.verdict import CAUTION
from shopgym.policies import SlatePolicy
from shopgym.policies.decision_log import DecisionLog
from shopgym.policies.decision_log.log import logged_marginals

STAY, LONGEST = 0.7, 3
"""A visit goes on after a page with this probability, up to so many pages."""


def worth(item: Any, keen: Any) -> Any:
    """What an item earns; a visitor who was shown item 3 on the page before is keen: three times as much."""
    return item * (1.0 + 2.0 * keen)


def visits(n: int, behaviour: SlatePolicy, seed: int = 0, longest: int = LONGEST) -> DecisionLog:
    """A log of n visits with two slots a page, whose next page depends on what was shown."""
    rng = np.random.default_rng(seed)
    parts = []
    visit, keen = np.arange(n), np.zeros(n)
    for page in range(longest):
        m = len(visit)
        requests = Requests(
            request_id=(visit * longest + page).astype(np.uint64),
            user_id=visit.astype(np.int64),
            user=keen[:, None].astype(np.float32),
            context=rng.normal(size=(m, 2)).astype(np.float32),
            candidates=np.tile(np.arange(4, dtype=np.int32), (m, 1)),
            in_stock=np.ones((m, 4), dtype=bool),
            time=np.full(m, float(page)),
        )
        shown = behaviour.decide(requests, rng)
        goes_on = (rng.random(m) < STAY) & (page + 1 < longest)
        reward = worth(shown.slates, keen[:, None]) + rng.normal(size=shown.slates.shape)
        log = DecisionLog.from_interactions(
            Interactions(requests, shown, reward),
            items=behaviour.items,
            unit="GBP",
            policy_hash=behaviour.hash,
            policy_name=behaviour.name,
            config_hash="test",
            user_names=("keen",),
            context_names=("day", "hour"),
            marginals=logged_marginals(behaviour, requests, shown.positions),
        )
        columns: Any = {"episode": visit, "step": np.full(m, page, np.int32), "ended": ~goes_on}
        parts.append(replace(log, **columns))
        keen = (shown.slates == 3).any(axis=1).astype(np.float64)[goes_on]
        visit = visit[goes_on]
    return DecisionLog.concat(parts)


def true_value(tilt: float, longest: int = LONGEST) -> float:
    """The mean reward of a visit, by enumeration of all slates of each page."""
    share = np.exp(tilt * np.arange(4.0))
    share /= share.sum()
    chance = {(i, j): share[i] * share[j] / (1 - share[i]) for i, j in permutations(range(4), 2)}
    value = np.zeros(2)  # of a visitor who is not keen, and of one who is
    for _ in range(longest):
        value = np.array(
            [
                sum(p * (worth(i + j, keen) + STAY * value[int(3 in (i, j))]) for (i, j), p in chance.items())
                for keen in (0, 1)
            ]
        )
    return float(value[0])


def features(requests: Requests) -> F32:
    """(n, m, 3): with these, rewards and what follows are linear."""
    item = requests.candidates.astype(np.float32)
    return np.stack([item, item * requests.user, (item == 3).astype(np.float32)], axis=2)


@pytest.fixture(scope="module")
def log() -> DecisionLog:
    return visits(6000, policy(0.0))


def test_all_estimators_find_the_value_of_another_policy(log: DecisionLog) -> None:
    rng = np.random.default_rng(1)
    inputs = slate_sequence_inputs({"": log}, policy(0.3), rng=rng, features=features)[""]
    assert len(inputs) == 6000
    assert inputs.slots == LONGEST * 2 + LONGEST - 1
    errors = {}
    for name in ("ips", "snips", "dr", "sndr"):
        # 99.99%: a right estimator misses once in 10,000 logs
        estimate = ESTIMATORS[name].estimate(inputs, level=0.9999)
        assert estimate.low < true_value(0.3) < estimate.high, name
        errors[name] = estimate.high - estimate.low
    assert errors["dr"] < 0.7 * errors["ips"]
    assert ESTIMATORS["dm"].estimate(inputs).value == pytest.approx(true_value(0.3), rel=0.02)
    alone = log_inputs(log, policy(0.3), rng=np.random.default_rng(1), features=features)
    assert ESTIMATORS["dr"].estimate(alone, level=0.9999).high * len(log) / 6000 < true_value(0.3)  # biased


def test_the_policy_that_logged_is_worth_what_was_logged(log: DecisionLog) -> None:
    inputs = slate_sequence_inputs({"": log}, policy(0.0), rng=np.random.default_rng(1))[""]
    np.testing.assert_allclose(inputs.weight, 1.0, rtol=1e-9)
    assert ESTIMATORS["ips"].estimate(inputs).value == pytest.approx(log.reward.sum() / 6000)
    pages = slate_sequence_inputs({"": page_count_log(log)}, policy(0.0), rng=np.random.default_rng(1))[""]
    assert pages.logged_value == pytest.approx(len(log) / 6000)


def test_weights_by_hand() -> None:
    log = visits(50, policy(0.0), seed=2)
    target = policy(0.5)
    inputs = slate_sequence_inputs({"": log}, target, rng=np.random.default_rng(1))[""]
    rows = log.episode == np.unique(log.episode[log.step == 2])[0]  # type: ignore[index]
    visit = log.take(rows)
    share = np.exp(0.5 * np.arange(4.0))

    def ratio(slate: Any) -> float:
        first, second = share[slate[0]] / share.sum(), share[slate[1]] / (share.sum() - share[slate[0]])
        return float(first * second * 12)  # twelve slates were equally likely

    one, two = ratio(visit.slates[0]), ratio(visit.slates[1])
    row = int(visit.episode[0])  # type: ignore[index]
    marginal = target.marginals(visit.requests())
    own = [[marginal[page, slot, visit.positions[page, slot]] * 4 for slot in (0, 1)] for page in range(3)]
    expected = [*own[0], *(one * w for w in own[1]), *(one * two * w for w in own[2]), one, one * two]
    np.testing.assert_allclose(inputs.weight[row], expected, rtol=1e-9)


def test_visits_of_one_page_are_single_pages() -> None:
    log = visits(400, policy(0.0), longest=1)
    options: dict[str, Any] = {"features": features}
    whole = slate_sequence_inputs({"": log}, policy(0.3), rng=np.random.default_rng(1), **options)[""]
    single = outcome_inputs({"": log}, policy(0.3), rng=np.random.default_rng(1), **options)[""]
    for name, values in vars(single).items():
        np.testing.assert_array_equal(getattr(whole, name), values)


def test_the_order_of_the_rows_does_not_matter(log: DecisionLog) -> None:
    shuffled = log.take(np.random.default_rng(5).permutation(len(log)))
    one, other = (
        slate_sequence_inputs({"": each}, policy(0.3), rng=np.random.default_rng(1), features=features)[""]
        for each in (log, shuffled)
    )
    np.testing.assert_array_equal(one.weight, other.weight)
    np.testing.assert_allclose(one.q_logged, other.q_logged, rtol=1e-9)  # type: ignore[arg-type]


def test_what_is_not_whole_is_left_out_with_a_doubt(log: DecisionLog) -> None:
    rng = np.random.default_rng(1)
    first = int(log.episode[log.step == 1][0])  # type: ignore[index]
    torn = log.take(~((log.episode == first) & (log.step == 0)))
    inputs = slate_sequence_inputs({"": torn}, policy(0.3), rng=rng)[""]
    assert len(inputs) == 5999
    assert "1 of 6,000 episodes are not whole" in ESTIMATORS["ips"].estimate(inputs).reason
    with pytest.raises(InvalidInput, match="no episode has ended"):
        slate_sequence_inputs({"": log.take(log.step == 1)}, policy(0.3), rng=rng)
    with pytest.raises(InvalidInput, match="give episode, step and ended"):
        slate_sequence_inputs({"": replace(log, episode=None, step=None, ended=None)}, policy(0.3), rng=rng)


def test_pages_of_visits_judged_alone_are_doubted(log: DecisionLog) -> None:
    verdict, reason = log_inputs(log, policy(0.3), rng=np.random.default_rng(1)).doubts[-1]
    assert verdict == CAUTION
    assert "later ones is left out" in reason
