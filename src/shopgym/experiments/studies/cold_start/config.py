"""A study of cold start as YAML: ``kind: cold_start``, agents, the launch of items, seeds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ....simulators import ShopConfig
from ....simulators.config import StockConfig
from ....simulators.market.market import MarketConfig
from ...config import Section
from ..study_config import AgentStudyConfig


class LaunchSection(Section):
    """A synthetic catalogue of which a part comes on sale while agents learn."""

    items: int = Field(300, ge=20, le=100_000)
    new_share: float = Field(0.4, gt=0, le=1, description="of the items comes on sale during the run")
    lanes: int = Field(256, ge=1, le=1_000_000, description="pages a round")
    warm_up: int = Field(60, ge=1, le=1_000_000, description="rounds before losses are counted")
    rounds: int = Field(100, ge=1, le=1_000_000, description="rounds after")
    rounds_per_day: int = Field(10, ge=1, le=10_000, description="items come on sale at the start of a day")

    def shop_config(self) -> ShopConfig:
        """The shop's numbers."""
        days = (self.warm_up + self.rounds) / self.rounds_per_day
        return ShopConfig(
            users=2000,
            pages_per_day=self.rounds_per_day,
            stock=StockConfig(enabled=False),
            market=MarketConfig(new_share=self.new_share, turnover=days),
        )


class ColdStartConfig(AgentStudyConfig):
    """Which agents, in what launch, how often."""

    kind: Literal["cold_start"]
    launch: LaunchSection = LaunchSection()
    seeds: int = Field(3, ge=2, le=10_000, description="independent repetitions")
    level: float = Field(0.95, gt=0.5, lt=1.0)

    @model_validator(mode="after")
    def _known_agents(self) -> ColdStartConfig:
        self.check_agents(self.launch.shop_config())
        return self
