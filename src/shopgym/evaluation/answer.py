"""An answer of offline evaluation: which estimates it holds, and its words.

The terminal, the notebook and the HTML card print the sentences of this file, so they say the same. An answer
is one JSON-able mapping, the one that ``shopgym evaluate --json`` prints; :func:`answer_of` lists its keys.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator

from ..core.errors import InvalidInput
from .errors import NoOverlap, NotEstimable
from .offline.estimate import Estimate
from .offline.estimators import ESTIMATORS
from .offline.formats.weighed_log import WeighedLog
from .offline.verdict import CAUTION, REFUSE, TRUST

PREFERRED = ("dr", "snips", "ips", "dm")
"""Which estimate is quoted among those with the best verdict."""
WITH_ONE_SLOT = {"cascade-dr": "dr", "pi": "ips", "snpi": "snips"}
NO_MODEL = "needs a reward model"
HEADINGS = {
    TRUST: "This number passes every check",
    CAUTION: "Read this number with care",
    REFUSE: "Do not use this log to judge this policy",
}
"""A heading for each verdict."""


@dataclass(frozen=True)
class Line:
    """A line of an answer: ``mark`` is its first word, in the colour of ``verdict``; both may be empty."""

    text: str
    mark: str = ""
    verdict: str = ""

    def __str__(self) -> str:
        return f"{self.mark}{self.text}"


def answer_of(
    weighed: WeighedLog, names: Sequence[str], *, chosen: bool, level: float, interval: str, rng: Generator
) -> tuple[dict[str, Any], list[Estimate]]:
    """The answer, and its estimates as objects.

    Keys: ``verdict``; ``refused``, reasons by estimator; ``headline``, the estimator that is quoted, or None;
    ``rounds``, ``slots``, ``unit``, ``logged_value``; the facts of the log; ``estimates``; ``skipped``,
    reasons by estimator.

    Args:
        weighed: the log, weighed for the target policy.
        names: of the estimators.
        chosen: whether these were asked for by name: then one that cannot be had is an error. Otherwise it is
            skipped and the reason given.
        level, interval, rng: of the intervals.

    Raises:
        InvalidInput: a wrong option; an estimator that was asked for cannot be had, or none can.
    """
    estimates: list[Estimate] = []
    refused: dict[str, str] = {}
    skipped: dict[str, str] = {}
    first_error: InvalidInput | None = None
    for name in names:
        if not chosen and (reason := _reason_to_skip(weighed, name)):
            skipped[name] = reason
            continue
        try:
            estimate = weighed.estimate(name, level=level, interval=interval, rng=rng)
        except NoOverlap as error:
            refused[name] = error.fix
            first_error = first_error or error
        except NotEstimable as error:
            if chosen:
                raise
            skipped[name] = error.fix
            first_error = first_error or error
        else:
            if not math.isfinite(estimate.value):
                refused[name] = "it has no value on this log"
                continue
            estimates.append(estimate)
            if estimate.verdict == REFUSE:
                refused[name] = estimate.reason
    if first_error and not estimates and not refused:
        raise first_error
    best = best_estimate(estimates)
    answer = {
        "verdict": best.verdict if best else REFUSE,
        "refused": refused,
        "headline": best.estimator if best else None,
        "rounds": len(weighed),
        "slots": weighed.slots,
        "unit": weighed.unit,
        "logged_value": weighed.logged_value,
        **weighed.facts,
        "estimates": [estimate.as_dict() for estimate in estimates],
        "skipped": skipped,
    }
    return answer, estimates


def best_estimate(estimates: Sequence[Estimate]) -> Estimate | None:
    """The one to quote: of the best verdict, then the preferred estimator; None if all are refused."""
    order = [*PREFERRED, *(name for name in ESTIMATORS if name not in PREFERRED)]
    usable = [estimate for estimate in estimates if estimate.verdict != REFUSE]
    rank = [TRUST, CAUTION].index
    return min(usable, key=lambda e: (rank(e.verdict), order.index(e.estimator)), default=None)


def conclusion(answer: Mapping[str, Any]) -> str:
    """The sentence of the verdict: what the policy would have earned, and if that is more than before."""
    best = quoted(answer)
    if best is None:
        return f"this log cannot tell what {answer['policy']} would have earned"
    low, high, logged = best["low"], best["high"], answer["logged_value"]
    value = f"it would have earned about {best['value']:.4g} {answer['unit']} a round ({best['estimator']})"
    if not ESTIMATORS[best["estimator"]].weighted:
        return f"{value}, by its reward model alone: no interval holds what that errs by"
    if low is None or high is None:
        return f"{value}, without bounds"
    against = "more than" if low > logged else "less than" if high < logged else "not clearly other than"
    return f"{value}, {between(best)}: {against} what was earned"


def comparison_conclusion(policy: str, baseline: str, difference: Estimate) -> str:
    """The sentence of a comparison of two policies on one log."""
    if difference.verdict == REFUSE:
        return f"this log cannot compare {policy} with {baseline}"
    row = difference.as_dict()
    size = f"{difference.value:.4g} {difference.unit} a round ({difference.estimator})"
    sure = row["low"] is not None and row["high"] is not None and not row["low"] <= 0 <= row["high"]
    against = ("more" if difference.value > 0 else "less") if sure else "not clearly more or less"
    earned = f"{policy} would have earned {against} than {baseline}"
    return f"{earned}: the difference is about {size}, {between(row)}"


def between(row: Mapping[str, Any]) -> str:
    """The interval of an estimate, in words."""
    return f"{number(row['low'])} to {number(row['high'])} with {100 * row['level']:.4g}% confidence"


def lines_before(answer: Mapping[str, Any]) -> list[Line]:
    """What is read before any table: refusals, what was logged, and the verdict with its sentence."""
    slots = "" if answer["slots"] == 1 else f" of {answer['slots']} slots"
    return [
        *(Line(f" {', '.join(names)}: {reason}", "REFUSED", REFUSE) for reason, names in refusals(answer)),
        Line(
            f"{answer['policy']} on {answer['log']}: {answer['rounds']:,} rounds{slots}, "
            f"which earned {answer['logged_value']:.4g} {answer['unit']} a round"
        ),
        Line(f": {conclusion(answer)}", answer["verdict"], answer["verdict"]),
    ]


def lines_after(answer: Mapping[str, Any]) -> list[Line]:
    """What is read after the table: the diagnostics, reasons for caution and notes."""
    lines = [Line(diagnostics_line(answer))] if answer["estimates"] else []
    for reason, names in cautions(answer["estimates"]):
        lines.append(Line(f" {', '.join(names)}: {reason}", CAUTION, CAUTION))
    return lines + [Line(f"note: {note}") for note in notes_of(answer)]


def table_rows(answer: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Estimator, value, interval and verdict of every estimate."""
    return [
        (e["estimator"], f"{e['value']:.4g}", f"[{number(e['low'])}, {number(e['high'])}]", e["verdict"])
        for e in answer["estimates"]
    ]


