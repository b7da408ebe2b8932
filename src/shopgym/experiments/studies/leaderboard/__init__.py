"""Agents side by side in the four environments, over seeds, with intervals."""

from .config import FAMILIES, LeaderboardConfig
from .run import STUDY, run_leaderboard
from .statistics import iqm, stratified_interval

__all__ = ["FAMILIES", "STUDY", "LeaderboardConfig", "iqm", "run_leaderboard", "stratified_interval"]
