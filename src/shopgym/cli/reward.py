"""``shopgym reward``: whether a reward says what is wanted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import AsJson, print_table, say

if TYPE_CHECKING:
    from ..guardrails.reward import LintReport

Html = Annotated[Path | None, typer.Option("--html", help="Also write the report as one HTML page.")]
SpecFile = Annotated[
    Path, typer.Argument(help="YAML of a reward, or of an experiment with one; or a shipped config's name.")
]


def reward_lint(spec: SpecFile, html: Html = None, as_json: AsJson = False) -> None:
    """Find what is wrong with a reward: signs, weights, the north star, money counted twice, limits.

    Exit code 0: no error. 3: an error, or a reward that can be gamed. 2: a spec that cannot be read.
    """
    from ..core.reward import read_spec
    from ..experiments.config import config_path
    from ..guardrails.reward.spec_lint import lint_spec

    show_report(lint_spec(read_spec(config_path(spec))), spec, html, as_json)


def show_report(report: LintReport, spec: Path, html: Path | None, as_json: bool) -> None:
    """Print a report, write its page and end with its exit code."""
    from ..core.files import write_text

    if html is not None:
        write_text(html, report.html())
    if as_json:
        print(json.dumps(report.summary()))
    else:
        _print(report, spec)
    raise typer.Exit(report.exit_code)


def _print(report: LintReport, spec: Path) -> None:
    say(f"The north star, which the business wants to maximise: {report.north_star}")
    for title, rows in report.tables.items():
        print_table(title, rows, left=[name for name in (rows or [{}])[0] if name not in ("weight", "rate")])
    for finding in report.findings:
        say(f"{finding.severity} ({finding.code})")
        say(f"  {finding.message}")
        say(f"  What to do: {finding.remedy}")
    say(f"{spec}: {report.verdict}. {report.headline}")
