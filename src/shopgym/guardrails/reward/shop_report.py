"""What the exact lint says: findings with codes, a verdict, tables and pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...core.reward import RewardSpec
from ...core.reward.terms import all_terms
from ...simulators import Shop
from .findings import (
    ALIGNED,
    ALIGNED_UP_TO,
    ERROR,
    FAULTY,
    GAMEABLE,
    NOT_TOLD,
    Finding,
    LintReport,
    verdict_of,
)
from .linted_shop import LintedShop, LintSize
from .pictures import pressure_picture, probe_picture
from .price import ProxyPrice, Share
from .sentences import share_text, weights_text
from .shop_lint import TOLERANCE, ShopLint, measure
from .spec_lint import lint_spec

DOMINATES = 0.95
"""Share of the variance above which one term makes the others hardly count."""
FAR = 10.0
"""A rate is far from the shop's own from this factor on, up or down."""
RETURN_CHARGES = ("return_cost", "expected_return_cost")


def exact_lint(
    spec: RewardSpec,
    shop: LintedShop | Shop,
    *,
    size: LintSize | None = None,
    tolerance: float = TOLERANCE,
    pressure: float | None = None,
    pictures: bool = False,
) -> LintReport:
    """Whether a reward can be gamed in a shop, from the shop's exact means: seconds, and nothing is trained.

    Args:
        shop, size, tolerance, pressure: as in :func:`.shop_lint.measure`.
        pictures: whether to draw them (needs matplotlib).

    Raises:
        InvalidInput: nothing of the reward or the north star is known exactly, or a number is out of range.
    """
    lint = measure(spec, shop, size=size, tolerance=tolerance, pressure=pressure)
    return shop_report(lint, pictures=pictures)


def shop_report(lint: ShopLint, *, pictures: bool = False) -> LintReport:
    """The report on what was measured, and on what the reward says."""
    written = lint_spec(lint.spec)
    both = sorted([*written.findings, *shop_findings(lint)], key=lambda finding: finding.severity != ERROR)
    verdict = _verdict(lint, both)
    drawn = {}
    if pictures and lint.curve.points:
        reward = weights_text(lint.spec.weights)
        drawn["Under pressure"] = pressure_picture(lint.curve, lint.star, reward)
        drawn["Probes"] = probe_picture(lint.probes, lint.star)
    return LintReport(
        findings=tuple(both),
        verdict=verdict,
        headline=_headline(lint, verdict, both),
        north_star=written.north_star,
        spec=lint.spec.spec(),
        tables={**written.tables, **_tables(lint)},
        pictures=drawn,
        data={
            "tolerance": lint.tolerance,
            "pressure": lint.pressure,
            "safe_nats": None if math.isinf(lint.curve.safe_kl) else lint.curve.safe_kl,
            "does": lint.sentence,
            "prices": [price.as_dict() for price in lint.prices],
        },
    )


def shop_findings(lint: ShopLint) -> Iterator[Finding]:
    """Everything that the shop shows of the reward."""
    price, star = lint.worst, lint.star_per(lint.worst.episode)
    for limit in lint.spec.limits:
        if limit.label in lint.impossible:
            reached = lint.impossible[limit.label]
            yield Finding.make("limit_impossible", limit=limit.sentence, reached=reached)
    if not price.best > 0.0:
        yield Finding.make("nothing_to_earn", star=star, best=price.best, episode=price.episode)
    elif not lint.curve.honest:
        yield Finding.make("north_star_constant", star=star)
    elif math.isnan(price.share.value):
        yield Finding.make("not_judged", star=star)
    if not lint.varies:
        yield Finding.make("no_variance")
        return
    if lint.loses and not lint.safe_at_pressure and not lint.clip_decides:
        about = {"star": star, "episode": price.episode, "does": lint.sentence}
        yield Finding.make("gameable", **about, **_bounds(price.share), stop=_stop(lint.curve.safe_kl))
    if lint.untested_horizon:
        judged = " and ".join(f"{each.episode}s" for each in lint.prices)
        yield Finding.make("horizon_not_tested", horizon=lint.spec.star.horizon, episodes=judged)
    for each in lint.prices:
        star = lint.star_per(each.episode)
        if each.myopic.high < 1.0 - lint.tolerance and not each.share.high < 1.0 - lint.tolerance:
            yield Finding.make("short_sighted", star=star, episode=each.episode, **_bounds(each.myopic))
        if math.isnan(each.share.value) and not math.isnan(price.share.value):
            yield Finding.make("few_episodes", star=star, episode=each.episode)
    yield from _about_terms(lint)
    shop = lint.shop
    if shop.config.allow_losses and max(shop.discounts) > 0.0 and lint.sold_below_cost > 0.0:
        yield Finding.make("sells_below_cost", discount=max(shop.discounts), pages=lint.sold_below_cost)
    for probe in lint.probes:
        if probe.fools:
            yield Finding.make(
                "probe_preferred", probe=probe.name, proxy=probe.proxy, share=probe.share.value, star=star
            )
    if lint.ignored:
        yield Finding.make("not_exact", terms=", ".join(lint.ignored))


