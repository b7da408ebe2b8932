"""The arms of a test: agents that have learnt in a copy of the shop, frozen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ....agents.baselines import RandomAgent
from ....agents.task import Task
from ....core.errors import InvalidInput
from ....envs.vector import BanditVectorEnv
from ....policies.policy import SlatePolicy
from ....simulators import Catalog
from ....simulators.shop import Shop
from ....training.loop import train
from ....training.position_bias import measure_position_bias
from ...entries import agent_entries
from ...results import value_scale
from ...stages import open_shop, stage_rng, stage_seed
from .config import AbtestConfig


def train_arms(
    config: AbtestConfig, catalog: Catalog, on_arm: Callable[[str], None] = lambda name: None
) -> tuple[SlatePolicy, ...]:
    """The policies of the arms, the control first. Each agent learns from one-page visits.

    Raises:
        InvalidInput: an agent whose policy is no :class:`.SlatePolicy`.
    """
    rng, seed = partial(stage_rng, config.seed), partial(stage_seed, config.seed)
    training, reward = config.training, config.reward.config

    def opened(stage: str) -> BanditVectorEnv:
        population = seed("population")
        shop = (catalog, config.shop.config, reward)
        return open_shop(*shop, lanes=training.batch, population=population, seed=seed(stage))

    env = opened("warm-up")
    shop, size = env.loop.shop, config.shop.config.slate_size
    names = (shop.user_names, shop.context_names)
    blank = Task(catalog.items, *names, size, config.guards, attention=np.ones(size))
    random = RandomAgent(blank, rng("warm-up")).policy()
    attention = measure_position_bias(env.loop, random, training.warm_up, rng("warm-up"))
    live = tuple(env.requests.live)
    value = value_scale(reward)
    task = Task(catalog.items, *names, size, config.guards, value, attention, live)
    policies = {}
    for entry in agent_entries(config.agents):
        on_arm(entry.name)
        agent = entry.make(task, rng("agent", entry.name))
        train(agent, opened("train"), training.rounds, rng("train", entry.name))
        policy = agent.policy()
        if not isinstance(policy, SlatePolicy):
            raise InvalidInput("agents", entry.name, "its policy ranks no candidates: choose another agent")
        policies[entry.name] = policy
    return tuple(policies[name] for name in config.arms)


def season_shop(config: AbtestConfig, catalog: Catalog) -> Shop:
    """The shop of the test: one stock, one calendar, the people that the arms learnt from."""
    return Shop(
        catalog,
        config.shop.config,
        lanes=config.visits,
        seed=stage_seed(config.seed, "population"),
        clock="season",
        days=config.days,
    )
