"""Agents by name. A new agent is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

import numpy as np

from ..core.errors import InvalidInput, one_of
from ..core.protocols import Agent
from .options import check_names_and_types, check_ranges
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
    "bayesianbandits": "bandits.bayesianbandits_ts:BayesianBanditsTS",
    "vw": "bandits.vw:VowpalWabbitAgent",
    "vw_squarecb": "bandits.vw:VowpalWabbitSquareCB",
    "vw_slates": "bandits.vw_slates:VowpalWabbitSlates",
    # under limits
    "lagrangian_linear": "constrained.lagrangian_linear:LagrangianLinear",
    "conservative_linucb": "constrained.conservative:ConservativeLinUCB",
    "lagrangian_slateq": "constrained.lagrangian_slateq:LagrangianSlateQ",
    "lagrangian_ppo": "constrained.lagrangian_ppo:LagrangianPPO",
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

GROUP = "shopgym.agents"
"""Entry points of this group, in the metadata of installed packages, are agents too."""

_ADDED: dict[str, Callable[..., Agent]] = {}


def register_agent(name: str, maker: Callable[..., Agent]) -> None:
    """Register an agent of your own as ``name``; ``maker(task, rng, **options)`` makes it.

    The same maker may be registered again, as when a module is imported anew.

    Raises:
        InvalidInput: another agent has the name.
    """
    if name in AGENTS or not _same(_ADDED.get(name, maker), maker):
        raise InvalidInput("agents", name, "this name is taken: choose another")
    _ADDED[name] = maker


def _same(one: Callable[..., Agent], other: Callable[..., Agent]) -> bool:
    """Whether two makers are one, or come from the same lines of the same module."""
    places = [
        (getattr(maker, "__module__", ""), getattr(maker, "__qualname__", "")) for maker in (one, other)
    ]
    return one is other or (places[0] == places[1] and "<" not in places[0][1])


def agent_names() -> tuple[str, ...]:
    """The names of all registered agents, those of installed packages included."""
    return tuple(dict.fromkeys((*AGENTS, *_ADDED, *_installed())))


@cache
def _installed() -> dict[str, EntryPoint]:
    """Agents of installed packages by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def agent_class(name: str, field: str = "agents") -> Callable[..., Agent]:
    """The class of the agent called ``name``.

    Args:
        field: what messages call it.

    Raises:
        InvalidInput: there is no such agent, or a library that it needs is not installed.
    """
    if name in _ADDED:
        return _ADDED[name]
    if name not in AGENTS and name in _installed():
        try:
            maker: Callable[..., Agent] = _installed()[name].load()
        except (ImportError, AttributeError) as error:
            fix = f"its package cannot be imported: {error}"
            raise InvalidInput(field, name, fix) from error
        return maker
    one_of(field, name, agent_names())
    module, _, attribute = AGENTS[name].partition(":")
    try:
        return cast("Callable[..., Agent]", getattr(import_module(f".{module}", __package__), attribute))
    except ModuleNotFoundError as error:
        fix = f"install {error.name}: pip install 'shopgym[agents]'"
        raise InvalidInput(field, name, fix) from error


def make_agent(name: str, task: Task, rng: np.random.Generator, **options: Any) -> Agent:
    """The agent called ``name``.

    Raises:
        InvalidInput: there is no such agent, or it has no such option; the error lists those that exist.
    """
    maker = agent_class(name)
    check_names_and_types(maker, options, f"agents.{name}")
    return maker(task, rng, **options)


def check_agent(name: str, options: Mapping[str, Any], field: str, user_names: tuple[str, ...]) -> None:
    """Raise unless there is an agent called ``name`` that takes ``options``, their ranges included.

    An agent that is given no options is not imported.

    Args:
        field: the dotted name of the options, for messages.
        user_names: columns of ``Requests.user``.
    """
    one_of(field, name, agent_names())
    if options:
        maker = agent_class(name, field)
        check_names_and_types(maker, options, field)
        check_ranges(maker, options, field, user_names)
