"""The arms of a test: agents that have learnt in a copy of the shop, frozen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ....envs.vector import ShopVectorEnv
from ....policies.policy import SlatePolicy
from ....simulators import Catalog
from ....simulators.shop import Shop
from ....training.loop import train
from ...entries import agent_entries
from ...seeds import stage_rng, stage_seed
from ...stages.learn import slate_policy
from ...stages.prepare import task_of
from ...stages.shops import open_shop
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

    def opened(stage: str) -> ShopVectorEnv:
        population = seed("population")
        shop = (catalog, config.shop.config, reward)
        return open_shop(*shop, lanes=training.batch, population=population, seed=seed(stage))

    task = task_of(opened("warm-up").loop, reward, training.warm_up, rng("warm-up"), guards=config.guards)
    policies = {}
    for entry in agent_entries(config.agents):
        on_arm(entry.name)
        agent = entry.make(task, rng("agent", entry.name))
        train(agent, opened("train"), training.rounds, rng("train", entry.name))
        policies[entry.name] = slate_policy(agent, entry.name)
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