def text(answer: Mapping[str, Any]) -> str:
    """The whole answer as plain text."""
    header = ("estimator", "value", "interval", "verdict")
    rows = [header, *table_rows(answer)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    table = [
        f"  {row[0]:<{widths[0]}}   {row[1]:>{widths[1]}}   {row[2]:>{widths[2]}}   {row[3]}" for row in rows
    ]
    return "\n".join(
        [
            *map(str, lines_before(answer)),
            *(["", *table, ""] if answer["estimates"] else []),
            *map(str, lines_after(answer)),
        ]
    )


def quoted(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The estimate that the conclusion quotes; None if there is none."""
    return next((e for e in answer["estimates"] if e["estimator"] == answer["headline"]), None)


def refusals(answer: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Why estimators are refused: each reason once, with their names."""
    return _by_reason(answer["refused"].items())


def cautions(estimates: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Why estimates are read with caution: each reason once, with the names of the estimators."""
    pairs = (
        (e["estimator"], reason)
        for e in estimates
        if e["verdict"] == CAUTION
        for reason in e["reason"].split("; ")
    )
    together: dict[tuple[str, ...], list[str]] = {}
    for reason, names in _by_reason(pairs):
        together.setdefault(tuple(names), []).append(reason)
    return [("; ".join(reasons), list(names)) for names, reasons in together.items()]


def diagnostics_line(answer: Mapping[str, Any]) -> str:
    """What the weights look like; the same for every estimator of a log."""
    e = answer["estimates"][0]
    parts = [
        f"effective rounds {e['ess']:,.0f} of {e['n']:,}",
        f"largest weight {e['max_weight']:.4g}",
        f"heaviest 1% of rounds carry {e['tail_mass']:.0%} of the weight",
        "no tail to fit" if e["pareto_k"] is None else f"Pareto-k {e['pareto_k']:.2f}",
        f"unsupported {unsupported_share(e)}",
    ]
    if e["propensity_p"] is not None:
        parts.append(f"propensities p = {e['propensity_p']:.2g}")
    return " · ".join(parts)


def notes_of(answer: Mapping[str, Any]) -> list[str]:
    """What the reader has to know beside the numbers, each once."""
    notes = estimator_notes(answer)
    propensities = answer.get("propensities", {})
    if "log_loss_of_frequencies" in propensities:
        notes.append(
            f"propensities by {propensities['method']}: log loss {propensities['log_loss']:.4f}, "
            f"plain frequencies {propensities['log_loss_of_frequencies']:.4f}"
        )
    if "value_in_log_of_policy" in answer:
        notes.append(f"in its own log {answer['policy']} earned {answer['value_in_log_of_policy']:.4g}")
    notes += [f"no {', '.join(names)}: {reason}" for reason, names in _by_reason(answer["skipped"].items())]
    return notes


def estimator_notes(answer: Mapping[str, Any]) -> list[str]:
    """The notes of the estimates, each once."""
    return list(dict.fromkeys(part for e in answer["estimates"] for part in e["note"].split("; ") if part))


def unsupported_share(row: Mapping[str, Any]) -> str:
    """Share of the target that the log never shows, in words."""
    return "unknown" if row["unsupported"] is None else f"{row['unsupported']:.1%}"


def number(value: float | None) -> str:
    """Four digits; an end of an interval that is not finite became None."""
    return "unbounded" if value is None else f"{value:.4g}"


def _reason_to_skip(weighed: WeighedLog, name: str) -> str:
    if ESTIMATORS[name].needs_model and not weighed.has_model:
        return NO_MODEL
    if weighed.slots == 1 and name in WITH_ONE_SLOT:
        return f"with one slot it is {WITH_ONE_SLOT[name]}"
    return ""


def _by_reason(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    out: dict[str, list[str]] = {}
    for name, reason in pairs:
        out.setdefault(reason, []).append(name)
    return list(out.items())
