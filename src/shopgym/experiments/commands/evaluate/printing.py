"""The answer at a terminal: refusals first, then numbers."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

COLOURS = {"trust": "green", "caution": "yellow", "refuse": "red"}


def print_answer(answer: dict[str, Any]) -> None:
    """Print it."""
    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    for why, names in _by_reason(answer["refused"].items()):
        say(f"[bold red]REFUSED[/] {', '.join(names)}: {escape(why)}")
    slots = "" if answer["slots"] == 1 else f" of {answer['slots']} slots"
    say(
        f"{escape(answer['policy'])} on {escape(answer['log'])}: {answer['rounds']:,} rounds{slots}, "
        f"which earned {answer['logged_value']:.4g} {escape(answer['unit'])} a round"
    )
    estimates = answer["estimates"]
    if estimates:
        console.print(_table(estimates))
        say(diagnostics_line(answer))
        doubted = [(e["estimator"], e["reason"]) for e in estimates if e["verdict"] == "caution"]
    for why, names in _by_reason(doubted):
        say(f"[yellow]caution[/] {', '.join(names)}: {escape(why)}")
    for note in notes_of(answer):
        say(f"note: {escape(note)}")


def diagnostics_line(answer: dict[str, Any]) -> str:
    """What the weights look like; the same for every estimator of a log."""
    e = answer["estimates"][0]
    said = [f"effective rounds {e['ess']:,.0f} of {e['n']:,}", f"largest weight {e['max_weight']:.4g}"]
    said.append(f"heaviest 1% of rounds carry {e['tail_mass']:.0%} of the weight")
    said.append(f"Pareto-k {e['pareto_k']:.2f}" if e["pareto_k"] is not None else "no tail to fit")
    share = "unknown" if e["unsupported"] is None else f"{e['unsupported']:.1%}"
    said.append(f"unsupported {share}")
    if e["propensity_p"] is not None:
        said.append(f"propensities p = {e['propensity_p']:.2g}")
    return " · ".join(said)


def notes_of(answer: dict[str, Any]) -> list[str]:
    """What the reader has to know beside the numbers, each once."""
    notes = list(dict.fromkeys(part for e in answer["estimates"] for part in e["note"].split("; ") if part))
    found = answer.get("propensities", {})
    if "log_loss_of_frequencies" in found:
        notes.append(
            f"propensities by {found['method']}: log loss {found['log_loss']:.4f}, "
            f"plain frequencies {found['log_loss_of_frequencies']:.4f}"
        )
    if "value_in_log_of_policy" in answer:
        notes.append(f"in its own log {answer['policy']} earned {answer['value_in_log_of_policy']:.4g}")
    notes += [f"no {', '.join(names)}: {why}" for why, names in _by_reason(answer["skipped"].items())]
    return notes


def _table(estimates: list[dict[str, Any]]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for name in ("estimator", "value", "interval", "verdict"):
        table.add_column(name, justify="right" if name in ("value", "interval") else "left", no_wrap=True)
    for e in estimates:
        table.add_row(
            e["estimator"],
            f"{e['value']:.4g}",
            f"[{number(e['low'])}, {number(e['high'])}]",
            f"[{COLOURS[e['verdict']]}]{e['verdict']}[/]",
        )
    return table


def number(value: float | None) -> str:
    """Four digits; an end of an interval that is not finite became None."""
    return "unbounded" if value is None else f"{value:.4g}"


def _by_reason(pairs: Any) -> list[tuple[str, list[str]]]:
    out: dict[str, list[str]] = {}
    for name, why in pairs:
        out.setdefault(why, []).append(name)
    return list(out.items())
