"""Rankers: coefficients of other libraries, lambdas by hand, and quality on simulated logs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.ranking import (
    ATTENTION,
    CONTEXT,
    SLOTS,
    USER,
    SimulatedLog,
    interaction_logit,
    linear_logit,
    simulate_log,
)
from scipy.optimize import minimize
from scipy.special import expit

from shopgym.agents import agent_class, make_agent
from shopgym.agents.ranking import examination
from shopgym.agents.ranking.calibration import calibration_error
from shopgym.agents.ranking.holdout_buffer import HoldoutBuffer
from shopgym.agents.ranking.linear import LinearRegression, LogisticRegression
from shopgym.agents.ranking.ranker import RankingAgent
from shopgym.core import Interactions, InvalidInput
from shopgym.core.metrics import ndcg
from shopgym.core.types import F64
from shopgym.policies.guards import CategoryCap, InStock, MarginFloor
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import ObjectivesScorer, ProbabilityScorer, TreeScorer
from shopgym.policies.serving.bundle import write_bundle
from shopgym.testing import small_setting

pytestmark = pytest.mark.slow

LINES, CURVES = ("linear_ranker", "logistic_ranker"), ("lambdamart", "mlp_ranker", "cross_ranker")


def have(name: str) -> bool:
    try:
        agent_class(name)
    except InvalidInput:
        return False
    return True


ALL = [
    pytest.param(name, marks=() if have(name) else pytest.mark.skip(reason="its library is not installed"))
    for name in (*LINES, *CURVES)
]


@cache
def made(kind: str, seed: int, pages: int = 3000) -> SimulatedLog:
    return simulate_log({"linear": linear_logit, "products": interaction_logit}[kind], pages=pages, seed=seed)


@cache
def policy_of(name: str, kind: str, seed: int) -> SlatePolicy:
    data = made(kind, seed)
    agent = make_agent(name, data.task, np.random.default_rng(seed))
    agent.learn(data.log)
    policy = agent.policy()
    assert isinstance(policy, SlatePolicy)
    return policy


def quality(name: str, kind: str, seed: int) -> float:
    """Mean NDCG@5 on pages of 30 candidates that were never shown; gains are the true probabilities."""
    data = made(kind, seed)
    scores = policy_of(name, kind, seed).scorer.scores(data.test)[:, 0]
    return float(ndcg(scores, data.truth, 5).mean())


def test_logistic_regression_equals_scikit_learn_or_a_general_optimiser() -> None:
    data = simulate_log(linear_logit, pages=400, seed=0, attention=np.ones(SLOTS))
    agent = LogisticRegression(data.task, np.random.default_rng(0), ridge=2.0)
    agent.learn(data.log)
    agent.policy()
    rows = agent.memory.rows()
    x, y = rows.x.astype(float), rows.y
    try:
        from sklearn.linear_model import LogisticRegression as Theirs

        model = Theirs(C=0.5, tol=1e-10, max_iter=10_000).fit(x[:, 1:], y)
        want = np.append(model.intercept_, model.coef_[0])
    except ModuleNotFoundError:

        def loss(theta: F64) -> float:
            z = x @ theta
            return float(np.logaddexp(0, z).sum() - y @ z + theta[1:] @ theta[1:])

        want = minimize(loss, np.zeros(x.shape[1]), method="BFGS", options={"gtol": 1e-7}).x
    np.testing.assert_allclose(agent.theta, want, atol=1e-4)


def test_linear_regression_is_the_closed_form() -> None:
    data = made("linear", 0)
    agent = LinearRegression(data.task, np.random.default_rng(0), ridge=3.0)
    for part in np.array_split(np.arange(3000), 4):
        agent.learn(data.log.take(part))
    agent.policy()
    rows = agent.memory.rows()
    x = rows.x.astype(float) * ATTENTION[np.tile(np.arange(SLOTS), 3000)][:, None]
    penalty = np.diag([1e-9] + [3.0] * (x.shape[1] - 1))
    np.testing.assert_allclose(agent.theta, np.linalg.solve(x.T @ x + penalty, x.T @ rows.y), rtol=1e-6)


def test_low_slots_do_not_lower_the_prediction() -> None:
    rng = np.random.default_rng(0)
    n, theta = 40_000, np.array([-1.0, 1.5])
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    # the logger puts what it likes, small x, on top
    attention = np.where(x[:, 1] < 0, 1.0, 0.3)
    y = (rng.random(n) < attention * expit(x @ theta)).astype(float)
    fitted = examination.fit(x, y, attention, np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(fitted, theta, atol=0.1)
    assert examination.fit(x, y, np.ones(n), np.zeros(2), np.zeros(2))[1] < 1.0


def test_the_slope_of_the_likelihood() -> None:
    z, a = np.linspace(-30, 30, 61), np.repeat([0.2, 0.9, 1.0], [20, 20, 21])
    for y in (np.zeros(61), np.ones(61)):
        loss, slope = examination.nll(z, y, a)
        want = -np.where(y > 0, np.log(expit(z)), np.log1p(-a * expit(z)))
        near = abs(z) < 25
        np.testing.assert_allclose(loss[near], want[near], rtol=1e-5, atol=1e-15)
        raised, lowered = (examination.nll(z + h, y, a)[0] for h in (1e-5, -1e-5))
        np.testing.assert_allclose(slope, (raised - lowered) / 2e-5, atol=1e-6)


def test_lambdas_by_hand() -> None:
    lambdamart = pytest.importorskip("shopgym.agents.ranking.lambdamart", reason="needs the extra 'ranking'")
    # page 0: three slots, the last chosen at attention 1/2; page 1: nothing chosen; page 2: one slot each way
    memory = HoldoutBuffer(100, 0.0, np.random.default_rng(0))
    y = np.array([0.0, 0, 1, 0, 0, 1, 0])
    attention = np.array([1.0, 0.8, 0.5, 1.0, 0.8, 1.0, 0.8])
    row = np.array([0, 0, 0, 1, 1, 2, 2])
    memory.add(np.zeros((7, 1), np.float32), y, attention, row, 3)
    rows = memory.rows()
    kept = lambdamart.comparable(rows)
    assert kept.tolist() == [True] * 3 + [False] * 2 + [True] * 2
    first, second = lambdamart.Lambdas(rows.select(kept)).gradient(np.array([2.0, 1.0, 0.0, 0.0, 1.0]))
    d = 1 / np.log2(np.arange(3) + 2)
    top, middle = (expit(s) * abs(d[2] - d[r]) / 0.5 for s, r in ((2.0, 0), (1.0, 1)))
    other = expit(1.0) * (d[0] - d[1]) / 1.0
    np.testing.assert_allclose(first, [top, middle, -top - middle, -other, other])
    bends = [expit(-2.0) * top, expit(-1.0) * middle]
    np.testing.assert_allclose(second[:3], [*bends, sum(bends)])


def test_numpy_trees_score_what_lightgbm_predicts() -> None:
    lightgbm: Any = pytest.importorskip("lightgbm", reason="needs the extra 'ranking'")
    from shopgym.agents.ranking.lambdamart import tree_scorer

    data = made("products", 0)
    agent: Any = make_agent("lambdamart", data.task, np.random.default_rng(0), trees=40)
    agent.learn(data.log)
    agent.policy()
    x, y = (np.asarray(v, float) for v in (agent.memory.rows().x, agent.memory.rows().y))
    settings = {
        "objective": "binary",
        "num_leaves": 31,
        "use_missing": False,
        "verbose": -1,
        "num_threads": 1,
    }
    for rounds in (1, 60):
        booster = lightgbm.train(settings, lightgbm.Dataset(x, y), rounds)
        ours = tree_scorer(booster, agent)
        new = np.random.default_rng(1).normal(size=(2000, x.shape[1])) * 3 * x.std(axis=0)
        for seen_items in (x, new):
            np.testing.assert_allclose(
                ours.evaluate(seen_items), booster.predict(seen_items, raw_score=True), atol=1e-9
            )
    assert isinstance(agent.model, ProbabilityScorer)
    assert isinstance(agent.model.scorer, TreeScorer)


@pytest.mark.parametrize("name", [param for param in ALL if param.values[0] in CURVES])
@pytest.mark.parametrize("seed", [0, 1])
def test_trees_and_networks_learn_products(name: str, seed: int) -> None:
    line = max(quality(line, "products", seed) for line in LINES)
    assert quality(name, "products", seed) > line + 0.25  # by chance 0.35, a line 0.53, these 0.88 and more


@pytest.mark.parametrize("name", ALL)
def test_all_rankers_are_good_on_a_linear_task(name: str) -> None:
    floor = 0.99 if name in LINES else 0.9  # trees put steps in place of a slope
    assert np.mean([quality(name, "linear", seed) for seed in range(2)]) > floor  # by chance 0.41


@pytest.mark.parametrize("name", [param for param in ALL if param.values[0] != "linear_ranker"])
def test_probabilities_are_calibrated_on_pages_never_shown(name: str) -> None:
    data = made("products" if name in CURVES else "linear", 0)
    scores = policy_of(name, "products" if name in CURVES else "linear", 0).scorer.scores(data.test)[:, 0]
    happened = np.random.default_rng(1).random(data.truth.shape) < data.truth
    # 15 bins of 1000 outcomes: rounding alone makes about 0.01
    assert calibration_error(scores.ravel(), happened.ravel().astype(float)) < 0.045


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_calibration_turns_scores_into_probabilities(method: str) -> None:
    pytest.importorskip("lightgbm", reason="needs the extra 'ranking'")
    data, errors = made("products", 1), {}
    for calibrate in ("none", method):
        agent = make_agent("lambdamart", data.task, np.random.default_rng(1), calibrate=calibrate, trees=50)
        agent.learn(data.log)
        policy: Any = agent.policy()
        p = policy.scorer.scores(data.test)[:, 0].ravel()
        happened = np.random.default_rng(1).random(data.truth.shape) < data.truth
        errors[calibrate] = calibration_error(p, happened.ravel().astype(float))
    assert errors[method] < 0.04
    assert errors["none"] > 0.1


@pytest.mark.parametrize("name", ALL)
def test_live_features_reranking_and_guards_survive_the_bundle(name: str, tmp_path: Path) -> None:
    data = made("products", 0, 200)
    guards = (InStock(), MarginFloor(0.05), CategoryCap(2))
    task = replace(data.task, guards=guards)
    agent = make_agent(name, task, np.random.default_rng(0), reranker={"kind": "dpp", "trade": 0.8})
    agent.learn(data.log)
    policy = agent.policy()
    assert isinstance(policy, SlatePolicy)
    bundle = write_bundle(
        tmp_path / "bundle",
        policy,
        golden_requests=data.test.take(slice(0, 25)),
        user_names=USER,
        context_names=CONTEXT,
        live_names=("price", "stock", "margin"),
        unit="clicks",
        config_hash="c0ffee",
    )
    assert bundle.policy.hash == policy.hash
    a, b = (p.decide(data.test, np.random.default_rng(1)) for p in (policy, bundle.policy))
    np.testing.assert_array_equal(a.slates, b.slates)
    np.testing.assert_array_equal(a.propensities, policy.propensities(data.test, b.positions))
    shown = np.take_along_axis(data.test.live["margin"], a.positions, axis=1)
    assert (shown[a.positions >= 0] >= 0.05).all()


def test_the_live_margin_ranks() -> None:
    """All items are equally likely and the value is the margin, so items are ranked by live margins."""
    data = made("linear", 0, 50)
    task = replace(data.task, value="margin")
    policy: Any = make_agent(
        "logistic_ranker", task, np.random.default_rng(0), decay=50.0, floor=0.0
    ).policy()
    decisions = policy.decide(data.test, np.random.default_rng(0))
    half = replace(policy, scorer=ObjectivesScorer(task.items, policy.scorer.models, policy.scorer.heads))
    assert half.hash == policy.hash
    zero = np.zeros(len(data.test))
    np.testing.assert_allclose(policy.scorer.scores(data.test)[:, 0].std(axis=1), zero)  # nothing learnt yet
    agent = make_agent("logistic_ranker", task, np.random.default_rng(0), decay=50.0, floor=0.0, ridge=1e12)
    agent.learn(data.log)
    decisions = agent.policy().decide(data.test, np.random.default_rng(0))
    margins = np.take_along_axis(data.test.live["margin"], decisions.positions, axis=1)
    np.testing.assert_array_equal(margins[:, 0], data.test.live["margin"].max(axis=1))
    assert (np.diff(margins, axis=1) <= 0).all()


def test_objectives_follow_their_weights() -> None:
    data = made("linear", 0, 1000)
    means = {}
    for name, weights in {
        "margin": {"margin": 1.0},
        "clicks": {"margin": 0.0, "satisfaction": 1.0},
    }.items():
        agent = make_agent("objectives_ranker", data.task, np.random.default_rng(0), **weights)
        agent.learn(data.log)
        slates = agent.policy().decide(data.test, np.random.default_rng(0))
        p, margin = (
            np.take_along_axis(v, slates.positions, axis=1) for v in (data.truth, data.test.live["margin"])
        )
        means[name] = (p * margin).sum(axis=1).mean(), p.sum(axis=1).mean()
    assert means["margin"][0] > 1.2 * means["clicks"][0]
    assert means["clicks"][1] > 1.2 * means["margin"][1]


def test_measured_attention_may_rise() -> None:
    data = made("linear", 0, 300)
    models = []
    for times in (1.0, 1.7):
        task = replace(data.task, attention=times * ATTENTION)
        agent: Any = make_agent("logistic_ranker", task, np.random.default_rng(0))
        agent.learn(data.log)
        agent.policy()
        models.append(agent.theta)
    assert np.isfinite(models[1]).all()
    np.testing.assert_allclose(*models, atol=1e-6)


def test_targets() -> None:
    data = made("linear", 0, 50)
    log = replace(data.log, reward=-data.log.reward)
    agent: Any = make_agent("logistic_ranker", data.task, np.random.default_rng(0), target="click")
    agent.learn(log)
    np.testing.assert_array_equal(agent.memory.rows().y, data.log.events["click"].ravel())
    agent = make_agent("logistic_ranker", data.task, np.random.default_rng(0))
    agent.learn(log)
    assert not agent.memory.rows().y.any()
    with pytest.raises(InvalidInput, match="choose one of reward, click, purchase"):
        make_agent("mlp_ranker", data.task, np.random.default_rng(0), target="klick").learn(log)


def test_the_buffer_drops_and_holds_out_whole_pages() -> None:
    memory = HoldoutBuffer(10, 0.5, np.random.default_rng(0))
    for _ in range(3):
        memory.add(np.zeros((6, 1), np.float32), np.arange(6.0), np.ones(6), np.repeat([0, 1], 3), 2)
    rows = memory.rows()
    assert rows.page.tolist() == [3, 3, 3, 4, 4, 4, 5, 5, 5]
    assert all(len(set(rows.holdout[rows.page == page].tolist())) == 1 for page in (3, 4, 5))


def test_growth_limits_the_number_of_fits() -> None:
    data = made("linear", 0, 600)
    agent: Any = make_agent("linear_ranker", data.task, np.random.default_rng(0), growth=2.0)
    fits = []
    for start in range(0, 600, 10):
        agent.learn(data.log.take(slice(start, start + 10)))
        agent.policy()
        fits.append(agent.fitted)
    assert sorted(set(fits)) == [50, 100, 200, 400, 800, 1600]


@pytest.mark.parametrize("name", ALL)
def test_bad_and_empty_input(name: str) -> None:
    """No data, no candidate, one candidate, none allowed, unknown items and users, NaN."""
    data = made("linear", 0, 60)
    agent = make_agent(name, data.task, np.random.default_rng(0))
    assert isinstance(agent, RankingAgent)
    agent.learn(data.log.take(slice(0, 0)))
    assert (agent.policy().decide(data.test, np.random.default_rng(0)).slates >= 0).all()
    agent.learn(data.log)
    policy = agent.policy()
    no_candidates = data.test.at(np.empty((len(data.test), 0), int))
    for requests in (no_candidates, data.test.at(np.full((len(data.test), 2), -1))):
        decisions = policy.decide(requests, np.random.default_rng(0))
        assert (decisions.slates == -1).all()
        assert (decisions.propensities == 1).all()
    single = policy.decide(data.test.at(np.zeros((len(data.test), 1), int)), np.random.default_rng(0))
    np.testing.assert_array_equal(single.slates[:, 0], data.test.candidates[:, 0])
    sold_out = replace(data.test, in_stock=np.zeros_like(data.test.in_stock))
    assert (policy.decide(sold_out, np.random.default_rng(0)).slates == -1).all()
    unseen = np.setdiff1d(data.test.candidates, data.log.decisions.slates)
    strangers = replace(data.test, user_id=data.test.user_id + 10**9)
    assert len(unseen) > 5
    assert np.isfinite(policy.scorer.scores(strangers)).all()
    for column in ("user",) if name in LINES else ("user", "context"):  # lines do not look at this context
        values = getattr(data.test, column).copy()
        values[7, 0] = np.nan
        with pytest.raises(InvalidInput, match=r"requests\[7\]"):
            policy.decide(replace(data.test, **{column: values}), np.random.default_rng(0))
        bad: Interactions = replace(data.log, requests=replace(data.log.requests, **{column: values[:60]}))
        with pytest.raises(InvalidInput, match=r"interactions\.requests\[7\]"):
            agent.learn(bad)


@pytest.mark.parametrize(
    ("name", "options", "field"),
    [
        ("logistic_ranker", {"ridge": 0.0}, "logistic_ranker.ridge"),
        ("logistic_ranker", {"calibrate": "beta"}, "logistic_ranker.calibrate"),
        ("linear_ranker", {"calibrate": "platt"}, "linear_ranker.calibrate"),
        ("logistic_ranker", {"calibrate": "platt", "held_share": 0.0}, "held_share"),
        ("logistic_ranker", {"growth": 0.5}, "growth"),
        ("logistic_ranker", {"reranker": {"kind": "mmr", "trade": 2.0}}, "reranker.trade"),
        ("logistic_ranker", {"reranker": {"kind": "magic"}}, "policy.reranker"),
        ("logistic_ranker", {"depth": 3}, "known options: ridge, target"),
        ("objectives_ranker", {"ranker": "lints"}, "objectives_ranker.ranker"),
    ],
)
def test_bad_options_are_refused(name: str, options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        make_agent(name, made("linear", 0, 50).task, np.random.default_rng(0), **options)


def test_trees_wait_until_there_is_enough_to_split() -> None:
    pytest.importorskip("lightgbm", reason="needs the extra 'ranking'")
    for lanes in (1, 3):
        setting = small_setting(lanes)
        agent = make_agent("lambdamart", setting.task, np.random.default_rng(0))
        rng = np.random.default_rng(0)
        for _ in range(8):
            batch = setting.serve_page(agent.policy(), rng)
            agent.learn(batch)
        decided = agent.policy().decide(batch.requests, rng)
        assert (decided.propensities > 0).all()
