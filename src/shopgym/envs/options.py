"""From the keyword arguments of an environment, as Python or YAML gives them, to its shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.config import build, with_settings
from ..core.errors import InvalidInput, in_range, whole_number
from ..core.reward import RewardSpec
from ..simulators import Catalog, Shop, ShopConfig
from ..simulators.profiles.profiles import profile, profile_catalog
from ..simulators.rollout import Episode
from .guarding import read_guards
from .page_env import PageEnv


def make_page_env(
    num_envs: int,
    *,
    catalog: Catalog | str | int | None = None,
    reward: RewardSpec | Mapping[str, Any] | None = None,
    form: str = "slot",
    episode: str,
    discounts: Sequence[float] = (),
    guards: Sequence[Any] = (),
    identity: bool = False,
    reuses_arrays: bool = False,
    days: float = 364.0,
    seed: int = 0,
    threads: int = 1,
    config: ShopConfig | Mapping[str, Any] | str | None = None,
    settings: Mapping[str, Any],
) -> PageEnv:
    """Build the shop that an environment's keyword arguments describe.

    The arguments are those of :class:`.single.ShopEnv`; ``settings`` replace single fields of ``config``.

    Raises:
        InvalidInput: an argument has a wrong type or is out of range.
    """
    in_range("num_envs", whole_number("num_envs", num_envs), 1, 2**31 - 1)
    in_range("threads", whole_number("threads", threads), 0, 4096)
    in_range("shop_seed", whole_number("shop_seed", seed), 0, 2**64, open_high=True)
    if not isinstance(identity, bool):
        raise InvalidInput("identity", identity, "give True or False")
    shop = Shop(
        _catalog(catalog, config, seed),
        with_settings(_config(config, episode), settings, "shop"),
        lanes=num_envs,
        seed=seed,
        threads=threads,
        clock=Episode(episode).clock,
        days=days,
    )
    return PageEnv(
        shop,
        RewardSpec.read(reward),
        form,
        episode=episode,
        discounts=_shares(discounts),
        guards=read_guards(guards),
        identity=identity,
        reuses_arrays=reuses_arrays,
    )


def _catalog(catalog: Any, config: Any, seed: int) -> Catalog:
    if isinstance(catalog, Catalog):
        return catalog
    if catalog is None:
        return profile_catalog(config, seed) if isinstance(config, str) else Catalog.online_retail()
    if isinstance(catalog, str) and catalog == "online_retail":
        return Catalog.online_retail()
    if isinstance(catalog, int | np.integer) and not isinstance(catalog, bool):
        return Catalog.synthetic(int(catalog), seed=seed)
    raise InvalidInput("catalog", catalog, "give 'online_retail', a number of items, or a Catalog")


def _config(config: Any, episode: str) -> ShopConfig:
    if isinstance(config, ShopConfig):
        return config
    if config is None:
        return ShopConfig.full() if episode in (Episode.LIFE, Episode.SEASON) else ShopConfig()
    if isinstance(config, str):
        return profile(config)
    if isinstance(config, Mapping):
        return build(ShopConfig, config, "shop")
    raise InvalidInput("config", config, "give a ShopConfig, a mapping of settings, or a profile's name")


def _shares(discounts: Any) -> list[float]:
    try:
        shares = np.asarray(discounts)
    except ValueError:
        shares = np.empty(0, object)
    if shares.ndim != 1 or (len(shares) and shares.dtype.kind not in "iuf"):
        raise InvalidInput("discounts", discounts, "give a list of shares, e.g. [0.0, 0.1]")
    return [float(share) for share in shares]
