"""What the configs of studies share."""

from __future__ import annotations

from functools import partial
from typing import Any

from pydantic import Field

from ...core.hashing import hash_json
from ...core.yaml_file import import_packages
from ...simulators import ShopConfig
from ...simulators.build_params import user_names
from ..config import Agents, Imports, Section
from ..entries import NAME, check_entries


class StudyConfig(Section):
    """Name, purpose and seed of a study."""

    name: str = Field(pattern=f"^{NAME}$")
    purpose: str = Field("", description="what the study is for")
    seed: int = Field(0, ge=0, lt=2**62, description="of everything that is random")

    def stored(self) -> dict[str, Any]:
        """The config with all defaults filled in, as a run stores it."""
        return self.model_dump(mode="json")

    @property
    def hash(self) -> str:
        """SHA-256 of what is stored."""
        return hash_json(self.stored())


class AgentStudyConfig(StudyConfig):
    """A study of agents."""

    imports: Imports = ()
    agents: Agents

    def check_agents(self, *shops: ShopConfig) -> None:
        """Raise :class:`InvalidInput` at the first entry that is wrong in one of the shops."""
        import_packages(self.imports)
        for shop in shops:
            check_entries(self.agents, partial(user_names, shop))

    def of_agent(self, agent: str) -> dict[str, Any]:
        """The config with one of its agents, as JSON."""
        stored = self.stored()
        return {**stored, "agents": {agent: stored["agents"][agent]}}
