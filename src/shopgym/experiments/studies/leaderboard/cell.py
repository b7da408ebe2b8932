"""One cell of a leaderboard: an agent learns and is judged in one environment with one seed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

import numpy as np

from ....agents import Task, make_agent
from ....core.batches import Interactions
from ....core.config import build
from ....core.hashing import canonical_json
from ....core.protocols import Agent, Policy
from ....envs.page_env import PageEnv
from ....simulators import Catalog
from ....training.loop import learn
from ....training.position_bias import measure_position_bias
from ...catalogs import load_catalog
from ...cells.cell import Cell, Row
from ...config import CatalogSection
from ...entries import agent_entries
from ...failures import Failures
from ...results import value_scale
from ...stages import stage_rng, stage_seed
from .config import FAMILIES, Family, LeaderboardConfig
from .measure import measure

HERE = f"{__name__}:leaderboard_rows"


def leaderboard_cells(config: LeaderboardConfig, prefix: str) -> list[Cell]:
    """A cell for each agent, environment and seed; those that share an environment stand together."""
    stored = config.stored()
    return [
        Cell(
            f"{prefix}{family}_seed-{seed}_{entry.name}",
            HERE,
            {**stored, "agents": {entry.name: stored["agents"][entry.name]}, "baseline": entry.name},
            {"family": family, "seed": seed, "agent": entry.name},
        )
        for seed in range(config.seeds)
        for family in config.families
        for entry in agent_entries(config.agents)
    ]


@dataclass(frozen=True)
class Stage:
    """What all agents of one environment and seed share.

    Attributes:
        learning: the shop in which they learn; opened anew for each.
        judging: the copy in which their policies are judged.
        task: what an agent is told.
    """

    learning: PageEnv
    judging: PageEnv
    task: Task


def open_loop(config: LeaderboardConfig, catalog: Catalog, family: Family, seed: int, lanes: int) -> PageEnv:
    """A shop of one environment; the users of one seed are the same people for every agent."""
    section = config.families[family]
    env = FAMILIES[family](
        lanes,
        catalog=catalog,
        config=section.shop_config(),
        reward=config.reward.config,
        form="slate",
        shop_seed=stage_seed(config.seed, "population", family, seed),
        days=section.days,
        autoreset_mode="Disabled",
    )
    return env.loop


class Timed:
    """An agent and the CPU-seconds it takes to learn, in ``learn`` or in making its policy."""

    def __init__(self, agent: Agent) -> None:
        self.agent, self.seconds = agent, 0.0

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Learn."""
        start = time.process_time()
        report = self.agent.learn(batch)
        self.seconds += time.process_time() - start
        return report

    def policy(self) -> Policy:
        """What the agent would do now."""
        start = time.process_time()
        policy = self.agent.policy()
        self.seconds += time.process_time() - start
        return policy


@lru_cache(maxsize=1)
def _catalog(section: str, seed: int) -> Catalog:
    """The catalogue of a section of a config, as JSON; the last one is kept for the next cell."""
    catalog, _ = load_catalog(CatalogSection.model_validate_json(section), seed)
    return catalog


@lru_cache(maxsize=1)
def _stage(shared: str, family: Family, seed: int) -> Stage:
    """The stage of a config without its agents, as JSON; the last one is kept for the next cell."""
    config = LeaderboardConfig.model_validate_json(shared)
    catalog = _catalog(config.catalog.model_dump_json(), stage_seed(config.seed, "catalog"))
    section = config.families[family]
    loop = open_loop(config, catalog, family, seed, section.lanes)
    shop, size = loop.shop, loop.shop.config.slate_size
    names = (shop.user_names, shop.context_names)
    blank = Task(catalog.items, *names, size, attention=np.ones(size))
    warm_up = stage_seed(config.seed, "warm-up", family, seed)
    rng = np.random.default_rng(warm_up)
    random = make_agent("random", blank, rng).policy()
    loop.open(warm_up)
    attention = measure_position_bias(loop, random, config.warm_up, rng)
    task = replace(blank, value=value_scale(config.reward.config), attention=attention)
    return Stage(loop, open_loop(config, catalog, family, seed, section.episodes), task)


def leaderboard_rows(cell: Cell) -> list[Row]:
    """Train and judge the one agent of the cell; one row. Where it fails, the row says why."""
    config = build(LeaderboardConfig, cell.config)
    family, seed = cast("Family", cell.key["family"]), int(cell.key["seed"])
    (entry,) = agent_entries(config.agents)
    shared = {**cell.config, "agents": {"random": {}}, "baseline": "random"}
    stage = _stage(canonical_json(shared), family, seed)
    name, failures = entry.name, Failures()
    row: Row = {"agent": name, "family": family, "seed": seed}
    with failures.noted(name, "training"):
        agent = entry.make(stage.task, stage_rng(config.seed, "agent", name, family, seed))
        stage.learning.open(stage_seed(config.seed, "train", family, seed))
        learner = Timed(agent)
        rng = stage_rng(config.seed, "train", name, family, seed)
        for _ in learn(learner, stage.learning, None, rng, pages_in_all=config.families[family].pages):
            pass
        policy = learner.policy()
        row["training_seconds"] = learner.seconds
    with failures.noted(name, "evaluation"):
        if name not in failures.reasons:
            rng = stage_rng(config.seed, "judge", family, seed)
            row |= measure(stage.judging, policy, stage_seed(config.seed, "judge", family, seed), rng)
    return [row | {"failed": failures.reasons.get(name, "")}]
