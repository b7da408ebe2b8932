"""A reward judged from a file: the decision log of a run, or a table of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import InvalidInput
from ..core.reward import RewardSpec
from ..guardrails.reward.log_lint import LogLint, log_lint
from ..guardrails.reward.table_lint import table_lint
from ..policies.decision_log.log import DecisionLog
from ..policies.serving.saved_policy import run_items
from ..tables.reader import read_table


def lint_from_log(
    spec: RewardSpec, path: Path, columns: Mapping[str, Any], *, tolerance: float, seed: int
) -> LogLint:
    """Judge a reward from a run's ``log.parquet`` with ``items`` beside it, or from a CSV or Parquet table.

    Args:
        columns: arguments of :func:`.table_lint` that name columns.

    Raises:
        InvalidInput: there is no such file, or it is neither.
    """
    if not path.is_file():
        raise InvalidInput("log", str(path), "there is no such file")
    items = run_items(path.parent)
    if items is not None:
        return log_lint(spec, DecisionLog.read(path), items, tolerance=tolerance, seed=seed)
    table = read_table(path, "log")
    return table_lint(spec, table, **columns, tolerance=tolerance, seed=seed)
