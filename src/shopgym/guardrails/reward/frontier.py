"""The trade-off that a number of a reward decides: the best pages for the reward as that number changes."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ...core.errors import InvalidInput, whole_number
from ...core.reward import RewardSpec
from ...evaluation.figures import INK, MUTED, new_figure, png_of, titled
from ...simulators import Shop
from .exact_terms import exact_weights
from .linted_shop import LintedShop
from .pictures import HONEST, PROXY
from .price import ProxyPrice, page_price
from .term_shares import cut_off, sampled_terms

SWEEP = re.compile(r"^(?P<part>exchange|terms)\.(?P<term>\w+)=(?P<low>[^.]+(?:\.\d+)?)\.\.(?P<high>.+)$")
SHAPE = "write exchange.click=0..1, or terms.return_cost=-2..0"


@dataclass(frozen=True)
class Sweep:
    """A number of a spec, from ``low`` to ``high``.

    Attributes:
        part, term: ``exchange`` or ``terms``, and the term that it belongs to.
    """

    part: str
    term: str
    low: float
    high: float

    @classmethod
    def read(cls, text: str) -> Sweep:
        """A sweep from ``exchange.click=0..1``.

        Raises:
            InvalidInput: it is written in another way, or its ends are no rising numbers.
        """
        said = SWEEP.match(text.strip())
        if said is None:
            raise InvalidInput("sweep", text, SHAPE)
        try:
            low, high = float(said["low"]), float(said["high"])
        except ValueError:
            raise InvalidInput("sweep", text, SHAPE) from None
        if not np.isfinite([low, high]).all() or not low < high:
            raise InvalidInput("sweep", text, f"the second number must be above the first: {SHAPE}")
        if said["part"] == "exchange" and low < 0.0:
            fix = "a rate below 0 turns the sign of a weight: begin at 0, or sweep terms.NAME"
            raise InvalidInput("sweep", text, fix)
        return cls(said["part"], said["term"], low, high)

    def at(self, spec: RewardSpec, value: float) -> RewardSpec:
        """The spec with this number; a term that it does not have is added."""
        terms, exchange = dict(spec.terms), dict(spec.exchange)
        if self.part == "terms":
            terms[self.term] = value
        else:
            terms.setdefault(self.term, 1.0)
            exchange[self.term] = value
        return replace(spec, terms=terms, exchange=exchange)


@dataclass(frozen=True)
class FrontierPoint:
    """The best pages for the reward with one value of the number.

    Attributes:
        value: of the number.
        amount: of the swept term, per page.
        price: of the proxy, per page, exact.
    """

    value: float
    amount: float
    price: ProxyPrice


@dataclass(frozen=True)
class Frontier:
    """All points, by rising value, and the greatest value up to which no more than ``tolerance`` is lost."""

    sweep: Sweep
    star: str
    tolerance: float
    points: tuple[FrontierPoint, ...]

    @property
    def safe_values(self) -> tuple[float, ...]:
        """The values at which the reward keeps the north star within the tolerance, beyond the interval."""
        return tuple(p.value for p in self.points if p.price.share.low >= 1.0 - self.tolerance)

    @property
    def sentence(self) -> str:
        """What the sweep shows."""
        name, safe = f"{self.sweep.part}.{self.sweep.term}", self.safe_values
        kept = f"keeps {1 - self.tolerance:.0%} of the {self.star} or more"
        if not safe:
            return f"No value of {name} in the sweep {kept}."
        if len(safe) == len(self.points):
            return f"Every value of {name} in the sweep {kept}."
        tried = [point.value for point in self.points]
        gaps = np.diff([tried.index(value) for value in safe])
        if len(gaps) and gaps.max() > 1:
            return f"{name} {kept} at {', '.join(f'{value:g}' for value in safe)}, not between."
        if len(safe) == 1:
            return f"{name} {kept} at {safe[0]:g} alone."
        return f"{name} from {safe[0]:g} to {safe[-1]:g} {kept}."

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {"sentence": self.sentence, **asdict(self)}


def frontier(
    spec: RewardSpec,
    shop: LintedShop | Shop,
    sweep: Sweep,
    *,
    steps: int = 11,
    pages: int = 4096,
    tolerance: float = 0.05,
) -> Frontier:
    """Sweep one number of a reward, on the first pages of the same visitors.

    Raises:
        InvalidInput: the number does not fit the spec, the shop lacks what the spec reads, or fewer than two
            steps.
    """
    if whole_number("frontier.steps", steps) < 2:
        raise InvalidInput("frontier.steps", steps, "give 2 or more")
    shop = LintedShop.read(shop)
    shop.require(spec)
    if spec.clip and max(cut_off(spec.clip, sampled_terms(shop, pages)).values(), default=0.0) > tolerance:
        fix = "the best pages are found without the bounds, and they cut off too much: widen them"
        raise InvalidInput("reward.clip", dict(spec.clip), fix)
    means, _ = shop.first_pages(pages)
    points = []
    for value in np.linspace(sweep.low, sweep.high, steps):
        changed = sweep.at(spec, float(value))
        weights = {name: weight for name, weight in exact_weights(changed.weights).items() if weight}
        price = page_price(means, weights, exact_weights(spec.star_weights))
        points.append(FrontierPoint(float(value), price.terms[sweep.term], price))
    return Frontier(sweep, spec.star.amount, tolerance, tuple(points))


def frontier_picture(swept: Frontier) -> bytes:
    """North star against the amount of the swept term, from value to value; what loses too much is red."""
    figure, (axes,) = new_figure(7.2, 4.2)
    x = [point.amount for point in swept.points]
    y = [100 * point.price.share.value for point in swept.points]
    axes.plot(x, y, color=MUTED, linewidth=1)
    safe = set(swept.safe_values)
    for point, across, up in zip(swept.points, x, y, strict=True):
        share = point.price.share
        colour = HONEST if point.value in safe else PROXY
        axes.plot([across, across], [100 * share.low, 100 * share.high], color=colour, linewidth=2)
        axes.plot(across, up, "o", color=colour, markersize=6)
        axes.annotate(f"{point.value:g}", (across, up), xytext=(5, 5), textcoords="offset points", fontsize=8)
    axes.axhline(100 * (1.0 - swept.tolerance), color=INK, linewidth=1, linestyle=":")
    axes.set_xlabel(
        f"{swept.sweep.term} a page; the number beside a point is {swept.sweep.part}.{swept.sweep.term}"
    )
    axes.set_ylabel(f"% of the best {swept.star}")
    titled(axes, f"What {swept.sweep.part}.{swept.sweep.term} buys, and what it costs")
    return png_of(figure)
