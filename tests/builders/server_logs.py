"""The server's log, record by record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shopgym.core.files import LOG_FILE
from shopgym.policies.decision_log.append_log import AppendLog, frame

HEADER = {
    "kind": "header",
    "version": 1,
    "bundle_hash": "b",
    "policy_hash": "p",
    "policy_name": "name",
    "config_hash": "c",
    "items_hash": "i",
    "unit": "GBP",
    "slate_size": 2,
    "user_names": ["age"],
    "context_names": [],
}


def decision(request_id: int, m: int = 3) -> dict[str, Any]:
    return {
        "kind": "decision",
        "request_id": request_id,
        "id": request_id,
        "user_id": 7,
        "time": 1.5,
        "user": [0.25],
        "context": [],
        "candidates": list(range(10, 10 + m)),
        "in_stock": [1] * m,
        "positions": [1, -1],
        "propensities": [0.5, 1.0],
    }


def reward(request_id: int, value: float, **events: list[float]) -> dict[str, Any]:
    return {"kind": "reward", "request_id": request_id, "reward": [value, 0.0], "events": events}


def write(folder: Path, *records: dict[str, Any]) -> Path:
    """A log folder with these records."""
    with AppendLog(folder / LOG_FILE) as log:
        log.append([frame(record) for record in records])
    return folder
