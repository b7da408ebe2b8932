"""Attribution that shares an outcome out once, and shaping that telescopes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.core.reward.attribution import RULES, Outcomes, Touches, attribute
from shopgym.core.reward.shaping import ShapedSteps, potential_behind, shaping_bonus

TOUCHES = Touches(np.array(["a", "b", "a", "a"]), np.array([3.0, 0.0, 1.0, 9.0]))
OUTCOMES = Outcomes(np.array(["a", "a", "c"]), np.array([4.0, 10.0, 5.0]), np.array([12.0, 6.0, 5.0]))


@pytest.mark.parametrize(
    ("rule", "credit"),
    [
        ("last_click", [12.0, 0.0, 0.0, 6.0]),
        ("first_click", [0.0, 0.0, 18.0, 0.0]),
        ("linear", [6.0 + 2.0, 0.0, 6.0 + 2.0, 2.0]),
        # ages 1 and 3 of the first order: 1 : 1/2; ages 7, 9 and 1 of the second: 1/8 : 1/16 : 1
        ("time_decay", [8.0 + 12 / 19, 0.0, 4.0 + 6 / 19, 96 / 19]),
    ],
)
def test_two_orders_by_hand(rule: str, credit: list[float]) -> None:
    got, nobody = attribute(TOUCHES, OUTCOMES, rule, half_life=2.0)
    np.testing.assert_allclose(got, credit, rtol=1e-12)
    assert nobody == 5.0


def test_a_window_leaves_out_what_is_too_old() -> None:
    got, nobody = attribute(TOUCHES, OUTCOMES, "linear", window=2.0)
    assert got.tolist() == [12.0, 0.0, 0.0, 6.0]
    assert nobody == 5.0
    assert attribute(TOUCHES, OUTCOMES, "linear", window=0.5) == (pytest.approx([0.0] * 4), 23.0)


def test_a_return_takes_back_what_the_order_gave() -> None:
    """The same moment and journey, with the opposite amount: every touch nets to 0."""
    back = Outcomes(np.array(["a", "a"]), np.array([4.0, 4.0]), np.array([12.0, -12.0]))
    for rule in RULES:
        np.testing.assert_allclose(attribute(TOUCHES, back, rule)[0], 0.0, atol=1e-12)


MOMENTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=25)


@given(
    MOMENTS,
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.floats(-1e6, 1e6)), max_size=25),
    st.sampled_from(RULES),
    st.sampled_from([0.0, 1.0, 2.5, math.inf]),
)
def test_every_outcome_is_shared_out_exactly_once(
    touched: list[Any], outcomes: list[Any], rule: str, window: float
) -> None:
    touches = Touches(np.array([j for j, _ in touched]), np.array([t for _, t in touched], float))
    ended = Outcomes(*(np.array([row[at] for row in outcomes], float) for at in range(3)))
    credit, nobody = attribute(touches, ended, rule, window=window)
    size = np.abs(ended.amount).sum()
    assert credit.sum() + nobody == pytest.approx(ended.amount.sum(), abs=1e-9 * max(size, 1.0))
    # one outcome at a time: its credit goes to touches of its journey, before it, within the window
    total = np.zeros(len(touched))
    for journey, time, amount in outcomes:
        one = Outcomes(np.array([journey]), np.array([float(time)]), np.array([amount]))
        part, left = attribute(touches, one, rule, window=window)
        age = time - touches.time
        may = (touches.journey == journey) & (age >= 0) & (age <= window)
        assert not part[~may].any()
        assert left == (0.0 if may.any() else amount)
        total += part
    np.testing.assert_allclose(credit, total, atol=1e-9 * max(size, 1.0))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rule": "best_click"}, "rule"),
        ({"window": -1.0}, "window"),
        ({"half_life": 0.0}, "half_life"),
        ({"outcomes": Outcomes(np.array(["a"]), np.array([1.0]), np.array([np.nan]))}, "outcomes.amount[0]"),
        ({"outcomes": Outcomes(np.array(["a"]), np.array([1.0]), np.array([]))}, "outcomes.amount"),
        ({"touches": Touches(np.array(["a"]), np.array([]))}, "touches.time"),
        ({"touches": Touches(np.array(["a"]), np.array([np.inf]))}, "touches.time[0]"),
    ],
)
def test_what_cannot_be_attributed_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        attribute(**{"touches": TOUCHES, "outcomes": OUTCOMES, **change})
    assert caught.value.field == field


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0), st.integers(1, 30), st.booleans())
def test_shaping_telescopes(seed: int, discount: float, steps: int, terminated: bool) -> None:
    rng = np.random.default_rng(seed)
    potential = rng.normal(size=steps + 1) * 100
    ended = np.zeros(steps, np.bool_)
    ended[-1] = terminated
    bonus = shaping_bonus(potential[:-1], potential[1:], ended, discount)
    total = (discount ** np.arange(steps) * bonus).sum()
    last = 0.0 if terminated else discount**steps * potential[-1]
    assert total == pytest.approx(last - potential[0], abs=1e-9)


def walk(seed: int, states: int = 6, steps: int = 200) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(states, size=steps), rng.integers(states, size=steps), rng.random(steps) < 0.1


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.9, 1.0]))
def test_a_bonus_from_a_potential_is_recognised(seed: int, discount: float) -> None:
    state, following, ended = walk(seed)
    potential = np.random.default_rng(seed + 1).normal(size=6)
    bonus = shaping_bonus(potential[state], potential[following], ended, discount)
    got = potential_behind(ShapedSteps(state, following, ended, bonus), discount)
    again = np.array([got[one] for one in range(6)])
    np.testing.assert_allclose(again, potential, atol=1e-7)  # ends of episodes fix its level


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.9, 1.0]))
def test_another_bonus_is_refused(seed: int, discount: float) -> None:
    """A prize for coming to state 3 invites to go round in a circle (Randlov & Alstrom 1998)."""
    state, following, ended = walk(seed)
    bonus = np.where((following == 3) & ~ended, 1.0, 0.0)
    with pytest.raises(InvalidInput, match=r"^shaping\[\d+\] = .*no potential gives this bonus"):
        potential_behind(ShapedSteps(state, following, ended, bonus), discount)


def test_shaping_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"potential\[1\]"):
        shaping_bonus(np.zeros(2), np.array([0.0, np.nan]), np.zeros(2, np.bool_), 0.9)
    with pytest.raises(InvalidInput, match=r"discount = 1\.5"):
        shaping_bonus(np.zeros(1), np.zeros(1), np.zeros(1, np.bool_), 1.5)
