"""The checks and small statistics that every room uses, by known answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from shopgym.core.errors import InvalidInput, did_you_mean, finite, in_range, in_ranges, one_of, refuse_rows
from shopgym.core.statistics import gini, mean_interval, normal_quantile, sigmoid


@pytest.mark.parametrize(
    "values", [1.0, [1, 2], np.zeros((2, 3)), np.empty(0), np.empty((0, 4)), np.empty((3, 0))]
)
def test_finite_values_pass_and_so_do_none_at_all(values: Any) -> None:
    finite("x", values)


@pytest.mark.parametrize(
    ("values", "field", "value"),
    [
        (float("nan"), "x", float("nan")),
        ([1.0, np.inf], "x[1]", np.inf),
        (np.array([[1.0, 2.0], [3.0, -np.inf], [np.nan, 0.0]]), "x[1]", [3.0, -np.inf]),
    ],
)
def test_the_first_row_that_is_not_finite_is_named(values: Any, field: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match="remove NaN and infinity") as error:
        finite("x", values)
    assert error.value.field == field
    np.testing.assert_equal(error.value.value, value)


def test_one_of_names_the_choices_and_the_nearest() -> None:
    one_of("kind", "delta", ["delta", "bootstrap"])
    with pytest.raises(
        InvalidInput, match=r"kind = 'bootstrp': choose one of delta, bootstrap; did you mean 'bootstrap'\?"
    ):
        one_of("kind", "bootstrp", ["delta", "bootstrap"])
    with pytest.raises(InvalidInput, match=r"choose one of delta, bootstrap$"):
        one_of("kind", "zzz", ["delta", "bootstrap"])
    assert did_you_mean("marign", ["click", "margin"]) == "; did you mean 'margin'?"
    assert did_you_mean("linUCB", ["lints", "linucb"]) == "; did you mean 'linucb'?"
    assert did_you_mean("Linucb", ["random", "LinUCB"]) == "; did you mean 'LinUCB'?"
    assert did_you_mean("xyz", []) == ""


def test_ranges_have_closed_and_open_ends() -> None:
    in_range("x", 0.0, 0.0, 1.0)
    for value, options in (
        (0.0, {"open_low": True}),
        (1.0, {"open_high": True}),
        (1.1, {}),
        (float("nan"), {}),
    ):
        with pytest.raises(InvalidInput, match="give a number in"):
            in_range("x", value, 0.0, 1.0, **options)


def test_ranges_of_several_fields_name_the_one_that_is_wrong() -> None:
    @dataclass
    class Rates:
        click: float = 0.5
        cart: float = 1.5

    in_ranges(Rates(), "shop.rates", 0.0, 1.0, "click")
    with pytest.raises(InvalidInput, match=r"shop\.rates\.cart = 1\.5: give a number in \[0, 1\]"):
        in_ranges(Rates(), "shop.rates", 0.0, 1.0, "click", "cart")


def test_refused_rows_are_named_by_their_number() -> None:
    refuse_rows("x", np.arange(3), np.zeros(3, np.bool_), "no")
    with pytest.raises(InvalidInput, match=r"x\[2\] = 7: no"):
        refuse_rows("x", np.array([1, 2, 7]), np.array([False, False, True]), "no")


def test_statistics_by_hand() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959964, abs=1e-6)
    # mean 2, standard deviation 1, three values: half-width z / sqrt(3)
    mean, low, high = mean_interval(np.array([1.0, 2.0, 3.0]), 0.95)
    assert (mean, high - mean) == (2.0, pytest.approx(1.959964 / 3**0.5, abs=1e-6))
    assert mean - low == pytest.approx(high - mean)
    assert sigmoid(0.0) == 0.5
    np.testing.assert_allclose(sigmoid(np.array([-1e4, np.log(3.0), 1e4])), [0.0, 0.75, 1.0], atol=1e-300)
    assert gini(np.full(7, 3.0)) == pytest.approx(0.0)
    assert gini(np.array([0.0, 0.0, 5.0, 0.0])) == pytest.approx(0.75)
