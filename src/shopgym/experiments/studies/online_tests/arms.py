"""The arms of a test: agents that have learnt in a copy of the shop, frozen, or exported policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from ....agents import Task
from ....core.errors import InvalidInput
from ....envs.vector import ShopVectorEnv
from ....policies.decision_log.schema import items_hash
from ....policies.policy import SlatePolicy
from ....policies.serving.saved_policy import load_saved_policy
from ....simulators import Catalog
from ....simulators.shop import Shop
from ....training.loop import check_rollout, train
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
        InvalidInput: an agent whose policy is no :class:`.SlatePolicy`, or a bundle of another shop.
    """
    rng, seed = partial(stage_rng, config.seed), partial(stage_seed, config.seed)
    training, reward = config.training, config.reward.config

    def opened(stage: str) -> ShopVectorEnv:
        population = seed("population")
        shop = (catalog, config.shop.config, reward)
        return open_shop(*shop, lanes=training.batch, population=population, seed=seed(stage))

    task = task_of(opened("warm-up").loop, reward, training.warm_up, rng("warm-up"), guards=config.guards)
    # bundles first: what is no policy of this shop is refused before anything learns
    policies = {name: exported_policy(name, Path(path), task) for name, path in config.bundles.items()}
    for entry in agent_entries(config.agents):
        on_arm(entry.name)
        agent = entry.make(task, rng("agent", entry.name))
        check_rollout(agent, entry.name, training.rounds)
        train(agent, opened("train"), training.rounds, rng("train", entry.name))
        policies[entry.name] = slate_policy(agent, entry.name)
    return tuple(policies[name] for name in config.arms)


def exported_policy(name: str, folder: Path, task: Task) -> SlatePolicy:
    """The policy of a bundle, or of a folder ``policies/NAME`` of a run, as the arm ``name``.

    Raises:
        InvalidInput: it was made for another catalogue, other features or pages of another size.
    """
    saved = load_saved_policy(folder)
    policy, field = saved.policy, f"bundles.{name}"
    if items_hash(policy.items) != items_hash(task.items):
        fix = "it was made for another catalogue: give the test the catalog and seed that it learnt with"
        raise InvalidInput(field, str(folder), fix)
    if policy.slate_size != task.slate_size:
        fix = f"its pages have {policy.slate_size} slots, those of the shop {task.slate_size}"
        raise InvalidInput(field, str(folder), fix)
    sides = (
        ("user", saved.user_names, task.user_names),
        ("context", saved.context_names, task.context_names),
        ("live", saved.live_names, task.live_names),
    )
    for side, own, asked in sides:
        if tuple(own) != tuple(asked):
            fix = f"it reads the {side} features {', '.join(own) or 'none'}; the shop has {', '.join(asked)}"
            raise InvalidInput(field, str(folder), fix)
    return replace(policy, name=name)


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
