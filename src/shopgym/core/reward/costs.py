"""Limits on what a policy may cost, or must keep: in natural units, absolute or against another policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..config import build
from ..errors import InvalidInput, did_you_mean, finite, is_number
from ..items import Items
from ..types import F64, Bool
from .terms import Term, all_terms, term_named

EPISODES = ("page", "life", "season")
"""What a limit may count by beside a term: pages shown, lives of customers, seasons of a shop."""
SENTENCE = re.compile(
    r"^\s*(?P<term>[\w ]+?)\s*(?P<sign><=|≤|>=|≥)\s*(?P<limit>[^\s%]+)\s*(?P<percent>%?)"
    r"(?:\s+(?P<unit>(?!(?:of|per|over)\b)[^\s]+))?"
    r"(?:\s+of\s+(?P<versus>[\w.-]+?)(?:['’]s)?)?(?:\s+(?:per|over an?)\s+(?P<per>\w+))?\s*$"
)
PARTS = (("margin", "revenue"), ("purchase", "units"))
"""Terms that are never more than another one."""
SHAPE = "write 'TERM <= LIMIT', then if needed 'of POLICY' and 'per TERM': 'return_cost <= 0.10 per revenue'"


@dataclass(frozen=True)
class ItemGroup:
    """Items of a catalogue, e.g. those of small sellers: what is in a category or is named.

    Attributes:
        categories: names of categories.
        item_ids: the shop's own ids.
    """

    categories: tuple[str, ...] = ()
    item_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.categories and not self.item_ids:
            raise InvalidInput("reward.costs.items", {}, "name categories or item_ids")

    def mask(self, items: Items) -> Bool:
        """(N,) bool, who belongs to it.

        Raises:
            InvalidInput: there is no such category or item.
        """
        for field, names, known_names in (
            ("categories", self.categories, items.category_names),
            ("item_ids", self.item_ids, items.row_of),
        ):
            unknown = [name for name in names if name not in known_names]
            if unknown:
                fix = f"the catalogue has none of that name{did_you_mean(unknown[0], known_names)}"
                raise InvalidInput(f"reward.costs.items.{field}", unknown[0], fix)
        wanted = [items.category_names.index(name) for name in self.categories]
        mask: Bool = np.isin(items.category, wanted)
        mask[[items.row_of[name] for name in self.item_ids]] = True
        return mask


@dataclass(frozen=True)
class CostLimit:
    """One limit: the sum of a term over the sum of what it is counted by is at most, or at least, a number.

    Attributes:
        term: what is limited. Its amounts are positive where it is a cost.
        at_most, at_least: the limit; one of the two.
        per: what the term is counted by: another term (``revenue``, ``impression``, ``visit``), ``page``,
            ``life`` or ``season``.
        versus: the name of a policy; then the limit is a multiple of that policy's own value.
        items: only what is shown of these items counts; with the term ``impression``: their exposure.
        name: how tables and ``info["cost_terms"]`` call it; default: ``return_cost per revenue``.
    """

    term: str
    at_most: float | None = None
    at_least: float | None = None
    per: str = "page"
    versus: str | None = None
    items: ItemGroup | None = None
    name: str = ""

    @classmethod
    def read(cls, cost: Any) -> CostLimit:
        """A limit from a sentence (``"stockout <= 2% per impression"``), a mapping of the attributes, or one.

        In a sentence ``stockout rate`` is ``stockout`` per impression, and ``over a life`` is per life.
        """
        if isinstance(cost, CostLimit):
            return cost
        if isinstance(cost, Mapping):
            return build(cls, cost, "reward.costs")
        if not isinstance(cost, str):
            raise InvalidInput("reward.costs", cost, f"{SHAPE}, or a mapping")
        said = SENTENCE.match(cost)
        if said is None:
            raise InvalidInput("reward.costs", cost, SHAPE)
        term, per, terms = said["term"].strip(), said["per"] or "page", all_terms()
        if term.endswith(" rate"):
            term, per = term.removesuffix(" rate"), said["per"] or "impression"
        term, per = (_singular(word.replace(" ", "_"), terms) for word in (term, per))
        if said["unit"]:
            fix = f"leave {said['unit']!r} out: a limit is in the unit of its term"
            raise InvalidInput("reward.costs", cost, fix)
        try:
            limit = float(said["limit"]) / (100.0 if said["percent"] else 1.0)
        except ValueError:
            raise InvalidInput("reward.costs", cost, f"{said['limit']} is no number: {SHAPE}") from None
        side: dict[str, Any] = {"at_most" if said["sign"] in ("<=", "≤") else "at_least": limit}
        read = cls(term, per=per, versus=said["versus"], **side)
        if said["percent"] and not read.is_ratio:
            fix = f"{said['limit']}% of what? Count it by a term, as in 'per revenue', or give the amount"
            raise InvalidInput("reward.costs", cost, fix)
        return read

    def __post_init__(self) -> None:
        term_named("reward.costs", self.term)
        if self.per not in EPISODES:
            terms = all_terms()
            if self.per not in terms:
                fix = f"choose one of {', '.join((*EPISODES, *terms))}"
                raise InvalidInput("reward.costs.per", self.per, fix + did_you_mean(self.per, terms))
        if (self.at_most is None) == (self.at_least is None):
            fix = "give at_most or at_least, one of the two; for a range write two limits"
            raise InvalidInput(f"reward.costs.{self.label}", (self.at_most, self.at_least), fix)
        if not is_number(self.limit):
            raise InvalidInput(f"reward.costs.{self.label}", self.limit, "give a number")
        finite(f"reward.costs.{self.label}", self.limit)
        if self.items is not None and self.term != "impression":
            fix = "a group of items limits what is shown: write the term impression"
            raise InvalidInput(f"reward.costs.{self.label}", self.term, fix)
        self._refuse_impossible()

    @property
    def limit(self) -> float:
        """The number that must not be passed."""
        return self.at_most if self.at_most is not None else self.at_least  # type: ignore[return-value]

    @property
    def label(self) -> str:
        """Its name, or one that follows from what it says."""
        return self.name or f"{self.term} per {self.per}"

    @property
    def is_share(self) -> bool:
        """Whether what is limited lies between 0 and 1 whatever a policy does."""
        term: Term = all_terms()[self.term]
        return (
            (self.per == "impression" and (term.per_impression or self.term == "impression"))
            or (self.per == "visit" and self.term == "retention")
            or (self.per == "page" and self.term in ("diversity", "visit", "retention"))
        ) and self.versus is None

    @property
    def is_ratio(self) -> bool:
        """Whether the limit is a share or a multiple, so that a percentage says something."""
        return self.is_share or self.versus is not None or self.per not in EPISODES

    @property
    def sentence(self) -> str:
        """In words: ``return_cost at most 0.1 per revenue``."""
        side = "at most" if self.at_most is not None else "at least"
        versus = "" if self.versus is None else f" times {self.versus}'s"
        limit = f"{self.limit:.4g}" if not self.is_share else f"{self.limit:.4%}".replace(".0000%", "%")
        return f"{self.name or self.term} {side} {limit}{versus} per {self.per}"

    def excess(self, amount: F64, counted: F64, *, reference: float = 1.0) -> F64:
        """How far sums of the term are on the wrong side, in the term's unit: <= 0 where the limit is met.

        Linear in both arguments: the limit holds for a total exactly where the excess of its pages sums up to
        0 or less. So this is what a Lagrangian multiplies.

        Args:
            amount: of the term.
            counted: of what it is counted by.
            reference: the value of the policy named by ``versus``, per ``per``.
        """
        bound = self.limit * (reference if self.versus is not None else 1.0)
        over = amount - bound * counted
        return over if self.at_most is not None else -over

    def spec(self) -> dict[str, Any]:
        """JSON-able form; ``CostLimit.read`` reads it back."""
        spec = {part.name: getattr(self, part.name) for part in fields(self) if part.name != "items"}
        if self.items is not None:
            spec["items"] = {name: list(names) for name, names in vars(self.items).items() if names}
        return {name: value for name, value in spec.items() if value not in (None, "")}

    def _refuse_impossible(self) -> None:
        field, cost = f"reward.costs.{self.label}", all_terms()[self.term].sign < 0
        if self.is_share and not 0.0 <= self.limit <= 1.0:
            raise InvalidInput(field, self.limit, "it is a share: give a limit in [0, 1], or such as 2%")
        part = (self.term, self.per) in PARTS and self.versus is None
        if part and self.at_least is not None and self.limit > 1.0:
            fix = f"{self.term} is a part of {self.per}, so nothing meets it: give at most 1"
            raise InvalidInput(field, self.limit, fix)
        if (
            self.at_most is not None
            and self.limit < 0.0
            and (cost or self.term not in ("margin", "satisfaction"))
        ):
            raise InvalidInput(
                field, self.limit, "its amounts are never below 0, so nothing meets it: raise it"
            )
        if self.per == self.term and self.items is None:
            raise InvalidInput(field, self.per, "a term per itself is always 1: count by another one")


def refuse_contradictions(costs: tuple[CostLimit, ...]) -> None:
    """Raise :class:`InvalidInput` where two limits share a name, or no policy can meet both of them."""
    names: dict[str, tuple[Any, ...]] = {}
    limited: dict[tuple[Any, ...], CostLimit] = {}
    for cost in costs:
        field, what = f"reward.costs.{cost.label}", (cost.term, cost.per, cost.versus, cost.items)
        if names.setdefault(cost.label, what) != what:
            raise InvalidInput(field, cost.term, "two limits have this name: give one of them another name")
        from_above = cost.at_most is not None
        if (*what, from_above) in limited:
            raise InvalidInput(field, cost.limit, "it is limited twice: keep one of the two")
        limited[*what, from_above] = cost
        other = limited.get((*what, not from_above))
        if other is None:
            continue
        most, least = (cost, other) if from_above else (other, cost)
        if most.limit < least.limit:
            fix = f"no policy is at most {most.limit:g} and at least {least.limit:g}: correct one of the two"
            raise InvalidInput(field, [most.limit, least.limit], fix)


def _singular(word: str, terms: Mapping[str, Term]) -> str:
    """``visits`` is ``visit``: the name of a term, or the word."""
    return word[:-1] if word not in terms and word[:-1] in terms and word.endswith("s") else word
