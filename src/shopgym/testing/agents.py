"""What every agent must do, as small named checks.

Use it like this::

    from shopgym.testing import AGENT_CHECKS

    @pytest.mark.parametrize("check", AGENT_CHECKS.values(), ids=AGENT_CHECKS)
    def test_my_agent(check):
        check(lambda task, rng: MyAgent(task, rng))

A check takes a maker of agents and raises ``AssertionError`` with the reason. An error that the agent itself
raises is passed on. No pytest is needed. Every seed is fixed, so a check gives the same answer every time.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.random import default_rng
from scipy.stats import chi2

from ..agents.task import Task
from ..core.batches import EMPTY, Decisions, Interactions, Requests
from ..core.errors import InvalidInput
from ..core.protocols import Agent, Policy, has_marginals
from ..core.types import F64, I32
from ..policies.policy import SlatePolicy, policy_from_state
from ..policies.serving.bundle import load_bundle, write_bundle
from ..policies.serving.request_seeded import decide_seeded
from .setting import AgentMaker, small_setting

CLOSE = 1e-9
FALSE_ALARM = 1e-6
"""Probability that the test of how often slates are drawn fails for an honest policy, had it a new seed."""


def is_an_agent(make: AgentMaker) -> None:
    """The agent and its policy have the methods of the protocols; ``learn`` gives numbers by name."""
    setting = small_setting()
    agent = make(setting.task, default_rng(0))
    assert isinstance(agent, Agent), f"{type(agent).__name__} lacks a method of core.Agent"
    policy = agent.policy()
    assert isinstance(policy, Policy), f"{type(policy).__name__} lacks a method of core.Policy"
    report = agent.learn(setting.serve_page(policy, default_rng(0)))
    assert isinstance(report, Mapping), f"learn() returned a {type(report).__name__}, not a mapping"
    for name, value in report.items():
        assert isinstance(value, float), f"learn(): {name} is a {type(value).__name__}, not a float"


def same_seed_same_policy(make: AgentMaker) -> None:
    """Two agents with equal generators that learn the same become equal policies."""
    policies = []
    for _ in range(2):
        agent = small_setting().trained_agent(make)
        policies.append(agent.policy())
    (spec, arrays), (other_spec, other_arrays) = (policy.state() for policy in policies)
    assert spec == other_spec, "equal seeds gave other specs"
    assert arrays.keys() == other_arrays.keys(), "equal seeds gave other arrays"
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, other_arrays[name], f"equal seeds gave another {name}")


def a_frozen_policy_does_not_learn(make: AgentMaker) -> None:
    """What the agent learns later, and what others draw, changes nothing in a policy handed out before."""
    setting = small_setting()
    agent = make(setting.task, default_rng(5))
    policy, requests = agent.policy(), setting.shop.requests()
    expected_decisions = policy.decide(requests, default_rng(1))
    state = {name: values.copy() for name, values in policy.state()[1].items()}
    for seed in range(3):
        agent.learn(setting.serve_page(agent.policy(), default_rng(seed)))
    later_decisions = policy.decide(requests, default_rng(1))
    np.testing.assert_array_equal(
        expected_decisions.slates, later_decisions.slates, "a frozen policy decided otherwise"
    )
    np.testing.assert_array_equal(
        expected_decisions.propensities, later_decisions.propensities, "its propensities changed"
    )
    for name, values in policy.state()[1].items():  # small changes may not show in the decisions yet
        np.testing.assert_array_equal(values, state[name], f"learn() changed {name} of a frozen policy")


def propensities_are_those_of_what_was_shown(make: AgentMaker) -> None:
    """``propensities`` of a logged slate equals what was logged, batch after batch, and is above 0."""
    setting, rng = small_setting(), default_rng(0)
    agent = make(setting.task, default_rng(5))
    for _ in range(3):
        policy = agent.policy()
        batch = setting.serve_page(policy, rng)
        logged = batch.decisions.propensities
        asked = policy.propensities(batch.requests, batch.decisions.positions)
        np.testing.assert_array_equal(asked, logged, "propensities() differs from what decide() logged")
        assert (logged > 0).all(), "something was shown that had probability 0"
        assert (logged <= 1 + CLOSE).all(), "a propensity is above 1"
        agent.learn(batch)


def propensities_are_a_distribution(make: AgentMaker) -> None:
    """Over all slates of 4 candidates the products add up to 1, and slates are drawn as often as they say.

    The marginals are sums of the slates' probabilities.
    """
    setting = small_setting()
    policy = setting.trained_agent(make).policy()
    requests = _first_candidates(setting.shop.requests(), 4)
    slates, probability = _all_slates(policy, requests, setting.task.slate_size)
    np.testing.assert_allclose(
        probability.sum(axis=1), 1.0, atol=CLOSE, err_msg="the slates' probabilities do not add up to 1"
    )
    _check_frequencies(policy, requests.take(slice(0, 4)), slates, probability[:4])
    if not has_marginals(policy):
        return  # a rule that looks at earlier slots: there is no closed form
    marginals = policy.marginals(requests)
    expected = np.zeros((len(requests), slates.shape[1], 4))
    for slate, share in zip(slates, probability.T):
        expected[:, np.arange(slates.shape[1]), slate] += share[:, None]
    np.testing.assert_allclose(
        marginals, expected, atol=1e-8, err_msg="marginals() are not the sums over slates"
    )


def what_is_sold_out_is_never_shown(make: AgentMaker) -> None:
    """Neither a candidate that is out of stock nor padding; with nothing left the slots stay empty."""
    setting, rng = small_setting(), default_rng(0)
    policy, requests = setting.trained_agent(make).policy(), setting.shop.requests()
    padded = requests.candidates.copy()
    padded[:, 5:] = EMPTY
    stock = rng.random(padded.shape) < 0.4
    stock[:4] = False
    hard = replace(requests, candidates=padded, in_stock=stock & (padded >= 0))
    for seed in range(20):
        decisions = policy.decide(hard, default_rng(seed))
        _check_slates(hard, decisions)
        assert (decisions.slates[:4] == EMPTY).all(), "something was shown where all is sold out"


def one_candidate_and_none(make: AgentMaker) -> None:
    """One candidate is shown for certain; none gives empty slots."""
    setting = small_setting()
    policy, requests = setting.trained_agent(make).policy(), setting.shop.requests()
    for m in (1, 0):
        decisions = policy.decide(_first_candidates(requests, m), default_rng(0))
        assert decisions.slates.shape == (len(requests), setting.task.slate_size), (
            "the slate changed its shape"
        )
        assert ((decisions.slates >= 0).sum(axis=1) == m).all(), f"{m} candidates gave more or fewer items"
        np.testing.assert_allclose(decisions.propensities, 1.0, atol=CLOSE)


def empty_batches_are_learnt_from(make: AgentMaker) -> None:
    """A batch of no rows, and pages on which nothing was shown, leave the agent able to decide."""
    setting = small_setting()
    agent = make(setting.task, default_rng(5))
    batch = setting.serve_page(agent.policy(), default_rng(0))
    sold_out = replace(batch.requests, in_stock=np.zeros_like(batch.requests.in_stock))
    decisions = agent.policy().decide(sold_out, default_rng(0))
    zeros = np.zeros_like(batch.reward)
    events = dict.fromkeys(batch.events, zeros)
    empty = replace(batch, requests=sold_out, decisions=decisions, reward=zeros, events=events)
    agent.learn(empty)
    agent.learn(empty.take(slice(0, 0)))
    _check_slates(batch.requests, agent.policy().decide(batch.requests, default_rng(0)))


def learning_leaves_its_batch_alone(make: AgentMaker) -> None:
    """``learn`` writes to none of the arrays that it is given."""
    setting = small_setting()
    agent = make(setting.task, default_rng(5))
    batch = setting.serve_page(agent.policy(), default_rng(0))
    parts = (batch, batch.requests, batch.decisions, batch.next)
    arrays = [values for part in parts for values in vars(part).values() if isinstance(values, np.ndarray)]
    arrays += batch.events.values()
    copies = [values.copy() for values in arrays]
    agent.learn(batch)
    for values, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(values, copy, "learn() wrote to its batch")


def strangers_are_served(make: AgentMaker) -> None:
    """Users and items that were never seen get a valid slate."""
    setting = small_setting()
    policy, requests = setting.trained_agent(make, rounds=1).policy(), setting.shop.requests()
    rows = np.arange(len(setting.task.items), dtype=np.int32)
    candidates = np.stack([np.roll(rows, -8 * i)[:8] for i in range(len(requests))])
    history = None if requests.history is None else np.full_like(requests.history, EMPTY)
    unseen = replace(
        requests,
        user_id=requests.user_id + 10**12,
        candidates=candidates,
        in_stock=np.ones_like(requests.in_stock),
        history=history,
    )
    _check_slates(unseen, policy.decide(unseen, default_rng(0)))


def bad_features_are_refused(make: AgentMaker) -> None:
    """NaN in what the policy looks at is refused; what it does not look at does not matter.

    A policy looks at a column if other finite numbers there change its propensities. Where it does not refuse
    NaN, its propensities must be those of any other number. Nor may NaN harm what an agent has learnt.
    """
    setting = small_setting()
    agent = setting.trained_agent(make)
    policy, requests = agent.policy(), _first_candidates(setting.shop.requests(), 4)
    k, rng = setting.task.slate_size, default_rng(3)
    for part in ("user", "context"):
        values = getattr(requests, part)
        for column in range(values.shape[1]):
            changed = [values.copy() for _ in range(3)]
            for numbers in changed[:2]:
                numbers[:, column] = rng.normal(size=len(numbers))
            changed[2][:, column] = np.where(np.arange(len(values)) == 3, np.nan, changed[1][:, column])
            first, second, bad = (replace(requests, **{part: numbers}) for numbers in changed)
            expected = _all_slates(policy, second, k)[1]
            used = (_all_slates(policy, first, k)[1] != expected).any()
            try:
                probability = _all_slates(policy, bad, k)[1]
                policy.decide(bad, default_rng(0))
            except InvalidInput:
                continue
            assert not used, f"column {column} of {part} matters, but NaN in it is not refused"
            np.testing.assert_array_equal(
                probability, expected, f"NaN in column {column} of {part} changed it"
            )
    batch = setting.serve_page(policy, default_rng(0))
    for part in ("user", "context"):
        values = getattr(batch.requests, part).copy()
        values[3] = np.nan
        with contextlib.suppress(InvalidInput):
            agent.learn(replace(batch, requests=replace(batch.requests, **{part: values})))
        decisions = agent.policy().decide(
            requests, default_rng(0)
        )  # learn() refused it or was not hurt by it
        _check_slates(requests, decisions)


def a_saved_policy_is_the_same(make: AgentMaker) -> None:
    """``state()`` and back: the same hash, the same decisions."""
    setting = small_setting()
    policy, requests = setting.trained_agent(make).policy(), setting.shop.requests()
    assert isinstance(policy, SlatePolicy), f"{type(policy).__name__} cannot be saved: hand out a SlatePolicy"
    spec, arrays = policy.state()
    restored = policy_from_state(spec, arrays, setting.task.items)
    assert restored.hash == policy.hash, "a saved policy has another hash"
    expected, decisions = (rule.decide(requests, default_rng(4)) for rule in (policy, restored))
    np.testing.assert_array_equal(decisions.slates, expected.slates, "a saved policy decides otherwise")
    np.testing.assert_array_equal(decisions.propensities, expected.propensities)


def an_exported_policy_serves_the_same(make: AgentMaker) -> None:
    """It becomes a bundle, is loaded without the agent, and decides as before."""
    setting = small_setting()
    policy, requests = setting.trained_agent(make).policy(), setting.shop.requests()
    assert isinstance(policy, SlatePolicy), (
        f"{type(policy).__name__} is no SlatePolicy: it cannot be exported"
    )
    with tempfile.TemporaryDirectory() as folder:
        write_bundle(
            Path(folder) / "bundle",
            policy,
            golden_requests=requests.take(slice(0, 20)),
            user_names=setting.shop.user_names,
            context_names=setting.shop.context_names,
            unit="GBP of margin",
            config_hash="",
        )
        loaded = load_bundle(Path(folder) / "bundle").policy
    for row in range(10):
        request = requests.take(slice(row, row + 1))
        expected, decisions = decide_seeded(policy, request), decide_seeded(loaded, request)
        np.testing.assert_array_equal(decisions.slates, expected.slates, "the bundle decides otherwise")
        np.testing.assert_allclose(decisions.propensities, expected.propensities, atol=CLOSE)


def learns_the_obvious(make: AgentMaker) -> None:
    """Only one item is ever bought; it is a candidate of every request, anywhere, and soon stands first."""
    setting, rng = small_setting(), default_rng(2)
    task, agent = setting.task, make(setting.task, default_rng(0))
    wanted, base = _unremarkable(task), setting.shop.requests()
    candidates, rows = base.candidates.copy(), np.arange(len(base))
    column = rng.integers(0, candidates.shape[1], len(base))
    listed = (candidates == wanted).any(axis=1)
    candidates[rows, column] = np.where(listed, candidates[rows, column], wanted)
    history = rng.integers(0, len(task.items), size=(len(base), 8), dtype=np.int32)
    requests = replace(base, candidates=candidates, in_stock=np.ones_like(base.in_stock), history=history)
    ended = np.ones(len(base), np.bool_)
    for batch in range(60):
        fresh = base.request_id + np.uint64((batch + 1) * len(base))
        requests = replace(requests, request_id=fresh)
        decisions = agent.policy().decide(requests, rng)
        bought: F64 = (decisions.slates == wanted).astype(np.float64)
        reward = bought * task.item_value[wanted] * task.attention
        events = dict.fromkeys(("click", "cart", "purchase"), bought) | {"revenue": reward, "margin": reward}
        agent.learn(Interactions(requests, decisions, reward, events, requests, ended))
    first: I32 = agent.policy().decide(requests, rng).slates[:, 0]
    share = float((first == wanted).mean())
    assert share > 0.5, f"the wanted item stands first on {share:.0%} of pages; one in eight is chance"


def _unremarkable(task: Task) -> int:
    """An item of middling margin that is bought seldom: nobody shows it first who has not learnt to."""
    middle = np.argsort(task.items.margin, kind="stable")[
        len(task.items) // 2 - 10 : len(task.items) // 2 + 10
    ]
    return int(middle[np.argmin(task.items.popularity[middle])])


def _first_candidates(requests: Requests, m: int) -> Requests:
    """The first m candidates, all in stock."""
    candidates = np.ascontiguousarray(requests.candidates[:, :m])
    return replace(requests, candidates=candidates, in_stock=np.ones(candidates.shape, np.bool_))


def _all_slates(policy: Policy, requests: Requests, k: int) -> tuple[I32, F64]:
    """(s, k) positions of all slates of k candidates, and (n, s) their probabilities."""
    slates = np.array(list(itertools.permutations(range(requests.num_candidates), k)), np.int32)
    columns = [
        policy.propensities(requests, np.tile(slate, (len(requests), 1))).prod(axis=1) for slate in slates
    ]
    return slates, np.stack(columns, axis=1)


def _check_frequencies(policy: Policy, requests: Requests, slates: I32, probability: F64) -> None:
    """Chi-squared test of 1000 draws for each request against (n, s) probabilities.

    The rarest slates count together, so that every cell is expected at least 5 times.
    """
    draws = 1000
    decisions = policy.decide(requests.take(np.repeat(np.arange(len(requests)), draws)), default_rng(6))
    drawn = (decisions.positions[:, None] == slates).all(axis=2).reshape(len(requests), draws, -1).sum(axis=1)
    assert (drawn.sum(axis=1) == draws).all(), "a slot stayed empty though candidates were left"
    assert (drawn[probability == 0] == 0).all(), "a slate was drawn that has probability 0"
    statistic, freedom = 0.0, 0
    for counts, expected in zip(drawn, draws * probability):
        order = np.argsort(expected)
        rare = max(int((expected < 5).sum()), int((expected[order].cumsum() < 5).sum()) + 1)
        cells = np.append(0, np.arange(rare, len(order)))
        counts, expected = (np.add.reduceat(part[order], cells) for part in (counts, expected))
        statistic += float(((counts - expected) ** 2 / expected).sum())
        freedom += len(cells) - 1
    share = float(chi2.sf(statistic, freedom)) if freedom else 1.0
    assert share > FALSE_ALARM, f"slates are not drawn as often as their probabilities say (p = {share:.1e})"


def _check_slates(requests: Requests, decisions: Decisions) -> None:
    positions, slates = decisions.positions, decisions.slates
    filled = positions >= 0
    column = np.maximum(positions, 0)
    items = np.take_along_axis(requests.candidates, column, axis=1)
    stock = np.take_along_axis(requests.in_stock, column, axis=1)
    assert (slates[filled] == items[filled]).all(), "a slate shows another item than its position says"
    assert (slates[~filled] == EMPTY).all(), "an empty slot shows something"
    assert stock[filled].all(), "something was shown that is sold out"
    for row in range(len(slates)):
        shown = slates[row][filled[row]]
        assert len(set(shown.tolist())) == len(shown), "an item was shown twice on a page"
    logged = decisions.propensities
    assert ((logged > 0) & (logged <= 1 + CLOSE)).all(), "a propensity is not in (0, 1]"


AGENT_CHECKS: dict[str, Callable[[AgentMaker], None]] = {
    check.__name__: check
    for check in (
        is_an_agent,
        same_seed_same_policy,
        a_frozen_policy_does_not_learn,
        propensities_are_those_of_what_was_shown,
        propensities_are_a_distribution,
        what_is_sold_out_is_never_shown,
        one_candidate_and_none,
        empty_batches_are_learnt_from,
        learning_leaves_its_batch_alone,
        strangers_are_served,
        bad_features_are_refused,
        a_saved_policy_is_the_same,
        an_exported_policy_serves_the_same,
        learns_the_obvious,
    )
}
