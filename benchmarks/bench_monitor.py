"""Does the monitor warn before the north star's peak is passed? Runs that are gamed, and honest ones.

    python benchmarks/bench_monitor.py [--runs 20] [--calibration 40] [--batches 120] [--json]

A run is an optimiser of rising pressure: pages and discounts drawn with probability ~ reference x
exp(pressure x exact mean reward), from pressure 0 on. What the monitor reads is what visitors then did.
Whether a run is gamed is known from the exact mean of the north star: it ends more than 10% below its peak.
Honest runs end within 2% of it.

Two tests have a false-alarm rate by construction (5% a run together). The other signals get a threshold which
5% of other honest runs (``--calibration``) pass, and are then asked about new runs.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from _measure import one_thread, print_json

one_thread()

import numpy as np  # noqa: E402

from shopgym.core.reward import RewardSpec  # noqa: E402
from shopgym.core.types import F64, I64  # noqa: E402
from shopgym.envs.vector import BanditVectorEnv  # noqa: E402
from shopgym.guardrails.monitor import Divergence, PageBatch, RewardMonitor  # noqa: E402
from shopgym.guardrails.reward.page_means import PageMeans, Pages  # noqa: E402
from shopgym.policies.plackett_luce import draw  # noqa: E402

DISCOUNTS, USUAL = (0.0, 0.1, 0.3, 0.5), (0.85, 0.05, 0.05, 0.05)
"""What may be taken off a page, and how often the reference policy does."""
PAGES, MOST_PRESSURE, REFERENCE = 500, 40.0, 20
GAMED_BELOW, HONEST_ABOVE = 0.9, 0.98
SHOP: dict[str, Any] = {
    "slate_size": 3,
    "num_candidates": 12,
    "users": 20_000,
    "choice": {"click_base": -1.5, "cart_base": -0.5, "buy_base": 0.5},
    "returns": {"enabled": True, "rate": 0.2},
    "stock": {"enabled": False},
    "allow_losses": True,
}
GAMED: tuple[dict[str, Any], ...] = (
    {"terms": {"purchase": 1.0}, "unit": "order line"},
    {"terms": {"units": 1.0}, "unit": "unit"},
    {"terms": {"revenue": 1.0, "purchase": 1.0}, "exchange": {"purchase": 4.0}},
    {"terms": {"margin": 1.0, "purchase": 1.0}, "exchange": {"purchase": 10.0}},
)
HONEST: tuple[dict[str, Any], ...] = (
    {"terms": {"margin": 1.0}},
    {"terms": {"margin": 1.0, "click": 1.0}, "exchange": {"click": 0.01}},
    {"terms": {"margin": 1.0, "revenue": 0.02}},
    {"terms": {"margin": 1.0, "return_cost": -1.0}, "north_star": {"margin": 1.0, "return_cost": -1.0}},
)


@dataclass(frozen=True)
class Run:
    """The monitor's rows, and the exact north star of every batch over that of its best pages."""

    monitor: RewardMonitor
    exact: F64

    @property
    def peak(self) -> int:
        """Pages when the exact north star is at its highest, smoothed over five batches."""
        smooth = np.convolve(np.pad(self.exact, 2, mode="edge"), np.ones(5) / 5, mode="valid")
        return (int(smooth.argmax()) + 1) * PAGES

    @property
    def kept(self) -> float:
        """The exact north star of the last batches over that of the best ones."""
        smooth = np.convolve(self.exact, np.ones(5) / 5, mode="valid")
        return float(smooth[-1] / smooth.max())


def one_run(spec: Mapping[str, Any], seed: int, batches: int) -> Run:
    """Raise the pressure on a reward, page by page."""
    reward = RewardSpec(**spec)
    env = BanditVectorEnv(
        PAGES, catalog=100, shop_seed=seed, form="slate", reward=reward, discounts=DISCOUNTS,
        autoreset_mode="Disabled", **SHOP,
    )  # fmt: skip
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    reference = [step(env, reward, 0.0, 1.0, rng) for _ in range(REFERENCE)]
    scale = float(np.mean([spread for _, _, spread in reference]))
    pages = [batch for batch, _, _ in reference]
    names = pages[0].terms
    start = PageBatch(
        np.concatenate([page.proxy for page in pages]),
        np.concatenate([page.north_star for page in pages]),
        {name: np.concatenate([page.terms[name] for page in pages]) for name in names},
    )
    monitor, exact = RewardMonitor(start, batches=batches), []
    for number in range(batches):
        pressure = MOST_PRESSURE * (number / (batches - 1)) ** 2
        batch, value, _ = step(env, reward, pressure, scale, rng)
        monitor.add(batch)
        exact.append(value)
    return Run(monitor, np.array(exact))


