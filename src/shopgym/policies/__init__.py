"""Frozen decision rules that can be served: retrieve, filter, rank, guard, explore.

A :class:`SlatePolicy` shows k of a request's candidates and knows the exact probability of every slot. It is
numpy alone, whatever library its parts were trained with.

- ``scorers``, ``rerankers``, ``guards`` and ``explorers`` are the parts of a policy;
- ``retrieval`` finds the candidates in a large catalogue;
- ``decision_log`` is what simulator and server write and evaluation reads;
- ``serving`` is the bundle, and the server that loads it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .decision_log import DecisionLog
    from .explorers import PlackettLuceRanking, Softmax, SquareCB
    from .features import FeatureMap
    from .guards import CategoryCap, InStock, MarginFloor
    from .policy import SlatePolicy
    from .retrieving_policy import RetrievingPolicy
    from .serving import load_bundle, write_bundle

_HOMES = {
    "DecisionLog": ".decision_log",
    **dict.fromkeys(("PlackettLuceRanking", "Softmax", "SquareCB"), ".explorers"),
    "FeatureMap": ".features",
    **dict.fromkeys(("CategoryCap", "InStock", "MarginFloor"), ".guards"),
    "SlatePolicy": ".policy",
    "RetrievingPolicy": ".retrieving_policy",
    **dict.fromkeys(("load_bundle", "write_bundle"), ".serving"),
}

__all__ = [
    "CategoryCap",
    "DecisionLog",
    "FeatureMap",
    "InStock",
    "MarginFloor",
    "PlackettLuceRanking",
    "RetrievingPolicy",
    "SlatePolicy",
    "Softmax",
    "SquareCB",
    "load_bundle",
    "write_bundle",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
