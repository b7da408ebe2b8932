"""A Goodhart curve in the shop, and how well the two forms of Gao, Schulman & Hilton fit it.

Pages are optimised ever harder for a reward: by the best of n random pages, and by the family
pi_b ~ pi_0 exp(b r), which is what learning with a price on the distance from pi_0 would end at. With
d = sqrt(KL) in nats a page the paper fits (Scaling Laws for Reward Model Overoptimization, 2023, sec. 3)

    best of n:  R(d) = d (alpha - beta d)            RL:  R(d) = d (alpha - beta log d)

for the gain of what is truly wanted. There the reward is a model's error; here it is a wrong reward, so
whether the forms hold is a question. What is told is the error of the fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, Philox
from pydantic import Field

from ....core.types import F64
from ....evaluation.figures import SERIES, STAR_COLOUR, new_figure, titled
from ....guardrails.reward.exact_terms import exact_weights
from ....guardrails.reward.page_means import PageMeans, Pages
from .scene import OnProgress, SceneResult, ShopScene

PRESSURES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0)
BEST_OF_N, TILTED = "best of n", "tilted"


@dataclass(frozen=True)
class FittedForm:
    """alpha and beta of a form by least squares, and how far it is off, as shares of the greatest gain.

    Attributes:
        error: root of the mean square of the residuals.
        worst: the greatest residual.
    """

    alpha: float
    beta: float
    error: float
    worst: float


def best_of_n_form(d: F64) -> F64:
    """(n, 2) columns of d (alpha - beta d)."""
    return np.stack([d, -(d**2)], axis=1)


def rl_form(d: F64) -> F64:
    """(n, 2) columns of d (alpha - beta log d); at d = 0 both are 0."""
    return np.stack([d, -d * np.log(np.maximum(d, 1e-300))], axis=1)


FORMS: dict[str, Callable[[F64], F64]] = {BEST_OF_N: best_of_n_form, TILTED: rl_form}
FORMULAS = {BEST_OF_N: "d (α − β d)", TILTED: "d (α − β log d)"}


def fit(form: Callable[[F64], F64], d: F64, gain: F64) -> FittedForm:
    """Least squares of a form on n points: distances d and gains, each (n,)."""
    columns = form(d)
    (alpha, beta), *_ = np.linalg.lstsq(columns, gain, rcond=None)
    missed = np.abs(columns @ np.array([alpha, beta]) - gain) / np.abs(gain).max()
    return FittedForm(
        float(alpha), float(beta), float(np.sqrt(np.square(missed).mean())), float(missed.max())
    )


class GoodhartScene(ShopScene):
    """Reward and north star of first pages under rising pressure, from exact means."""

    pages: int = Field(4096, ge=64, le=1_000_000)
    largest_n: int = Field(1024, ge=2, le=1_000_000, description="of the best of n: 1, 2, 4, ... up to it")

    def run(self, on_progress: OnProgress) -> SceneResult:
        """Raise the pressure in both ways; fit each with its form."""
        means, _ = self.linted_shop().first_pages(self.pages)
        proxy, star = exact_weights(self.spec.weights), exact_weights(self.spec.star_weights)
        best = float(means.value(star, means.best(star)).mean())
        start = float(means.value(star, random_pages(means, self._rng(0))).mean())
        rows = [
            self._row(means, method, kl, pages, best, start)
            for method, members in (
                (BEST_OF_N, self._best_of_n(means, proxy, on_progress)),
                (TILTED, self._tilted(means, proxy)),
            )
            for kl, pages in members
        ]
        fits = {name: fit(FORMS[name], *_curve(rows, name)) for name in FORMS}
        sentences = [_sentence(name, fits[name], _curve(rows, name), self.spec.star.name) for name in FORMS]
        figure = _figure(rows, fits, self.spec.star.name)
        return SceneResult("Pressure and what is truly wanted", tuple(rows), tuple(sentences), figure)

    def _row(
        self, means: PageMeans, method: str, kl: float, pages: Pages, best: float, start: float
    ) -> dict[str, Any]:
        proxy, star = exact_weights(self.spec.weights), exact_weights(self.spec.star_weights)
        return {
            "method": method,
            "kl": kl,
            "d": kl**0.5,
            "reward": float(means.value(proxy, pages).mean()),
            "gain": (float(means.value(star, pages).mean()) - start) / best,
            "price_off": float(means.discounts[pages.level].mean()),
        }

    def _best_of_n(
        self, means: PageMeans, proxy: dict[str, float], on_progress: OnProgress
    ) -> list[tuple[float, Pages]]:
        """(KL, pages) for n = 1, 2, 4, ...; the KL of the best of n is log n - (n - 1) / n."""
        rng, kept = self._rng(0), []
        chosen = random_pages(means, rng)
        value = means.value(proxy, chosen)
        for n in range(1, self.largest_n + 1):
            if n > 1:
                other = random_pages(means, rng)
                of_other = means.value(proxy, other)
                better = of_other > value
                chosen = Pages(
                    np.where(better[:, None], other.positions, chosen.positions),
                    np.where(better, other.level, chosen.level),
                    chosen.kl,
                )
                value = np.maximum(value, of_other)
            if n & (n - 1) == 0:
                on_progress("best of n", n, self.largest_n)
                kept.append((float(np.log(n)) - (n - 1) / n, chosen))
        return kept

    def _tilted(self, means: PageMeans, proxy: dict[str, float]) -> list[tuple[float, Pages]]:
        drawn = [means.tilted(proxy, pressure, self._rng(1)) for pressure in PRESSURES]
        return [(max(float(pages.kl.mean()), 0.0), pages) for pages in drawn]

    def _rng(self, number: int) -> Generator:
        return Generator(Philox(key=[self.seed, number]))


def random_pages(means: PageMeans, rng: Generator) -> Pages:
    """Pages and discounts drawn uniformly."""
    pages = means.uniform(rng)
    return Pages(pages.positions, rng.integers(len(means.discounts), size=len(means)), pages.kl)


def _curve(rows: Sequence[dict[str, Any]], method: str) -> tuple[F64, F64]:
    """(distances, gains of the north star), each (n,)."""
    own = [row for row in rows if row["method"] == method]
    return np.array([row["d"] for row in own]), np.array([row["gain"] for row in own])


def _sentence(name: str, fitted: FittedForm, curve: tuple[F64, F64], star: str) -> str:
    d, gain = curve
    top = int(gain.argmax())
    return (
        f"By {name} the {star} is best at {d[top] ** 2:.2f} nats ({gain[top]:+.0%} of the best {star}) and "
        f"ends at {gain[-1]:+.0%} with {d[-1] ** 2:.1f} nats; {FORMULAS[name]} fits with alpha "
        f"{fitted.alpha:.3f} and beta {fitted.beta:.3f}, off by {fitted.error:.0%} of the greatest change "
        f"on average, at most {fitted.worst:.0%}."
    )


def _figure(rows: list[dict[str, Any]], fits: dict[str, FittedForm], star: str) -> Any:
    figure, (top, bottom) = new_figure(7.2, 5.6, 2)
    for name, colour in zip(FORMS, (SERIES[0], STAR_COLOUR), strict=True):
        own = [row for row in rows if row["method"] == name]
        d, gain = _curve(rows, name)
        fitted = fits[name]
        line = np.linspace(0.0, float(d.max()), 200)
        form = FORMS[name](line) @ np.array([fitted.alpha, fitted.beta])
        top.plot(d, 100 * gain, "o", color=colour, markersize=5, label=name)
        label = f"{FORMULAS[name]}, off by {fitted.error:.0%} on average"
        top.plot(line, 100 * form, color=colour, linewidth=1.2, linestyle=(0, (4, 3)), label=label)
        bottom.plot(d, [row["reward"] for row in own], "o-", color=colour, markersize=4, label=name)
    top.axhline(0, color="#1f2933", linewidth=0.8)
    top.set_ylabel(f"gain, % of the best {star}")
    top.legend(frameon=False, fontsize=8, loc="lower left")
    bottom.set_ylabel("the reward a page")
    bottom.set_xlabel("d, the root of the nats a page away from random pages")
    titled(top, f"The {star} while the reward is optimised ever harder")
    return figure
