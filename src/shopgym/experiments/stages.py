"""The stages of an experiment: each has seeds of its own and a fresh copy of the shop."""

from __future__ import annotations

import hashlib

from numpy.random import Generator, Philox

from ..core.reward import RewardSpec
from ..envs.vector import BanditVectorEnv
from ..simulators import Catalog, ShopConfig


def stage_seed(seed: int, *names: object) -> int:
    """The seed of the stage that ``names`` name, below 2^60."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 4


def stage_rng(seed: int, *names: object) -> Generator:
    """The random generator of a stage."""
    return Generator(Philox(key=stage_seed(seed, *names)))


def open_shop(
    catalog: Catalog, config: ShopConfig, reward: RewardSpec, *, lanes: int, population: int, seed: int
) -> BanditVectorEnv:
    """A shop of visits of one page, ``lanes`` at a time; ``population`` seeds the users.

    Without candidates of its own (``num_candidates: 0``) it takes pages of any items.
    """
    env = BanditVectorEnv(
        lanes,
        catalog=catalog,
        config=config,
        reward=reward,
        form="slate" if config.num_candidates else "items",
        shop_seed=population,
        autoreset_mode="Disabled",
        threads=0,
    )
    env.reset(seed=seed)
    return env
