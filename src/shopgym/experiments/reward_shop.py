"""The shop that a reward is checked in, from a config or the name of a profile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..core.errors import InvalidInput
from ..guardrails.reward.linted_shop import LintedShop
from ..simulators import Catalog
from ..simulators.profiles.profiles import PROFILES, profile, profile_catalog
from .catalogs import load_catalog
from .config import ExperimentConfig, load_config
from .seeds import stage_seed

PROFILE_VISITS = 20_000.0
"""Visits in a season of a profile: what one person does does not depend on it, and memory does."""


def read_shop(path: Path, discounts: Sequence[float] = (), seed: int | None = None) -> LintedShop:
    """The shop of an experiment's config, or a profile: ``gift``, ``fashion``, ``grocery``.

    Args:
        discounts: shares that an agent may take off the prices of a page; 0 is added.
        seed: in place of the config's.

    Raises:
        InvalidInput: there is no such file, config or profile, or a discount is out of range.
    """
    off = tuple(sorted({0.0, *discounts}))
    if is_profile(path):
        start = seed or 0
        catalog = profile_catalog(path.name, start)
        return LintedShop(catalog, profile(path.name, visits=PROFILE_VISITS), start, off)
    config = load_config(path)
    if not isinstance(config, ExperimentConfig):
        raise InvalidInput("shop", str(path), "give the config of an experiment, or the name of a profile")
    start = config.seed if seed is None else seed
    catalog, _ = load_catalog(config.catalog, stage_seed(start, "catalog"))
    return shop_of(config, catalog, stage_seed(start, "population"), off)


def is_profile(path: Path) -> bool:
    """Whether a profile is meant, and no file."""
    return not path.exists() and path.name in PROFILES and path.parent == Path()


def shop_of(
    config: ExperimentConfig, catalog: Catalog, population: int, discounts: Sequence[float] = (0.0,)
) -> LintedShop:
    """The shop of an experiment; ``population`` seeds its users."""
    return LintedShop(catalog, config.shop_config(), population, tuple(discounts), config.guards)
