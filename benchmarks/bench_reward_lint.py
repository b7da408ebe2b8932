"""How often the lint of a reward is wrong: false alarms on honest rewards, power on gamed ones, logs, audits.

    python benchmarks/bench_reward_lint.py [--seeds 20] [--per-loss 25] [--audits 10] [--rows FILE] [--json]

Shops are the three profiles, small, each seed with a catalogue and people of its own. Honest are five rewards
a seed: the north star itself, with a penny a click, and with costs charged. To be gamed are rewards that add
to the margin so much for a click, a cart or an order line, with discounts in every second shop, that their
best pages lose 2, 5, 10 or 20% of the margin. The weight is found on other visits of the same people, so
what the lint sees is new to it. A reward counts as called where an interval of the lint ends below
1 - tolerance, for three tolerances. Honest rewards are judged per page and per visit; gamed ones per page
alone, at the level of both: the simulation of visits could only call more of them. Logs: what 20,000
decisions of an exploring policy tell of four rewards, beside what the exact lint says of the same shop.
Audits: linear agents with two trainings, honest and gamed by turns.

``--rows FILE`` keeps every finished row and takes it from there when it is started again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from _measure import one_thread, print_json

one_thread()

import numpy as np  # noqa: E402
from scipy.optimize import bisect  # noqa: E402
from scipy.stats import binomtest  # noqa: E402

from shopgym.agents import Task, make_agent  # noqa: E402
from shopgym.core.reward import RewardSpec  # noqa: E402
from shopgym.envs.vector import BanditVectorEnv  # noqa: E402
from shopgym.guardrails.reward.audit import audit  # noqa: E402
from shopgym.guardrails.reward.linted_shop import LintedShop, LintSize  # noqa: E402
from shopgym.guardrails.reward.log_lint import log_lint  # noqa: E402
from shopgym.guardrails.reward.log_report import log_report  # noqa: E402
from shopgym.guardrails.reward.page_means import PageMeans  # noqa: E402
from shopgym.guardrails.reward.price import page_price, share_of  # noqa: E402
from shopgym.guardrails.reward.shop_lint import level_of, prices_of  # noqa: E402
from shopgym.guardrails.reward.trained import AuditedAgent  # noqa: E402
from shopgym.policies.decision_log.log import DecisionLog  # noqa: E402
from shopgym.simulators.profiles.profiles import PROFILES, profile, profile_catalog  # noqa: E402
from shopgym.simulators.rollout import rollout  # noqa: E402
from shopgym.training.policy_log import step_log  # noqa: E402

Row = dict[str, Any]

LOSSES, TOLERANCES = (0.02, 0.05, 0.1, 0.2), (0.01, 0.03, 0.05)
SIZE = LintSize(pages=2048, visits=512, lives=0)
GAMED_PAGES, MARGIN = 4096, {"margin": 1.0}
BY = ("click", "cart", "purchase")
LOWEST, HIGHEST, NEAR = 1e-3, 1e4, 0.1
"""Weights that are tried, and how far the loss may be from what is asked for, as a share of it."""
DISCOUNTS = (0.0, 0.25, 0.5)
AUDITED = {"linear_ranker": {}, "slateq": {"step": 0.003, "floor": 0.1}}
"""Options with which an agent learns much from few pages: see the config tuning."""


@dataclass(frozen=True)
class Gamed:
    """A reward that loses ``truth``, about ``loss``, of the margin, and its shop."""

    seed: int
    spec: RewardSpec
    discounts: tuple[float, ...]
    loss: float
    truth: float


@cache
def shop_of(seed: int, discounts: tuple[float, ...] = (0.0,)) -> LintedShop:
    """A small shop of a profile."""
    name = list(PROFILES)[seed % len(PROFILES)]
    config = profile(name, visits=5000.0)
    config = replace(config, allow_losses=True)
    return LintedShop(profile_catalog(name, seed), config, seed, discounts)


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
    """The pages on which a weight is found: other visits of the same people than the lint's."""
    return shop_of(seed, discounts).first_pages(GAMED_PAGES, visitors=seed + 10_000)[0]


def gamed_specs(seeds: int, number: int, losses: tuple[float, ...]) -> Iterator[Gamed]:
    """The rewards number ``number`` that lose so much: one for each loss that its term can cause."""
    seed, term = number % seeds, BY[number % len(BY)]
    discounts = DISCOUNTS if number % 2 else (0.0,)
    means = many_pages(seed, discounts)
    best = means.value(MARGIN, means.best(MARGIN))

    def lost(log_weight: float) -> float:
        weights = {**MARGIN, term: float(np.exp(log_weight))}
        return share_of(means.value(MARGIN, means.best(weights)), best).loss

    most = lost(np.log(HIGHEST))
    for loss in losses:
        if not most > loss:
            continue
        found = bisect(lambda at, loss=loss: lost(at) - loss, np.log(LOWEST), np.log(HIGHEST), xtol=0.02)
        truth = lost(found)
        if abs(truth - loss) < NEAR * loss:
            spec = RewardSpec({"margin": 1.0, term: 1.0}, exchange={term: float(np.exp(found))})
            yield Gamed(seed, spec, discounts, loss, truth)


