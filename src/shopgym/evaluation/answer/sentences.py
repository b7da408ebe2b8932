"""The sentences of an answer: for the terminal, the notebook and the card alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..offline.estimators import ESTIMATORS
from ..offline.verdict import CAUTION, REFUSE, TRUST

HEADINGS = {
    TRUST: "This number passes every check",
    CAUTION: "Read this number with care",
    REFUSE: "Do not use this log to judge this policy",
}
"""A heading for each verdict on one number."""
HEADINGS_OF_SEVERAL = {
    TRUST: "These numbers pass every check",
    CAUTION: "Read these numbers with care",
    REFUSE: "This log cannot answer all of this",
}
"""A heading for the worst verdict of several numbers."""


def earned(minimise: bool) -> str:
    """The verb of a reward, or of a cost."""
    return "cost" if minimise else "earned"


def logged(answer: Mapping[str, Any], value: str) -> str:
    """How many rounds the log has and what they earned; ``value`` says how much."""
    slots = "" if answer.get("slots", 1) == 1 else f" of {answer['slots']} slots"
    rows, represented = answer["rounds"], answer["rounds_represented"]
    verb = earned(answer.get("minimise", False))
    if represented == rows:
        return f"{rows:,} rounds{slots}, which {verb} {value}"
    return f"{rows:,} rows, which stand for {represented:,.0f} rounds{slots} and {verb} {value}"


def conclusion(answer: Mapping[str, Any]) -> str:
    """The sentence of the verdict: what the policy would have earned, and if that is more than before."""
    best, verb = quoted(answer), earned(answer.get("minimise", False))
    if best is None:
        return f"this log cannot tell what {answer['policy']} would have {verb}"
    value = f"it would have {verb} about {amount(best['value'], answer['unit'])} ({best['estimator']})"
    if not ESTIMATORS[best["estimator"]].weighted:
        return f"{value}, by its reward model alone: no interval holds what that errs by"
    gain = answer["difference_from_logged"]
    if None in (best["low"], best["high"], gain["low"], gain["high"]):
        return f"{value}, without bounds"
    against = _against(gain["low"], gain["high"], 0.0)
    was = "the log did cost" if verb == "cost" else "was earned"
    sentence = f"{value}, {between(best)}: {against} what {was}"
    if against == _against(best["low"], best["high"], answer["logged_value"]):
        return sentence
    # what was earned is a mean of so many rounds, with an error of its own
    return f"{sentence} (the difference is {number(gain['low'])} to {number(gain['high'])})"


def _against(low: float, high: float, reference: float) -> str:
    return "more than" if low > reference else "less than" if high < reference else "not clearly other than"


def comparison_conclusion(
    policy: str, baseline: str, difference: Mapping[str, Any], *, minimise: bool = False
) -> str:
    """The sentence of a comparison of two policies on one log.

    Args:
        policy, baseline: their names.
        difference: ``value``, ``low``, ``high``, ``level``, ``unit``, ``estimator`` and ``verdict``.
        minimise: whether it is a cost.
    """
    if difference["verdict"] == REFUSE:
        return f"this log cannot compare {policy} with {baseline}"
    low, high, verb = difference["low"], difference["high"], earned(minimise)
    size = f"{amount(difference['value'], difference['unit'])} ({difference['estimator']})"
    sure = low is not None and high is not None and not low <= 0 <= high
    against = ("more" if difference["value"] > 0 else "less") if sure else "not clearly more or less"
    sentence = f"{policy} would have {verb} {against} than {baseline}"
    return f"{sentence}: the difference is about {size}, {between(difference)}"


def amount(value: float, unit: str) -> str:
    """A mean in words."""
    return f"{value:.4g} {unit} a round"


def between(row: Mapping[str, Any]) -> str:
    """The interval of an estimate, in words."""
    return f"{number(row['low'])} to {number(row['high'])} with {percent(row['level'])} confidence"


def percent(level: float) -> str:
    """A level, e.g. 95% or 99.5%."""
    text = f"{100 * level:.4g}"
    return f"{100 * level:.15g}%" if text == "100" else f"{text}%"


def quoted(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The estimate that the conclusion quotes; None if there is none."""
    return next((e for e in answer["estimates"] if e["estimator"] == answer["headline"]), None)


