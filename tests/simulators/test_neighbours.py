"""The most similar items: known answers, brute force, the random trees of large catalogues."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator, Philox

from shopgym.core import InvalidInput
from shopgym.simulators.catalog.catalog import unit_rows
from shopgym.simulators.catalog.neighbours import nearest


def circle(n: int) -> np.ndarray:
    """n points evenly on a circle in 8 dimensions: the neighbours of each are the adjacent ones."""
    angle = 2 * np.pi * np.arange(n) / n
    points = np.zeros((n, 8), np.float32)
    points[:, 0], points[:, 5] = np.cos(angle), np.sin(angle)
    return points


def cloud(n: int, seed: int = 0) -> np.ndarray:
    return unit_rows(Generator(Philox(seed)).standard_normal((n, 8)))


def test_on_a_circle_the_nearest_items_are_the_adjacent_ones() -> None:
    rows = nearest(circle(101), 4)
    for row in range(101):
        steps = (rows[row] - row + 50) % 101 - 50
        assert sorted(np.abs(steps)) == [1, 1, 2, 2]


def test_ties_go_to_the_lower_row() -> None:
    points = np.zeros((6, 8), np.float32)
    points[:, 3] = 1
    assert nearest(points, 3).tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2], [0, 1, 2]]


@pytest.mark.parametrize("n", [1, 2, 5, 65, 66])
def test_in_a_small_shop_all_other_items_are_neighbours(n: int) -> None:
    rows = nearest(cloud(n))
    assert rows.dtype == np.int32
    assert rows.shape == (n, min(64, n - 1))
    for row in range(n):
        assert row not in rows[row]
        assert len(set(rows[row])) == len(rows[row])


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 200), k=st.integers(1, 20), seed=st.integers(0, 2**32))
def test_exact_neighbours_agree_with_brute_force(n: int, k: int, seed: int) -> None:
    points = cloud(n, seed)
    cosine = points.astype(np.float64) @ points.T.astype(np.float64)
    np.fill_diagonal(cosine, -2)
    rows = nearest(points, k)
    best = -np.sort(-cosine, axis=1)[:, : rows.shape[1]]
    assert np.allclose(np.take_along_axis(cosine, rows, axis=1), best, atol=1e-6)


def test_random_trees_find_most_nearest_items_and_are_deterministic() -> None:
    points = cloud(5000)
    exact, rows = nearest(points, 16), nearest(points, 16, exact_up_to=0, trees=8, leaf=256)
    assert np.array_equal(rows, nearest(points, 16, exact_up_to=0, trees=8, leaf=256))
    shared = np.mean([len(np.intersect1d(a, b)) / 16 for a, b in zip(exact, rows)])
    assert shared > 0.8
    cosine = np.einsum("nd,nkd->nk", points, points[rows])
    assert (np.diff(cosine, axis=1) <= 1e-6).all()
    assert all(len(set(row)) == 16 and own not in row for own, row in enumerate(rows.tolist()))


def test_random_trees_of_equal_rows_give_full_lists() -> None:
    points = np.zeros((2000, 8), np.float32)
    points[:1500, 0], points[1500:, 1] = 1, 1
    rows = nearest(points, 10, exact_up_to=0)
    assert ((rows < 1500) == (np.arange(2000) < 1500)[:, None]).all()


def test_neighbours_refuse_rows_that_are_not_of_norm_1() -> None:
    points = cloud(10)
    points[7, 2] = np.nan
    with pytest.raises(InvalidInput, match=r"points\[7\].*1 rows"):
        nearest(points)
