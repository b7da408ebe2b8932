"""How the functions that do the work of a page are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}


def kernel(function: F) -> F:
    """Compile ``function``, which may neither allocate nor return arrays.

    It runs without the interpreter's lock and without numba's reference counting: a kernel only reads and
    writes arrays that its caller holds, and counting the some forty of them at every use would take longer
    than the page (a factor of 1.6 to 6, measured).
    """
    compiled: F = njit(**OPTIONS)(function)
    return compiled
