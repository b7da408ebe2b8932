"""Learners, one readable idea a file. An agent learns and hands out a frozen policy."""

from .registry import AGENTS, agent_class, agent_names, make_agent, register_agent
from .task import Task

__all__ = ["AGENTS", "Task", "agent_class", "agent_names", "make_agent", "register_agent"]
