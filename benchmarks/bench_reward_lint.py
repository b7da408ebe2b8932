"""How often the exact lint of a reward is wrong: false alarms on honest rewards, power on gamed ones.

    python benchmarks/bench_reward_lint.py [--seeds 20] [--audits 10] [--json]

Shops are the three profiles, small, each seed with a catalogue and people of its own. Honest are five rewards
a seed: the north star itself, with a penny a click, and with costs charged. To be gamed are rewards that add
to the margin so much for a click, a cart or an order line, with discounts in every second shop, that their
best pages lose 2, 5, 10 or 20% of the margin. The weight is found on visitors of another seed, so what the
lint sees is new to it. A reward counts as called where an interval of the lint ends below 1 - tolerance, for
three tolerances. Audits: linear agents with two trainings, honest and gamed by turns.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from _measure import one_thread

one_thread()

import numpy as np  # noqa: E402
from scipy.stats import binomtest  # noqa: E402

from shopgym.core.reward import RewardSpec  # noqa: E402
from shopgym.guardrails.reward.audit import audit  # noqa: E402
from shopgym.guardrails.reward.linted_shop import LintedShop, LintSize  # noqa: E402
from shopgym.guardrails.reward.page_means import PageMeans  # noqa: E402
from shopgym.guardrails.reward.price import ProxyPrice, share_of  # noqa: E402
from shopgym.guardrails.reward.shop_lint import prices_of  # noqa: E402
from shopgym.guardrails.reward.trained import AuditedAgent  # noqa: E402
from shopgym.simulators.profiles.profiles import PROFILES, profile, profile_catalog  # noqa: E402

LOSSES, TOLERANCES = (0.02, 0.05, 0.1, 0.2), (0.01, 0.03, 0.05)
SIZE = LintSize(pages=2048, visits=512, lives=0)
TRUTH_PAGES, MARGIN = 4096, {"margin": 1.0}
BY = ("click", "cart", "purchase")
GRID, NEAR = np.geomspace(1e-3, 1e4, 29), 0.1
"""Weights that are tried, and how far the loss may be from what is asked for, as a share of it."""
DISCOUNTS = (0.0, 0.25, 0.5)


@dataclass(frozen=True)
class Gamed:
    """A reward that loses ``truth``, about ``loss``, of the margin, and its shop."""

    seed: int
    spec: RewardSpec
    discounts: tuple[float, ...]
    loss: float
    truth: float


@cache
def shop_of(seed: int, discounts: tuple[float, ...] = (0.0,), visitors: int = 0) -> LintedShop:
    """A small shop of a profile; ``visitors`` seeds other people in the same shop."""
    name = list(PROFILES)[seed % len(PROFILES)]
    config = profile(name, visits=5000.0)
    config = replace(config, allow_losses=True)
    return LintedShop(profile_catalog(name, seed), config, seed + visitors, discounts)


def honest_specs() -> list[RewardSpec]:
    """Rewards that say what is wanted."""
    net = {"margin": 1.0, "return_cost": -1.0}
    return [
        RewardSpec(),
        RewardSpec({"margin": 1.0, "click": 1.0}, exchange={"click": 0.01}),
        RewardSpec(net, north_star=net),
        RewardSpec({"margin": 1.0, "expected_return_cost": -1.0}, north_star=net),
        RewardSpec({"margin": 1.0, "stockout": -1.0}, exchange={"stockout": 0.01}),
    ]


@lru_cache(4)
def many_pages(seed: int, discounts: tuple[float, ...]) -> PageMeans:
    """The pages on which a weight is found: of other visitors than the lint's."""
    return shop_of(seed, discounts, visitors=10_000).first_pages(TRUTH_PAGES)[0]


def gamed_specs(seeds: int, number: int, losses: tuple[float, ...]) -> Iterator[Gamed]:
    """The rewards number ``number`` that lose so much: one for each loss that its term can cause."""
    seed, term = number % seeds, BY[number % len(BY)]
    discounts = DISCOUNTS if number % 2 else (0.0,)
    means = many_pages(seed, discounts)
    best = means.value(MARGIN, means.best(MARGIN))

    def lost(weight: float) -> float:
        return share_of(means.value(MARGIN, means.best({**MARGIN, term: weight})), best).loss

    tried = [lost(weight) for weight in GRID]
    for loss in losses:
        weight = float(np.exp(np.interp(loss, np.maximum.accumulate(tried), np.log(GRID))))
        truth = lost(weight)
        if abs(truth - loss) < NEAR * loss:
            spec = RewardSpec({"margin": 1.0, term: 1.0}, exchange={term: weight})
            yield Gamed(seed, spec, discounts, loss, truth)