@lru_cache(4)
def lint_pages(seed: int, discounts: tuple[float, ...], pages: int = SIZE.pages) -> PageMeans:
    """The pages that the lint looks at."""
    return shop_of(seed, discounts).first_pages(pages)[0]


def lint(spec: RewardSpec, seed: int, discounts: tuple[float, ...]) -> Row:
    """What decides the verdict of the exact lint: the price of the proxy per page and per visit."""
    start = time.process_time()
    prices = prices_of(spec, shop_of(seed, discounts), lint_pages(seed, discounts), SIZE)
    return {
        "spec": spec.spec(),
        "shares": [price.share.value for price in prices],
        "highs": [price.share.high for price in prices],
        "seconds": time.process_time() - start,
    }


def called(row: Row, tolerance: float) -> bool:
    """Whether the lint says that more than the tolerance is lost."""
    return any(high < 1.0 - tolerance for high in row["highs"])


class Rows:
    """Finished rows, kept in a file of one JSON object a line, so that a study can go on where it stopped."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.done = path, {}
        if path is not None and path.exists():
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            self.done = {row["key"]: row for row in rows}

    def get(self, key: str, make: Callable[[], Row]) -> Row:
        """The row of that key, made now if it is not there yet."""
        if key not in self.done:
            self.done[key] = row = {"key": key, **make()}
            print(f"{len(self.done)} rows, {key}", file=sys.stderr, flush=True)
            if self.path is not None:
                with self.path.open("a") as file:
                    file.write(json.dumps(row) + "\n")
        return self.done[key]


def rate(hits: list[bool]) -> dict[str, Any]:
    """A share with its exact 95% interval (Clopper & Pearson 1934)."""
    low, high = binomtest(sum(hits), len(hits)).proportion_ci(0.95) if hits else (0.0, 1.0)
    return {"called": sum(hits), "of": len(hits), "low": float(low), "high": float(high)}


def study(seeds: int, per_loss: int, rows: Rows) -> Row:
    """False alarms and power at every tolerance."""
    honest = [
        rows.get(f"honest {seed} {number}", lambda spec=spec, seed=seed: lint(spec, seed, (0.0,)))
        for seed in range(seeds)
        for number, spec in enumerate(honest_specs())
    ]
    gamed: dict[float, list[Row]] = {loss: [] for loss in LOSSES}
    for number in range(8 * per_loss):
        wanted = tuple(loss for loss in LOSSES if len(gamed[loss]) < per_loss)
        for made in gamed_specs(seeds, number, wanted) if wanted else ():
            gamed[made.loss].append(rows.get(f"loses {number} {made.loss}", lambda made=made: lint_of(made)))
    return {
        "cpu_seconds_a_lint": round(float(np.mean([row["seconds"] for row in honest] or [0.0])), 2),
        "honest_not_judged": sum(all(np.isnan(row["shares"])) for row in honest),
        "false_alarms": {t: rate([called(row, t) for row in honest]) for t in TOLERANCES},
        "power": {
            loss: {
                "true_loss": float(np.mean([row["truth"] for row in made])) if made else None,
                **{str(t): rate([called(row, t) for row in made]) for t in TOLERANCES},
            }
            for loss, made in gamed.items()
        },
    }


def lint_of(made: Gamed) -> Row:
    """The lint of a gamed reward per page, and what it truly loses."""
    start = time.process_time()
    weights = made.spec.weights
    price = page_price(lint_pages(made.seed, made.discounts, GAMED_PAGES), weights, MARGIN, level_of(2))
    return {
        "spec": made.spec.spec(),
        "shares": [price.share.value],
        "highs": [price.share.high],
        "seconds": time.process_time() - start,
        "loss": made.loss,
        "truth": made.truth,
    }


LOGGED: dict[str, RewardSpec] = {
    "margin": RewardSpec(),
    "margin + 0.01 a click": RewardSpec({"margin": 1.0, "click": 1.0}, exchange={"click": 0.01}),
    "click": RewardSpec({"click": 1.0}, unit="click"),
    "purchase": RewardSpec({"purchase": 1.0}, unit="order line"),
}
"""Rewards that are judged from a log."""
LOGGED_SHOP: dict[str, Any] = {
    "catalog": 100,
    "slate_size": 3,
    "num_candidates": 10,
    "users": 20_000,
    "choice": {"click_base": -1.5, "cart_base": -0.5, "buy_base": 0.5},
    "stock": {"enabled": False},
}
"""People buy often: a log of the profiles' own conversion hardly tells anything of the margin."""


