"""Last click misleads: it pays the page that sold, not the page that kept the visitor.

Pages made for clicks and pages made for margin take turns at random within visits. Each rule of attribution
shares the margin of the visits out among their pages with a click. The truth is measured: the same visitors,
with the same random draws, see only pages of one kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, Philox
from pydantic import Field

from ....core.batches import EMPTY, Decisions, Requests
from ....core.reward.attribution import Outcomes, Touches, attribute
from ....core.types import F64, Bool
from ....evaluation.figures import INK, REWARD_COLOUR, STAR_COLOUR, new_figure, titled
from ....guardrails.reward.price import share_of
from ....simulators import Shop
from ....simulators.rollout import Episode, EpisodicShop, rollout
from .scene import OnProgress, SceneResult, ShopScene

LABELS = {
    "last_click": "last click",
    "time_decay": "time decay",
    "linear": "linear",
    "first_click": "first click",
}
TRUTH = "the truth: visits of one kind"


class LastClickScene(ShopScene):
    """Visits of two kinds of pages, and what each rule of attribution says of them."""

    visits: int = Field(3000, ge=100, le=1_000_000)

    def run(self, on_progress: OnProgress) -> SceneResult:
        """Share out the margin of mixed visits by each rule; measure visits of one kind."""
        names = ("only clicks", "only margin", "mixed")
        kinds: list[Callable[[Generator, int], Bool]] = [
            lambda _, n: np.ones(n, np.bool_),
            lambda _, n: np.zeros(n, np.bool_),
            lambda rng, n: rng.random(n) < 0.5,
        ]
        parts = []
        for number, (name, kind) in enumerate(zip(names, kinds, strict=True)):
            on_progress(f"visits: {name}", number, len(names))
            parts.append(self.visits_of(kind))
        clicks, margin, mixed = parts
        truth = share_of(clicks.per_visit, margin.per_visit)
        rows: list[dict[str, Any]] = [
            {"by": name, "worth": mixed.worth(rule), "low": None, "high": None}
            for rule, name in LABELS.items()
        ]
        rows.append({"by": TRUTH, "worth": truth.value, "low": truth.low, "high": truth.high})
        sentences = (
            f"By last click a page made for clicks is worth {rows[0]['worth']:.0%} of one made for margin.",
            f"Visits with such pages alone earn {truth.value:.0%} ({truth.low:.0%} to {truth.high:.0%}) of "
            f"visits with pages made for margin alone: {clicks.per_visit.mean():.2f} against "
            f"{margin.per_visit.mean():.2f} a visit, because they last {clicks.pages_a_visit:.1f} pages "
            f"instead of {margin.pages_a_visit:.1f}.",
        )
        return SceneResult("Worth of a page made for clicks", tuple(rows), sentences, _figure(rows))

    def visits_of(self, for_clicks: Callable[[Generator, int], Bool]) -> VisitPages:
        """Visits whose pages hold the most clicked candidates where ``for_clicks``, else the most earning."""
        shop = self.linted_shop().open(self.visits)
        world = EpisodicShop(shop, Episode.VISIT)
        world.open(self.seed)
        rule = _TwoKinds(shop, for_clicks)
        parts: list[tuple[Any, ...]] = []
        rng = Generator(Philox(key=self.seed))
        steps = rollout(world, rule, rng, episodes=1, look_ahead=False, decide_for_all=True)
        for page, step in enumerate(steps):
            amounts = (step.feedback.term(name)[step.rows].sum(axis=1) for name in ("click", "margin"))
            parts.append((step.rows, np.full(len(step.rows), page), rule.for_clicks[step.rows], *amounts))
        return VisitPages(*(np.concatenate(part) for part in zip(*parts, strict=True)))


@dataclass(frozen=True)
class VisitPages:
    """Pages of visits: (p,) the visit of each, its number within it, whether it is made for clicks, and what
    was clicked and earned on it."""

    visit: Any
    page: Any
    for_clicks: Bool
    clicks: F64
    margin: F64

    @property
    def per_visit(self) -> F64:
        """(n,) margin of each visit."""
        total: F64 = np.bincount(self.visit, self.margin).astype(np.float64)
        return total

    @property
    def pages_a_visit(self) -> float:
        """Mean length of a visit."""
        return len(self.visit) / (int(self.visit.max()) + 1)

    def worth(self, rule: str) -> float:
        """Mean credit of a page made for clicks over that of a page made for margin."""
        touched, sold = self.clicks > 0, self.margin != 0
        touches = Touches(self.visit[touched], self.page[touched].astype(np.float64))
        orders = Outcomes(self.visit[sold], self.page[sold].astype(np.float64), self.margin[sold])
        credit = np.zeros(len(self.visit))
        credit[touched], _ = attribute(touches, orders, rule)
        return float(credit[self.for_clicks].mean() / credit[~self.for_clicks].mean())


class _TwoKinds:
    """Shows the most clicked candidates, or those of most margin, by their exact means."""

    def __init__(self, shop: Shop, kind: Callable[[Generator, int], Bool]) -> None:
        self.shop, self.kind = shop, kind
        self.for_clicks: Bool = np.zeros(shop.lanes, np.bool_)

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Slates for all n visits. Positions and propensities have no meaning."""
        means = self.shop.expected(requests.candidates)
        self.for_clicks = self.kind(rng, len(requests))
        score = np.where(self.for_clicks[:, None], means["click"], means["margin"])
        best = np.argsort(-score, axis=1)[:, : self.shop.config.slate_size]
        slates = np.take_along_axis(requests.candidates, best, axis=1)
        return Decisions(np.full(slates.shape, EMPTY, np.int32), slates, np.ones(slates.shape))


def _figure(rows: list[dict[str, Any]]) -> Any:
    figure, (axes,) = new_figure(7.2, 3.4, grid="x")
    for at, row in enumerate(rows):
        colour = STAR_COLOUR if row["by"] == TRUTH else REWARD_COLOUR
        worth = 100 * row["worth"]
        axes.barh(at, worth, height=0.6, color=colour)
        if row["low"] is not None:
            axes.plot([100 * row["low"], 100 * row["high"]], [at, at], color=INK, linewidth=2)
        axes.annotate(f"{worth:.0f}%", (3, at), color="white", va="center", fontsize=9, fontweight="bold")
    axes.axvline(100, color=INK, linewidth=1, linestyle=":")
    axes.set_yticks(range(len(rows)), [row["by"] for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("worth of a page made for clicks, in % of one made for margin")
    titled(axes, "Last click misleads")
    return figure
