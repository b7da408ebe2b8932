"""A reward that passes page by page and fails over lives.

The reward is exactly what is wanted, so the best page for it is the best page. But what is shown today
decides who comes back: the more the experience of a visit bends return and churn, the more an optimiser loses
that looks at the page alone. The exact lint measures it per page, per visit and per life.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import Field

from ....evaluation.figures import INK, SERIES, new_figure, titled
from ....guardrails.reward.exact_terms import exact_weights
from ....guardrails.reward.linted_shop import LintedShop
from ....guardrails.reward.price import episode_price, page_price
from ....simulators.rollout import Episode
from .scene import OnProgress, SceneResult, ShopScene

KINDS = ("page", "visit", "life")


class LivesScene(ShopScene):
    """The same reward and shop with rising effects of satisfaction on when people come back, and whether."""

    effects: dict[str, tuple[float, float]] = Field(
        {"none": (0.0, 0.0), "default": (0.5, 1.0), "strong": (2.0, 4.0)},
        description="rate_effect and churn_effect of shop.people.retention",
    )
    pages: int = Field(2048, ge=64, le=1_000_000)
    visits: int = Field(512, ge=64, le=1_000_000)
    lives: int = Field(512, ge=64, le=1_000_000)

    def run(self, on_progress: OnProgress) -> SceneResult:
        """What an optimiser keeps that looks at the page alone, over each kind of episode."""
        rows: list[dict[str, Any]] = []
        for name, (rate, churn) in self.effects.items():
            on_progress(f"satisfaction effects: {name}", len(rows), len(self.effects) * len(KINDS))
            rows += self._rows(name, self._shop(rate, churn))
        star = self.spec.star.name
        sentences = tuple(
            f"Satisfaction effects {row['effects']}: over lives the best page by itself keeps "
            f"{row['kept']:.0%} ({row['low']:.0%} to {row['high']:.0%}) of what looking ahead earns."
            for row in rows
            if row["episode"] == "life"
        )
        return SceneResult(f"{star} that is kept", tuple(rows), sentences, _figure(rows, star))

    def _shop(self, rate: float, churn: float) -> LintedShop:
        shop = self.linted_shop()
        people = shop.config.people
        retention = replace(people.retention, rate_effect=rate, churn_effect=churn)
        people = replace(people, enabled=True, retention=retention)
        return replace(shop, config=replace(shop.config, people=people))

    def _rows(self, name: str, shop: LintedShop) -> list[dict[str, Any]]:
        means, _ = shop.first_pages(self.pages)
        proxy, star = exact_weights(self.spec.weights), exact_weights(self.spec.star_weights)
        prices = [
            page_price(means, proxy, star),
            episode_price(shop, self.spec, Episode.VISIT, self.visits),
            episode_price(shop, self.spec, Episode.LIFE, self.lives),
        ]
        return [
            {
                "effects": name,
                "episode": price.episode,
                "kept": price.myopic.value,
                "low": price.myopic.low,
                "high": price.myopic.high,
                "looking_ahead": price.share.value,
            }
            for price in prices
        ]


def _figure(rows: list[dict[str, Any]], star: str) -> Any:
    figure, (axes,) = new_figure(7.2, 4.0, grid="y")
    effects = list(dict.fromkeys(row["effects"] for row in rows))
    for number, (kind, colour) in enumerate(zip(KINDS, SERIES, strict=False)):
        own = [row for row in rows if row["episode"] == kind]
        x = [place + 0.27 * (number - 1) for place in range(len(own))]
        axes.bar(x, [100 * row["kept"] for row in own], width=0.24, color=colour, label=f"over a {kind}")
        for at, row in zip(x, own, strict=True):
            axes.plot([at, at], [100 * row["low"], 100 * row["high"]], color=INK, linewidth=1.5)
            axes.annotate(
                f"{100 * row['kept']:.0f}", (at, 4), ha="center", color="white", fontsize=9, fontweight="bold"
            )
    axes.axhline(100, color=INK, linewidth=1, linestyle=":")
    axes.set_ylim(0, 125)
    axes.set_xticks(range(len(effects)), effects)
    axes.set_xlabel("effects of satisfaction on coming back")
    axes.set_ylabel(f"{star} kept by the best page, %")
    axes.legend(frameon=False, fontsize=8, loc="upper center", ncols=3)
    titled(axes, "Right on every page, and wrong over lives")
    return figure
