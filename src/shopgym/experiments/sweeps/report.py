"""``report.html`` of a sweep: one file, its picture inside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ...core.files import new_file, write_text
from ...core.html_page import html_page
from ...evaluation.figures import image, png_of
from ...simulators.rollout import Episode
from ..config import ExperimentConfig
from ..episodes import UNIT
from ..report.page import STYLE, html_table
from ..results import environment
from .points import counted

if TYPE_CHECKING:
    from .plan import Plan
    from .run import SweepResults
    from .table import Ranking

MOST_ROWS = 200
"""Of the table in the page; all of them are in ``points.csv``."""


def write_report(folder: Path, results: SweepResults) -> None:
    """Write ``sweep.png`` and ``report.html`` into ``folder``."""
    from .plots import sweep_figure

    png = png_of(sweep_figure(results))
    with new_file(folder / "sweep.png") as new:
        new.write_bytes(png)
    write_text(folder / "report.html", _page(results, png))


def _page(results: SweepResults, png: bytes) -> str:
    plan = results.plan
    sentences = "".join(f"<p>{escape(sentence)}.</p>" for sentence in results.headline.splitlines())
    config = escape(yaml.safe_dump(plan.stored(), sort_keys=False))
    versions = ", ".join(f"{name} {version}" for name, version in environment().items())
    count, measured = len(plan.points), escape(measured_in(plan))
    return html_page(
        f"{plan.name} - shopgym",
        STYLE,
        f"""<small>shopgym run</small><h1>{escape(plan.name)}</h1>
<p class="muted">{escape(str(plan.written.get("purpose", "")))}</p>
{sentences}
<p class="muted">{counted(count, "point")}, {counted(plan.seeds, "seed")} each. With one seed all points meet
the same people and the same random draws: they are compared seed by seed. Differences hold all at the
same time. {measured}</p>
{image(png, "sweep")}
{"".join(map(_table, results.rankings))}
{_failed(results.failed)}
<h2>Config</h2><pre>{config}</pre>
<p class="muted">config {plan.hash[:16]} · {escape(versions)}</p>""",
    )


def measured_in(plan: Plan) -> str:
    """What the values of all points are measured in, as a sentence; empty where points differ in it."""
    said = {_unit(point.config) for point in plan.points}
    return f"Values are {said.pop()}." if len(said) == 1 and said != {""} else ""


def _unit(config: Any) -> str:
    if not isinstance(config, ExperimentConfig):
        return ""
    reward = config.reward.config
    unit = f"{', '.join(reward.terms)} in currency" if reward.unit == "currency" else reward.unit
    return f"{unit} per {UNIT[Episode(config.episode)]}"


def _table(ranking: Ranking) -> str:
    title = f"<h2>{escape(ranking.world)}</h2>" if ranking.world else "<h2>All points</h2>"
    arms = ranking.arms[:MOST_ROWS]
    rows = rows_of(arms, "mean")
    return title + html_table(list(rows[0]), [list(row.values()) for row in rows])


def rows_of(arms: Sequence[dict[str, Any]], value: str) -> list[dict[str, str]]:
    """The table of a ranking as texts; without the settings where there is one point.

    Args:
        value: the heading of the values.
    """
    settings = any(arm["settings"] for arm in arms)
    return [
        {
            "agent": str(arm["agent"]),
            **({"settings": arm["settings"]} if settings else {}),
            value: interval(arm["mean"], arm["low"], arm["high"]),
            "behind the best": "-" if arm["behind"] is None else interval(*arm["behind"]),
        }
        for arm in arms
    ]


def interval(mean: float, low: float, high: float) -> str:
    """``0.123 [0.101, 0.145]``; the number alone where there is no interval."""
    return f"{mean:.4g}" if low != low else f"{mean:.4g} [{low:.4g}, {high:.4g}]"


def _failed(failed: dict[str, str]) -> str:
    if not failed:
        return ""
    rows = "".join(f"<li>{escape(name)}: {escape(reason)}</li>" for name, reason in failed.items())
    return f"<h2>Failed</h2><ul>{rows}</ul>"
