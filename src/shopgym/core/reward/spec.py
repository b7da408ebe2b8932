"""The reward: named terms with units, weights, a north star, and limits on what may be spent on the way.

The reward of a page is exactly the weighted sum of its terms, in the order in which they are declared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from ..batches import Feedback
from ..config import build
from ..errors import InvalidInput, did_you_mean, is_number, one_of
from ..items import Items
from ..types import F64, Bool
from .amounts import amount_named, bounded_slots, page_amounts, slot_amounts
from .costs import CostLimit, refuse_contradictions
from .north_star import NorthStar
from .terms import CURRENCY, TERMS, all_terms, check_size, term_named

VERSION = 1
"""Of what a spec may say."""


@dataclass(frozen=True)
class RewardSpec:
    """The reward of a page.

    Attributes:
        terms: weight of each term; e.g. ``{"margin": 1.0}``. Costs are positive amounts: charge them with a
            negative weight.
        unit: the unit of the reward: ``currency``, or any unit of a term.
        exchange: reward units per unit of a term, needed for every term whose unit differs, e.g.
            ``{"click": 0.05}`` says that a click is worth five pence.
        north_star: what the business wants to maximise: a term, ``{"margin": 1.0, "return_cost": -1.0}``, or
            with a horizon ``{"weights": {"margin": 1.0}, "horizon": 90, "discount": 0.999}`` (days).
        costs: limits, as sentences (``"return_cost <= 0.10 per revenue"``) or mappings.
        clip: (least, greatest) amount of a term that one page may add to the reward, in the term's own unit.
        version: of what a spec may say.
    """

    terms: Mapping[str, float] = field(default_factory=lambda: {"margin": 1.0})
    unit: str = CURRENCY
    exchange: Mapping[str, float] = field(default_factory=dict)
    north_star: str | Mapping[str, Any] = "margin"
    costs: tuple[str | Mapping[str, Any], ...] = ()
    clip: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    version: int = VERSION

    @classmethod
    def read(cls, reward: Any) -> RewardSpec:
        """The reward that ``reward`` describes.

        Args:
            reward: a ``RewardSpec``, a mapping of terms, ``{"margin": 1.0}``, or one of the attributes above;
                None = the default.

        Raises:
            InvalidInput: it is neither, or says something that does not fit.
        """
        if reward is None:
            return cls()
        if isinstance(reward, RewardSpec):
            return reward
        if not isinstance(reward, Mapping):
            raise InvalidInput("reward", reward, "give a RewardSpec or a mapping of terms: {'margin': 1.0}")
        _refuse_later(reward.get("version", VERSION))
        names = {part.name for part in fields(cls)}
        return build(cls, reward if names & reward.keys() else {"terms": reward}, "reward")

    def __post_init__(self) -> None:
        _refuse_later(self.version)
        parts: tuple[Any, ...] = (self.terms, self.exchange, self.clip)
        if not all(isinstance(part, Mapping) for part in parts):
            raise InvalidInput("reward", parts, "give mappings of terms and rates: {'margin': 1.0}, {}")
        if not self.terms:
            raise InvalidInput("reward.terms", {}, "name at least one term")
        units = {term.unit for term in all_terms().values()}
        if self.unit not in units:
            fix = f"money, such as euros, is 'currency'; choose one of {', '.join(sorted(units))}"
            fix += did_you_mean(self.unit, units)
            raise InvalidInput("reward.unit", self.unit, fix)
        for name, weight in self.terms.items():
            term_named("reward.terms", name)
            check_size(f"reward.terms.{name}", weight, "weight")
        self._check_units()
        costs: Any = self.costs
        if isinstance(costs, str) or not isinstance(costs, Sequence):
            raise InvalidInput("reward.costs", self.costs, "give a list of limits")
        refuse_contradictions(self.limits)
        for name, bounds in self.clip.items():
            _check_bounds(name, bounds, self.terms)

    @cached_property
    def star(self) -> NorthStar:
        """The north star, whatever form it was written in."""
        return NorthStar.read(self.north_star)

    @cached_property
    def limits(self) -> tuple[CostLimit, ...]:
        """The limits of ``costs``."""
        return tuple(CostLimit.read(cost) for cost in self.costs)

    @cached_property
    def weights(self) -> dict[str, float]:
        """Reward units per unit of each term: weight x exchange rate."""
        return {name: weight * self.exchange.get(name, 1.0) for name, weight in self.terms.items()}

    @cached_property
    def star_weights(self) -> dict[str, float]:
        """Units of the north star per unit of each of its terms."""
        rates = {} if self.star_unit != self.unit else self.exchange
        return {name: weight * rates.get(name, 1.0) for name, weight in self.star.weights.items()}

    @cached_property
    def star_unit(self) -> str:
        """The unit of the north star: that of its terms if they share one, else the reward's."""
        units = {all_terms()[name].unit for name in self.star.weights}
        return units.pop() if len(units) == 1 else self.unit

    @cached_property
    def own(self) -> tuple[str, ...]:
        """One's own terms that it reads."""
        return tuple(name for name in self.reads if name not in TERMS)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Every term that the reward, the north star or a limit is made of."""
        counted = [name for limit in self.limits for name in (limit.term, limit.per) if name in all_terms()]
        return tuple(dict.fromkeys((*self.terms, *self.star.weights, *counted)))

    def page(self, feedback: Feedback) -> tuple[F64, dict[str, F64]]:
        """((n,) reward, {term: (n,) amount in the term's own unit}) of each page.

        The amounts are of all terms that the feedback tells, whatever the reward is made of. The arrays
        are new.

        Raises:
            InvalidInput: the feedback does not tell a term of the reward, or an amount is not finite.
        """
        amounts = page_amounts(feedback, self.own, copy=True)
        return self.weigh(amounts), amounts

    def weigh(self, amounts: dict[str, F64]) -> F64:
        """(n,) the reward of pages with these amounts: those of :meth:`page` or ``info["reward_terms"]``.

        Raises:
            InvalidInput: a term is missing, or is not finite. A limit of ``clip`` bounds infinity too.
        """
        reward = self.weighted_sum(amounts)
        # infinity and NaN reach the sum, which is quicker to look at; a sum may overflow without them
        if not math.isfinite(np.sum(reward)) and not np.isfinite(reward).all():
            self._refuse_infinite(amounts)
        return reward

    def weighted_sum(self, amounts: dict[str, F64]) -> F64:
        """:meth:`weigh` of amounts that are known to be finite, as those of the shop are."""
        reward: Any = 0.0
        for name, weight in self.weights.items():
            amount = amount_named(amounts, name)
            if name in self.clip:
                low, high = self.clip[name]
                amount = np.minimum(np.maximum(amount, low), high)
            reward = reward + weight * amount
        return np.asarray(reward)

    def clipped(self, amounts: dict[str, F64]) -> F64:
        """(n,) how many terms of each page were bounded by ``clip``."""
        count = np.zeros(np.shape(next(iter(amounts.values()))))
        for name, (low, high) in self.clip.items():
            count += (amounts[name] < low) | (amounts[name] > high)
        return count

    def slots(self, feedback: Feedback) -> F64:
        """(n, k) the reward of each slot; its sum over slots is the reward of the page."""
        reward: F64 = np.zeros(feedback.clicked.shape)
        for name, weight in self.weights.items():
            amount = slot_amounts(feedback, name)
            if name in self.clip:
                amount = bounded_slots(amount, self.clip[name])
            reward = reward + weight * amount
        return reward

    def north_star_page(self, feedback: Feedback) -> F64:
        """(n,) what each page adds to the north star, before its horizon and discount.

        Those depend on when the page was: see ``star.worth_after``.

        Raises:
            InvalidInput: the feedback does not tell one of its terms.
        """
        return self.north_star_amount(page_amounts(feedback, self.own))

    def north_star_amount(self, amounts: dict[str, F64]) -> F64:
        """(n,) the same from the amounts of pages, as ``info["reward_terms"]`` holds them."""
        total: Any = sum(weight * amount_named(amounts, name) for name, weight in self.star_weights.items())
        return np.asarray(total)

    def cost_page(self, feedback: Feedback, groups: Mapping[str, Bool] | None = None) -> dict[str, F64]:
        """{limit: (n,) amount of the limited term on each page}, in the term's own unit.

        Args:
            groups: of :meth:`groups`; needed where a limit names items.
        """
        return self.cost_amounts(page_amounts(feedback, self.own), feedback, groups)

    def cost_amounts(
        self, amounts: dict[str, F64], feedback: Feedback, groups: Mapping[str, Bool] | None = None
    ) -> dict[str, F64]:
        """:meth:`cost_page` from the amounts of pages; the feedback tells which items were shown."""
        costs = {}
        for limit in self.limits:
            amount = amount_named(amounts, limit.term)
            if limit.items is not None:
                if groups is None or feedback.measures is None:
                    raise InvalidInput(
                        f"reward.costs.{limit.label}", None, "give the groups of the catalogue"
                    )
                slates = feedback.measures.shown
                amount = (groups[limit.label][slates] & (slates >= 0)).sum(axis=1).astype(np.float64)
            costs[limit.label] = amount
        return costs

    def total_cost(self, costs: Mapping[str, F64]) -> F64 | float:
        """(n,) the sum of the limits from above, as ``info["cost"]`` holds it."""
        total: F64 | float = 0.0
        for limit in self.limits:
            if limit.at_most is not None:
                total = total + costs[limit.label]
        return total

    def groups(self, items: Items) -> dict[str, Bool]:
        """{limit: (N,) bool} the items of every limit that names some."""
        return {limit.label: limit.items.mask(items) for limit in self.limits if limit.items is not None}

    def require_policies(self, names: Iterable[str]) -> None:
        """Raise :class:`InvalidInput` at a limit against a policy that is none of ``names``."""
        for limit in self.limits:
            if limit.versus is not None:
                one_of(f"reward.costs.{limit.label}.versus", limit.versus, names)

    def spec(self) -> dict[str, Any]:
        """JSON-able; ``RewardSpec(**spec)`` reads it back. What 0.1 did not know is left out if unset."""
        star = self.north_star if isinstance(self.north_star, str) else self.star.spec()
        spec: dict[str, Any] = {
            "terms": dict(self.terms),
            "unit": self.unit,
            "exchange": dict(self.exchange),
            "north_star": star,
        }
        if self.costs:
            spec["costs"] = [limit.spec() for limit in self.limits]
        if self.clip:
            spec["clip"] = {name: list(bounds) for name, bounds in self.clip.items()}
        return spec

    def _check_units(self) -> None:
        terms = all_terms()
        mixed = len({terms[name].unit for name in self.star.weights}) > 1
        exchanged = dict.fromkeys(self.terms, "terms")
        exchanged |= {
            name: "north_star.weights" for name in self.star.weights if mixed and name not in exchanged
        }
        for name, part in exchanged.items():
            unit = terms[name].unit
            if unit != self.unit and name not in self.exchange:
                why = f"a reward in {self.unit} cannot add {unit} without a rate"
                fix = f"{why}: set reward.exchange.{name} to what one {unit} is worth in {self.unit}"
                raise InvalidInput(f"reward.{part}.{name}", unit, fix)
        for name, rate in self.exchange.items():
            one_of("reward.exchange", name, terms)
            if name not in exchanged or terms[name].unit == self.unit:
                raise InvalidInput("reward.exchange", name, "give rates only for terms of another unit")
            check_size(f"reward.exchange.{name}", rate, "rate")

    def _refuse_infinite(self, amounts: dict[str, F64]) -> None:
        """Name the term and the page that are not finite."""
        for name in self.weights:
            for page in np.flatnonzero(~np.isfinite(np.atleast_1d(amounts[name]))):
                value = float(np.atleast_1d(amounts[name])[page])
                fix = "a reward must be finite: correct the term, or bound infinity with reward.clip"
                raise InvalidInput(f"feedback.{name}[{page}]", value, fix)
        raise InvalidInput(
            "reward.terms", dict(self.terms), "the sum is too large for a number: smaller weights"
        )


def _refuse_later(version: Any) -> None:
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise InvalidInput("reward.version", version, f"give version {VERSION}, or leave it out")
    if version > VERSION:
        raise InvalidInput(
            "reward.version", version, f"this shopgym reads version {VERSION}: install a newer one"
        )


def _check_bounds(name: str, bounds: Any, terms: Mapping[str, float]) -> None:
    one_of("reward.clip", name, terms)
    two = isinstance(bounds, Sequence) and len(bounds) == 2 and all(is_number(bound) for bound in bounds)
    if not two or not bounds[0] <= 0.0 <= bounds[1] or bounds[0] == bounds[1]:
        fix = "give the least and the greatest amount, with 0 between them: an empty page is worth nothing"
        raise InvalidInput(f"reward.clip.{name}", bounds, fix)
