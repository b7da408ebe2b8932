"""What every benchmark needs: one thread, CPU seconds, and one JSON object as the last line."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def one_thread() -> None:
    """Before numpy is loaded: every library works on one core."""
    for name in THREADS:
        os.environ[name] = "1"


def rate(work: Callable[[], int]) -> float:
    """Units of work per CPU second of this process, all its threads."""
    return rates_of(work)[0]


def rates_of(work: Callable[[], int]) -> tuple[float, float]:
    """Units of work (per CPU second of this process, all its threads; per second of wall time)."""
    cpu, wall = time.process_time(), time.perf_counter()
    done = work()
    return done / (time.process_time() - cpu), done / (time.perf_counter() - wall)


def in_slices(works: Mapping[str, Callable[[], int]], slices: int) -> dict[str, list[tuple[float, float]]]:
    """:func:`rates_of` each work, slice by slice, in turns: what slows the machine down meets them all."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(slices):
        for name, work in works.items():
            found[name].append(rates_of(work))
    return found


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and greatest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def print_json(
    name: str,
    figures: Any,
    ratios: Mapping[str, float] | None = None,
    versions: Mapping[str, str] | None = None,
) -> None:
    """Print one JSON object on a line, as the last thing that a benchmark says.

    Args:
        versions: of what was measured; numpy's and ours by default.
    """
    measured = {what: version(what) for what in ("shopgym", "numpy")} if versions is None else versions
    about = {**measured, "python": platform.python_version(), "machine": platform.machine()}
    print(json.dumps({"name": name, "figures": figures, "ratios": ratios or {}, "versions": about}))


def report(
    name: str, figures: Mapping[str, Any], ratios: Mapping[str, float], versions: Mapping[str, str]
) -> None:
    """Print the figures as a table, or with ``--json`` as one JSON object on the last line."""
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    if parser.parse_args().json:
        print_json(name, figures, ratios, versions)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=name, title_justify="left")
    for column in ("figure", "median", "min", "max"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for figure, found in figures.items():
        cells = found if isinstance(found, dict) else {"median": found}
        table.add_row(figure, *(_shown(cells.get(c)) for c in ("median", "min", "max")))
    for ratio, found in ratios.items():
        table.add_row(ratio, f"{found:,.3g} x")
    Console().print(table, highlight=False)
    Console().print(", ".join(f"{what} {found}" for what, found in versions.items()), highlight=False)


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
