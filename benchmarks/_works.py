"""CPU seconds, value and peak memory of named pieces of work."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Work = Callable[[], float]
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measured(works: Mapping[str, Work]) -> dict[str, dict[str, float]]:
    """For each: ``cpu`` seconds of this process, its answer ``value``, and, on Linux, ``memory``: MB at the
    highest above what was held before."""
    out = {}
    for name, work in works.items():
        before = _held(reset=True)
        start = time.process_time()
        value = float(work())
        out[name] = {"cpu": time.process_time() - start, "value": value}
        if before is not None:
            out[name]["memory"] = (_held() or 0.0) - before
    return out


def _held(*, reset: bool = False) -> float | None:
    """MB at the highest since the last reset; None where the system does not tell."""
    if not RESET.exists():
        return None
    if reset:
        # what was freed goes back to the system first, or it would count as held and hide what comes next
        getattr(ctypes.CDLL(None), "malloc_trim", int)(0)
        RESET.write_text("5", encoding="ascii")
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None
