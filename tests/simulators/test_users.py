"""The people of a shop: customers of old are few and stand for all, the others are as they come."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from shopgym.simulators import Catalog
from shopgym.simulators.people.retention import RetentionConfig
from shopgym.simulators.people.users import Users

RETENTION = RetentionConfig(r=1.6, alpha=1.0, a=2.0, b=6.0)


def people(
    catalog: Catalog, established: int, *, count: int = 600, seed: int = 0, representative: bool = True
) -> Users:
    return Users.draw(
        catalog,
        count,
        seed=seed,
        retention=RETENTION,
        mission=(0.4, 0.3),
        size_alike=0.5,
        bulk_sd=0.2,
        returner_sd=1.5,
        established=established,
        representative=representative,
    )


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_established_customers_follow_the_stated_distributions_evenly(catalog: Catalog, seed: int) -> None:
    """No trait's distribution function is further from the truth than 400 even points can be.

    Kolmogorov's statistic of 400 independent draws exceeds 0.03 with probability 0.85.
    """
    users, n = people(catalog, 400, seed=seed), 400
    spread, shape = 0.4, 1 / 0.3 - 1
    for drawn, law in (
        (users.rate, stats.gamma(RETENTION.r)),
        (users.dropout, stats.beta(RETENTION.a, RETENTION.b)),
        (users.price_sensitivity, stats.lognorm(spread, scale=np.exp(-(spread**2) / 2))),
        (users.mission, stats.beta(0.4 * shape, 0.6 * shape)),
        (users.bulk, stats.pareto(1 / 0.2, scale=1 - 0.2)),
        (users.returner, stats.norm(0, 1.5)),
        (users.size, stats.norm(0, 0.5**0.5)),
    ):
        assert stats.kstest(drawn[:n], law.cdf).statistic < 0.03


def test_pairs_of_traits_are_even_too(catalog: Catalog) -> None:
    """Visit rate and mission size are uncorrelated: within a fifth of that of independent draws."""
    found = []
    for seed in range(20):
        users = people(catalog, 400, seed=seed)
        found.append(stats.spearmanr(users.rate[:400], users.size[:400]).statistic)
    assert np.std(found) < 0.02  # of independent draws 0.05


def test_new_customers_do_not_depend_on_the_established_ones(catalog: Catalog) -> None:
    with_some, without = people(catalog, 100), people(catalog, 0)
    for name in ("rate", "dropout", "price_sensitivity", "mission", "bulk", "returner", "size"):
        np.testing.assert_array_equal(getattr(with_some, name)[100:], getattr(without, name)[100:])
        assert not np.array_equal(getattr(with_some, name)[:100], getattr(without, name)[:100])
    np.testing.assert_array_equal(with_some.taste, without.taste)
    drawn = people(catalog, 100, representative=False)
    np.testing.assert_array_equal(drawn.rate, without.rate)


@pytest.mark.parametrize("established", [1, 2, 3, 600, 900])
def test_any_number_of_customers_may_be_established(catalog: Catalog, established: int) -> None:
    users = people(catalog, established)
    assert np.isfinite(users.rate).all()
    assert np.isfinite(users.size).all()
    assert (users.rate > 0).all()
