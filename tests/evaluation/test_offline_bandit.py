"""Inputs for special settings: closed forms, then unbiasedness on bandits whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shopgym.core import InvalidInput
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, ESTIMATORS, OpeInputs
from shopgym.evaluation.offline.actions import cross_fitted_inputs
from shopgym.evaluation.offline.bandit import (
    KERNELS,
    balanced_inputs,
    conjunct_inputs,
    kernel_inputs,
    logger_inputs,
    marginal_inputs,
    select_embedding,
)
from shopgym.evaluation.offline.from_dataframe import from_dataframe

ROUNDS = 20_000


def draw(rng: np.random.Generator, chance: np.ndarray) -> np.ndarray:
    return np.asarray((rng.random((len(chance), 1)) > chance.cumsum(axis=1)[:, :-1]).sum(axis=1))


def agrees(name: str, inputs: OpeInputs, truth: float) -> None:
    """Within 4.5 standard errors: a false alarm of 7e-6."""
    got = ESTIMATORS[name].estimate(inputs)
    assert abs(got.value - truth) < 4.5 * (got.high - got.low) / (2 * 1.96), name


class World:
    """4 contexts, 6 actions in 3 clusters of 2, rewards that depend on the cluster and a known difference."""

    def __init__(self, seed: int, difference: float = 0.0, target: list[float] | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.cluster = np.array([0, 0, 1, 1, 2, 2])
        self.rate = np.repeat(rng.uniform(0.2, 0.7, size=(4, 3)), 2, axis=1)
        self.rate[:, ::2] += difference
        tables = rng.dirichlet(np.full(6, 2.0), size=(2, 4))
        if target is not None:
            tables[1] = target
        self.context = rng.integers(4, size=ROUNDS)
        self.behaviour, self.target = tables[0][self.context], tables[1][self.context]
        self.action = draw(rng, self.behaviour)
        self.q = self.rate[self.context]
        self.reward = (rng.random(ROUNDS) < self.q[np.arange(ROUNDS), self.action]).astype(float)
        self.truth = float((tables[1] * self.rate).sum(axis=1)[self.context].mean())
        self.propensity = self.behaviour[np.arange(ROUNDS), self.action]


# --- embeddings and clusters ---------------------------------------------------------------------------


def test_marginal_weights_by_hand() -> None:
    table = np.zeros((3, 2, 1))
    table[:, :, 0] = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    inputs = marginal_inputs(
        [1.0, 2.0],
        np.array([0, 2]),
        [[0.2, 0.6, 0.2]] * 2,
        [[0.6, 0.2, 0.2], [0.0, 0.0, 1.0]],
        np.array([[0], [1]]),
        given_action=table,
    )
    assert inputs.weight[:, 0] == pytest.approx([(0.6 + 0.1) / (0.2 + 0.3), 1.0 / (0.3 + 0.2)])


def test_what_coarse_weights_take_for_granted_is_held_against_the_actions_own() -> None:
    """A false refusal is a z beyond 4: 6e-5 for each of the two."""
    for difference, word in ((0.0, "caution"), (0.2, "refuse")):
        world = World(40, difference, target=[0.5, 0.05, 0.2, 0.05, 0.15, 0.05])
        log = (world.reward, world.action, world.behaviour, world.target)
        category = np.eye(3)[world.cluster][:, :, None]
        mips = marginal_inputs(*log, world.cluster[world.action][:, None], given_action=category)
        alike = conjunct_inputs(*log, world.cluster, np.full_like(world.q, 0.5))
        for name, inputs in (("ips", mips), ("snips", mips), ("dr", alike), ("cascade-dr", alike)):
            got = ESTIMATORS[name].estimate(inputs)
            assert got.verdict == word, (name, got.reason)
        right = ESTIMATORS["dr"].estimate(conjunct_inputs(*log, world.cluster, world.q))
        assert (right.verdict, "how the actions of a cluster differ" in right.reason) == ("caution", True)


def test_rounds_too_few_to_tell_contradict_nothing() -> None:
    world = World(40, 0.2)
    few = slice(0, 40)
    log = (world.reward[few], world.action[few], world.behaviour[few], world.target[few])
    mips = marginal_inputs(
        *log, world.cluster[log[1]][:, None], given_action=np.eye(3)[world.cluster][:, :, None]
    )
    assert np.isnan(mips.assumptions_z)
    never = np.where(np.arange(6) == 0, 0.0, 0.2) * np.ones((ROUNDS, 1))
    kept = world.action > 0
    log = (world.reward[kept], world.action[kept], never[kept], world.target[kept])
    assert np.isnan(conjunct_inputs(*log, world.cluster, world.q[kept]).assumptions_z)


def test_an_embedding_that_is_the_action_gives_the_actions_weights() -> None:
    world = World(0)
    action = world.action[:, None]
    want = OpeInputs.from_actions(world.reward, world.action, world.propensity, world.target).weight
    log = (world.reward, world.action, world.behaviour, world.target)
    assert np.allclose(marginal_inputs(*log, action, given_action=np.eye(6)[:, :, None]).weight, want)
    assert np.allclose(marginal_inputs(*log, action, prior=0.0).weight, want)
    posterior = np.eye(6)[world.action]
    assert np.allclose(marginal_inputs(*log, action, given_embedding=posterior).weight, want)


def test_marginalised_ips_is_right_and_narrower_where_only_the_embedding_matters() -> None:
    world = World(1)
    log = (world.reward, world.action, world.behaviour, world.target)
    embedding = world.cluster[world.action][:, None]
    marginal = marginal_inputs(*log, embedding, given_action=np.eye(3)[world.cluster][:, :, None])
    plain = OpeInputs.from_actions(world.reward, world.action, world.propensity, world.target)
    assert marginal.max_weight <= plain.max_weight
    assert marginal.ess > plain.ess
    for name in ("ips", "snips"):
        agrees(name, marginal, world.truth)
    # counting p(e | a) with little prior, and Bayes' rule by hand, give the same weights
    assert np.allclose(marginal_inputs(*log, embedding, prior=1e-9).weight, marginal.weight, rtol=1e-6)
    member = world.cluster == embedding
    posterior = world.behaviour * member / (world.behaviour * member).sum(axis=1, keepdims=True)
    assert marginal_inputs(*log, embedding, given_embedding=posterior).weight == pytest.approx(
        marginal.weight
    )


def test_a_dimension_that_does_not_matter_is_dropped() -> None:
    world = World(2, target=[0.4, 0.4, 0.05, 0.05, 0.05, 0.05])
    world.reward, truth = (world.cluster[world.action] == 0).astype(float), 0.8
    table = np.zeros((6, 3, 2))
    table[:, :, 0] = np.eye(3)[world.cluster]
    table[:, :2, 1] = np.eye(2)[np.arange(6) % 2]
    embedding = np.stack([world.cluster[world.action], world.action % 2], axis=1)
    log = (world.reward, world.action, world.behaviour, world.target, embedding)
    inputs, dims = select_embedding(*log, given_action=table)
    assert dims == (0,)
    agrees("ips", inputs, truth)


def test_offcem_by_hand() -> None:
    inputs = conjunct_inputs(
        [1.0],
        np.array([0]),
        [[0.1, 0.3, 0.6]],
        [[0.5, 0.3, 0.2]],
        np.array([7, 7, 9]),
        [[0.5, 0.25, 1.0]],
    )
    assert inputs.weight[0, 0] == pytest.approx(0.8 / 0.4)
    assert inputs.unsupported == pytest.approx(0.2)
    base = 0.25 + 0.075 + 0.2
    residual = inputs.reward - inputs.q_logged
    assert float(inputs.v_target[0, 0] + inputs.weight[0, 0] * residual[0, 0]) == pytest.approx(
        base + 2 * 0.5
    )


def test_offcem_needs_only_differences_within_a_cluster() -> None:
    world = World(3, difference=0.2, target=[0.3, 0.03, 0.3, 0.04, 0.3, 0.03])
    log = (world.reward, world.action, world.behaviour, world.target, world.cluster)
    shifted = world.q + np.repeat([[0.5, -0.4, 0.3]], 2, axis=1)  # wrong by cluster, right on differences
    agrees("dr", conjunct_inputs(*log, shifted), world.truth)
    flat = conjunct_inputs(*log, np.zeros_like(world.q))
    got = DEFAULT_ESTIMATORS["dr"].estimate(flat)  # biased, which the line above has to be able to see
    assert abs(got.value - world.truth) > 4.5 * (got.high - got.low) / (2 * 1.96)
    single = conjunct_inputs(*log[:-1], np.arange(6), world.q)
    plain = OpeInputs.from_actions(world.reward, world.action, world.propensity, world.target, world.q)
    assert DEFAULT_ESTIMATORS["dr"].estimate(single).value == pytest.approx(
        DEFAULT_ESTIMATORS["dr"].estimate(plain).value
    )


# --- several loggers ---------------------------------------------------------------------------------


def pooled(seed: int) -> tuple[dict[str, np.ndarray], float]:
    """Two loggers, the second far from the target."""
    rng = np.random.default_rng(seed)
    policies = np.array([[0.5, 0.3, 0.2], [0.02, 0.08, 0.9]])
    target, rate = np.array([0.6, 0.3, 0.1]), np.array([0.7, 0.4, 0.2])
    logger = np.repeat([0, 1], [ROUNDS // 4, ROUNDS - ROUNDS // 4])
    action = draw(rng, policies[logger])
    columns = {
        "reward": (rng.random(ROUNDS) < rate[action]).astype(float),
        "action": action,
        "logger": logger,
        "propensities": policies[:, action].T,
        "target": np.tile(target, (ROUNDS, 1)),
    }
    return columns, float(target @ rate)


def test_pooled_logs_are_right_and_balancing_and_weighting_narrow_them() -> None:
    columns, truth = pooled(0)
    own, balanced = (logger_inputs(**columns, balanced=flag) for flag in (False, True))
    widths = {}
    for label, name, inputs in (
        ("naive", "ips", own),
        ("weighted", "ips-by-logger", own),
        ("balanced", "ips", balanced),
    ):
        agrees(name, inputs, truth)
        got = ESTIMATORS[name].estimate(inputs)
        widths[label] = got.high - got.low
    assert max(widths["balanced"], widths["weighted"]) < 0.8 * widths["naive"]


def test_a_mixture_by_hand() -> None:
    columns = {
        "reward": [1.0, 0.0],
        "action": np.array([0, 1]),
        "logger": np.array([0, 1]),
        "propensities": [[0.5, 0.1], [0.5, 0.9]],
        "target": [[1.0, 0.0], [0.0, 1.0]],
    }
    assert logger_inputs(**columns).weight[:, 0] == pytest.approx([1 / 0.3, 1 / 0.7])
    assert logger_inputs(**columns, balanced=False).weight[:, 0] == pytest.approx([1 / 0.5, 1 / 0.9])


def test_one_logger_is_the_ordinary_case() -> None:
    world = World(4)
    log = (world.reward, world.action)
    one = logger_inputs(*log, np.zeros(ROUNDS, dtype=int), world.propensity[:, None], world.target, world.q)
    plain = OpeInputs.from_actions(*log, world.propensity, world.target, world.q)
    for name, same in (("ips", "ips-by-logger"), ("dr", "dr-by-logger")):
        got, want = ESTIMATORS[same].estimate(one), ESTIMATORS[name].estimate(plain)
        assert (got.value, got.low, got.high) == pytest.approx((want.value, want.low, want.high))


# --- continuous actions ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_kernels_are_symmetric_densities(name: str) -> None:
    u = np.linspace(-8, 8, 160_001)
    density = KERNELS[name](u)
    assert np.trapezoid(density, u) == pytest.approx(1, abs=1e-6)
    assert np.allclose(density, density[::-1])
    assert (density >= 0).all()


def test_continuous_actions_by_hand_and_against_the_truth() -> None:
    one = kernel_inputs([2.0], [0.5], [0.25], [0.75], bandwidth=0.5, kernel="triangular")
    assert one.weight[0, 0] == pytest.approx((1 - 0.5) / (0.5 * 0.25))
    rng = np.random.default_rng(1)
    action, target = rng.uniform(-2, 2, ROUNDS), rng.uniform(-0.5, 0.5, ROUNDS)
    reward = 3 * action + 0.1 * rng.normal(size=ROUNDS)  # linear: a symmetric kernel has no bias
    for kernel in KERNELS:
        inputs = kernel_inputs(reward, action, np.full(ROUNDS, 0.25), target, bandwidth=0.2, kernel=kernel)
        agrees("ips", inputs, float(3 * target.mean()))
        agrees("snips", inputs, float(3 * target.mean()))
    outside = kernel_inputs(reward, action, np.full(ROUNDS, 0.25), target + 1.75)
    assert 0.2 < outside.unsupported < 0.3  # uniform on [1.25, 2.25]: a quarter beyond 2


# --- learnt weights ------------------------------------------------------------------------------------


def test_balancing_weights_balance_and_are_the_true_ones_when_contexts_are_discrete() -> None:
    world = World(5)
    one_hot = np.eye(4)[world.context][:, 1:]
    inputs = balanced_inputs(world.reward, world.action, world.target, one_hot, penalty=0.0)
    for a in range(6):
        mine = world.action == a
        want = world.target[:, a] @ one_hot
        assert inputs.weight[mine, 0] @ one_hot[mine] == pytest.approx(want)
    true = OpeInputs.from_actions(world.reward, world.action, world.propensity, world.target)
    # the learnt weight is a ratio of frequencies: about 1 / sqrt(200) of the true one where an action is rare
    assert np.corrcoef(inputs.weight[:, 0], true.weight[:, 0])[0, 1] > 0.99
    for name in ("ips", "snips"):
        agrees(name, inputs, world.truth)


def test_negative_learnt_weights_are_cut_and_counted() -> None:
    x = np.linspace(-1, 1, 400)
    action = (np.random.default_rng(0).random(400) < 0.5).astype(int)
    target = np.stack([x > 0.5, x <= 0.5], axis=1).astype(float)
    inputs = balanced_inputs(np.ones(400), action, target, x[:, None])
    assert inputs.weight.min() == 0
    assert "negative ones set to 0" in inputs.note


# --- a reward model for least variance ---------------------------------------------------------------


def test_mrdr_fits_the_rounds_that_vary_most() -> None:
    # one action, logged with two propensities: (1 - p) / p^2 is 2 and 90, times the target's 0.5; its means
    # are 1 and 0. Without a context the model is their weighted mean.
    n = 20_000
    propensity = np.tile([0.5, 0.1], n // 2)
    action = (np.random.default_rng(0).random(n) > propensity).astype(int)
    reward = np.tile([1.0, 0.0], n // 2) * (action == 0)
    frame = pd.DataFrame(
        {"action": action, "reward": reward, "propensity": np.where(action == 0, propensity, 1 - propensity)}
    )
    shown = action == 0
    want = 0.5 * 2 / (0.5 * 2 + 0.1 * 90)  # logged shares 0.5 and 0.1 of the rounds of each half
    got = {}
    for objective in ("squares", "variance"):
        inputs = from_dataframe(
            frame, "uniform", rng=np.random.default_rng(1), penalty=1e-6, objective=objective
        )
        got[objective] = float(inputs.q_logged[shown].mean())
        agrees("dr", inputs, 0.25)
    assert got["squares"] == pytest.approx(0.5 / 0.6, abs=0.02)
    assert got["variance"] == pytest.approx(want, abs=0.02)


def test_refusals() -> None:
    world = World(6)
    log = (world.reward, world.action)
    rng = np.random.default_rng(0)
    flat = np.zeros((ROUNDS, 1), dtype=int)
    for call, message in (
        (lambda: marginal_inputs(*log, world.behaviour[:, :5], world.target, flat), "target"),
        (lambda: marginal_inputs(*log, world.behaviour, world.target, flat[:5]), "embedding"),
        (lambda: marginal_inputs(*log, world.behaviour, world.target, flat - 1), "categories from 0"),
        (
            lambda: marginal_inputs(
                *log, world.behaviour, world.target, flat + 1, given_action=np.ones((6, 1, 1))
            ),
            "does not know",
        ),
        (lambda: conjunct_inputs(*log, world.behaviour, world.target, np.arange(5), world.q), "cluster"),
        (lambda: conjunct_inputs(*log, world.behaviour, world.target, world.cluster, world.q[:5]), "q"),
        (lambda: logger_inputs(*log, np.full(ROUNDS, 2), np.ones((ROUNDS, 2)), world.target), "give 0 to 1"),
        (lambda: logger_inputs(*log, flat[:, 0], np.zeros((ROUNDS, 1)), world.target), "more than prob"),
        (lambda: kernel_inputs([1.0], [0.0], [0.0], [0.0]), "density"),
        (lambda: kernel_inputs([1.0], [0.0], [1.0], [0.0], bandwidth=0.0), "bandwidth"),
        (lambda: kernel_inputs([1.0], [0.0], [1.0], [0.0], bandwidth=1.0, kernel="box"), "kernel"),
        (lambda: kernel_inputs([1.0], [0.0, 1.0], [1.0], [0.0], bandwidth=1.0), "one number per round"),
        (lambda: balanced_inputs(*log, world.target, np.ones((5, 1))), "features"),
        (
            lambda: cross_fitted_inputs(
                *log,
                world.propensity,
                lambda rows: world.target[rows],
                np.empty((ROUNDS, 0)),
                6,
                rng=rng,
                objective="x",
            ),
            "objective",
        ),
    ):
        with pytest.raises(InvalidInput, match=message):
            call()
