"""A reward that is the north star but for its scale is simulated once."""

import pytest

from shopgym.guardrails.reward.price import same_but_for_scale


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"margin": 1.0}, {"margin": 1.0}, True),
        ({"margin": 2.0, "click": 0.02}, {"margin": 1.0, "click": 0.01}, True),
        ({"margin": 1.0, "click": 0.0}, {"margin": 3.0}, True),
        ({"margin": -1.0}, {"margin": 1.0}, False),
        ({"margin": 1.0, "click": 0.1}, {"margin": 1.0}, False),
        ({"margin": 1.0, "click": 0.1}, {"margin": 1.0, "click": 0.2}, False),
        ({}, {}, False),
    ],
)
def test_two_sums_of_terms_are_the_same_but_for_their_scale(one, other, same):
    assert same_but_for_scale(one, other) is same
