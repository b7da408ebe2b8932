"""The cells of a study of agents: one for each world, seed and agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from ..cells.cell import Cell
from ..entries import import_agents
from .study_config import AgentStudyConfig


def agent_cells(
    config: AgentStudyConfig,
    function: str,
    prefix: str,
    seeds: Sequence[int],
    worlds: Mapping[str, Sequence[str]],
) -> list[Cell]:
    """Cells that each have one agent; those of one seed and world stand together.

    Args:
        config: of the study.
        function: of the cells, ``module:name``.
        prefix: of their names.
        seeds: of the repetitions.
        worlds: by the key that names them, such as ``family``; empty where there is one.
    """
    import_agents(config.agents)
    cells = []
    for seed in seeds:
        for world, agent in product(product(*worlds.values()), config.agents):
            name = "_".join([*world, f"seed-{seed}", agent])
            key: dict[str, str | int] = {
                **dict(zip(worlds, world, strict=True)),
                "seed": seed,
                "agent": agent,
            }
            cells.append(Cell(prefix + name, function, config.of_agent(agent), key))
    return cells
