"""The decision log: its schema, Parquet, the server's append-only log and how that becomes a decision log.

``DecisionLog.read`` and ``.write`` use Parquet; :func:`compact` reads what a server wrote, and
:func:`compact_to` writes it as Parquet in bounded memory.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compaction import Compacted, compact, compact_to
    from .log import DecisionLog, logged_marginals

_HOMES = {
    "DecisionLog": ".log",
    "logged_marginals": ".log",
    **dict.fromkeys(("Compacted", "compact", "compact_to"), ".compaction"),
}

__all__ = ["Compacted", "DecisionLog", "compact", "compact_to", "logged_marginals"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
