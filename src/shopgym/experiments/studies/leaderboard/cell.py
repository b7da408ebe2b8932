"""One cell of a leaderboard: an agent learns and is judged in one environment with one seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np

from ....agents import Task
from ....core.config import build
from ....core.hashing import canonical_json
from ....envs.page_env import PageEnv
from ....simulators import Catalog
from ....training.loop import check_rollout
from ...catalogs import load_catalog
from ...cells.cell import Cell, Row
from ...config import CatalogSection
from ...entries import agent_entries
from ...failures import Failures
from ...seeds import stage_rng, stage_seed
from ...stages.learn import policies_after
from ...stages.prepare import task_of
from ...stages.shops import open_shop
from ..agent_cells import agent_cells
from .config import FAMILIES, Family, LeaderboardConfig
from .measure import measure

HERE = f"{__name__}:leaderboard_rows"


def leaderboard_cells(config: LeaderboardConfig, prefix: str) -> list[Cell]:
    """A cell for each agent, environment and seed; those that share an environment stand together."""
    worlds = {"family": list(config.families)}
    return agent_cells(config, HERE, prefix, range(config.seeds), worlds)


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
    return open_shop(
        catalog,
        section.shop_config(),
        config.reward.config,
        lanes=lanes,
        population=stage_seed(config.seed, "population", family, seed),
        seed=0,
        episode=FAMILIES[family],
        days=section.days,
        threads=1,
    ).loop


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
    warm_up = stage_seed(config.seed, "warm-up", family, seed)
    loop.open(warm_up)
    task = task_of(loop, config.reward.config, config.warm_up, np.random.default_rng(warm_up))
    return Stage(loop, open_loop(config, catalog, family, seed, section.episodes), task)


def leaderboard_rows(cell: Cell) -> list[Row]:
    """Train the one agent of the cell; one row for each budget. Where it fails, the rows say why."""
    config = build(LeaderboardConfig, cell.config)
    family, seed = cast("Family", cell.key["family"]), int(cell.key["seed"])
    (entry,) = agent_entries(config.agents)
    shared = {**cell.config, "agents": {"random": {}}, "baseline": "random", "largest_budget": {}}
    stage = _stage(canonical_json(shared), family, seed)
    name, failures = entry.name, Failures()
    budgets = config.budgets_of(name, family)
    pages = [round(budget * config.families[family].pages) for budget in budgets]
    rows: list[Row] = []
    with failures.noted(name, "training"):
        agent = entry.make(stage.task, stage_rng(config.seed, "agent", name, family, seed))
        check_rollout(agent, name, pages[0] // config.families[family].lanes)
        stage.learning.open(stage_seed(config.seed, "train", family, seed))
        rng = stage_rng(config.seed, "train", name, family, seed)
        for policy, seconds in policies_after(agent, stage.learning, pages, rng):
            judge = stage_rng(config.seed, "judge", family, seed)
            with failures.noted(name, "evaluation"):
                measured = measure(
                    stage.judging, policy, stage_seed(config.seed, "judge", family, seed), judge
                )
                rows.append({"training_seconds": seconds, **measured, "failed": ""})
            if name in failures.reasons:
                break
    rows += [{"failed": failures.reasons[name]} for _ in budgets[len(rows) :]]
    key: Row = {"agent": name, "family": family, "seed": seed}
    return [
        {**key, "budget": budget, "pages": count, **row}
        for budget, count, row in zip(budgets, pages, rows, strict=True)
    ]
