"""Agents by name: adding one is one file and one line here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import InvalidInput
from ..core.protocols import Agent
from .baselines import PopularityAgent, RandomAgent
from .bootstrap import BootstrapTS
from .linear import EpsilonGreedy, LinTS, LinUCB, SquareCBLinear
from .logistic import LogisticTS
from .task import Task
from .vw import VowpalWabbitAgent

AGENTS: dict[str, Callable[..., Agent]] = {
    "random": RandomAgent,
    "popularity": PopularityAgent,
    "epsilon_greedy": EpsilonGreedy,
    "squarecb": SquareCBLinear,
    "linucb": LinUCB,
    "lints": LinTS,
    "logistic_ts": LogisticTS,
    "bootstrap_ts": BootstrapTS,
    "vw_squarecb": VowpalWabbitAgent,
}


def make_agent(name: str, task: Task, rng: np.random.Generator, **options: Any) -> Agent:
    """The agent called ``name``; unknown names and options are refused with the known ones."""
    check_agent(name, options)
    return AGENTS[name](task, rng, **options)


def check_agent(name: str, options: dict[str, Any]) -> None:
    """Raise unless there is an agent called ``name`` that takes ``options``."""
    if name not in AGENTS:
        raise InvalidInput("agents", name, f"choose among {', '.join(AGENTS)}")
    known = [p.name for p in inspect.signature(AGENTS[name]).parameters.values() if p.kind == p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            fix = f"known options: {', '.join(known)}" if known else "it takes no options"
            raise InvalidInput(f"agents.{name}.{option}", options[option], fix)
