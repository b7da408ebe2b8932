"""The bound of a correlated proxy holds in every bandit; what it cannot say it does not say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.guardrails.monitor import ProxyReference, lower_bound


@settings(max_examples=500, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    actions=st.integers(2, 12),
    contexts=st.integers(1, 4),
    mixed=st.floats(0.0, 1.0),
    sharp=st.floats(0.0, 6.0),
)
def test_the_bound_holds_in_every_random_bandit(
    seed: int, actions: int, contexts: int, mixed: float, sharp: float
) -> None:
    """Exactly, with all sums over contexts and actions (Laidlaw et al. 2025, theorem 5.1)."""
    rng = np.random.default_rng(seed)
    star = rng.normal(size=(contexts, actions))
    proxy = (1 - mixed) * star + mixed * rng.normal(size=star.shape)
    reference = rng.dirichlet(np.ones(actions), contexts) + 1e-3
    reference /= reference.sum(axis=1, keepdims=True)
    policy = reference * np.exp(sharp * proxy + rng.normal(size=star.shape))
    policy /= policy.sum(axis=1, keepdims=True)
    context = rng.dirichlet(np.ones(contexts))[:, None]
    mu, nu = context * policy, context * reference
    means = [float((nu * reward).sum()) for reward in (proxy, star)]
    spreads = [math.sqrt(float((nu * (r - m) ** 2).sum())) for r, m in zip((proxy, star), means, strict=True)]
    z_proxy, z_star = ((r - m) / s for r, m, s in zip((proxy, star), means, spreads, strict=True))
    correlation = float((nu * z_proxy * z_star).sum())
    chi_squared = float((nu * (mu / nu - 1) ** 2).sum())
    bound = lower_bound(float((mu * z_proxy).sum()), correlation, chi_squared)
    assert float((mu * z_star).sum()) >= bound - 1e-9 * (1 + abs(bound))


def test_a_bound_by_hand() -> None:
    """(2 - sqrt((1 - 0.64) 4)) / 0.8 = (2 - 1.2) / 0.8."""
    assert lower_bound(2.0, 0.8, 4.0) == pytest.approx(1.0)
    assert lower_bound(2.0, 1.0, 1e9) == 2.0  # the north star itself: no divergence does harm
    assert lower_bound(2.0, 0.0, 1.0) == lower_bound(2.0, -0.5, 1.0) == -math.inf
    assert lower_bound(2.0, 0.8, math.inf) == -math.inf


def test_a_reference_is_measured_and_moves_the_bound_to_natural_units() -> None:
    rng = np.random.default_rng(0)
    star = rng.normal(5.0, 2.0, 50_000)
    proxy = 0.8 * (star - 5.0) / 2.0 + 0.6 * rng.normal(size=50_000) + 3.0
    reference = ProxyReference.measure(proxy, star)
    assert reference.correlation == pytest.approx(0.8, abs=0.02)
    expected = reference.north_star + reference.north_star_spread * lower_bound(
        (4.0 - reference.proxy) / reference.proxy_spread, reference.correlation, 0.5
    )
    assert reference.lower_bound(4.0, 0.5) == pytest.approx(expected)


def test_a_proxy_without_variance_guarantees_nothing_and_bad_rows_are_refused() -> None:
    flat = ProxyReference.measure(np.ones(9), np.arange(9.0))
    assert math.isnan(flat.correlation)
    assert flat.lower_bound(1.0, 0.0) == -math.inf
    with pytest.raises(InvalidInput, match=r"monitor\.reference"):
        ProxyReference.measure(np.ones(1), np.ones(1))
    with pytest.raises(InvalidInput, match=r"monitor\.reference\.proxy\[1\]"):
        ProxyReference.measure(np.array([1.0, math.nan]), np.ones(2))
