"""Experiments from a config: agents learn, are deployed, logged, evaluated, gated and exported."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import ExperimentConfig, load_config, parse_config
    from .export import export_policy
    from .results import Results
    from .runner import run

_HOMES = {
    **dict.fromkeys(("ExperimentConfig", "load_config", "parse_config"), ".config"),
    "export_policy": ".export",
    "Results": ".results",
    "run": ".runner",
}

__all__ = ["ExperimentConfig", "Results", "export_policy", "load_config", "parse_config", "run"]


def __getattr__(name: str) -> Any:  # a config is checked without what runs it
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
