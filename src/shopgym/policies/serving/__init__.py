"""Serving: the bundle and its checks, what a request may contain, ranking in process and over HTTP.

``load_bundle`` and ``write_bundle`` are the two ends of an export; ``RankingService`` decides requests in the
calling process; :mod:`.server` does so over HTTP and keeps a log.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bundle import Bundle, load_bundle, load_policy, write_bundle
    from .service import RankingService

_HOMES = {
    **dict.fromkeys(("Bundle", "load_bundle", "load_policy", "write_bundle"), ".bundle"),
    "RankingService": ".service",
}

__all__ = ["Bundle", "RankingService", "load_bundle", "load_policy", "write_bundle"]


def __getattr__(name: str) -> Any:
    if name == "Ranker":
        warnings.warn("serving.Ranker is now serving.RankingService", DeprecationWarning, stacklevel=2)
        name = "RankingService"
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
