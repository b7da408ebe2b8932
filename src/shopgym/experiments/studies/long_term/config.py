"""A study of long-term rewards as YAML: ``kind: long_term``, shops, agents, customers, seeds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from ....core.errors import one_of
from ....simulators import ChoiceConfig, PeopleConfig, RetentionConfig, ShopConfig
from ...config import Section
from ..study_config import AgentStudyConfig

EFFECTS = {"off": (0.0, 0.0), "default": (0.5, 1.0), "strong": (2.0, 4.0)}
"""rate_effect and churn_effect of satisfaction: none, the defaults of the shop, and four times those."""

Effect = Literal["off", "default", "strong"]


class CustomersSection(Section):
    """The shop and its customers: those who teach an agent, and those whose whole lives judge it."""

    items: int = Field(40, ge=4, le=100_000, description="of the shop")
    users: int = Field(2000, ge=1, le=10_000_000, description="of the shop")
    slots: int = Field(3, ge=1, le=100, description="of a page")
    candidates: int = Field(10, ge=1, le=10_000, description="of a page")
    days: float = Field(120.0, gt=0, le=36_400, description="a customer is followed")
    lanes: int = Field(128, ge=1, le=1_000_000, description="customers at once while learning")
    steps: int = Field(600, ge=1, le=2**31, description="pages of each of them")
    judged: int = Field(400, ge=2, le=1_000_000, description="new customers")

    def shop_config(self, effect: str) -> ShopConfig:
        """The shop's numbers; ``effect`` of :data:`EFFECTS`."""
        rate, churn = EFFECTS[effect]
        habits = RetentionConfig(r=1.2, alpha=10.0, a=1.1, b=12.0, rate_effect=rate, churn_effect=churn)
        return ShopConfig(
            users=self.users,
            slate_size=self.slots,
            num_candidates=self.candidates,
            choice=ChoiceConfig(click_base=-2.0),  # five times the usual clicks, so that minutes suffice
            people=PeopleConfig(enabled=True, retention=habits),
        )


class LongTermConfig(AgentStudyConfig):
    """Which agents, in which shops, how often."""

    kind: Literal["long_term"]
    ahead: str = Field(description="the agent that looks ahead: the others are held against it")
    effects: tuple[Effect, ...] = Field(
        ("strong", "off"), min_length=1, description="of satisfaction on return and churn, one shop each"
    )
    customers: CustomersSection = CustomersSection()
    seeds: int = Field(5, ge=2, le=10_000, description="independent repetitions")
    level: float = Field(0.95, gt=0.5, lt=1.0)

    @model_validator(mode="after")
    def _looks_ahead(self) -> LongTermConfig:
        self.check_agents(*(self.customers.shop_config(effect) for effect in self.effects))
        one_of("ahead", self.ahead, self.agents)
        return self

    def of_agent(self, agent: str) -> dict[str, Any]:
        """The config with one of its agents, as JSON."""
        return {**super().of_agent(agent), "ahead": agent}