def refusals(answer: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Why estimators are refused: each reason once, with their names."""
    return by_reason(answer["refused"].items())


def cautions(estimates: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Why estimates are read with caution: each reason once, with the names of the estimators."""
    pairs = (
        (e["estimator"], reason)
        for e in estimates
        if e["verdict"] == CAUTION
        for reason in e["reason"].split("; ")
    )
    return together(pairs)


def together(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Each reason of (name, reason) once; reasons of the same names are one."""
    by_names: dict[tuple[str, ...], list[str]] = {}
    for reason, names in by_reason(pairs):
        by_names.setdefault(tuple(names), []).append(reason)
    return [("; ".join(reasons), list(names)) for names, reasons in by_names.items()]


def by_reason(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """(reason, names) of pairs (name, reason), each reason and each of its names once."""
    out: dict[str, dict[str, None]] = {}
    for name, reason in pairs:
        out.setdefault(reason, {})[name] = None
    return [(reason, list(names)) for reason, names in out.items()]


def diagnostics_line(answer: Mapping[str, Any]) -> str:
    """What the weights look like; the same for every estimator of a log."""
    e = answer["estimates"][0]
    parts = [
        f"effective rounds {e['ess']:,.0f} of {e['n']:,}",
        f"largest weight {e['max_weight']:.4g}",
        f"heaviest 1% carry {e['tail_mass']:.0%} of the weight",
        *([] if e["pareto_k"] is None else [f"Pareto-k {e['pareto_k']:.2f}"]),
        f"unsupported {unsupported_share(e)}",
    ]
    if e["propensity_p"] is not None:
        parts.append(f"propensity test p = {e['propensity_p']:.2g}")
    return " · ".join(parts)


def notes_of(answer: Mapping[str, Any]) -> list[str]:
    """What the reader has to know beside the numbers, each once."""
    notes = [*estimator_notes(answer), *log_notes(answer)]
    notes += [f"no {', '.join(names)}: {reason}" for reason, names in by_reason(answer["skipped"].items())]
    return notes


def log_notes(answer: Mapping[str, Any]) -> list[str]:
    """How the log was read: its dialect, what ``*`` took as context, propensities that were estimated."""
    notes = []
    if answer.get("table"):
        notes.append(f"the table was read as {', '.join(answer['table'])}")
    if "left_out" in answer:  # the context was *
        left_out = ", ".join(f"{name} ({reason})" for name, reason in answer["left_out"].items())
        taken = f"* took {', '.join(answer.get('context', ())) or 'no column'} as context"
        notes.append(f"{taken}; left out: {left_out}" if left_out else taken)
    propensities = answer.get("propensities", {})
    if "log_loss_of_frequencies" in propensities:
        notes.append(
            f"propensities by {propensities['method']}: log loss {propensities['log_loss']:.4f}, "
            f"plain frequencies {propensities['log_loss_of_frequencies']:.4f}"
        )
    if "value_in_log_of_policy" in answer:
        notes.append(f"in its own log {answer['policy']} earned {answer['value_in_log_of_policy']:.4g}")
    return notes


def estimator_notes(answer: Mapping[str, Any]) -> list[str]:
    """The notes of the estimates, each once, without those that stand among the reasons."""
    reasons = {part for e in answer["estimates"] for part in e["reason"].split("; ")}
    reasons |= {part for reason in answer.get("refused", {}).values() for part in reason.split("; ")}
    notes = (part for e in answer["estimates"] for part in e["note"].split("; ") if part)
    return list(dict.fromkeys(note for note in notes if note not in reasons))


def unsupported_share(row: Mapping[str, Any]) -> str:
    """Share of the target that the log never shows, in words."""
    return "unknown" if row["unsupported"] is None else f"{row['unsupported']:.1%}"


def number(value: float | None) -> str:
    """Four digits; an end of an interval that is not finite became None."""
    return "unbounded" if value is None else f"{value:.4g}"
