"""A lint report as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ...evaluation.figures import image
from .captions import CAPTIONS, cell_text

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
    """The report as HTML: headline, findings with their remedies, pictures and tables."""
    verdict = f"{report.name}: {report.verdict}" if report.name else report.verdict
    parts = [f"<h1>{escape(verdict)}</h1><p>{escape(report.headline)}</p>"]
    parts.append(f"<p>North star, which the business wants to maximise: {escape(report.north_star)}</p>")
    parts += [
        f'<div class="{escape(finding.severity)}"><p><b>{escape(finding.severity)}</b> '
        f"<code>{escape(finding.code)}</code>: {escape(finding.message)}</p>"
        f"<p>What to do: {escape(finding.remedy)}</p></div>"
        for finding in report.findings
    ]
    titles = dict.fromkeys((*report.pictures, *report.sections, *report.tables))
    parts += [_part(report, title) for title in titles]
    title = f"<title>Reward {escape(verdict)}</title>"
    head = f'<meta charset="utf-8">{title}<style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _part(report: LintReport, title: str) -> str:
    """What stands under one title: a sentence, its picture, its text and its table; nothing without them."""
    rows, png = report.tables.get(title), report.pictures.get(title)
    drawn = "" if png is None else image(png, title)
    inside = f"{drawn}{report.sections.get(title, '')}{_table(rows) if rows else ''}"
    caption = f"<p>{escape(CAPTIONS[title])}</p>" if title in CAPTIONS else ""
    return f"<h2>{escape(title)}</h2>{caption}{inside}" if inside else ""


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(map(_cell, row.values())) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    kind = ' class="number"' if isinstance(value, int | float) else ""
    return f"<td{kind}>{escape(cell_text(value))}</td>"
