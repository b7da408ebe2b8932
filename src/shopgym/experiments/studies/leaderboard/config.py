"""A leaderboard as YAML: ``kind: leaderboard``, agents, environments, seeds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from ....core.config import Settings
from ....core.errors import InvalidInput, in_range, one_of
from ....core.reward import RewardSpec
from ....simulators.config import ShopConfig
from ....simulators.rollout import Episode
from ...config import CatalogSection, Section, refuse_competition
from ..study_config import AgentStudyConfig

FAMILIES = {
    "bandit": Episode.PAGE,
    "session": Episode.VISIT,
    "shopper": Episode.LIFE,
    "season": Episode.SEASON,
}
"""Named after ``shopgym/Bandit-v0`` and so on. An episode is a page, a visit, a customer's life, a season."""

Family = Literal["bandit", "session", "shopper", "season"]


MARGIN = {"margin": 1.0, "return_cost": -1.0}


class FamilySection(Section):
    """One environment: agents learn from ``lanes`` x ``rounds`` pages in all, ``lanes`` visits at a time."""

    lanes: int = Field(256, ge=1, le=1_000_000)
    rounds: int = Field(60, ge=1, le=1_000_000)
    episodes: int = Field(
        4096, ge=1, le=10_000_000, description="judged on so many; of a season the visits at a time"
    )
    days: float = Field(28.0, gt=0, le=36_400, description="shopper and season: how long it lasts at most")
    full: bool = Field(False, description="every mechanism of the shop on; shopper and season need people")
    shop: Settings[ShopConfig] = Settings({}, ShopConfig())

    @property
    def pages(self) -> int:
        """Pages that an agent is shown while it learns, in every environment."""
        return self.lanes * self.rounds

    def shop_config(self) -> ShopConfig:
        """The shop's numbers."""
        shop = self.shop.config
        if not self.full:
            return shop
        return ShopConfig.full(**{name: getattr(shop, name) for name in self.shop.written})


class LeaderboardConfig(AgentStudyConfig):
    """Which agents, where, how often."""

    kind: Literal["leaderboard"]
    catalog: CatalogSection = CatalogSection()
    reward: Settings[RewardSpec] = Settings({"terms": MARGIN}, RewardSpec(MARGIN))
    baseline: str = Field("random", description="its mean score in an environment counts as 1")
    families: dict[Family, FamilySection]
    budgets: tuple[float, ...] = Field(
        (1.0,), description="multiples of an environment's lanes x rounds after which agents are judged"
    )
    largest_budget: dict[str, float] = Field(
        {}, description="of an agent or an environment that is too slow for all budgets"
    )
    seeds: int = Field(5, ge=2, le=10_000, description="independent repetitions")
    warm_up: int = Field(
        20, ge=1, le=100_000, description="random pages, times lanes, that measure attention"
    )
    level: float = Field(0.95, gt=0.5, lt=1.0)
    bootstrap: int = Field(2000, ge=100, le=1_000_000)

    @model_validator(mode="after")
    def _together(self) -> LeaderboardConfig:
        if self.baseline not in self.agents:
            raise InvalidInput("baseline", self.baseline, f"choose among agents: {', '.join(self.agents)}")
        if not self.budgets or list(self.budgets) != sorted({*self.budgets}) or self.budgets[0] <= 0:
            raise InvalidInput("budgets", list(self.budgets), "give numbers above 0, ascending")
        for name, budget in self.largest_budget.items():
            one_of("largest_budget", name, (*self.agents, *self.families))
            in_range(f"largest_budget.{name}", budget, self.budgets[0], 1e9)
        if not self.families:
            raise InvalidInput("families", {}, f"name at least one of {', '.join(FAMILIES)}")
        for name, family in self.families.items():
            config = family.shop_config()
            refuse_competition(config, f"families.{name}.shop")
            if not config.num_candidates:
                field = f"families.{name}.shop.num_candidates"
                raise InvalidInput(field, 0, "agents choose among candidates")
            if name == "shopper" and not config.people.enabled:
                raise InvalidInput("families.shopper.full", False, "nobody would come back: set full: true")
        self.check_agents(*(family.shop_config() for family in self.families.values()))
        return self

    def budgets_of(self, agent: str, family: str) -> list[float]:
        """Those of ``budgets`` that an agent gets in an environment."""
        most = min(self.largest_budget.get(name, self.budgets[-1]) for name in (agent, family))
        return [budget for budget in self.budgets if budget <= most]

    def of_agent(self, agent: str) -> dict[str, Any]:
        """The config with one of its agents, as JSON."""
        one = super().of_agent(agent)
        named = (agent, *self.families)
        largest = {name: budget for name, budget in one["largest_budget"].items() if name in named}
        return {**one, "baseline": agent, "largest_budget": largest}
