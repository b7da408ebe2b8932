"""A live view of the monitor in the terminal."""

from __future__ import annotations

import math
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from .monitor import MonitorRow, RewardMonitor

BARS = "▁▂▃▄▅▆▇█"
SHOWN = 40
"""Batches in a line of bars."""


class LiveView:
    """Shows the latest row of a monitor while a run goes on::

    with LiveView() as view:
        train(agent, env, 200, rng, on_step=TrainingMonitor(env.loop, policy, rng, on_row=view.show))
    """

    def __init__(self, console: Console | None = None) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, monitor: RewardMonitor) -> None:
        """Show what the monitor says now."""
        self._live.update(monitor_table(monitor), refresh=True)


def monitor_table(monitor: RewardMonitor) -> Table:
    """The latest row, and how each number went."""
    table = Table(title="reward monitor", title_justify="left")
    table.add_column("what")
    table.add_column("now", justify="right")
    table.add_column("so far")
    rows = monitor.rows
    if not rows:
        return table
    last = rows[-1]
    reference = monitor.per_page
    lines: tuple[tuple[str, str, str], ...] = (
        ("pages", f"{last.pages:,}", ""),
        ("proxy a page", _with_reference(last.proxy, reference[0]), "proxy"),
        (f"{monitor.north_star} a page", _with_reference(last.north_star, reference[1]), "north_star"),
        ("correlation", _number(last.correlation), "correlation"),
        (f"{monitor.north_star} guaranteed", _number(last.bound), "bound"),
        ("root chi²", _number(last.chi), "chi"),
        ("KL, nats", _number(last.kl), "kl"),
        ("entropy, nats", _number(last.entropy), "entropy"),
        ("decline, of its threshold", _number(last.decline), "decline"),
    )
    for name, now, field in lines:
        table.add_row(name, now, bars(rows, field) if field else "")
    drifted = ", ".join(f"{name} {'up' if move > 0 else 'down'}" for name, move in last.drifted.items())
    table.add_row("terms that have moved", "", drifted or "none")
    for words in monitor.warnings:
        table.add_row("[yellow]warning[/yellow]", "", words)
    if last.alarm:
        table.add_row("[bold red]ALARM[/bold red]", "", f"[bold red]{last.alarm}[/bold red]")
    return table


def bars(rows: list[MonitorRow], field: str) -> str:
    """The last values of one number as bars; a gap where it is not known."""
    values = [float(getattr(row, field)) for row in rows[-SHOWN:]]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, span = min(finite), max(finite) - min(finite)
    heights = [
        0 if not span else int((value - low) / span * (len(BARS) - 1)) if math.isfinite(value) else -1
        for value in values
    ]
    return "".join(" " if height < 0 else BARS[height] for height in heights)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else "nothing" if value == -math.inf else f"{value:.4g}"


def _with_reference(value: float, reference: float) -> str:
    return f"{_number(value)} ({_number(reference)})"
