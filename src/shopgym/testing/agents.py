"""What every agent must do, as small named checks.

    from shopgym.testing import AGENT_CHECKS

    @pytest.mark.parametrize("check", AGENT_CHECKS.values(), ids=AGENT_CHECKS)
    def test_my_agent(check):
        check(lambda task, rng: MyAgent(task, rng))

A check takes a maker of agents and raises ``AssertionError`` with the reason. No pytest is needed.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.random import Generator, default_rng

from ..agents.task import Task
from ..core.batches import EMPTY, Decisions, Interactions, Requests
from ..core.errors import InvalidInput
from ..core.protocols import Agent, Policy
from ..core.types import F64, I32
from ..policies.policy import SlatePolicy, policy_from_state
from ..policies.serving.bundle import load_bundle, write_bundle
from ..policies.serving.request_seeded import decide_keyed
from ..simulators import Catalog, Shop, ShopConfig

AgentMaker = Callable[[Task, Generator], Agent]
"""From a task and a generator to an agent."""

CLOSE = 1e-9


@dataclass(frozen=True)
class Setting:
    """A small shop with visits under way, and the task that agents are given in it."""

    shop: Shop
    task: Task

    def play(self, policy: Policy, rng: Generator) -> Interactions:
        """One page on every lane, and what each visitor asks for next."""
        requests = self.shop.requests()
        decisions = policy.decide(requests, rng)
        feedback, left, cut = self.shop.serve(decisions.slates)
        self.shop.start_visits()
        return Interactions(
            requests, decisions, feedback.margin, feedback.learner_events(), self.shop.requests(), left | cut
        )

    def taught(self, make: AgentMaker, *, seed: int = 5, rounds: int = 3) -> Agent:
        """An agent that has learnt from some pages."""
        agent, rng = make(self.task, default_rng(seed)), default_rng(0)
        for _ in range(rounds):
            agent.learn(self.play(agent.policy(), rng))
        return agent


def small_setting(lanes: int = 64) -> Setting:
    """120 items, 300 users, 3 slots of 8 candidates, 8 items of history; much is clicked and bought."""
    catalog = Catalog.synthetic(120, seed=3)
    config = ShopConfig(users=300, slate_size=3, num_candidates=8, history=8)
    shop = Shop(catalog, config, lanes=lanes, seed=1)
    shop.start_visits()
    attention = np.array([1.0, 0.8, 0.6])
    task = Task(catalog.items, shop.user_names, shop.context_names, 3, value="margin", attention=attention)
    return Setting(shop, task)


def is_an_agent(make: AgentMaker) -> None:
    """The agent and its policy have the methods of the protocols; ``learn`` gives numbers by name."""
    setting = small_setting()
    agent = make(setting.task, default_rng(0))
    assert isinstance(agent, Agent), f"{type(agent).__name__} lacks a method of core.Agent"
    policy = agent.policy()
    assert isinstance(policy, Policy), f"{type(policy).__name__} lacks a method of core.Policy"
    for name, value in agent.learn(setting.play(policy, default_rng(0))).items():
        assert isinstance(value, float), f"learn(): {name} is a {type(value).__name__}, not a float"


def same_seed_same_policy(make: AgentMaker) -> None:
    """Two agents with equal generators that learn the same become equal policies."""
    policies = []
    for _ in range(2):
        agent = small_setting().taught(make)
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
    first = policy.decide(requests, default_rng(1))
    agent.learn(setting.play(agent.policy(), default_rng(0)))
    again = policy.decide(requests, default_rng(1))
    np.testing.assert_array_equal(first.slates, again.slates, "a frozen policy decided otherwise")
    np.testing.assert_array_equal(first.propensities, again.propensities, "its propensities changed")


def propensities_are_those_of_what_was_shown(make: AgentMaker) -> None:
    """``propensities`` of a logged slate equals what was logged, batch after batch, and is above 0."""
    setting, rng = small_setting(), default_rng(0)
    agent = make(setting.task, default_rng(5))
    for _ in range(3):
        policy = agent.policy()
        batch = setting.play(policy, rng)
        logged = batch.decisions.propensities
        asked = policy.propensities(batch.requests, batch.decisions.positions)
        np.testing.assert_array_equal(asked, logged, "propensities() differs from what decide() logged")
        assert (logged > 0).all(), "something was shown that had probability 0"
        assert (logged <= 1 + CLOSE).all(), "a propensity is above 1"
        agent.learn(batch)


def propensities_are_a_distribution(make: AgentMaker) -> None:
    """Over all slates of 4 candidates the products add up to 1, and the marginals are their sums."""
    setting = small_setting()
    policy = setting.taught(make).policy()
    few = _few(setting.shop.requests(), 4)
    n, k = len(few), setting.task.slate_size
    total, marginals = np.zeros(n), np.zeros((n, k, 4))
    for order in itertools.permutations(range(4), k):
        positions = np.tile(np.array(order, np.int32), (n, 1))
        slate = policy.propensities(few, positions).prod(axis=1)
        total += slate
        for slot, position in enumerate(order):
            marginals[:, slot, position] += slate
    np.testing.assert_allclose(total, 1.0, atol=CLOSE, err_msg="the slates' probabilities do not add up to 1")
    try:
        stated = policy.marginals(few)
    except InvalidInput:
        return  # a rule that looks at earlier slots: there is no closed form
    np.testing.assert_allclose(
        stated, marginals, atol=1e-8, err_msg="marginals() are not the sums over slates"
    )


def what_is_sold_out_is_never_shown(make: AgentMaker) -> None:
    """Neither a candidate that is out of stock nor padding; with nothing left the slots stay empty."""
    setting, rng = small_setting(), default_rng(0)
    policy, requests = setting.taught(make).policy(), setting.shop.requests()
    padded = requests.candidates.copy()
    padded[:, 5:] = EMPTY
    stock = rng.random(padded.shape) < 0.4
    stock[:4] = False
    hard = replace(requests, candidates=padded, in_stock=stock & (padded >= 0))
    for seed in range(20):
        decisions = policy.decide(hard, default_rng(seed))
        _check_slates(hard, decisions)
        filled = (decisions.slates >= 0).sum(axis=1)
        assert (filled <= hard.in_stock.sum(axis=1)).all(), "more was shown than there is"
        assert (filled[:4] == 0).all(), "something was shown where all is sold out"


def one_candidate_and_none(make: AgentMaker) -> None:
    """One candidate is shown for certain; none gives empty slots."""
    setting = small_setting()
    policy, requests = setting.taught(make).policy(), setting.shop.requests()
    for m in (1, 0):
        few = replace(_few(requests, m), in_stock=np.ones((len(requests), m), np.bool_))
        decisions = policy.decide(few, default_rng(0))
        assert decisions.slates.shape == (len(requests), setting.task.slate_size), (
            "the slate changed its shape"
        )
        assert ((decisions.slates >= 0).sum(axis=1) == m).all(), f"{m} candidates gave more or fewer items"
        np.testing.assert_allclose(decisions.propensities, 1.0, atol=CLOSE)


def empty_batches_are_learnt_from(make: AgentMaker) -> None:
    """A batch of no rows, and pages on which nothing was shown, leave the agent able to decide."""
    setting = small_setting()
    agent = make(setting.task, default_rng(5))
    batch = setting.play(agent.policy(), default_rng(0))
    nothing = replace(batch.requests, in_stock=np.zeros_like(batch.requests.in_stock))
    decisions = agent.policy().decide(nothing, default_rng(0))
    zeros = np.zeros_like(batch.reward)
    events = dict.fromkeys(batch.events, zeros)
    empty = replace(batch, requests=nothing, decisions=decisions, reward=zeros, events=events)
    agent.learn(empty)
    agent.learn(empty.take(slice(0, 0)))
    _check_slates(batch.requests, agent.policy().decide(batch.requests, default_rng(0)))


def learning_leaves_its_batch_alone(make: AgentMaker) -> None:
    """``learn`` writes to none of the arrays that it is given."""
    setting = small_setting()
    agent = make(setting.task, default_rng(5))
    batch = setting.play(agent.policy(), default_rng(0))
    parts = (batch.requests, batch.decisions, batch.next)
    arrays = [values for part in parts for values in vars(part).values() if isinstance(values, np.ndarray)]
    arrays += [batch.reward, *batch.events.values()]
    copies = [values.copy() for values in arrays]
    agent.learn(batch)
    for values, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(values, copy, "learn() wrote to its batch")


def strangers_are_served(make: AgentMaker) -> None:
    """Users and items that were never seen get a valid slate."""
    setting = small_setting()
    policy, requests = setting.taught(make, rounds=1).policy(), setting.shop.requests()
    rows = np.arange(len(setting.task.items), dtype=np.int32)
    candidates = np.stack([np.roll(rows, -8 * i)[:8] for i in range(len(requests))])
    history = None if requests.history is None else np.full_like(requests.history, EMPTY)
    strange = replace(
        requests,
        user_id=requests.user_id + 10**12,
        candidates=candidates,
        in_stock=np.ones_like(requests.in_stock),
        history=history,
    )
    _check_slates(strange, policy.decide(strange, default_rng(0)))


def bad_features_are_refused(make: AgentMaker) -> None:
    """NaN in what the policy looks at is refused; what it does not look at does not matter."""
    setting = small_setting()
    policy, requests = setting.taught(make).policy(), setting.shop.requests()
    for name in ("user", "context"):
        values = getattr(requests, name).copy()
        values[3] = np.nan
        bad = replace(requests, **{name: values})
        try:
            decisions = policy.decide(bad, default_rng(0))
        except InvalidInput:
            continue
        _check_slates(bad, decisions)


def a_saved_policy_is_the_same(make: AgentMaker) -> None:
    """``state()`` and back: the same hash, the same decisions."""
    setting = small_setting()
    policy, requests = setting.taught(make).policy(), setting.shop.requests()
    assert isinstance(policy, SlatePolicy), f"{type(policy).__name__} cannot be saved: hand out a SlatePolicy"
    spec, arrays = policy.state()
    again = policy_from_state(spec, arrays, setting.task.items)
    assert again.hash == policy.hash, "a saved policy has another hash"
    mine, theirs = policy.decide(requests, default_rng(4)), again.decide(requests, default_rng(4))
    np.testing.assert_array_equal(mine.slates, theirs.slates, "a saved policy decides otherwise")
    np.testing.assert_array_equal(mine.propensities, theirs.propensities)


def an_exported_policy_serves_the_same(make: AgentMaker) -> None:
    """It becomes a bundle, is loaded without the agent, and decides as before."""
    setting = small_setting()
    policy, requests = setting.taught(make).policy(), setting.shop.requests()
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
        one = requests.take(slice(row, row + 1))
        mine, theirs = decide_keyed(policy, one), decide_keyed(loaded, one)
        np.testing.assert_array_equal(mine.slates, theirs.slates, "the bundle decides otherwise")
        np.testing.assert_allclose(mine.propensities, theirs.propensities, atol=CLOSE)


def learns_the_obvious(make: AgentMaker) -> None:
    """Only one item is ever wanted; it is a candidate of every request, and soon stands first."""
    setting, rng = small_setting(), default_rng(2)
    task, agent = setting.task, make(setting.task, default_rng(0))
    wanted, base = _unremarkable(task), setting.shop.requests()
    candidates = base.candidates.copy()
    there = (candidates[:, 1:] == wanted).any(axis=1)
    candidates[:, 0] = np.where(there, candidates[:, 0], wanted)
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


def _few(requests: Requests, m: int) -> Requests:
    """The first m candidates, all in stock."""
    candidates = np.ascontiguousarray(requests.candidates[:, :m])
    return replace(requests, candidates=candidates, in_stock=np.ones(candidates.shape, np.bool_))


def _check_slates(requests: Requests, decisions: Decisions) -> None:
    positions, slates = decisions.positions, decisions.slates
    filled = positions >= 0
    at = np.maximum(positions, 0)
    rows = np.take_along_axis(requests.candidates, at, axis=1)
    stock = np.take_along_axis(requests.in_stock, at, axis=1)
    assert (slates[filled] == rows[filled]).all(), "a slate shows another item than its position says"
    assert (slates[~filled] == EMPTY).all(), "an empty slot shows something"
    assert stock[filled].all(), "something was shown that is sold out"
    for row in range(len(slates)):
        shown = slates[row][filled[row]]
        assert len(set(shown.tolist())) == len(shown), "an item was shown twice on a page"
    assert ((decisions.propensities > 0) & (decisions.propensities <= 1 + CLOSE)).all(), "no probability"


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