def step(
    env: BanditVectorEnv, reward: RewardSpec, pressure: float, scale: float, rng: np.random.Generator
) -> tuple[PageBatch, float, float]:
    """One page for every visitor; (what it earned, share of the best north star, spread of the reward)."""
    means = PageMeans.of_shop(env.loop.shop, env.requests.candidates, DISCOUNTS)
    log_rates = (pressure / scale) * (means.worth(reward.weights) + means.shown_worth(reward.weights))
    level, positions, divergence = drawn(means, log_rates, rng)
    best = means.value(reward.star_weights, means.best(reward.star_weights)).mean()
    star = float(
        means.value(reward.star_weights, Pages(positions, level, np.zeros(len(level)))).mean() / best
    )
    spread = means.spread(reward.weights)
    _, _, _, _, info = env.step(np.concatenate([positions, level[:, None]], axis=1))
    terms = {name: values for name, values in info["reward_terms"].items() if not name.startswith("_")}
    env.reset(options={"reset_mask": np.ones(PAGES, np.bool_)})
    batch = PageBatch(reward.weigh(terms), reward.north_star_amount(terms), terms, divergence)
    return batch, star, spread


def drawn(means: PageMeans, log_rates: F64, rng: np.random.Generator) -> tuple[I64, Any, Divergence]:
    """A discount and a page for each request, and the exact divergence of (discount, first item)."""
    n, k = means.attention.shape
    filled = np.where(means.filled, log_rates, -np.inf)
    top = -np.sort(-filled, axis=2)[:, :, :k]
    by_level = (np.where(np.isfinite(top), top, 0.0) * means.attention).sum(axis=2)
    by_level = (by_level / means.attention.sum(axis=1)).T + np.log(USUAL)
    p_level = softmax(by_level)
    level = (rng.random((n, 1)) > p_level.cumsum(axis=1)).sum(axis=1).clip(max=len(DISCOUNTS) - 1)
    rates = log_rates[level, np.arange(n)]
    positions = draw(rates[:, None, :], np.ones(1), means.filled, k, rng)
    positions[~means.reach] = -1
    p = p_level[:, :, None] * softmax(filled.transpose(1, 0, 2))
    q = (
        np.array(USUAL)[:, None]
        * np.where(means.filled, 1.0, 0.0)[:, None]
        / means.filled.sum(axis=1)[:, None, None]
    )
    shown = p > 0
    ratio = np.divide(p, q, out=np.zeros_like(p), where=shown)
    log_ratio = np.log(np.where(shown, ratio, 1.0))
    entropy = -(p * np.log(np.where(shown, p, 1.0))).sum(axis=(1, 2)).mean()
    chi, kl = (p * ratio).sum(axis=(1, 2)).mean() - 1.0, (p * log_ratio).sum(axis=(1, 2)).mean()
    return level, positions, Divergence(max(float(chi), 0.0), max(float(kl), 0.0), float(entropy))


def softmax(values: F64) -> F64:
    """Over the last axis."""
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    out: F64 = powers / powers.sum(axis=-1, keepdims=True)
    return out


def running(values: F64, width: int = 5) -> F64:
    """The mean of the last ``width`` values that are known."""
    return np.array([np.nanmean(values[max(0, i - width + 1) : i + 1]) for i in range(len(values))])


def column(run: Run, name: str) -> F64:
    """One number of every row."""
    return np.array([getattr(row, name) for row in run.monitor.rows], np.float64)


SIGNALS: Mapping[str, Callable[[Run], F64]] = {
    "correlation falls": lambda run: -running(column(run, "correlation")),
    "root chi^2": lambda run: column(run, "chi"),
    "KL": lambda run: column(run, "kl"),
    "entropy falls": lambda run: -column(run, "entropy"),
    "guarantee falls": lambda run: (
        -(column(run, "bound") - run.monitor.per_page[1]) / run.monitor.page_spreads[1]
    ),
    "proxy gains more than the north star": lambda run: running(
        (column(run, "proxy") - run.monitor.per_page[0]) / run.monitor.page_spreads[0]
        - (column(run, "north_star") - run.monitor.per_page[1]) / run.monitor.page_spreads[1]
    ),
}
"""Greater is more alarming."""


