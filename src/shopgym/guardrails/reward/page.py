"""A lint report as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ...evaluation.figures import image

if TYPE_CHECKING:
    from .findings import LintReport

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2733 }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #d8dee4 }
th { text-align: left } td.number { text-align: right; font-variant-numeric: tabular-nums }
.error { border-left: 4px solid #b42318 } .warning { border-left: 4px solid #b54708 }
img { max-width: 100% }
.error, .warning { padding: .2rem 1rem; margin: 1rem 0; background: #f6f8fa } code { background: #eef1f4 }
"""


def lint_page(report: LintReport) -> str:
    """The report as HTML: headline, findings with their remedies, tables, and the spec."""
    parts = [f"<h1>{escape(report.verdict)}</h1><p>{escape(report.headline)}</p>"]
    parts.append(f"<p>North star, which the business wants to maximise: {escape(report.north_star)}</p>")
    parts += [
        f'<div class="{escape(finding.severity)}"><p><b>{escape(finding.severity)}</b> '
        f"<code>{escape(finding.code)}</code>: {escape(finding.message)}</p>"
        f"<p>{escape(finding.remedy)}</p></div>"
        for finding in report.findings
    ]
    parts += [f"<h2>{escape(title)}</h2>{image(png, title)}" for title, png in report.pictures.items()]
    parts += [f"<h2>{escape(title)}</h2>{html}" for title, html in report.sections.items()]
    parts += [f"<h2>{escape(title)}</h2>{_table(rows)}" for title, rows in report.tables.items() if rows]
    title = f"<title>Reward: {escape(report.verdict)}</title>"
    head = f'<meta charset="utf-8">{title}<style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(map(_cell, row.values())) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f'<td class="number">{value:.4g}</td>'
    kind = ' class="number"' if isinstance(value, int) else ""
    return f"<td{kind}>{escape(str(value))}</td>"
