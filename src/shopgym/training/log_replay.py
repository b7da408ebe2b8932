"""An agent by its name, replayed on a table: what it would have earned while it learnt."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..agents.registry import make_agent
from ..agents.task import Task
from ..core.errors import InvalidInput
from ..core.items import Items
from ..evaluation.offline.replay import BATCH, LoggedRounds, ReplayEstimate, replay


def replay_agent(
    name: str, rounds: LoggedRounds, *, seed: int = 0, level: float = 0.95, batch: int = BATCH, **options: Any
) -> ReplayEstimate:
    """What the agent called ``name`` would have earned on the rounds of a table.

    Each action is an item of its own. Agents with a model for each item, such as ``lints_disjoint``, see the
    context of the rounds; those with one model for all items tell actions apart by their number alone.

    Args:
        name: of the registry of agents.
        rounds: of :meth:`~shopgym.evaluation.offline.replay.LoggedRounds.from_table`.
        seed: decides the agent's choices.
        level, batch: as in :func:`~shopgym.evaluation.offline.replay.replay`.
        options: of the agent.

    Raises:
        InvalidInput: no such agent or option, or rounds whose actions are items of a catalogue: make the
            agent for that catalogue and call ``replay``.
        NotEstimable: as ``replay``.
    """
    if not rounds.labels:
        raise InvalidInput("rounds", "a decision log", "make the agent for its catalogue and call replay")
    rng = np.random.default_rng(seed)
    task = Task(_items(rounds.labels), (), rounds.context_names, 1)
    return replay(rounds, make_agent(name, task, rng, **options), rng=rng, level=level, batch=batch)


def _items(labels: tuple[str, ...]) -> Items:
    """A catalogue of the actions, each with one feature that is its own."""
    count = len(labels)
    names, ones = np.array(labels), np.ones(count)
    return Items(
        item_id=names,
        name=names,
        category=np.zeros(count, np.int32),
        price=ones,
        unit_cost=0.0 * ones,
        popularity=ones / count,
        features=np.eye(count, dtype=np.float32),
        category_names=("action",),
        feature_names=tuple(f"is_{i}" for i in range(count)),
    )
