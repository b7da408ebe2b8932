"""Export: the bundle of a policy that passed the gate, with its evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import yaml

from ..core.batches import Requests
from ..core.errors import InvalidInput
from ..guardrails.gate import check_reason
from ..policies.decision_log import DecisionLog
from ..policies.serving import Bundle, write_bundle
from ..policies.serving.bundle import OVERRIDE
from ..simulators import Catalog
from .guarding import guard_evidence
from .policy_store import read_policy, read_retriever

GOLDEN = 32
"""Number of logged requests that become golden cases."""


def export_policy(run: Path, agent: str, out: Path, override: str | None = None) -> Bundle:
    """Write the bundle of one agent of a finished run.

    Args:
        override: why an agent that the gate refused leaves all the same. It stands in the bundle's evidence
            and is shown by the server. None: as the run itself said.

    Raises:
        InvalidInput: ``run`` is no folder of a run, it has no such agent, or the gate refused the agent and
            nobody said why it leaves.
    """
    if not (run / "gate.json").is_file():
        raise InvalidInput("run", str(run), "give a folder that 'shopgym run' wrote")
    verdicts = json.loads((run / "gate.json").read_text(encoding="utf-8"))
    catalog = Catalog.load(run / "catalog.parquet")
    policy = read_policy(run / "policies", agent, catalog.items)
    if agent not in verdicts:
        raise InvalidInput("agent", agent, "it is the baseline: nothing to gain from exporting it")
    verdict = verdicts[agent]
    if override is not None:
        check_reason(override)
    reason = "" if verdict["passed"] else (override or verdict.get("override", ""))
    if not verdict["passed"] and not reason:
        raise InvalidInput("gate", agent, f"it was refused: {verdict['reason']}")
    log = DecisionLog.read(run / "log.parquet")
    evaluation = pd.read_parquet(run / "metrics" / "evaluation.parquet")
    rows = evaluation[evaluation["agent"] == agent].to_json(orient="records")
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    return write_bundle(
        out,
        policy,
        golden_requests=_golden(log),
        user_names=log.user_names,
        context_names=log.context_names,
        live_names=tuple(log.live),
        retriever=read_retriever(run / "retriever"),
        unit=log.unit,
        config_hash=log.config_hash,
        evidence={
            "gate": {**verdict, "override": reason},
            "evaluation": json.loads(rows),
            "config": config,
            "guards": guard_evidence(run, agent),
            **({OVERRIDE: reason} if reason else {}),
        },
    )


def _golden(log: DecisionLog) -> Requests:
    """The first requests of the log, but where guards count the last ones: at first nothing is counted."""
    return log.take(slice(-GOLDEN, None) if log.counters else slice(0, GOLDEN)).requests()
