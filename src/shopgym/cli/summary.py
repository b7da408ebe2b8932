"""What a run says on the terminal when it is done."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from ..experiments.console import plain_console
from ..experiments.report.wording import truth_is
from ..experiments.results import Results, covers_text, interval_text


def print_summary(results: Results, folder: Path) -> None:
    """A table of agents, the gate's verdict, and where to look."""
    console = plain_console(100)
    covered = results.catalog.notes.get("coverage") if results.config.catalog.path else None
    if covered:
        console.print(f"the catalogue covers {covered}", highlight=False, soft_wrap=True)
    level = results.config.evaluation.level
    title = f"{results.config.name}: {results.unit} per {results.per}"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("agent", no_wrap=True)
    for name in ("deployed", "gain", f"DR, {level:.0%}"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("verdict", "covers", "gate"):
        table.add_column(name, no_wrap=True)
    for row in results.agents.to_dict("records"):
        agent = str(row["agent"])
        dr = results.estimate(agent, "dr")
        verdict = results.verdicts.get(agent)
        table.add_row(
            Text(agent, style="bold" if agent == results.chosen.candidate else ""),
            f"{row['value']:.4f}",
            "-" if verdict is None else f"{row['gain']:+.4f}",
            interval_text(dr, 3),
            "-" if dr is None else str(dr["verdict"]),
            covers_text(dr),
            "baseline" if verdict is None else verdict.outcome,
        )
    for agent in results.failed:
        table.add_row(agent, "-", "-", "-", "-", "-", "failed")
    table.caption = (
        "deployed, gain: exact, in a copy of the shop. DR: from the log alone, no number where the "
        f"verdict is refuse; covers: its interval holds the exact value {truth_is(results)}."
    )
    table.caption_justify = "left"
    console.print(table)
    for agent, reason in results.failed.items():
        console.print(f"{agent} failed, {reason}")
    console.print(results.headline)
    for warning in results.guarding.warnings():
        console.print(f"WARNING: {warning}", soft_wrap=True)
    if results.robust is not None:
        console.print("over what is assumed, with the same policies:")
        console.print(results.robust.table, soft_wrap=True)
    if results.served:
        served = results.served
        console.print(
            f"served: {served['equal']} of {served['cases']} golden decisions equal over HTTP, "
            f"{served['logged']} logged, median {served['median_ms']:.1f} ms"
        )
        console.print(f"bundle: {folder / 'bundle'}", soft_wrap=True)
    console.print(f"report: {folder / 'report.html'}", soft_wrap=True)
