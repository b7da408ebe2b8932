"""What many tests need: a small catalogue and a shop of it."""

from __future__ import annotations

import pytest

from shopgym.simulators import Catalog, ShopConfig


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """120 synthetic items."""
    return Catalog.synthetic(120, seed=3)


@pytest.fixture(scope="session")
def config() -> ShopConfig:
    """A small shop: 3 slots of 8 candidates; requests tell the last 8 items opened."""
    return ShopConfig(users=300, slate_size=3, num_candidates=8, history=8)
