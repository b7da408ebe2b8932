"""The Gymnasium face: spaces, observations, episodes and rewards."""

from .reward import RewardSpec
from .single import BanditEnv, SessionEnv
from .vector import BanditVectorEnv, SessionVectorEnv

__all__ = ["BanditEnv", "BanditVectorEnv", "RewardSpec", "SessionEnv", "SessionVectorEnv"]
