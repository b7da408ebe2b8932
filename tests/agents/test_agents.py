"""Agents: closed forms, comparison with Vowpal Wabbit, and the checks of every agent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from shopgym.agents import AGENTS, Task, agent_class, make_agent
from shopgym.agents.bandits.bootstrap import BootstrapTS
from shopgym.agents.bandits.linear import LinTS, LinUCB
from shopgym.agents.bandits.logistic import BayesianLogistic
from shopgym.agents.bandits.ridge import BayesianRidge
from shopgym.core import Interactions, InvalidInput, Policy
from shopgym.core.types import F64
from shopgym.simulators import Shop
from shopgym.testing import AGENT_CHECKS, AgentMaker

pytestmark = pytest.mark.slow


def usable(name: str) -> bool:
    try:
        agent_class(name)
    except InvalidInput:
        return False
    return True


HERE = [
    pytest.param(name, marks=() if usable(name) else pytest.mark.skip(reason="its library is not installed"))
    for name in AGENTS
]


def played(shop: Shop, policy: Policy, rng: np.random.Generator) -> Interactions:
    requests = shop.requests()
    decisions = policy.decide(requests, rng)
    feedback = shop.counterfactual(decisions.slates)
    events = {name: feedback.term(name) for name in ("click", "purchase")}
    return Interactions(requests, decisions, feedback.margin, events, requests, np.zeros(len(requests), bool))


QUICK: dict[str, dict[str, Any]] = {
    "popularity": {"history": 0.0},  # else the order history outweighs what is learnt
    "cql": {"updates": 20},
    "iql": {"updates": 20},
    "ppo": {"step": 0.01},
    "lagrangian_ppo": {"step": 0.01},
    "reinforce": {"step": 0.01},
}
"""Options that make agents learn within the time of a test."""
IMITATORS = ("random", "cloning")
"""Agents that imitate the log and do not improve on it."""


@pytest.mark.parametrize("check", AGENT_CHECKS.values(), ids=AGENT_CHECKS)
@pytest.mark.parametrize("name", HERE)
def test_conformance(name: str, check: Callable[[AgentMaker], None]) -> None:
    if name in IMITATORS and check.__name__ == "learns_the_obvious":
        pytest.skip("it imitates the log")
    check(lambda task, rng: make_agent(name, task, rng, **QUICK.get(name, {})))


def test_ridge_is_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    x, theta = rng.normal(size=(500, 4)), np.array([1.0, -2.0, 0.5, 0.0])
    y = x @ theta + 0.1 * rng.normal(size=500)
    model = BayesianRidge(4, 2.0)
    for part in np.array_split(np.arange(500), 7):
        model.add(x[part], y[part])
    mean, factor, sigma = model.solve()
    a = 2.0 * np.eye(4) + x.T @ x
    np.testing.assert_allclose(mean, np.linalg.solve(a, x.T @ y), rtol=1e-10)
    np.testing.assert_allclose(factor @ factor.T, np.linalg.inv(a), rtol=1e-8, atol=1e-12)
    assert sigma == pytest.approx(0.1, rel=0.15)


def test_linucb_score_is_mean_plus_alpha_standard_deviations(shop: Shop, task: Task) -> None:
    agent = LinUCB(task, np.random.default_rng(0), alpha=1.7)
    agent.learn(played(shop, agent.policy(), np.random.default_rng(0)))
    requests = shop.requests()
    phi = task.features.phi(requests, task.item_side)
    mean, _, sigma = agent.model.solve(agent.scale.column)
    width = np.sqrt(np.einsum("nmd,de,nme->nm", phi, np.linalg.inv(agent.model.a), phi))
    value = agent.scale.item_scale[requests.candidates]
    np.testing.assert_allclose(
        agent.policy().scorer.scores(requests)[:, 0], value * (phi @ mean + 1.7 * sigma * width), rtol=1e-8
    )


def test_lints_draws_have_the_posteriors_mean_and_covariance(task: Task) -> None:
    agent = LinTS(task, np.random.default_rng(0), draws=1000, ridge=4.0)
    theta = np.concatenate([agent.policy().scorer.theta for _ in range(20)])  # prior: N(0, I / 4)
    z = theta.mean(axis=0) / (0.5 / np.sqrt(len(theta)))
    assert (abs(z) < 5.5).all()  # 4e-8 each, below 2e-6 in all
    np.testing.assert_allclose(np.cov(theta.T), np.eye(len(task.features)) / 4, atol=0.02)


def test_attention_makes_slots_comparable(task: Task, shop: Shop) -> None:
    # a reward of attention x value x phi . w in every slot is fitted without error
    requests = shop.requests()
    w = np.random.default_rng(3).normal(size=len(task.features))
    agent = LinTS(task, np.random.default_rng(0), ridge=1e-9, alpha=0.0, power=1.0)
    for seed in range(6):
        decisions = agent.policy().decide(requests, np.random.default_rng(seed))
        phi = task.features.phi(requests, task.item_side)
        rows = np.arange(64)[:, None]
        reward = task.attention * task.item_value[decisions.slates] * (phi[rows, decisions.positions] @ w)
        reward[decisions.slates < 0] = 0.0
        agent.learn(Interactions(requests, decisions, reward))
    mean, _, sigma = agent.model.solve()
    np.testing.assert_allclose(mean, w, atol=1e-4)
    assert sigma < 1e-4


vowpalwabbit: Any = pytest.importorskip("vowpalwabbit", reason="needs the extra 'bandits'")


def test_only_the_chosen_line_is_learnt_from() -> None:
    # under mtr the other actions only scale the importance by 1/m: the chosen line with p x m learns the same
    args = "--cb_explore_adf --epsilon 0.1 --cb_type mtr --noconstant --quiet -b 12"
    label = vowpalwabbit.LabelType.CONTEXTUAL_BANDIT
    whole, line = vowpalwabbit.Workspace(args), vowpalwabbit.Workspace(args)
    rng = np.random.default_rng(0)
    m = 6
    for _ in range(200):
        texts = [vw_line(row) for row in rng.normal(size=(m, 5))]
        chosen, cost, p = int(rng.integers(m)), float(rng.normal()), float(rng.uniform(0.01, 1 / m))
        chosen_line = f"0:{cost:.9g}:{p * m:.9g} {texts[chosen]}"
        texts[chosen] = f"0:{cost:.9g}:{p:.9g} {texts[chosen]}"
        for workspace, text in ((whole, "\n".join(texts)), (line, chosen_line)):
            example = workspace.parse(text, label)
            workspace.learn(example)
            workspace.finish_example(example)
    a, b = (vw_weights(workspace) for workspace in (whole, line))
    assert np.abs(a).max() > 0.01
    np.testing.assert_allclose(a, b, rtol=1e-4)


def test_squarecb_learns_without_importance_weights() -> None:
    # with another action after it, Vowpal Wabbit itself sets the chosen probability to 1
    args = "--cb_explore_adf --squarecb --cb_type mtr --noconstant --quiet -b 12"
    label = vowpalwabbit.LabelType.CONTEXTUAL_BANDIT
    learnt = []
    for probability in (1.0, 0.05):
        workspace = vowpalwabbit.Workspace(args)
        rng = np.random.default_rng(0)
        for _ in range(50):
            chosen = f"0:{rng.normal():.9g}:{probability} {vw_line(rng.normal(size=5))}"
            example = workspace.parse(f"{chosen}\n|f", label)
            workspace.learn(example)
            workspace.finish_example(example)
        learnt.append(vw_weights(workspace))
    np.testing.assert_array_equal(*learnt)


def vw_line(features: Any) -> str:
    return "|f " + " ".join(f"{j}:{value:.9g}" for j, value in enumerate(features))


def vw_weights(workspace: Any) -> Any:
    space = workspace.hash_space("f")
    mask = workspace.num_weights() - 1
    return np.array([workspace.get_weight(workspace.hash_feature(str(j), space) & mask, 0) for j in range(5)])


def test_vw_policy_ranks_as_vw_predicts(shop: Shop, task: Task) -> None:
    agent = make_agent("vw_squarecb", task, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    for _ in range(4):
        agent.learn(played(shop, agent.policy(), rng))
    requests = shop.requests()
    policy: Any = agent.policy()
    ours = policy.scorer.scores(requests)[:, 0] / task.item_value[requests.candidates]
    workspace, texts = agent.workspace, agent.texts(requests)  # type: ignore[attr-defined]
    agree = 0
    for row in range(64):
        pmf = workspace.predict(workspace.parse(texts[row], vowpalwabbit.LabelType.CONTEXTUAL_BANDIT))
        agree += int(np.argmax(pmf) == np.argmax(ours[row]))
    assert agree == 64


@pytest.mark.parametrize(
    ("name", "options", "field"),
    [
        ("lintz", {}, "agents"),
        ("lints", {"alhpa": 1.0}, "agents.lints.alhpa"),
        ("lints", {"alpha": -1.0}, "lints.alpha"),
        ("linucb", {"ridge": 0.0}, "ridge"),
        ("vw_squarecb", {"floor": 2.0}, "floor"),
        ("random", {"alpha": 1.0}, "agents.random.alpha"),
    ],
)
def test_bad_options_are_refused(task: Task, name: str, options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        make_agent(name, task, np.random.default_rng(0), **options)


def test_a_wrong_name_is_answered_with_the_nearest(task: Task) -> None:
    with pytest.raises(InvalidInput, match=r"did you mean 'linucb'\?"):
        make_agent("linUCB", task, np.random.default_rng(0))


def test_rewards_that_are_not_numbers_are_refused(shop: Shop, task: Task) -> None:
    batch = played(
        shop, make_agent("random", task, np.random.default_rng(0)).policy(), np.random.default_rng(0)
    )
    reward = batch.reward.copy()
    reward[5, 1] = np.nan
    with pytest.raises(InvalidInput, match=r"interactions.reward\[5\]"):
        replace(batch, reward=reward)


def test_logistic_posterior_is_the_mode_and_its_curvature() -> None:
    """One batch against a general optimiser; a second batch starts from there."""
    rng = np.random.default_rng(2)
    x, offset = rng.normal(size=(400, 4)), rng.normal(size=400)
    y = (rng.random(400) < expit(x @ np.array([1.0, -1.0, 0.5, 0.0]) + offset)).astype(np.float64)
    model = BayesianLogistic(4, ridge=2.0)
    model.add(x, y, offset)

    def loss(theta: F64) -> float:
        z = x @ theta + offset
        return float(np.logaddexp(0, z).sum() - y @ z + theta @ theta)

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-9}).x
    np.testing.assert_allclose(model.mean, best, atol=1e-5)
    p = expit(x @ model.mean + offset)
    np.testing.assert_allclose(model.precision, 2 * np.eye(4) + (x * (p * (1 - p))[:, None]).T @ x)
    before = model.mean.copy()
    model.add(np.zeros((0, 4)), np.zeros(0), np.zeros(0))
    np.testing.assert_allclose(model.mean, before, atol=1e-12)
    drawn = model.draw(20_000, 1.0, rng)
    np.testing.assert_allclose(np.cov(drawn.T), np.linalg.inv(model.precision), rtol=0.1, atol=2e-4)


def test_bootstrap_models_spread_like_the_sampling_distribution(task: Task) -> None:
    agent = BootstrapTS(task, np.random.default_rng(0), models=400, ridge=1e-6, power=1.0)
    rng = np.random.default_rng(1)
    x, noise = rng.normal(size=(600, len(task.features))), rng.normal(size=600)
    for model in agent.models:
        times = agent.rng.poisson(1.0, 600)
        model.add(np.repeat(x, times, axis=0), np.repeat(noise, times))
    spread = np.std([model.solve()[0] for model in agent.models], axis=0)
    np.testing.assert_allclose(spread.mean(), 1 / 600**0.5, rtol=0.15)


def test_epsilon_is_the_share_of_uniform_slates(task: Task, shop: Shop) -> None:
    policy = make_agent("epsilon_greedy", task, np.random.default_rng(0), epsilon=0.3).policy()
    requests = shop.requests()
    first = policy.marginals(requests)[:, 0]  # type: ignore[attr-defined]
    allowed = requests.in_stock.sum(axis=1)
    np.testing.assert_allclose(first.max(axis=1), 0.7 + 0.3 / allowed, rtol=1e-6)
