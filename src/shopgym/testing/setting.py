"""A small shop in which agents are checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng

from ..agents.task import Task
from ..core.batches import Interactions
from ..core.protocols import Agent, Policy
from ..simulators import Catalog, ChoiceConfig, Shop, ShopConfig

AgentMaker = Callable[[Task, Generator], Agent]
"""From a task and a generator to an agent."""


@dataclass(frozen=True)
class Setting:
    """A small shop with visits under way, and the task that agents are given in it."""

    shop: Shop
    task: Task

    def serve_page(self, policy: Policy, rng: Generator) -> Interactions:
        """One page for every visitor, and what each visitor asks for next."""
        requests = self.shop.requests()
        decisions = policy.decide(requests, rng)
        feedback, left, cut = self.shop.serve(decisions.slates)
        self.shop.start_visits()
        return Interactions(
            requests, decisions, feedback.margin, feedback.learner_events(), self.shop.requests(), left | cut
        )

    def trained_agent(self, make: AgentMaker, *, seed: int = 5, rounds: int = 3) -> Agent:
        """An agent that has learnt from ``rounds`` pages of every visitor."""
        agent, rng = make(self.task, default_rng(seed)), default_rng(0)
        for _ in range(rounds):
            agent.learn(self.serve_page(agent.policy(), rng))
        return agent


def small_setting(lanes: int = 64) -> Setting:
    """A shop of 120 items and 300 users; pages have 3 slots, 8 candidates and a history of 8 items.

    Visitors click and buy far more often than by default, so that three pages each are enough to learn from.

    Args:
        lanes: visitors at the same time.
    """
    catalog = Catalog.synthetic(120, seed=3)
    choice = ChoiceConfig(click_base=-0.5, cart_base=1.0, buy_base=2.0)
    config = ShopConfig(users=300, slate_size=3, num_candidates=8, history=8, choice=choice)
    shop = Shop(catalog, config, lanes=lanes, seed=1)
    shop.start_visits()
    attention = np.array([1.0, 0.8, 0.6])
    task = Task(catalog.items, shop.user_names, shop.context_names, 3, value="margin", attention=attention)
    return Setting(shop, task)
