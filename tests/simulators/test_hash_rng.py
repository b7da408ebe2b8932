"""The shop's hash: known answers, then statistics."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy import stats

from shopgym.core.types import F64, U64
from shopgym.simulators.engine.hash_rng import (
    AREA,
    DRAW_ITEM,
    ENDS,
    HEIGHTS,
    LAST,
    below,
    key,
    keys,
    normal,
    page_key,
    unit,
    units,
)

ALARM = 1e-6
"""False-alarm rate of each statistical check here."""


def test_splitmix64_reference() -> None:
    # the first five outputs of splitmix64 from state 1234567, as its reference implementation prints them
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [int(key(np.uint64(1234567), np.uint64(i))) for i in range(5)] == expected


def test_unit_interval_ends() -> None:
    assert unit(np.uint64(0)) == 0.0
    assert unit(np.uint64(2**64 - 1)) == 1.0 - 2.0**-53
    assert below(np.uint64(2**64 - 1), 7) == 6
    assert below(np.uint64(0), 7) == 0


def test_uniform_across_each_field() -> None:
    n = 200_000
    fields = np.arange(n, dtype=np.uint64)
    for parent in (np.uint64(0), np.uint64(1), np.uint64(2**63)):
        u = units(keys(parent, fields))
        assert stats.kstest(u, "uniform").pvalue > ALARM
        # neighbours in the counter are independent: lag-1 correlation of uniforms
        r = np.corrcoef(u[:-1], u[1:])[0, 1]
        assert 2 * stats.norm.sf(abs(r) * np.sqrt(n)) > ALARM


def test_nested_keys_do_not_collide() -> None:
    words = {
        int(key(np.uint64(key(np.uint64(s), np.uint64(v))), np.uint64(k)))
        for s in range(20)
        for v in range(50)
        for k in range(50)
    }
    assert len(words) == 20 * 50 * 50  # 50,000 of 2^64: a collision has probability 7e-11


def test_below_is_even() -> None:
    counts = np.bincount([below(w, 10) for w in keys(np.uint64(5), np.arange(50_000, dtype=np.uint64))])
    assert stats.chisquare(counts).pvalue > ALARM


def test_the_layers_of_the_ziggurat_have_equal_areas_and_cover_the_curve() -> None:
    tail = math.sqrt(math.pi / 2) * math.erfc(LAST / math.sqrt(2))
    assert math.isclose(LAST * HEIGHTS[1] + tail, AREA, rel_tol=1e-11)
    np.testing.assert_allclose(ENDS[1:-1] * np.diff(HEIGHTS[1:]), AREA, rtol=1e-9)
    assert HEIGHTS[-1] == 1.0


@njit
def _normals(words: U64) -> F64:
    out = np.empty(len(words))
    for i in range(len(words)):
        out[i] = normal(words[i])
    return out


def test_normal_draws_are_normal_in_the_tails_too() -> None:
    n = 4_000_000
    x = _normals(keys(np.uint64(11), np.arange(n, dtype=np.uint64)))
    assert stats.kstest(x, "norm").pvalue > ALARM
    for sample in (x, x**2):
        r = np.corrcoef(sample[:-1], sample[1:])[0, 1]
        assert 2 * stats.norm.sf(abs(r) * np.sqrt(n)) > ALARM
    # by parts of equal probability 1/1000, and far out: where the last layer ends, and beyond
    counts = np.histogram(x, bins=stats.norm.ppf(np.linspace(0, 1, 1001)))[0]
    assert stats.chisquare(counts).pvalue > ALARM
    for far in (3.0, LAST, 4.0, 4.5):
        for side in (x, -x):
            assert stats.binomtest(int((side > far).sum()), n, stats.norm.sf(far)).pvalue > ALARM


def test_no_counter_collides_with_a_kind() -> None:
    # the draws of the first 100 items of the first 20 pages, and all other draws of a visit, differ
    visit = np.uint64(12345)
    kinds = np.arange(18, dtype=np.uint64)
    words: list[int] = [int(w) for w in keys(visit, kinds)]
    for page in range(20):
        root = np.uint64(page_key(visit, page))
        words += [int(w) for w in keys(root, kinds)]
        words += [int(w) for w in keys(np.uint64(key(root, DRAW_ITEM)), np.arange(100, dtype=np.uint64))]
    assert len(set(words)) == len(words)
