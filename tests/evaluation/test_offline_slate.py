"""Slates: weights and estimators by hand, then unbiasedness on slates whose truth is known."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.evaluation.offline import ESTIMATORS, OpeInputs
from shopgym.evaluation.offline.slate import (
    SLATE_MODELS,
    plackett_luce_weights,
    pseudo_inverse_weights,
    slate_inputs,
    slate_weights,
)

ROUNDS = 20_000
BEHAVIOUR = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3]])
"""(slots, actions), slots independent."""
TARGET = np.array([[0.2, 0.2, 0.6], [0.6, 0.2, 0.2]])


def slates(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Drawn actions (n, 2), and their probabilities under both policies."""
    rng = np.random.default_rng(seed)
    cells = BEHAVIOUR.cumsum(axis=1)[:, :-1]
    action = (rng.random((ROUNDS, 2, 1)) > cells).sum(axis=2)
    slot = np.arange(2)
    return action, BEHAVIOUR[slot, action], TARGET[slot, action]


def agrees(name: str, inputs: OpeInputs, truth: float) -> None:
    """Within 4.5 standard errors: a false alarm of 7e-6."""
    got = ESTIMATORS[name].estimate(inputs)
    assert abs(got.value - truth) < 4.5 * (got.high - got.low) / (2 * 1.96), name


def test_weights_by_hand() -> None:
    ratio = np.array([[2.0, 0.5, 3.0]])
    assert slate_weights(ratio, "standard").tolist() == [[3.0, 3.0, 3.0]]
    assert slate_weights(ratio, "cascade").tolist() == [[2.0, 1.0, 3.0]]
    assert slate_weights(ratio, "independent").tolist() == [[2.0, 0.5, 3.0]]


def test_estimators_by_hand() -> None:
    reward, weight = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[2.0, 3.0], [0.5, 1.0]])
    q, v = np.array([[0.5, 1.0], [0.25, 0.5]]), np.array([[0.1, 0.2], [0.3, 0.4]])
    inputs = OpeInputs(reward, weight, q, v)
    first = 2 * 0.5 + 3 * 1.0 + 1 * 0.1 + 2 * 0.2
    second = 0.5 * -0.25 + 1 * 0.5 + 1 * 0.3 + 0.5 * 0.4
    assert ESTIMATORS["cascade-dr"].estimate(inputs).value == pytest.approx((first + second) / 2)
    factors = 1 + (1 + 2), 1 + (-0.5 + 0)
    total = 3 * factors[0] + 1 * factors[1]
    assert ESTIMATORS["pi"].estimate(inputs).value == pytest.approx(total / 2)
    assert ESTIMATORS["snpi"].estimate(inputs).value == pytest.approx(total / sum(factors))


def test_with_one_slot_they_are_the_textbook_forms() -> None:
    rng = np.random.default_rng(0)
    columns = [rng.random((50, 1)) for _ in range(4)]
    inputs = OpeInputs(*columns)
    for slate, single in (("cascade-dr", "dr"), ("pi", "ips"), ("snpi", "snips")):
        one, two = ESTIMATORS[slate].estimate(inputs), ESTIMATORS[single].estimate(inputs)
        assert (one.value, one.low, one.high) == pytest.approx((two.value, two.low, two.high))


@pytest.mark.parametrize("model", SLATE_MODELS)
def test_each_model_is_right_about_its_own_rewards(model: str) -> None:
    action, behaviour, target = slates(1)
    own = np.array([[0.2, 0.5, 0.9], [0.1, 0.6, 0.3]])
    slot = np.arange(2)
    reward = own[slot, action]
    truth = float((TARGET * own).sum())
    if model != "independent":  # the second slot's reward now depends on the first's action
        reward = reward * np.stack([np.ones(ROUNDS), 1.0 + action[:, 0]], axis=1)
        lift = 1 + TARGET[0] @ np.arange(3)
        truth = float(TARGET[0] @ own[0] + lift * (TARGET[1] @ own[1]))
    if model == "standard":  # and the first's on the second's
        reward = reward * np.stack([1.0 + action[:, 1], np.ones(ROUNDS)], axis=1)
        truth += float((TARGET[0] @ own[0]) * (TARGET[1] @ np.arange(3)))
    inputs = slate_inputs(reward, behaviour, target, model=model)
    for name in ("ips", "snips"):
        agrees(name, inputs, truth)
    if model == "standard":  # weights for less dependence than there is are biased, which the test has to see
        got = ESTIMATORS["ips"].estimate(slate_inputs(reward, behaviour, target, model="independent"))
        assert abs(got.value - truth) > 4.5 * (got.high - got.low) / (2 * 1.96)


