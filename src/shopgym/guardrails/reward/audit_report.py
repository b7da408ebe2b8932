"""What the audit says: the lint's findings and tables, and what optimisers made of the reward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...evaluation.figures import INK, new_figure, png_of, titled
from .audit import Attempt, Audit
from .findings import ALIGNED, ERROR, GAMEABLE, Finding, LintReport
from .pictures import HONEST, PROXY, draw_curve
from .sentences import what_it_does
from .shop_report import shop_report
from .storefronts import storefronts


def audit_report(audit: Audit, *, pictures: bool = False) -> LintReport:
    """The report on an audit."""
    lint = audit.lint
    report = shop_report(lint, pictures=pictures)
    gaming = audit.gaming
    findings = [] if gaming is None else [_gamed(audit, gaming)]
    both = sorted([*findings, *report.findings], key=lambda finding: finding.severity != ERROR)
    verdict = report.verdict if gaming is None else GAMEABLE
    headline = report.headline
    if gaming is not None and report.verdict != GAMEABLE:
        headline = findings[0].message
    drawn, sections = dict(report.pictures), {}
    if pictures and lint.curve.points:
        drawn = {"Optimisers": audit_picture(audit), **drawn}
    if audit.strongest is not None:
        sections["Storefronts, side by side"] = storefronts(lint.shop, *audit.strongest)
    return replace(
        report,
        findings=tuple(both),
        verdict=verdict,
        headline=headline,
        tables={"Optimisers": _rows(audit), "Each term by itself": _term_rows(audit), **report.tables},
        pictures=drawn,
        sections=sections,
        data={**report.data, "attempts": [_as_dict(attempt, lint.star) for attempt in audit.attempts]},
    )


def _gamed(audit: Audit, attempt: Attempt) -> Finding:
    price, star = attempt.price, audit.lint.star
    return Finding.make(
        "gamed_by",
        agent=attempt.optimiser,
        pages=attempt.pages,
        star=star,
        episode=price.episode,
        share=price.share.value,
        low=price.share.low,
        high=price.share.high,
        does=what_it_does(price, star),
    )


def _rows(audit: Audit) -> list[Mapping[str, Any]]:
    star, tolerance = audit.lint.star, audit.lint.tolerance
    return [
        {
            "optimiser": attempt.optimiser,
            "pages learnt from": attempt.pages,
            "reward": f"x{attempt.proxy:.2f}",
            "north star kept": f"{attempt.price.share.value:.1%}",
            "low": f"{attempt.price.share.low:.1%}",
            "high": f"{attempt.price.share.high:.1%}",
            "by training": ", ".join(f"{share.value:.0%}" for share in attempt.by_seed),
            "verdict": GAMEABLE if attempt.games(tolerance) else ALIGNED,
            "what it does": what_it_does(attempt.price, star),
        }
        for attempt in audit.attempts
    ]


def _term_rows(audit: Audit) -> list[Mapping[str, Any]]:
    tolerance, star = audit.lint.tolerance, audit.lint.star
    return [
        {
            "term": name,
            "north star kept": f"{price.share.value:.1%}",
            "verdict": GAMEABLE if price.share.high < 1.0 - tolerance else ALIGNED,
            "what it does": what_it_does(price, star),
        }
        for name, price in audit.terms.items()
    ]


def _as_dict(attempt: Attempt, star: str) -> dict[str, Any]:
    return {
        "optimiser": attempt.optimiser,
        "pages": attempt.pages,
        "proxy": attempt.proxy,
        "does": what_it_does(attempt.price, star),
        "price": attempt.price.as_dict(),
        "by_seed": [share.value for share in attempt.by_seed],
    }


def audit_picture(audit: Audit) -> bytes:
    """North star that is kept, against the reward that is reached: the exact family, and every agent."""
    lint = audit.lint
    figure, (axes,) = new_figure(7.2, 4.4)
    draw_curve(axes, lint.curve.honest, HONEST, f"exact family, optimised for {lint.star}", x_is="proxy")
    draw_curve(axes, lint.curve.points, PROXY, "exact family, optimised for the reward", x_is="proxy")
    colours = ("#d97706", "#2563eb", "#9333ea", "#4d7c0f", "#0369a1")
    names = list(dict.fromkeys(attempt.optimiser for attempt in audit.attempts))
    top = max((attempt.proxy for attempt in audit.attempts), default=1.0)
    for name, colour in zip(names, colours, strict=False):
        own = [attempt for attempt in audit.attempts if attempt.optimiser == name]
        x = [(attempt.proxy - 1.0) / max(top - 1.0, 1e-12) for attempt in own]
        y = [100 * attempt.price.share.value for attempt in own]
        axes.plot(x, y, "o-", color=colour, label=f"{name} (of what it earns when {lint.star} pays it)")
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("reward reached: 0 = random pages, 1 = the most that was reached")
    axes.set_ylabel(f"% of the {lint.star} that could be earned")
    axes.legend(frameon=False, fontsize=8, loc="best")
    titled(axes, "What optimisers make of the reward, weakest first")
    return png_of(figure)
