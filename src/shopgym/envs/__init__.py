"""The Gymnasium face: spaces, observations, episodes and rewards."""

from ..core.reward import RewardSpec
from .page_env import Episode, PageEnv
from .single import BanditEnv, SeasonEnv, SessionEnv, ShopperEnv
from .vector import BanditVectorEnv, SeasonVectorEnv, SessionVectorEnv, ShopperVectorEnv

__all__ = [
    "BanditEnv",
    "BanditVectorEnv",
    "Episode",
    "PageEnv",
    "RewardSpec",
    "SeasonEnv",
    "SeasonVectorEnv",
    "SessionEnv",
    "SessionVectorEnv",
    "ShopperEnv",
    "ShopperVectorEnv",
]