def test_cascade_dr_is_right_whatever_its_model_and_narrow_with_a_good_one() -> None:
    action, behaviour, target = slates(2)
    own = np.array([[0.2, 0.5, 0.9], [0.1, 0.6, 0.3]])
    rng = np.random.default_rng(3)
    level = 1.0 + action[:, 0]
    reward = np.stack([own[0, action[:, 0]], level * own[1, action[:, 1]]], axis=1)
    reward = reward + 0.1 * rng.normal(size=reward.shape)
    truth = float(TARGET[0] @ own[0] + (1 + TARGET[0] @ np.arange(3)) * (TARGET[1] @ own[1]))
    q_logged = np.stack([own[0, action[:, 0]], level * own[1, action[:, 1]]], axis=1)
    v_target = np.stack([np.full(ROUNDS, TARGET[0] @ own[0]), level * (TARGET[1] @ own[1])], axis=1)
    log = (reward, behaviour, target)
    later = TARGET[1] @ own[1]  # a good prediction takes in what comes after the slot
    q_logged[:, 0] += level * later
    v_target[:, 0] += (1 + TARGET[0] @ np.arange(3)) * later
    right = slate_inputs(*log, model="cascade", q_logged=q_logged, v_target=v_target)
    wrong = slate_inputs(*log, model="cascade", q_logged=q_logged + 0.3, v_target=v_target + 0.3)
    for inputs in (right, wrong):
        agrees("cascade-dr", inputs, truth)
    widths = [
        got.high - got.low
        for got in (
            ESTIMATORS["cascade-dr"].estimate(right),
            ESTIMATORS["cascade-dr"].estimate(wrong),
            ESTIMATORS["ips"].estimate(right),
        )
    ]
    assert widths[0] < 0.5 * min(widths[1:])


def test_the_pseudo_inverse_needs_only_the_slates_reward() -> None:
    action, behaviour, target = slates(4)
    own = np.array([[0.2, 0.5, 0.9], [0.1, 0.6, 0.3]])
    whole = own[np.arange(2), action].sum(axis=1) + 0.1 * np.random.default_rng(5).normal(size=ROUNDS)
    reward = np.stack([whole, np.zeros(ROUNDS)], axis=1)  # how it divides over slots is not known
    independent, standard = (
        slate_inputs(reward, behaviour, target, model=model) for model in ("independent", "standard")
    )
    truth = float((TARGET * own).sum())
    for name in ("pi", "snpi"):
        agrees(name, independent, truth)
    pi, sips = ESTIMATORS["pi"].estimate(independent), ESTIMATORS["ips"].estimate(standard)
    assert pi.high - pi.low < sips.high - sips.low
    # the general form, for independent slots: G has the products of the marginals off its diagonal blocks
    flat = BEHAVIOUR.ravel()
    gamma = np.outer(flat, flat)
    gamma[:3, :3], gamma[3:, 3:] = np.diag(BEHAVIOUR[0]), np.diag(BEHAVIOUR[1])
    weight = pseudo_inverse_weights(action, np.tile(TARGET, (ROUNDS, 1, 1)), gamma)
    assert np.allclose(weight, 1 + (independent.weight - 1).sum(axis=1))


def test_the_general_pseudo_inverse_of_rankings_without_repeats() -> None:
    """Uniform rankings of 2 of 4 items, the target one fixed ranking: exact over all rankings."""
    rankings = np.array(list(permutations(range(4), 2)))
    shown = np.zeros((len(rankings), 2, 4))
    shown[np.arange(len(rankings))[:, None], np.arange(2), rankings] = 1
    flat = shown.reshape(len(rankings), 8)
    gamma = flat.T @ flat / len(rankings)
    own = np.random.default_rng(6).random((2, 4))
    reward = (shown * own).sum(axis=(1, 2))
    for fixed in range(len(rankings)):
        target = np.tile(shown[fixed], (len(rankings), 1, 1))
        weight = pseudo_inverse_weights(rankings, target, gamma)
        assert (weight * reward).mean() == pytest.approx(
            reward[fixed]
        )  # the mean over all is the expectation


