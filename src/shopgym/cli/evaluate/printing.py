"""The answer at a terminal: refusals first, then numbers."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...evaluation.offline import ESTIMATORS

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
    say(f"[{COLOURS[answer['verdict']]}]{answer['verdict']}[/]: {escape(conclusion(answer))}")
    estimates = answer["estimates"]
    if estimates:
        console.print(_table(estimates))
        say(diagnostics_line(answer))
    for why, names in doubts_of(estimates):
        say(f"[yellow]caution[/] {', '.join(names)}: {escape(why)}")
    for note in notes_of(answer):
        say(f"note: {escape(note)}")


def conclusion(answer: dict[str, Any]) -> str:
    """What to take away, in words."""
    found = [e for e in answer["estimates"] if e["estimator"] == answer["headline"]]
    if not found:
        return f"this log cannot tell what {answer['policy']} would have earned"
    (best,) = found
    low, high, logged = best["low"], best["high"], answer["logged_value"]
    said = f"it would have earned about {best['value']:.4g} {answer['unit']} a round ({best['estimator']})"
    if not ESTIMATORS[best["estimator"]].weighted:
        return f"{said}, by its reward model alone: no interval holds what that errs by"
    if low is None or high is None:
        return f"{said}, without bounds"
    against = "more than" if low > logged else "less than" if high < logged else "not clearly other than"
    within = f"{number(low)} to {number(high)} with {100 * best['level']:.4g}% confidence"
    return f"{said}, {within}: {against} what was earned"


def doubts_of(estimates: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Why estimates are read with caution: each reason once, with the estimators it is about."""
    about: dict[str, list[str]] = {}
    for e in estimates:
        for why in e["reason"].split("; ") if e["verdict"] == "caution" else ():
            about.setdefault(why, []).append(e["estimator"])
    together: dict[tuple[str, ...], list[str]] = {}
    for why, names in about.items():
        together.setdefault(tuple(names), []).append(why)
    return [("; ".join(whys), list(names)) for names, whys in together.items()]


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
