"""Progress bars, and below them what the monitor says of the agent that is learning."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.progress import Progress

from ..guardrails.monitor import RewardMonitor
from ..guardrails.monitor.live import monitor_table


class WatchedProgress(Progress):
    """Bars; in a terminal the table of a monitor stands below them while one is watched."""

    watched: RewardMonitor | None = None

    def watch(self, monitor: RewardMonitor | None) -> None:
        """Show the monitor from now on; None: no more."""
        self.watched = monitor

    def get_renderables(self) -> Iterable[RenderableType]:
        """What is drawn."""
        yield from super().get_renderables()
        if self.watched is not None and self.console.is_terminal:
            yield monitor_table(self.watched)
