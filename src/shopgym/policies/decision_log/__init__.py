"""The decision log: its schema, Parquet, the server's append-only log and how that becomes a decision log.

``DecisionLog.read`` and ``.write`` use Parquet; :func:`compact` reads what a server wrote.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compaction import compact
    from .log import DecisionLog, logged_marginals

_HOMES = {"DecisionLog": ".log", "logged_marginals": ".log", "compact": ".compaction"}

__all__ = ["DecisionLog", "compact", "logged_marginals"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
