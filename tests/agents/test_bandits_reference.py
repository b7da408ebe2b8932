"""mabwiser's decisions on one stream with the same normal numbers: benchmarks/mabwiser_vectors.py."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from builders.bandits import make_interactions, make_requests, make_task
from builders.paths import DATA

from shopgym.agents import make_agent
from shopgym.agents.bandits.online import OnlineArms

REFERENCE: Any = json.loads((DATA / "mabwiser.json").read_text(encoding="utf-8"))
CONTEXTS, REWARDS, NORMALS = (np.array(REFERENCE[name]) for name in ("contexts", "rewards", "normals"))


class Recorded:
    """Stands for the generator: gives the normal numbers of the file, in its order."""

    def __init__(self) -> None:
        self.step = -1

    def standard_normal(self, shape: tuple[int, ...]) -> Any:
        if not np.prod(shape):  # no shared model, nothing to draw
            return np.zeros(shape)
        self.step += 1
        return NORMALS[self.step][None]


@pytest.mark.parametrize(("name", "options"), [("linucb", {}), ("lints", {"draws": 1})])
def test_decisions_equal_those_of_mabwiser(name: str, options: dict[str, Any]) -> None:
    task = make_task(REWARDS.shape[1], users=CONTEXTS.shape[1] - 1)
    agent: Any = make_agent(
        f"{name}_disjoint",
        task,
        np.random.default_rng(0),
        alpha=REFERENCE["alpha"][name],
        ridge=REFERENCE["ridge"],
        noise=1.0,
        decay=50.0,
        floor=0.0,
        **options,
    )
    agent.rng = Recorded()
    rng, chosen = np.random.default_rng(0), []
    for context, rewards in zip(CONTEXTS, REWARDS):
        requests = make_requests(task, 1, rng, users=context[None, :-1])
        requests.user[:], requests.context[:] = context[None, :-1], context[None, -1:]
        decisions = agent.policy().decide(requests, rng)
        item = int(decisions.slates[0, 0])
        agent.learn(make_interactions(requests, [[item]], [[rewards[item]]]))
        chosen.append(item)
    assert chosen == REFERENCE["decisions"][name]


def test_online_decisions_equal_those_of_mabwiser() -> None:
    agent = OnlineArms(REWARDS.shape[1], 4, np.random.default_rng(0), alpha=REFERENCE["alpha"]["linucb"])
    chosen = []
    for context, rewards in zip(np.column_stack([np.ones(len(CONTEXTS)), CONTEXTS]), REWARDS):
        arm = agent.decide(context)
        agent.learn(arm, context, rewards[arm])
        chosen.append(arm)
    assert chosen == REFERENCE["decisions"]["linucb"]
