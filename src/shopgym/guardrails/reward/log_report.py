"""What the lint from a log says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .findings import ALIGNED, ALIGNED_UP_TO, ERROR, Finding, LintReport, verdict_of
from .log_lint import REWARD, STAR, LogLint
from .sentences import share_text
from .spec_lint import lint_spec


def log_report(lint: LogLint) -> LintReport:
    """The report: no number that the log cannot be trusted for."""
    written, star = lint_spec(lint.spec), lint.spec.star.amount
    findings = sorted([*written.findings, *_findings(lint)], key=lambda finding: finding.severity != ERROR)
    verdict = verdict_of(findings, ALIGNED if lint.points[-1].told else ALIGNED_UP_TO)
    rows = []
    for point in lint.points:
        share, low, high = (share_text(value) for value in point.bounds)
        estimate = "the same pages" if point.same else "refuse"
        rows.append(
            {
                "pressure": point.pressure,
                "north star kept": share,
                "low": low,
                "high": high,
                "estimate": estimate if point.share is None else str(point.share.verdict),
                "why": point.why,
            }
        )
    return replace(
        written,
        findings=tuple(findings),
        verdict=verdict,
        headline=_headline(lint, star),
        tables={**written.tables, "From the log": rows},
    )


def _findings(lint: LogLint) -> Iterator[Finding]:
    star = lint.spec.star.amount
    if lint.spec.star.horizon is not None:
        yield Finding.make("horizon_not_tested", horizon=lint.spec.star.horizon, episodes="rounds of the log")
    if REWARD in lint.constant:
        yield Finding.make("no_variance")
    if STAR in lint.constant:
        yield Finding.make("north_star_constant", star=star)
    if lint.constant:
        return
    if lint.gamed is not None:
        share, low, high = lint.gamed.bounds
        about = {"share": share, "low": low, "high": high, "pressure": lint.gamed.pressure}
        yield Finding.make("gameable_on_log", star=star, **about)
    elif not lint.told:
        yield Finding.make("log_does_not_tell", why=lint.points[0].why)
    elif not lint.excluded:
        _, low, _ = lint.told[-1].bounds
        yield Finding.make("log_cannot_exclude", star=star, low=low, pressure=lint.told[-1].pressure)
    elif not lint.points[-1].told:
        yield Finding.make("log_tells_up_to", pressure=lint.told[-1].pressure)


def _headline(lint: LogLint, star: str) -> str:
    if lint.constant:
        said = {REWARD: "the reward", STAR: f"the north star, {star},"}
        return f"In this log {' and '.join(said[name] for name in lint.constant)} never varies."
    if not lint.told:
        return f"The log does not tell whether this reward can be gamed: {lint.points[0].why}."
    point = lint.told[-1] if lint.gamed is None else lint.gamed
    share, low, high = point.bounds
    caution = f"; with caution: {point.why}" if point.why else ""
    return (
        f"On {lint.rounds:,} rounds, pages chosen by a model of the reward earn {share:.0%} of the {star} of "
        f"those chosen by a model of the {star} itself ({low:.0%} to {high:.0%}, at pressure "
        f"{point.pressure:g}){caution}."
    )
