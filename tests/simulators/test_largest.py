"""The largest numbers of a row are those that a stable sort puts first."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.simulators.engine.largest import largest


def test_known_rows() -> None:
    values = np.array([[1.0, 3.0, 3.0, 2.0], [-np.inf, -np.inf, 0.0, -1.0]])
    np.testing.assert_array_equal(largest(values, 3), [[1, 2, 3], [2, 3, 0]])


def test_fewer_columns_than_are_asked_for() -> None:
    assert largest(np.array([[1.0, 2.0]]), 5).tolist() == [[1, 0]]
    assert largest(np.empty((3, 0)), 5).shape == (3, 0)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), columns=st.integers(1, 12), k=st.integers(1, 12))
def test_it_is_the_head_of_a_stable_sort(seed: int, columns: int, k: int) -> None:
    values = np.random.default_rng(seed).integers(-3, 3, size=(20, columns)).astype(np.float64)
    values[values == -3] = -np.inf
    np.testing.assert_array_equal(largest(values, k), np.argsort(-values, axis=1, kind="stable")[:, :k])
