"""The benchmark of the offline evaluation as YAML: ``kind: ope_benchmark``, scenarios, share of the logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from ..study_config import StudyConfig
from . import choices, scenarios
from .scenarios import Scenario


class OpeBenchmarkConfig(StudyConfig):
    """Which scenarios, and how many logs of each."""

    kind: Literal["ope_benchmark"]
    scenarios: Literal["all", "quick"] = Field("all", description="quick: a minute's worth, without choices")
    share: float = Field(1.0, ge=0.01, le=1.0, description="of the logs of every scenario is drawn")

    def estimated(self) -> list[Scenario]:
        """The scenarios in which values are estimated."""
        return self._fewer(scenarios.QUICK if self.scenarios == "quick" else scenarios.SCENARIOS)

    def chosen(self) -> list[Scenario]:
        """The scenarios in which the best of several policies is chosen."""
        return [] if self.scenarios == "quick" else self._fewer(choices.CHOICES)

    def _fewer(self, every: Sequence[Scenario]) -> list[Scenario]:
        return [
            replace(each, replicates=max(min(10, each.replicates), int(each.replicates * self.share)))
            for each in every
        ]
