"""Agents by name. A new agent is one file and one line here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from ..core.errors import InvalidInput, one_of
from ..core.protocols import Agent
from .task import Task

AGENTS: dict[str, str] = {
    "random": "baselines:RandomAgent",
    "popularity": "baselines:PopularityAgent",
    # contextual bandits
    "epsilon_greedy": "bandits.linear:EpsilonGreedy",
    "squarecb": "bandits.linear:SquareCBLinear",
    "linucb": "bandits.linear:LinUCB",
    "lints": "bandits.linear:LinTS",
    "linucb_disjoint": "bandits.disjoint_linear:DisjointLinUCB",
    "linucb_hybrid": "bandits.disjoint_linear:HybridLinUCB",
    "lints_disjoint": "bandits.disjoint_linear:DisjointLinTS",
    "lints_hybrid": "bandits.disjoint_linear:HybridLinTS",
    "regcb": "bandits.regcb:RegCB",
    "logistic_ts": "bandits.logistic:LogisticTS",
    "bootstrap_ts": "bandits.bootstrap:BootstrapTS",
    "neural_greedy": "bandits.neural:NeuralGreedy",
    "neural_bootstrap": "bandits.neural:NeuralBootstrap",
    "neural_linear": "bandits.neural:NeuralLinear",
    "vw": "bandits.vw:VowpalWabbitAgent",
    "vw_squarecb": "bandits.vw:VowpalWabbitSquareCB",
    "vw_slates": "bandits.vw_slates:VowpalWabbitSlates",
    # ranking
    "linear_ranker": "ranking.linear:LinearRegression",
    "logistic_ranker": "ranking.linear:LogisticRegression",
    "lambdamart": "ranking.lambdamart:LambdaMART",
    "mlp_ranker": "ranking.networks:MLPRanker",
    "cross_ranker": "ranking.networks:CrossRanker",
    "objectives_ranker": "ranking.objectives:ObjectivesRanker",
    # retrieval models
    "popularity_trending": "retrieval.agents:TrendingAgent",
    "popularity_cohort": "retrieval.agents:CohortAgent",
    "item_knn": "retrieval.agents:ItemKNNAgent",
    "ease": "retrieval.agents:EaseAgent",
    "als": "retrieval.agents:ALSAgent",
    "bpr": "retrieval.agents:BPRAgent",
    "two_tower": "retrieval.neural_agents:TwoTowerAgent",
    "sasrec": "retrieval.neural_agents:SASRecAgent",
    "gru4rec": "retrieval.neural_agents:GRU4RecAgent",
    # reinforcement learning: these need batches with ``next`` and ``terminated``
    "greedy_clicks": "rl.greedy_clicks:GreedyClicks",
    "dqn": "rl.dqn:DQN",
    "slateq": "rl.slateq:SlateQ",
    "wolpertinger": "rl.wolpertinger:Wolpertinger",
    "reinforce": "rl.reinforce:TopKReinforce",
    "ppo": "rl.ppo:PPO",
    "cloning": "rl.cloning:Cloning",
    "cql": "rl.cql:CQL",
    "iql": "rl.iql:IQL",
    "decision_transformer": "rl.transformer:DecisionTransformer",
}
"""Where each agent is, ``module:class``. A module is imported when its agent is asked for."""

_ADDED: dict[str, Callable[..., Agent]] = {}


def register_agent(name: str, maker: Callable[..., Agent]) -> None:
    """Register an agent of your own as ``name``; ``maker(task, rng, **options)`` makes it.

    Raises:
        InvalidInput: the name is taken.
    """
    if name in AGENTS or name in _ADDED:
        raise InvalidInput("agents", name, "this name is taken: choose another")
    _ADDED[name] = maker


def agent_names() -> tuple[str, ...]:
    """The names of all registered agents."""
    return (*AGENTS, *_ADDED)


def agent_class(name: str) -> Callable[..., Agent]:
    """The class of the agent called ``name``.

    Raises:
        InvalidInput: there is no such agent, or a library that it needs is not installed.
    """
    if name in _ADDED:
        return _ADDED[name]
    one_of("agents", name, agent_names())
    module, _, attribute = AGENTS[name].partition(":")
    try:
        maker: Callable[..., Agent] = getattr(import_module(f".{module}", __package__), attribute)
    except ModuleNotFoundError as error:
        fix = f"install {error.name}: pip install 'shopgym[agents]'"
        raise InvalidInput("agents", name, fix) from error
    return maker


def make_agent(name: str, task: Task, rng: np.random.Generator, **options: Any) -> Agent:
    """The agent called ``name``.

    Raises:
        InvalidInput: there is no such agent, or it has no such option; the error lists those that exist.
    """
    check_agent(name, options)
    return agent_class(name)(task, rng, **options)


def check_agent(name: str, options: dict[str, Any]) -> None:
    """Raise unless there is an agent called ``name`` that takes ``options``."""
    names = _options(agent_class(name))
    for option in options:
        if option not in names:
            fix = f"known options: {', '.join(names)}" if names else "it takes no options"
            raise InvalidInput(f"agents.{name}.{option}", options[option], fix)


def _options(maker: Callable[..., Agent]) -> list[str]:
    """Names of the keyword-only arguments and ``settings``; with ``**options`` those of its parent too."""
    names: list[str] = []
    for part in getattr(maker, "__mro__", (maker,)):
        parameters = inspect.signature(part).parameters.values()
        keywords = [p.name for p in parameters if p.kind == p.KEYWORD_ONLY]
        keywords += vars(part).get("settings", ())
        names += [keyword for keyword in keywords if keyword not in names]
        if not any(p.kind == p.VAR_KEYWORD for p in parameters):
            break
    return [name for name in names if name not in getattr(maker, "fixed_options", ())]