def _about_terms(lint: ShopLint) -> Iterator[Finding]:
    weights, sampled, star = lint.spec.weights, lint.sampled, lint.star
    for name, cut in lint.cut_off.items():
        if cut > 0.0:
            code = "clip_decides" if cut > lint.tolerance else "clip_binds"
            yield Finding.make(code, term=name, cut=cut)
    for share in lint.shares:
        if not sampled[share.name].any():
            yield Finding.make("term_never_varies", term=share.name)
        elif len(lint.shares) > 1 and share.variance > DOMINATES:
            yield Finding.make("one_term_dominates", term=share.name, variance=share.variance)
    margin, back = (float(sampled[name].mean()) for name in ("margin", "return_cost"))
    charged = any(weights.get(name, 0.0) < 0.0 for name in RETURN_CHARGES)
    if lint.shop.config.returns.enabled and not charged and back > 0.0:
        yield Finding.make("returns_not_charged", share=back / max(margin, 1e-12))
    earned = sum(
        w * float(sampled[name].mean()) for name, w in lint.spec.star_weights.items() if name in sampled
    )
    for name in lint.spec.exchange:
        count = float(sampled[name].mean()) if name in sampled else 0.0
        if not count > 0.0 or not earned > 0.0 or lint.spec.star_unit != lint.spec.unit:
            continue
        own, weight = earned / count, abs(weights.get(name, 0.0))
        if weight > 0.0 and not own / FAR <= weight <= own * FAR:
            unit = all_terms()[name].unit
            yield Finding.make(
                "rate_far_from_shop", unit=unit, rate=weight, own=own, star=star, factor=weight / own
            )


def _stop(safe: float) -> str:
    return f"; up to {safe:.1f} nats a page it loses nothing" if 0.05 < safe < math.inf else ""


def _bounds(share: Share) -> dict[str, float]:
    return {"share": share.value, "low": share.low, "high": share.high}


def _verdict(lint: ShopLint, findings: Sequence[Finding]) -> str:
    return verdict_of(findings, ALIGNED_UP_TO if lint.loses else ALIGNED)


def _headline(lint: ShopLint, verdict: str, findings: Sequence[Finding]) -> str:
    price, star = lint.worst, lint.star_per(lint.worst.episode)
    share = f"{price.share.value:.0%} of the {star} that they could"
    if math.isnan(price.share.value) or not lint.varies or verdict == NOT_TOLD:
        return findings[0].message if findings else "The reward cannot be judged in this shop."
    bounds = f"{price.share.low:.0%} to {price.share.high:.0%} per {price.episode}"
    text = f"The pages that are best for this reward earn {share} ({bounds})"
    if verdict == ALIGNED_UP_TO:
        return f"{text}, but up to {lint.pressure:g} nats a page it loses no more than {lint.tolerance:.0%}."
    if verdict == FAULTY:
        return f"{findings[0].message} {text}."
    return f"{text}: {lint.sentence}." if verdict == GAMEABLE else f"{text}."


def _tables(lint: ShopLint) -> dict[str, list[Mapping[str, Any]]]:
    return {
        "The price of the proxy": [_price_row(price) for price in lint.prices],
        "Probes": [
            {
                "page": probe.name,
                "reward": share_text(probe.proxy),
                "north star": share_text(probe.share.value),
                "fools the reward": "yes" if probe.fools else "no",
            }
            for probe in lint.probes
        ],
        "Terms, on random pages": [
            {
                "term": share.name,
                "weight": share.weight,
                "amount a page": share.amount,
                "share of the mean": share_text(share.mean),
                "share of the variance": share_text(share.variance),
            }
            for share in lint.shares
        ],
        "Under pressure": [
            {
                "nats a page": round(point.kl, 2),
                "reward": share_text(point.proxy),
                "north star": share_text(point.share.value),
                "low": share_text(point.share.low),
                "high": share_text(point.share.high),
                "discount": share_text(point.price_off),
            }
            for point in lint.curve.points
        ],
    }


def _price_row(price: ProxyPrice) -> dict[str, Any]:
    return {
        "per": price.episode,
        "north star kept": share_text(price.share.value),
        "low": share_text(price.share.low),
        "high": share_text(price.share.high),
        "best for the reward": f"{price.north_star:.4g}",
        "best for the north star": f"{price.best:.4g}",
        "random pages": f"{price.random:.4g}",
        "discount": share_text(price.price_off),
    }