def first_above(values: F64, threshold: float) -> int | None:
    """Pages at which a signal first passes its threshold."""
    above = np.flatnonzero(values > threshold)
    return (int(above[0]) + 1) * PAGES if len(above) else None


def monitor_alarm(run: Run) -> int | None:
    """Pages at which the monitor's own tests raised their alarm."""
    return next((row.pages for row in run.monitor.rows if row.alarm), None)


def main() -> None:
    """Run, calibrate, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--calibration", type=int, default=40)
    parser.add_argument("--batches", type=int, default=120)
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    arguments = parser.parse_args()
    gamed = runs_of(GAMED, arguments.runs, 0, arguments.batches, lambda run: run.kept < GAMED_BELOW)
    honest = runs_of(HONEST, arguments.runs, 1000, arguments.batches, lambda run: run.kept > HONEST_ABOVE)
    others = runs_of(
        HONEST, arguments.calibration, 2000, arguments.batches, lambda run: run.kept > HONEST_ABOVE
    )
    peaks = [run.peak for run in gamed]
    kept = np.median([run.kept for run in gamed])
    print(f"gamed runs: peak after {np.median(peaks):,.0f} pages (median), {kept:.0%} of it kept at the end")
    alarms: dict[str, Callable[[Run], int | None]] = {
        "decline or below reference (5% by construction)": monitor_alarm
    }
    for name, signal in SIGNALS.items():
        threshold = float(
            np.quantile([np.nanmax(finite(signal(run))) for run in others], 0.95, method="higher")
        )
        alarms[name] = lambda run, signal=signal, threshold=threshold: first_above(signal(run), threshold)  # type: ignore[misc]
    figures = {name: summary(alarm, gamed, honest) for name, alarm in alarms.items()}
    print(
        f"{'signal':48s} {'false':>9s} {'found':>9s} {'before peak':>12s} {'median pages to the peak':>26s}"
    )
    for name, row in figures.items():
        lead = "-"
        if row["lead"] is not None:
            lead = f"{row['lead']:+,.0f} [{row['low']:+,.0f}, {row['high']:+,.0f}]"
        counts = f"{row['false']:>4d} / {len(honest):<3d} {row['found']:>4d} / {len(gamed):<3d}"
        print(f"{name:48s} {counts} {row['before']:>12d} {lead:>26s}")
    if arguments.json:
        print_json("monitor", figures)


def finite(values: F64) -> F64:
    """Infinity as a very large number: it is more alarming than anything else."""
    return np.where(np.isfinite(values), values, np.where(np.isnan(values), np.nan, math.copysign(1e12, 1.0)))


def runs_of(
    specs: tuple[dict[str, Any], ...], count: int, seed: int, batches: int, wanted: Callable[[Run], bool]
) -> list[Run]:
    """``count`` runs of the specs in turns that are as ``wanted``; it is printed how many were tried."""
    runs: list[Run] = []
    tried = 0
    while len(runs) < count and tried < 3 * count:
        run = one_run(specs[tried % len(specs)], seed + tried, batches)
        tried += 1
        if wanted(run):
            runs.append(run)
    print(f"{len(runs)} of {tried} runs from seed {seed} are as they are meant to be", flush=True)
    return runs


def summary(alarm: Callable[[Run], int | None], gamed: list[Run], honest: list[Run]) -> dict[str, Any]:
    """How often it is raised, and how many pages before the peak is passed (negative: after)."""
    found = [(alarm(run), run.peak) for run in gamed]
    leads = [peak - pages for pages, peak in found if pages is not None]
    quartiles = np.quantile(leads, (0.25, 0.5, 0.75)).tolist() if leads else [None] * 3
    return {
        "false": sum(alarm(run) is not None for run in honest),
        "found": len(leads),
        "before": sum(lead > 0 for lead in leads),
        "lead": quartiles[1],
        "low": quartiles[0],
        "high": quartiles[2],
    }


if __name__ == "__main__":
    main()
