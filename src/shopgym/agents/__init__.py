"""Learners, one readable idea a file. An agent learns and hands out a frozen policy."""

from .baselines import PopularityAgent, RandomAgent
from .linear import LinTS, LinUCB
from .registry import AGENTS, make_agent
from .task import Task
from .vw import VowpalWabbitAgent

__all__ = [
    "AGENTS",
    "LinTS",
    "LinUCB",
    "PopularityAgent",
    "RandomAgent",
    "Task",
    "VowpalWabbitAgent",
    "make_agent",
]
