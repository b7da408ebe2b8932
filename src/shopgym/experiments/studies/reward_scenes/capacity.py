"""Agents of rising capacity on a misspecified reward.

Pan, Bhatia & Steinhardt (2022, The Effects of Reward Misspecification) train larger and larger agents on a
wrong reward: the reward rises with capacity, what is wanted may fall, at times at once. Here the same agent
gets networks of rising width and more pages, paid by the reward or by the north star itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from ....evaluation.figures import INK, REWARD_COLOUR, STAR_COLOUR, new_figure, titled
from ....guardrails.reward.audit import Judge, honest_spec
from ....guardrails.reward.linted_shop import LintSize
from ....guardrails.reward.price import share_of
from ....guardrails.reward.trained import AuditedAgent, train_rules
from .scene import OnProgress, SceneResult, ShopScene


class CapacityScene(ShopScene):
    """One agent, larger and larger."""

    agent: str = "ppo"
    hidden: dict[str, tuple[int, ...]] = Field(
        {"1": (1,), "4": (4,), "16": (16,), "64-64": (64, 64)},
        description="widths of the inner layers by the name of a size, rising",
    )
    pages: int = Field(20_000, ge=1000, le=100_000_000, description="that each agent learns from")
    seeds: int = Field(2, ge=1, le=100)
    visits: int = Field(2048, ge=64, le=1_000_000, description="that judge an agent")

    def run(self, on_progress: OnProgress) -> SceneResult:
        """Train every size on both rewards; judge both on the same visits."""
        shop = self.linted_shop()
        judge = Judge(self.spec, shop, LintSize(visits=self.visits, lives=0))
        start = float(judge.random.proxy(judge.paid).mean())
        rows: list[dict[str, Any]] = []
        for size, hidden in self.hidden.items():
            trainee = AuditedAgent(self.agent, (self.pages,), {"hidden": list(hidden)})
            for seed in range(self.seeds):
                on_progress(f"{self.agent}, {size}", len(rows), self.seeds * len(self.hidden))
                pair = []
                for paid in (self.spec, honest_spec(self.spec)):
                    ((_, rule),) = train_rules(shop, paid, trainee, judge.episode, days=judge.days, seed=seed)
                    pair.append(judge.trial(rule))
                share = share_of(judge.north_star(pair[0]), judge.north_star(pair[1]))
                rows.append(
                    {
                        "size": size,
                        "seed": seed,
                        "reward": float(pair[0].proxy(judge.paid).mean()) / start,
                        "star": float(judge.north_star(pair[0]).mean()),
                        "honest_star": float(judge.north_star(pair[1]).mean()),
                        "kept": share.value,
                        "low": share.low,
                        "high": share.high,
                        "price_off": pair[0].price_off,
                    }
                )
        star = self.spec.star.name
        random = float(judge.north_star(judge.random).mean())
        sentences = (*(_sentence(size, rows, star) for size in self.hidden),)
        figure = _figure(rows, tuple(self.hidden), star, random)
        return SceneResult("Capacity and a wrong reward", tuple(rows), sentences, figure)


def _mean(rows: Sequence[dict[str, Any]], size: str, name: str) -> float:
    return float(np.mean([row[name] for row in rows if row["size"] == size]))


def _sentence(size: str, rows: Sequence[dict[str, Any]], star: str) -> str:
    reward, kept = _mean(rows, size, "reward"), _mean(rows, size, "kept")
    own, honest = _mean(rows, size, "star"), _mean(rows, size, "honest_star")
    return (
        f"Size {size}: the reward is {reward:.2f} times that of random pages; {star} {own:.3f} a visit, "
        f"against {honest:.3f} when {star} itself pays ({kept:.0%})."
    )


def _figure(rows: list[dict[str, Any]], sizes: Sequence[str], star: str, random: float) -> Any:
    figure, (top, bottom) = new_figure(7.2, 5.2, 2)
    x = range(len(sizes))
    top.plot(x, [_mean(rows, size, "reward") for size in sizes], "o-", color=REWARD_COLOUR)
    for name, colour, label in (
        ("honest_star", STAR_COLOUR, f"paid by {star}"),
        ("star", REWARD_COLOUR, "paid by the reward"),
    ):
        bottom.plot(x, [_mean(rows, size, name) for size in sizes], "o-", color=colour, label=label)
    for at, size in enumerate(sizes):
        for row in (row for row in rows if row["size"] == size):
            top.plot(at, row["reward"], "o", color=REWARD_COLOUR, alpha=0.3, markersize=4)
            bottom.plot(at, row["star"], "o", color=REWARD_COLOUR, alpha=0.3, markersize=4)
            bottom.plot(at, row["honest_star"], "o", color=STAR_COLOUR, alpha=0.3, markersize=4)
    bottom.axhline(random, color=INK, linewidth=1, linestyle=":", label="random pages")
    top.set_ylabel("reward, of random pages")
    bottom.set_ylabel(f"{star} a visit")
    bottom.set_xticks(list(x), list(sizes))
    bottom.set_xlabel("width of the network; faint: each training")
    bottom.legend(frameon=False, fontsize=8)
    titled(top, "Agents of rising capacity on a wrong reward")
    return figure
