"""What a run says on the terminal when it is done."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..experiments.results import Results


def print_summary(results: Results, folder: Path) -> None:
    """A table of agents, the gate's verdict, and where to look."""
    console = Console()
    level = results.config.evaluation.level
    title = f"{results.config.name}: {results.unit} per decision"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("agent", no_wrap=True)
    for name in ("deployed", "gain", f"DR, {level:.0%}", "covers"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("gate", no_wrap=True)
    for row in results.agents.to_dict("records"):
        agent = str(row["agent"])
        dr = results.estimate(agent, "dr")
        verdict = results.verdicts.get(agent)
        table.add_row(
            f"[bold]{agent}[/]" if agent == results.chosen.candidate else agent,
            f"{row['value']:.4f}",
            "-" if verdict is None else f"{row['gain']:+.4f}",
            "-" if dr is None else f"{dr['value']:.3f} [{dr['low']:.3f}, {dr['high']:.3f}]",
            "-" if dr is None else ("yes" if dr["covers_truth"] else "no"),
            "baseline" if verdict is None else verdict.outcome,
        )
    table.caption = (
        "deployed, gain: exact, in a copy of the shop. DR: from the log alone;\n"
        "covers: its interval holds the exact value for the same requests."
    )
    table.caption_justify = "left"
    console.print(table, highlight=False)
    console.print(results.chosen.sentence, highlight=False)
    if results.served:
        served = results.served
        console.print(
            f"served: {served['equal']} of {served['cases']} golden decisions equal over HTTP, "
            f"{served['logged']} logged, median {served['median_ms']:.1f} ms",
            highlight=False,
        )
        console.print(f"bundle: {folder / 'bundle'}", highlight=False, soft_wrap=True)
    console.print(f"report: {folder / 'report.html'}", highlight=False, soft_wrap=True)
