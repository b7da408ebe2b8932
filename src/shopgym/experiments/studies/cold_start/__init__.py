"""Cold start: what is lost on new items and new users."""

from .config import ColdStartConfig, LaunchSection
from .measure import CLICKS, ITEM_ENDS, USER_ENDS, ColdStart, cold_start
from .study import STUDY

__all__ = [
    "CLICKS",
    "ITEM_ENDS",
    "STUDY",
    "USER_ENDS",
    "ColdStart",
    "ColdStartConfig",
    "LaunchSection",
    "cold_start",
]
