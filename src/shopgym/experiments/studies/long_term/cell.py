"""A cell of the study: one agent learns in one shop, and is judged on new customers' lives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ....agents.registry import make_agent
from ....agents.task import Task
from ....core.config import build
from ....core.items import Items
from ....core.reward import RewardSpec
from ....envs.vector import ShopperVectorEnv
from ....policies.explorers import PlackettLuceRanking
from ....simulators import Catalog
from ....training.episodes import run_episodes
from ....training.loop import check_rollout, train_sequences
from ....training.position_bias import measure_position_bias
from ...cells.cell import Cell, Row
from ...entries import AgentEntry, agent_entries
from ...stages import stage_rng, stage_seed
from ..agent_cells import agent_cells
from .config import CustomersSection, LongTermConfig


def long_term_cells(config: LongTermConfig, prefix: str) -> list[Cell]:
    """A cell for each effect, agent and seed."""
    seeds = range(config.seed, config.seed + config.seeds)
    worlds = {"effect": config.effects}
    return agent_cells(config, f"{__name__}:long_term_rows", prefix, seeds, worlds)


def long_term_rows(cell: Cell) -> list[Row]:
    """One row: means over the customers of :func:`judged_lives`."""
    config = build(LongTermConfig, cell.config)
    (entry,) = agent_entries(config.agents)
    return [judged_lives(str(cell.key["effect"]), entry, int(cell.key["seed"]), config.customers)]


def with_identity(items: Items) -> Items:
    """The items with one more column each, ``is_0``, ``is_1``, ...: a network may learn each by itself."""
    names = tuple(f"is_{row}" for row in range(len(items)))
    columns = np.concatenate([items.features, np.eye(len(items), dtype=np.float32)], axis=1)
    return replace(items, features=columns, feature_names=items.feature_names + names)


def judged_lives(effect: str, entry: AgentEntry, seed: int, size: CustomersSection) -> dict[str, Any]:
    """Train one agent in one shop and judge what it does in the end, greedily, on new customers.

    Returns:
        Means over the customers: ``reward`` (clicks in ``size.days``), ``visits``, ``pages``,
        ``satisfaction`` and the share ``kept``. All agents of a seed meet the same shop and luck.
    """
    catalog = Catalog.synthetic(size.items, seed=seed)
    config = size.shop_config(effect)

    def shop(lanes: int) -> ShopperVectorEnv:
        return ShopperVectorEnv(
            lanes,
            catalog=catalog,
            config=config,
            form="slate",
            reward=RewardSpec({"click": 1.0}, unit="click", north_star="click"),
            days=size.days,
            shop_seed=seed,
            autoreset_mode="Disabled",
        )

    env = shop(size.lanes)
    env.reset(seed=stage_seed(seed, "attention"))
    names = (env.loop.shop.user_names, env.loop.shop.context_names)
    task = Task(with_identity(catalog.items), *names, size.slots, attention=np.ones(size.slots))
    rng = stage_rng(seed, "attention")
    random = make_agent("random", task, rng).policy()
    task = replace(task, attention=measure_position_bias(env.loop, random, 10, rng))
    learner = entry.make(task, stage_rng(seed, "agent"))
    check_rollout(learner, entry.name, size.steps)
    env.reset(seed=stage_seed(seed, "train"))
    train_sequences(learner, env, size.steps, stage_rng(seed, "explore"))
    policy: Any = learner.policy()
    greedy = replace(policy, explorer=PlackettLuceRanking(decay=50.0, floor=0.0))
    judge_seed, rng = stage_seed(seed, "judge") % 2**62, stage_rng(seed, "judge")
    judged = run_episodes(greedy, shop(size.judged), judge_seed, rng)
    means = {column: float(np.mean(values)) for column, values in vars(judged).items()}
    return {**means, "failed": ""}