@lru_cache(4)
def lint_pages(seed: int, discounts: tuple[float, ...]) -> PageMeans:
    """The pages that the lint looks at."""
    return shop_of(seed, discounts).first_pages(SIZE.pages)[0]


def lint(spec: RewardSpec, seed: int, discounts: tuple[float, ...]) -> tuple[ProxyPrice, ...]:
    """What decides the verdict of the exact lint: the price of the proxy per page and per visit."""
    return prices_of(spec, shop_of(seed, discounts), lint_pages(seed, discounts), SIZE)


def called(prices: tuple[ProxyPrice, ...], tolerance: float) -> bool:
    """Whether the lint says that more than the tolerance is lost."""
    return any(price.share.high < 1.0 - tolerance for price in prices)


def rate(hits: list[bool]) -> dict[str, Any]:
    """A share with its exact 95% interval (Clopper & Pearson 1934)."""
    low, high = binomtest(sum(hits), len(hits)).proportion_ci(0.95) if hits else (0.0, 1.0)
    return {"called": sum(hits), "of": len(hits), "low": float(low), "high": float(high)}


def study(seeds: int, per_loss: int) -> dict[str, Any]:
    """False alarms and power at every tolerance."""
    start, lints = time.process_time(), 0
    honest: list[tuple[ProxyPrice, ...]] = []
    for seed in range(seeds):
        honest += [lint(spec, seed, (0.0,)) for spec in honest_specs()]
        lints += len(honest_specs())
    seconds = (time.process_time() - start) / max(lints, 1)
    gamed: dict[float, list[tuple[tuple[ProxyPrice, ...], float]]] = {loss: [] for loss in LOSSES}
    for number in range(per_loss):
        for made in gamed_specs(seeds, number, LOSSES):
            gamed[made.loss].append((lint(made.spec, made.seed, made.discounts), made.truth))
    untold = sum(all(np.isnan(price.share.value) for price in prices) for prices in honest)
    return {
        "cpu_seconds_a_lint": round(seconds, 2),
        "honest_not_judged": untold,
        "false_alarms": {t: rate([called(prices, t) for prices in honest]) for t in TOLERANCES},
        "power": {
            loss: {
                "true_loss": float(np.mean([truth for _, truth in made])) if made else None,
                **{str(t): rate([called(prices, t) for prices, _ in made]) for t in TOLERANCES},
            }
            for loss, made in gamed.items()
        },
    }


def audits(count: int) -> list[dict[str, Any]]:
    """A few audits: honest rewards and rewards that lose a fifth, by turns."""
    rows = []
    trainees = [AuditedAgent("linear_ranker", (20_000,))]
    size = LintSize(pages=1024, visits=1024, lives=0)
    gamed = (made for number in range(10 * count) for made in gamed_specs(20, number, (0.2,)))
    for number in range(count):
        if number % 2:
            made = next(gamed)
            seed, spec, discounts, truth = made.seed, made.spec, made.discounts, made.truth
        else:
            seed, discounts, truth = number, (0.0,), 0.0
            spec = honest_specs()[number // 2 % 5]
        found = audit(spec, shop_of(seed, discounts), trainees, size=size)
        best = found.attempts[-1]
        shares = [share.value for share in best.by_seed]
        rows.append(
            {
                "spec": spec.spec(),
                "seed": seed,
                "true_loss": truth,
                "shares": shares,
                "gamed": found.gaming is not None,
            }
        )
    return rows


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--per-loss", type=int, default=25)
    parser.add_argument("--audits", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = study(given.seeds, given.per_loss)
    found["audits"] = audits(given.audits)
    if given.json:
        print(json.dumps(found))
        return
    print(f"{found['cpu_seconds_a_lint']:.1f} CPU-seconds a lint")
    print(f"{found['honest_not_judged']} honest rewards not judged")
    for tolerance, row in found["false_alarms"].items():
        print(f"false alarms at tolerance {tolerance:.0%}: {row}")
    for loss, row in found["power"].items():
        print(f"power at a loss of {loss:.0%}: {row}")
    for row in found["audits"]:
        print(row)


if __name__ == "__main__":
    main()
