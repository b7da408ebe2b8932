"""The shop of a stage, for every kind of episode."""

from __future__ import annotations

from collections.abc import Mapping

from ...core.reward import RewardSpec
from ...envs.vector import (
    BanditVectorEnv,
    SeasonVectorEnv,
    SessionVectorEnv,
    ShopperVectorEnv,
    ShopVectorEnv,
)
from ...simulators import Catalog, ShopConfig
from ...simulators.rollout import Episode
from ..episodes import DAYS

ENVIRONMENTS: Mapping[Episode, type[ShopVectorEnv]] = {
    env.episode: env for env in (BanditVectorEnv, SessionVectorEnv, ShopperVectorEnv, SeasonVectorEnv)
}
"""The environment of each kind of episode."""


def open_shop(
    catalog: Catalog,
    config: ShopConfig,
    reward: RewardSpec,
    *,
    lanes: int,
    population: int,
    seed: int,
    episode: str = Episode.PAGE,
    days: float = DAYS,
    threads: int = 0,
) -> ShopVectorEnv:
    """A shop of episodes of one kind, ``lanes`` visits at a time; ``population`` seeds the users.

    Without candidates of its own (``num_candidates: 0``) it takes pages of any items.

    Args:
        days: of a life or a season.
        threads: of the kernels; 0: as many as there are cores. Results do not depend on it.
    """
    env = ENVIRONMENTS[Episode(episode)](
        lanes,
        catalog=catalog,
        config=config,
        reward=reward,
        form="slate" if config.num_candidates else "items",
        shop_seed=population,
        days=days,
        autoreset_mode="Disabled",
        threads=threads,
    )
    env.reset(seed=seed)
    return env
