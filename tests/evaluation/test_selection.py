"""Choosing estimators and judging choices among policies: answers that are known."""

from __future__ import annotations

import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.core.types import F64
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, ESTIMATORS, OpeInputs, Weighted
from shopgym.evaluation.offline.selection import ActionLog, Slope, pas_if, splitting, top_k
from shopgym.evaluation.offline.smoothing import Switched


def known_log(n: int, seed: int, *, q: float | None = None) -> ActionLog:
    """Two actions that earn 0.2 and 0.8; the log takes the first with 0.9, the target with 0.1."""
    rng = np.random.default_rng(seed)
    action = (rng.random(n) < 0.1).astype(np.int64)
    reward = (rng.random(n) < np.array([0.2, 0.8])[action]).astype(float)
    table = None if q is None else np.full((n, 2), q)
    return ActionLog(reward, action, np.tile([0.9, 0.1], (n, 1)), np.tile([0.1, 0.9], (n, 1)), table)


def test_slope_takes_the_narrow_candidate_unless_its_interval_contradicts_a_wider_one() -> None:
    # weights 0 and 2, so ips has mean(w r); switched below 1 leaves nothing: value 0 with width 0
    n = 400
    weight = np.tile([0.0, 2.0], n // 2)[:, None]
    candidates = (Weighted("ips"), Weighted("nothing", Switched(1.0)))
    earns = OpeInputs(np.ones((n, 1)), weight)
    assert Slope(candidates).fitted(earns).name == "ips"
    # a reward that is +1 and -1 in turn has the value 0 either way, and nothing is the narrower
    turns = OpeInputs(np.where(np.arange(n) % 4 < 2, 1.0, -1.0)[:, None], weight)
    assert Slope(candidates).fitted(turns).name == "nothing"
    assert Slope(candidates).estimate(turns).value == 0.0


def test_slope_bound_by_hand() -> None:
    # one candidate at 0 with half width H, one at gap with width 0, taken iff gap <= (sqrt 6 - 1) H
    from scipy.special import stdtrit

    n, rng = 100, np.random.default_rng(0)
    x = rng.standard_normal(n)
    x = (x - x.mean()) / math.sqrt(float(((x - x.mean()) ** 2).sum()) / (n * (n - 1)))  # standard error 1
    half = float(stdtrit(n - 1, 0.9))
    limit = (math.sqrt(6.0) - 1.0) * half
    for gap, taken_probability in ((0.99 * limit, "dm"), (1.01 * limit, "ips")):
        inputs = OpeInputs(x[:, None], np.ones((n, 1)), np.zeros((n, 1)), np.full((n, 1), gap))
        assert Slope((ESTIMATORS["ips"], ESTIMATORS["dm"])).fitted(inputs).name == taken_probability


@given(st.permutations(["ips", "snips", "dm", "dr", "switch-dr"]), st.integers(0, 5))
def test_slope_does_not_depend_on_the_order_of_candidates(names: list[str], seed: int) -> None:
    inputs = known_log(200, seed, q=0.4).inputs()
    family = tuple(ESTIMATORS[name] for name in names)
    same = tuple(ESTIMATORS[name] for name in sorted(names))
    assert Slope(family).statistic(inputs).value == pytest.approx(Slope(same).statistic(inputs).value)


@given(st.floats(0.05, 0.5), st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_the_split_keeps_the_share_in_every_context(share: float, exponent: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    behaviour, target = rng.dirichlet(np.ones(4), 20), rng.dirichlet(np.ones(4), 20)
    rho = splitting(target / behaviour, behaviour, share, exponent)
    assert (behaviour * rho).sum(axis=1) == pytest.approx(np.full(20, share), abs=1e-9)
    assert ((rho >= 0) & (rho <= 1)).all()


def test_the_split_of_equal_policies_is_even_and_its_weights_are_one() -> None:
    behaviour = np.random.default_rng(1).dirichlet(np.ones(3), 5)
    for exponent in (0.0, 0.5, 1.0):
        assert splitting(np.ones((5, 3)), behaviour, 0.3, exponent) == pytest.approx(np.full((5, 3), 0.3))


def test_the_pseudo_weights_grow_with_the_true_ones_and_have_mean_one() -> None:
    log, share = known_log(10, 0), 0.2
    rho = splitting(log.target / log.behaviour, log.behaviour, share, 1.0)
    pseudo = rho / (1 - rho) * (1 - share) / share
    rest = log.behaviour * (1 - rho) / (1 - share)
    assert (rest * pseudo).sum(axis=1) == pytest.approx(np.ones(10))
    # rho = sigmoid(c + log w) means odds in proportion to w: 81 to 1 here
    assert pseudo[:, 1] / pseudo[:, 0] == pytest.approx(np.full(10, 81.0), rel=1e-6)


def test_pas_if_finds_the_right_and_the_wrong_estimator() -> None:
    # the model says 0.9 everywhere, so dm is off by 0.64 for the split's target; ips is unbiased
    log = known_log(4_000, 2, q=0.9)
    chosen = pas_if(log, [ESTIMATORS["ips"], ESTIMATORS["dm"]], rng=np.random.default_rng(0))
    assert chosen.best == "ips"
    assert chosen.errors["dm"] > 10 * chosen.errors["ips"]
    # few rounds and a model that is right: dm wins
    few = known_log(300, 3)
    right = ActionLog(few.reward, few.action, few.behaviour, few.target, np.tile([0.2, 0.8], (300, 1)))
    family = [ESTIMATORS["ips"], ESTIMATORS["dm"]]
    wins = sum(pas_if(right, family, rng=np.random.default_rng(s), splits=20).best == "dm" for s in range(5))
    assert wins == 5


def test_pas_if_error_of_dm_is_its_bias_on_the_split() -> None:
    # dm answers 0.9 whatever the split; the pseudo target's value is E[rho r] / share, known in closed form
    log, share = known_log(40_000, 5, q=0.9), 0.2
    result = pas_if(
        log, [ESTIMATORS["ips"], ESTIMATORS["dm"]], rng=np.random.default_rng(1), share=share, splits=5
    )
    values = []
    for exponent in (0.0, 0.25, 0.5, 0.75, 1.0):
        rho = splitting(log.target / log.behaviour, log.behaviour, share, exponent)[0]
        values.append(float((np.array([0.9, 0.1]) * rho * np.array([0.2, 0.8])).sum() / share))
    assert any(math.sqrt(result.errors["dm"]) == pytest.approx(0.9 - value, abs=0.02) for value in values)


def test_top_k_by_hand() -> None:
    ranked = top_k(np.array([3.0, 1.0, 2.0]), np.array([1.0, 4.0, 3.0]), baseline=2.0)
    assert [(row.best, row.worst, row.mean) for row in ranked] == [
        (1.0, 1.0, 1.0),
        (3.0, 1.0, 2.0),
        (4.0, 1.0, pytest.approx(8 / 3)),
    ]
    assert ranked[0].sharpe == -math.inf  # one policy that loses, for certain
    assert ranked[1].sharpe == pytest.approx((3.0 - 2.0) / 1.0)
    assert ranked[2].sharpe == pytest.approx((4.0 - 2.0) / math.sqrt(14 / 9))
    assert [row.regret for row in ranked] == [3.0, 1.0, 0.0]


def true_values() -> st.SearchStrategy[list[float]]:
    return st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=6, unique=True)


@given(true_values())
def test_perfect_estimates_have_no_regret_and_more_policies_never_less_best(true: list[float]) -> None:
    values: F64 = np.array(true)
    ranked = top_k(values, values, baseline=0.0)
    assert all(row.regret == 0.0 for row in ranked)
    wrong = top_k(-values, values, baseline=0.0)
    assert all(one.best <= two.best for one, two in pairwise(wrong))
    assert wrong[-1].best == values.max()


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("candidates", lambda: Slope(())),
        ("error", lambda: Slope((ESTIMATORS["ips"],), error=0.0)),
        ("candidates", lambda: pas_if(known_log(50, 0), [], rng=np.random.default_rng(0))),
        (
            "share",
            lambda: pas_if(known_log(50, 0), [ESTIMATORS["ips"]], rng=np.random.default_rng(0), share=1.0),
        ),
        ("candidates", lambda: pas_if(known_log(50, 0), [ESTIMATORS["dm"]], rng=np.random.default_rng(0))),
        ("estimated", lambda: top_k(np.array([1.0]), np.array([1.0, 2.0]), 0.0)),
        ("estimated", lambda: top_k(np.array([math.nan]), np.array([1.0]), 0.0)),
        ("target", lambda: ActionLog(np.ones(2), np.zeros(2, int), np.ones((2, 1)), np.ones((2, 2)))),
        ("action", lambda: ActionLog(np.ones(1), np.array([3]), np.ones((1, 1)), np.ones((1, 1)))),
    ],
)
def test_what_cannot_be_done_is_named(field: str, make: object) -> None:
    with pytest.raises(InvalidInput) as error:
        make()  # type: ignore[operator]
    assert error.value.field.startswith(field)


def test_slope_answers_like_the_estimator_it_picks() -> None:
    for seed, q in product(range(3), (0.2, 0.8)):
        inputs = known_log(500, seed, q=q).inputs()
        slope = Slope(tuple(DEFAULT_ESTIMATORS.values()))
        picked = slope.fitted(inputs)
        assert slope.estimate(inputs).value == picked.estimate(inputs).value
        assert slope.estimate(inputs).estimator == picked.name
