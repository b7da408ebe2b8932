"""Probes: pages of one simple kind, and what a reward and the north star think of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...core.types import F64
from .linted_shop import LintedShop
from .page_means import PageMeans, Pages, Weights, weighted
from .price import Share, share_of

SAME = 1e-3
"""Rewards that differ by less than this share are taken as equal."""


@dataclass(frozen=True)
class Probe:
    """One kind of page.

    Attributes:
        name: what is shown.
        proxy: the reward of such pages over that of the best pages for the north star; NaN if that is not
            above 0.
        share: the north star of such pages over that of its best pages.
        fools: whether the reward prefers such pages although the business loses by them.
    """

    name: str
    proxy: float
    share: Share
    fools: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def probe_pages(means: PageMeans, shop: LintedShop, north_star: Weights) -> dict[str, Pages]:
    """The pages of every probe that this shop can show."""
    at = np.maximum(means.candidates, 0)
    items, worth = shop.catalog.items, shop.catalog.details.worth
    first = {name: values[0] for name, values in means.terms.items()}
    bought = first["purchase"] / np.maximum(first["click"], 1e-12)
    pages = {
        "cheapest": means.by_score(-items.price[at]),
        "dearest": means.by_score(items.price[at]),
        "most clicked, least bought": means.by_score(first["click"] * (1.0 - _rank(bought))),
        "least worth": means.by_score(-worth[at].astype(np.float64)),
        "empty page": means.empty(),
    }
    if first["return_cost"].any():
        pages["most returned"] = means.by_score(first["return_cost"] / np.maximum(first["margin"], 1e-12))
    if len(means.discounts) > 1:
        honest = means.best(north_star)
        deepest = int(means.discounts.argmax())
        pages["greatest discount"] = means.pages(honest.positions, np.full(len(means), deepest))
    return pages


def run_probes(
    means: PageMeans, shop: LintedShop, proxy: Weights, north_star: Weights, *, tolerance: float, level: float
) -> tuple[Probe, ...]:
    """Every probe, by falling reward.

    A probe fools the reward if it earns at least as much of it as the best pages for the north star, and of
    the north star less than 1 - ``tolerance``.
    """
    honest = means.best(north_star)
    best, reward = means.value(north_star, honest), means.value(proxy, honest)
    kinds: dict[str, tuple[F64, F64]] = {}
    for name, pages in probe_pages(means, shop, north_star).items():
        terms = means.page_terms(pages)
        kinds[name] = (weighted(proxy, terms), weighted(north_star, terms))
    kinds["sold out"] = _sold_out(means, honest, proxy, north_star)
    probes = []
    for name, (earned, true) in kinds.items():
        share = share_of(true, best, level)
        mean = float(reward.mean())
        ratio = float(earned.mean()) / mean if mean > 0.0 else float("nan")
        fools = bool(share.high < 1.0 - tolerance and earned.mean() >= mean * (1.0 - SAME))
        probes.append(Probe(name, ratio, share, fools))
    return tuple(sorted(probes, key=lambda probe: -probe.proxy))


def _sold_out(means: PageMeans, honest: Pages, proxy: Weights, north_star: Weights) -> tuple[F64, F64]:
    """The best pages for the north star if all of it were sold out: looked at and clicked, and no more."""
    terms = dict(means.page_terms(honest))
    kept = {"click": terms["click"], "dwell": terms["dwell"]}
    shown = ((honest.positions >= 0) & means.reach).sum(axis=1).astype(np.float64)
    gone = {name: kept.get(name, np.zeros(len(means))) for name in terms} | {"stockout": shown}
    return weighted(proxy, gone), weighted(north_star, gone)


def _rank(values: F64) -> F64:
    """(n, m) rank within the row, from 0 to 1."""
    order = values.argsort(axis=1).argsort(axis=1)
    ranks: F64 = order / max(values.shape[1] - 1, 1)
    return ranks
