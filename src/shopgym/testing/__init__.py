"""Suites that whatever is added to shopgym must pass, ours and anybody's."""

from .agents import AGENT_CHECKS
from .setting import AgentMaker, Setting, small_setting

__all__ = ["AGENT_CHECKS", "AgentMaker", "Setting", "small_setting"]