class Rankings:
    """Rankings of 3 of 5 actions in 4 contexts, drawn by mixtures of two Plackett-Luce models; one action can
    not be shown in the last context. Expectations are sums over all rankings."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.rates, self.mixture = 1.5 * rng.normal(size=(4, 2, 5)), np.array([0.7, 0.3])
        self.allowed = np.ones((4, 5), np.bool_)
        self.allowed[3, 2] = False
        self.rankings = np.array(list(permutations(range(5), 3)), np.int32)
        shown = np.zeros((60, 3, 5))
        shown[np.arange(60)[:, None], np.arange(3), self.rankings] = 1.0
        self.chance = self.of(self.rates, self.mixture)
        self.target_chance = self.of(1.5 * rng.normal(size=(4, 1, 5)), np.ones(1))
        self.target = np.einsum("cr,rka->cka", self.target_chance, shown)
        flat = shown.reshape(60, 15)
        self.gamma = np.einsum("cr,ri,rj->cij", self.chance, flat, flat)
        self.reward = np.einsum("rka,cka->cr", shown, rng.random((4, 3, 5)))
        self.truth = (self.target_chance * self.reward).sum(axis=1)

    def of(self, log_rates: np.ndarray, mixture: np.ndarray) -> np.ndarray:
        """(4, 60) by hand: a product over slots of one rate over what is left, for every component."""
        out = np.zeros((4, 60))
        for c in range(4):
            for component, share in enumerate(mixture):
                rate = np.exp(log_rates[c, component]) * self.allowed[c]
                for r, ranking in enumerate(self.rankings):
                    chance, left = share, rate.sum()
                    for action in ranking:
                        chance *= rate[action] / left
                        left -= rate[action]
                    out[c, r] += chance
        return out

    def expected(self, weight: np.ndarray) -> np.ndarray:
        """(4,) value in each context, of weights for every ranking in every context."""
        return np.asarray((self.chance * weight.reshape(4, 60) * self.reward).sum(axis=1))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_pseudo_inverse_is_of_each_context(seed: int) -> None:
    world = Rankings(seed)
    context, action = np.repeat(np.arange(4), 60), np.tile(world.rankings, (4, 1))
    rounds = action, world.target[context]
    given = pseudo_inverse_weights(*rounds, world.gamma, context)
    drawn = plackett_luce_weights(*rounds, world.rates[context], world.mixture, world.allowed[context])
    could = world.chance.ravel() > 0
    assert drawn[could] == pytest.approx(given[could], rel=1e-6, abs=1e-8)
    assert world.expected(given) == pytest.approx(world.truth, rel=1e-8)
    assert (world.chance * drawn.reshape(4, 60)).sum(axis=1) == pytest.approx(np.ones(4))
    # one G for all contexts, and the sum that takes slots as independent, are biased
    pooled = pseudo_inverse_weights(*rounds, world.gamma.mean(axis=0))
    behaviour = np.diagonal(world.gamma, axis1=1, axis2=2).reshape(4, 3, 5)[context]
    own = np.arange(240)[:, None], np.arange(3), action
    ratio = np.divide(rounds[1], behaviour, out=np.ones_like(behaviour), where=behaviour > 0)
    independent = 1.0 + (ratio[own] - 1.0).sum(axis=1)
    for wrong in (pooled, independent):
        assert np.abs(world.expected(wrong) / world.truth - 1.0).max() > 0.03


def test_a_context_without_its_gamma_is_refused() -> None:
    world = Rankings(2)
    rounds = world.rankings[:3], world.target[[0, 1, 2]]
    with pytest.raises(InvalidInput, match="context"):
        pseudo_inverse_weights(*rounds, world.gamma)
    with pytest.raises(InvalidInput, match=r"context\[1\].*0 to 3"):
        pseudo_inverse_weights(*rounds, world.gamma, np.array([0, 4, 1]))
    with pytest.raises(InvalidInput, match="log_rates"):
        plackett_luce_weights(*rounds, world.rates, world.mixture)
    with pytest.raises(InvalidInput, match="rankings"):
        plackett_luce_weights(
            np.arange(5)[None], np.full((1, 5, 30), 1 / 30), np.zeros((1, 1, 30)), np.ones(1)
        )


def test_refusals() -> None:
    half = np.full((4, 2), 0.5)
    for call, message in (
        (lambda: slate_inputs(np.ones((4, 2)), half, half, model="magic"), "model"),
        (lambda: slate_inputs(np.ones((4, 2)), half[:3], half, model="cascade"), "propensity"),
        (lambda: slate_inputs(np.ones((4, 2)), 0 * half, half, model="cascade"), r"in \(0, 1\]"),
        (lambda: slate_inputs(np.ones((4, 2)), half, 4 * half, model="cascade"), "target"),
        (lambda: pseudo_inverse_weights(np.zeros((4, 2), int), np.ones((4, 2, 3)) / 3, np.eye(5)), "gamma"),
    ):
        with pytest.raises(InvalidInput, match=message):
            call()
