"""What many tests need: a small catalogue and a shop of it."""

from __future__ import annotations

import numpy as np
import pytest

from shopgym.agents import Task
from shopgym.simulators import Catalog, Shop, ShopConfig


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """120 synthetic items."""
    return Catalog.synthetic(120, seed=3)


@pytest.fixture(scope="session")
def config() -> ShopConfig:
    """A small shop: 3 slots of 8 candidates; requests tell the last 8 items opened."""
    return ShopConfig(users=300, slate_size=3, num_candidates=8, history=8)


@pytest.fixture
def shop(catalog: Catalog, config: ShopConfig) -> Shop:
    """64 visits of it under way."""
    shop = Shop(catalog, config, lanes=64, seed=1)
    shop.start_visits()
    return shop


@pytest.fixture
def task(shop: Shop, catalog: Catalog) -> Task:
    """Margin, on pages whose second and third slot are looked at less."""
    attention = np.array([1.0, 0.8, 0.6])
    return Task(catalog.items, shop.user_names, shop.context_names, 3, value="margin", attention=attention)
