"""shopgym: a shop you can experiment on before you experiment on your customers.

Importing this package is cheap: nothing heavy is loaded until it is used. It registers the
environments with Gymnasium as soon as Gymnasium itself is imported.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._moved import import_old_names
from ._register import register_when_gymnasium_loads
from ._version import __version__

if TYPE_CHECKING:
    from .agents import make_agent, register_agent
    from .core import Agent, Decisions, Feedback, Interactions, InvalidInput, Items, Policy, Requests
    from .core.reward import RewardSpec
    from .evaluation.api import compare, evaluate, read_log
    from .policies.decision_log import DecisionLog
    from .policies.serving import load_bundle
    from .simulators import Catalog, Shop, ShopConfig

register_when_gymnasium_loads()
import_old_names()

_PLACES = {
    **dict.fromkeys(("make_agent", "register_agent"), ".agents"),
    **dict.fromkeys(
        ("Agent", "Decisions", "Feedback", "Interactions", "InvalidInput", "Items", "Policy", "Requests"),
        ".core",
    ),
    **dict.fromkeys(("Catalog", "Shop", "ShopConfig"), ".simulators"),
    "RewardSpec": ".core.reward",
    "DecisionLog": ".policies.decision_log",
    "load_bundle": ".policies.serving",
    **dict.fromkeys(("compare", "evaluate", "read_log"), ".evaluation.api"),
}

__all__ = [
    "Agent",
    "Catalog",
    "DecisionLog",
    "Decisions",
    "Feedback",
    "Interactions",
    "InvalidInput",
    "Items",
    "Policy",
    "Requests",
    "RewardSpec",
    "Shop",
    "ShopConfig",
    "__version__",
    "compare",
    "evaluate",
    "load_bundle",
    "make_agent",
    "read_log",
    "register_agent",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
