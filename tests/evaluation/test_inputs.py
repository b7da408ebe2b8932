"""Bad inputs are refused by name, row and count."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.evaluation.offline import OpeInputs


def good(n: int = 6) -> dict[str, Any]:
    return {
        "reward": np.ones(n),
        "action": np.arange(n) % 3,
        "propensity": np.full(n, 0.5),
        "target": np.full((n, 3), 1 / 3),
        "q": np.zeros((n, 3)),
    }


def changed(array: Any, row: int, value: float) -> Any:
    out = np.array(array, dtype=float)
    out[row] = value
    return out


def test_good_input_passes() -> None:
    assert len(OpeInputs.from_actions(**good())) == 6


@pytest.mark.parametrize(
    ("column", "row", "value", "message"),
    [
        ("propensity", 2, np.nan, r"propensity\[2\] = nan: .*\(1 of 6 rows"),
        ("propensity", 2, 0.0, r"propensity\[2\] = 0.0"),
        ("propensity", 2, -0.1, r"propensity\[2\] = -0.1"),
        ("propensity", [3, 5], 1.5, r"propensity\[3\] = 1.5: .*\(2 of 6 rows"),
        ("reward", 1, np.inf, r"reward\[1\] = inf"),
        ("target", 4, 0.5, r"target\[4\] = \[0.5, 0.5, 0.5\]: each row has to sum to 1 \(1 of 6 rows"),
        ("target", 4, np.nan, r"target\[4\]"),
        ("q", 0, np.nan, r"q_logged\[0\]"),
    ],
)
def test_bad_values(column: str, row: Any, value: float, message: str) -> None:
    arguments = good()
    arguments[column] = changed(arguments[column], row, value)
    with pytest.raises(InvalidInput, match=message):
        OpeInputs.from_actions(**arguments)


@pytest.mark.parametrize("action", [-1, 3])
def test_action_outside_the_set(action: int) -> None:
    arguments = good()
    arguments["action"][4] = action
    with pytest.raises(
        InvalidInput, match=rf"action\[4\] = {action}: the target has actions 0 to 2 \(1 of 6"
    ):
        OpeInputs.from_actions(**arguments)


def test_negative_target_probability() -> None:
    arguments = good()
    arguments["target"][1] = [1.5, -0.5, 0.0]
    with pytest.raises(InvalidInput, match=r"target\[1\].*>= 0"):
        OpeInputs.from_actions(**arguments)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("reward", np.ones(0), "at least one round"),
        ("reward", np.ones((6, 1)), "one number per round"),
        ("reward", np.ones(5), "one per reward"),
        ("action", np.zeros(5, dtype=int), r"action = \(5,\)"),
        ("action", np.zeros(6), "whole numbers"),
        ("propensity", np.ones(7), r"propensity = \(7,\)"),
        ("target", np.ones(6), "rounds, actions"),
        ("target", np.full((5, 3), 1 / 3), r"one row per logged round \(6\)"),
        ("q", np.zeros((6, 4)), "like the target"),
        ("reward", np.array(["a"] * 6), "give numbers"),
    ],
)
def test_bad_shapes_and_types(column: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        OpeInputs.from_actions(**{**good(), column: value})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"reward": np.ones(3)}, "inputs.reward"),
        ({"reward": np.ones((0, 2))}, "inputs.reward"),
        ({"weight": np.ones((3, 1))}, r"inputs.weight = \(3, 1\): give shape \(3, 2\)"),
        ({"weight": -np.ones((3, 2))}, r"inputs.weight\[0\].*never negative \(3 of 3"),
        ({"weight": np.array([[1, 1], [1, np.nan], [1, 1]])}, r"inputs.weight\[1\]"),
        ({"q_logged": np.ones((3, 2))}, "together"),
        ({"q_logged": np.ones((3, 2)), "v_target": np.ones((3, 1))}, "inputs.v_target"),
        ({"q_logged": np.ones((3, 2)), "v_target": np.full((3, 2), np.inf)}, r"inputs.v_target\[0\]"),
    ],
)
def test_bad_slates(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        OpeInputs(**{"reward": np.ones((3, 2)), "weight": np.ones((3, 2)), **columns})


def test_a_row_may_miss_one_by_rounding_only() -> None:
    arguments = good()
    arguments["target"] = arguments["target"] * (1 + 5e-7)
    OpeInputs.from_actions(**arguments)
    arguments["target"] = arguments["target"] * (1 + 5e-6)
    with pytest.raises(InvalidInput, match=re.escape("(6 of 6 rows are wrong)")):
        OpeInputs.from_actions(**arguments)
