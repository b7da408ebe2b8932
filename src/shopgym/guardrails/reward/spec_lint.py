"""A lint of what a reward says, without a shop: signs, weights, the north star, and limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...core.reward import CostLimit, RewardSpec, Term
from ...core.reward.terms import all_terms
from .findings import ALIGNED, ERROR, FAULTY, Finding, LintReport

SAME_MONEY = (
    ("margin", "revenue", "the margin is a part of the revenue"),
    ("return_cost", "expected_return_cost", "one is what came back, the other what was expected to"),
)
"""Pairs of terms of which one holds the other's money, and why."""
NET_OF_DISCOUNT = ("margin", "revenue")
SIGNED = ("margin", "satisfaction")
"""Terms whose amounts can be below 0."""


def lint_spec(spec: RewardSpec) -> LintReport:
    """What is wrong with a reward as it is written. No shop is asked: whether it can be gamed stays open."""
    checks = (_north_star, _signs, _same_money, _weights, _limits)
    findings = [finding for check in checks for finding in check(spec)]
    findings.sort(key=lambda finding: finding.severity != ERROR)
    errors = sum(finding.severity == ERROR for finding in findings)
    counted = f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}"
    if errors:
        headline = f"{counted}: an agent that is trained on this reward works against what is wanted."
    else:
        headline = f"{counted}: what it says fits together. Whether it can be gamed depends on the shop."
    tables = {"Terms": term_table(spec), "Limits": limit_table(spec)}
    return LintReport(
        tuple(findings), FAULTY if errors else ALIGNED, headline, spec.star.name, spec.spec(), tables
    )


def term_table(spec: RewardSpec) -> list[dict[str, Any]]:
    """One row a term of the reward."""
    terms = all_terms()
    return [
        {
            "term": name,
            "weight": float(spec.terms[name]),
            "rate": float(spec.exchange.get(name, 1.0)),
            "worth": f"{weight:+.4g} {spec.unit} per {terms[name].unit}",
            "what it counts": terms[name].meaning,
        }
        for name, weight in spec.weights.items()
    ]


def limit_table(spec: RewardSpec) -> list[dict[str, Any]]:
    """One row a limit."""
    return [
        {"limit": limit.label, "in words": limit.sentence, "unit": all_terms()[limit.term].unit}
        for limit in spec.limits
    ]


def _north_star(spec: RewardSpec) -> Iterator[Finding]:
    """Whether the reward pays for what the business wants, and charges what it does not want."""
    terms, paid = all_terms(), {name for name, weight in spec.weights.items() if weight > 0}
    wanted = [name for name, weight in spec.star_weights.items() if weight > 0]
    for name in wanted:
        if spec.weights.get(name, 0.0) < 0:
            words = {"wanted": "more", "does": "avoids", "sign": "positive"}
            yield Finding.make("north_star_negative", term=name, weight=spec.weights[name], **words)
        elif name in paid:
            continue
        elif terms[name].source == "people" and paid & set(wanted):
            yield Finding.make("horizon_unseen", term=name)
        else:
            yield Finding.make("north_star_missing", term=name, star=spec.star.name)
    charged = {name for name, weight in spec.weights.items() if weight < 0}
    for name, weight in spec.star_weights.items():
        same = {name, *(other for pair in SAME_MONEY if name in pair for other in pair[:2])}
        if weight < 0 and not same & charged and not spec.weights.get(name, 0.0) > 0:
            yield Finding.make("north_star_cost_uncharged", term=name)


def _signs(spec: RewardSpec) -> Iterator[Finding]:
    terms = all_terms()
    for name, weight in spec.weights.items():
        term, rate = terms[name], spec.exchange.get(name, 1.0)
        if rate <= 0:
            yield Finding.make("rate_not_positive", term=name, rate=rate)
        elif term.sign < 0 < weight:
            yield Finding.make("cost_rewarded", term=name, weight=weight)
        elif spec.star_weights.get(name, 0.0) < 0 < weight:
            words = {"wanted": "less", "does": "looks for", "sign": "negative"}
            yield Finding.make("north_star_negative", term=name, weight=weight, **words)
        elif term.sign > 0 and weight < 0 and name not in spec.star_weights:
            yield Finding.make("good_punished", term=name, weight=weight)
        elif term.sign == 0 and weight > 0:
            yield Finding.make("exposure_rewarded", term=name)
        if name == "dwell" and weight > 0:
            yield Finding.make("dwell_rewarded")
        if name in SIGNED and weight > 0 and name in spec.clip and spec.clip[name][0] == 0:
            yield Finding.make("losses_clipped", term=name)


def _same_money(spec: RewardSpec) -> Iterator[Finding]:
    weights = spec.weights
    for first, second, why in SAME_MONEY:
        if weights.get(first, 0.0) * weights.get(second, 0.0) > 0:
            yield Finding.make("counted_twice", first=first, second=second, why=why)
    for name in NET_OF_DISCOUNT:
        if weights.get(name, 0.0) > 0 and weights.get("discount_cost", 0.0) < 0:
            yield Finding.make("discount_charged_twice", term=name)


def _weights(spec: RewardSpec) -> Iterator[Finding]:
    for name, weight in spec.terms.items():
        if weight == 0:
            yield Finding.make("weight_zero", term=name)
    terms = all_terms()
    paid: list[Term] = [terms[name] for name, weight in spec.weights.items() if weight > 0]
    if paid and all(term.proxy for term in paid):
        yield Finding.make("only_proxies", terms=" and ".join(term.name for term in paid))


def _limits(spec: RewardSpec) -> Iterator[Finding]:
    for limit in spec.limits:
        if _never_binds(limit):
            yield Finding.make("limit_never_binds", limit=limit.sentence)
        elif limit.at_most == 0 and limit.term not in SIGNED:
            yield Finding.make("limit_allows_nothing", limit=limit.sentence)


def _never_binds(limit: CostLimit) -> bool:
    if limit.at_most is not None:
        return limit.is_share and limit.limit >= 1.0
    return limit.limit <= 0.0 and limit.term not in SIGNED


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
