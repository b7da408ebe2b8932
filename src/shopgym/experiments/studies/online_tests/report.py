"""``report.html`` of a test in the shop: one file; what the test says, and beside it what is true."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ....core.html_page import html_page
from ....evaluation.card.page import STYLE
from ....evaluation.offline.verdict import REFUSE
from ....evaluation.online.page import sections, verdict_box
from ....evaluation.online.words import percents
from ...report.page import html_table

if TYPE_CHECKING:
    from .run import AbtestResult


def page_of_test(result: AbtestResult) -> str:
    """The page. Of a refused test it shows neither an effect nor, beside it, the truth."""
    config, analysis = result.config, result.analysis
    refused = analysis is not None and analysis.verdict == REFUSE
    said = f'<div class="verdict"><p>{escape(result.sentence)}</p></div>'
    title = escape(f"{', '.join(config.arms[1:])} against {config.arms[0]}")
    policies = ", ".join(f"{name} {digest[:16]}" for name, digest in result.policies.items())
    return html_page(
        f"{config.name} - online test",
        STYLE,
        f"""<small>shopgym abtest run</small><h1>{escape(config.name)}: {title}</h1>
<p>{escape(config.purpose)}</p>
{said if analysis is None else verdict_box(analysis)}
{_stages(result)}{"" if refused else _truth(result)}
{"" if analysis is None else sections(analysis)}
<p><small>seed {config.seed}; policies: {escape(policies)}</small></p>""",
    )


def _stages(result: AbtestResult) -> str:
    if not result.stages:
        return ""
    rows = [[f"{stage.share:.0%}", str(stage.days), stage.decision, stage.reason] for stage in result.stages]
    return "<h2>The ramp</h2>" + html_table(["users in the treatment", "days", "decision", "why"], rows)


def _truth(result: AbtestResult) -> str:
    """The true effect of each arm and metric beside that of the test."""
    if not result.truth:
        return ""
    said = {} if result.analysis is None else {(r.arm, r.metric.name): r.effect for r in result.analysis.rows}
    rows = []
    for true in result.truth:
        effect = said.get((true.arm, true.metric))
        test = (
            "-"
            if effect is None or effect.relative.value != effect.relative.value
            else percents(effect.relative)
        )
        rows.append([true.arm, true.metric, percents(true.relative), test])
    head = ["arm", "metric", "true change", "change in the test"]
    note = (
        "All users in one arm, and the same users in the other: what a test asks for, and only a shop knows."
    )
    return f"<h2>The truth</h2><p>{note}</p>{html_table(head, rows)}"
