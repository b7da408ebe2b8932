"""``report.html`` of a sweep: one file, its picture inside."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ...core.files import new_file, write_text
from ...core.html_page import html_page
from ...evaluation.figures import image, png_of
from ..report.page import STYLE
from ..results import environment

if TYPE_CHECKING:
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
    count = len(plan.points)
    return html_page(
        f"{plan.name} - shopgym",
        STYLE,
        f"""<small>shopgym run</small><h1>{escape(plan.name)}</h1>
<p class="muted">{escape(str(plan.written.get("purpose", "")))}</p>
{sentences}
<p class="muted">{count} points, {plan.seeds} seeds each. With one seed all points meet the same people and
the same random draws: they are compared seed by seed. Differences hold all at the same time.</p>
{image(png, "sweep")}
{"".join(map(_table, results.rankings))}
{_failed(results.failed)}
<h2>Config</h2><pre>{config}</pre>
<p class="muted">config {plan.hash[:16]} · {escape(json.dumps(environment()))}</p>""",
    )


def _table(ranking: Ranking) -> str:
    title = f"<h2>{escape(ranking.world)}</h2>" if ranking.world else "<h2>All points</h2>"
    head = "".join(f"<th>{name}</th>" for name in ("agent", "settings", "mean", "behind the best"))
    body = "".join(
        f"<tr><td>{escape(str(arm['agent']))}</td><td>{escape(arm['settings'])}</td>"
        f"<td>{escape(interval(arm['mean'], arm['low'], arm['high']))}</td>"
        f"<td>{'-' if arm['behind'] is None else escape(interval(*arm['behind']))}</td></tr>"
        for arm in ranking.arms[:MOST_ROWS]
    )
    return f'{title}<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def interval(mean: float, low: float, high: float) -> str:
    """``0.123 [0.101, 0.145]``; the number alone where there is no interval."""
    return f"{mean:.4g}" if low != low else f"{mean:.4g} [{low:.4g}, {high:.4g}]"


def _failed(failed: dict[str, str]) -> str:
    if not failed:
        return ""
    rows = "".join(f"<li>{escape(name)}: {escape(reason)}</li>" for name, reason in failed.items())
    return f"<h2>Failed</h2><ul>{rows}</ul>"