def from_logs(shops: int, decisions: int, rows: Rows) -> list[Row]:
    """What a log tells of each reward, beside the exact lint of its shop."""
    return [
        rows.get(f"log {seed} {name}", lambda seed=seed, name=name: from_log(seed, name, decisions))
        for seed in range(shops)
        for name in LOGGED
    ]


def from_log(seed: int, name: str, decisions: int) -> Row:
    """The verdict from a log, and the exact one."""
    spec, (env, log) = LOGGED[name], logged(seed, decisions)
    shop = LintedShop.read(env.loop.shop)
    found = log_lint(spec, log, shop.catalog.items)
    prices = prices_of(spec, shop, shop.first_pages(SIZE.pages)[0], LintSize(2048, 512, 0))
    told = found.told[-1].bounds if found.told else (None, None, None)
    return {
        "reward": name,
        "seed": seed,
        "log": log_report(found).verdict,
        "codes": [finding.code for finding in log_report(found).findings],
        "share": told,
        "pressures_told": len(found.told),
        "exact": [price.share.value for price in prices],
        "highs": [price.share.high for price in prices],
    }


@lru_cache(1)
def logged(seed: int, decisions: int) -> tuple[BanditVectorEnv, DecisionLog]:
    """A small shop, and the log of a policy that explores in it."""
    env = BanditVectorEnv(500, form="slate", autoreset_mode="Disabled", shop_seed=seed, **LOGGED_SHOP)
    env.reset(seed=seed)
    shop, rng = env.loop.shop, np.random.default_rng(seed)
    names = (shop.user_names, shop.context_names)
    task = Task(shop.catalog.items, *names, 3, attention=np.ones(3))
    logger: Any = make_agent("popularity", task, rng, decay=0.1, floor=0.3).policy()
    parts = [
        step_log(step, env.loop, logger, unit="margin")
        for step in rollout(env.loop.world, logger, rng, pages=decisions // 500)
    ]
    return env, DecisionLog.concat(parts)


def audits(count: int, rows: Rows) -> list[Row]:
    """A few audits: honest rewards and rewards that lose a fifth, by turns."""
    gamed = (made for number in range(10 * count) for made in gamed_specs(20, number, (0.2,)))
    found = []
    for number in range(count):
        spec = honest_specs()[number // 2 % 5]
        made = next(gamed) if number % 2 else Gamed(number, spec, (0.0,), 0.0, 0.0)
        found.append(rows.get(f"audit {number}", lambda made=made: audited(made)))
    return found


def audited(made: Gamed) -> Row:
    """The audit of one reward."""
    trainees = [AuditedAgent(name, (20_000,), options) for name, options in AUDITED.items()]
    size = LintSize(pages=1024, visits=1024, lives=0)
    found = audit(made.spec, shop_of(made.seed, made.discounts), trainees, size=size)
    return {
        "spec": made.spec.spec(),
        "seed": made.seed,
        "true_loss": made.truth,
        "shares": {one.optimiser: [share.value for share in one.by_seed] for one in found.attempts},
        "gamed": found.gaming is not None,
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--per-loss", type=int, default=25)
    parser.add_argument("--audits", type=int, default=10)
    parser.add_argument("--logs", type=int, default=5, help="shops whose logs are judged")
    parser.add_argument("--decisions", type=int, default=20_000, help="of each log")
    parser.add_argument("--rows", type=Path, help="keep finished rows here, and go on from them")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = Rows(arguments.rows)
    found = study(arguments.seeds, arguments.per_loss, rows)
    found["audits"] = audits(arguments.audits, rows)
    found["logs"] = from_logs(arguments.logs, arguments.decisions, rows)
    if arguments.json:
        print_json("reward lint", found)
        return
    print(f"{found['cpu_seconds_a_lint']:.1f} CPU-seconds a lint")
    print(f"{found['honest_not_judged']} honest rewards not judged")
    for tolerance, row in found["false_alarms"].items():
        print(f"false alarms at tolerance {tolerance:.0%}: {row}")
    for loss, row in found["power"].items():
        print(f"power at a loss of {loss:.0%}: {row}")
    for row in [*found["audits"], *found["logs"]]:
        print(row)


if __name__ == "__main__":
    main()
