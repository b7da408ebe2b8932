"""What the guards of a run changed: in training, deployment and on the log."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ..agents import Task
from ..policies.guards import Interventions

INTERVENTIONS = "interventions"
"""The table among the metrics of a run."""
COLUMNS = (
    *("stage", "agent", "rule", "why", "pages_in_all", "slots_in_all", "masked_share", "leans"),
    *("pages", "slots", "share", "alone", "unmet", "items"),
)


@dataclass
class GuardingReport:
    """The interventions of a run by stage and agent."""

    _counts: dict[tuple[str, str], Interventions] = field(default_factory=dict)

    def counts(self, stage: str, agent: str, task: Task) -> Interventions:
        """Counts at 0 for the rules of a task."""
        counts = Interventions(task.guards, task.items)
        self.add(stage, agent, counts)
        return counts

    def add(self, stage: str, agent: str, counts: Interventions) -> None:
        """Keep what was counted."""
        self._counts[stage, agent] = counts

    def table(self) -> pd.DataFrame:
        """One row per stage, agent and rule: how often the rule forbade a first choice, and why.

        ``pages``, ``slots``, ``share``, ``alone``, ``unmet`` and ``items`` are those of
        :meth:`.Interventions.rows`; ``masked_share`` counts all rules of the policy together.
        """
        rows = [
            {
                "stage": stage,
                "agent": agent,
                "pages_in_all": counts.pages,
                "slots_in_all": counts.slots,
                "masked_share": counts.share,
                "leans": counts.leans,
                **row,
            }
            for (stage, agent), counts in self._counts.items()
            for row in counts.rows()
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def warnings(self) -> list[str]:
        """A sentence for every deployed policy that leans on its guards."""
        said = [
            counts.warning(agent) for (stage, agent), counts in self._counts.items() if stage == "deployment"
        ]
        return [sentence for sentence in said if sentence is not None]


def guard_evidence(run: Path, agent: str) -> list[dict[str, Any]]:
    """The rows of one agent in the deployment of a finished run; none in runs that had no such table."""
    path = run / "metrics" / f"{INTERVENTIONS}.parquet"
    if not path.is_file():
        return []
    table = pd.read_parquet(path)
    rows = table[(table["agent"] == agent) & (table["stage"] == "deployment")].to_json(orient="records")
    evidence: list[dict[str, Any]] = json.loads(rows)
    return evidence
