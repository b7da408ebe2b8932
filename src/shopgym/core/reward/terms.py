"""What a reward, a north star and a cost can be made of: named amounts of a page, each with its unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..batches import Feedback
from ..errors import InvalidInput, is_number, one_of
from ..types import F64, AnyArray

CURRENCY = "currency"
"""Stands for the catalogue's own currency."""


@dataclass(frozen=True)
class Term:
    """One amount of a page.

    Attributes:
        name: as specs, tables and ``info["reward_terms"]`` call it.
        unit: of its amounts; ``currency`` stands for the catalogue's own.
        sign: what more of it is to the business: 1 good, -1 a cost, 0 neither (a count to divide by). Amounts
            of a cost are positive: what makes them count against a reward is a negative weight.
        meaning: one sentence.
        source: what measures it: ``slot`` (the page, slot by slot), ``page`` (the page as a whole),
            ``people`` (the customer at the end of a visit; needs ``shop.people.enabled``), ``stock`` (the
            whole shop; needs ``shop.stock.enabled``) or ``own`` (a function of the feedback).
        horizon: what the amount tells about: ``page``, ``visit`` or ``life``.
        delay: typical days until a real shop knows it (attribution delay); 0 = at once. The shop books every
            amount at the page that caused it.
        per_impression: whether no more than one is counted per item shown, so that its rate is a share.
        proxy: whether it only stands for what the business wants.
    """

    name: str
    unit: str
    sign: int
    meaning: str
    source: str = "slot"
    horizon: str = "page"
    delay: float = 0.0
    per_impression: bool = False
    proxy: bool = False


LEAST_SIZE, MOST_SIZE = 1e-9, 1e9
"""Of a weight or a rate other than 0: beyond them the squares of amounts are no numbers, or all the same."""
RETURN_DELAY = 11.0
"""Days: the shop's default, one day and then an exponential time of mean ten."""

TERMS: Mapping[str, Term] = {
    term.name: term
    for term in (
        Term("click", "click", 1, "items whose page was opened", per_impression=True, proxy=True),
        Term("cart", "cart", 1, "items put in the cart", per_impression=True, proxy=True),
        Term("purchase", "order line", 1, "items bought, however many units of each", per_impression=True),
        Term("units", "unit", 1, "units bought"),
        Term("revenue", CURRENCY, 1, "price paid, after discounts"),
        Term("margin", CURRENCY, 1, "price paid less what the goods cost the shop"),
        Term("stockout", "stockout", -1, "items shown that were sold out", per_impression=True),
        Term("dwell", "second", 1, "seconds on the pages of items", proxy=True),
        Term(
            "return_cost",
            CURRENCY,
            -1,
            "margin undone by goods sent back, and their handling",
            horizon="life",
            delay=RETURN_DELAY,
        ),
        Term(
            "discount_cost",
            CURRENCY,
            -1,
            "what the page's own discount took off the price of what was bought",
        ),
        Term("expected_return_cost", CURRENCY, -1, "mean of the return cost at the moment of the order"),
        Term("impression", "impression", 0, "items shown", "page"),
        Term("diversity", "share", 1, "categories on the page per item shown", "page"),
        Term("visit", "visit", 1, "1 on the last page of a visit", "page", "visit"),
        Term(
            "satisfaction",
            "point",
            1,
            "satisfaction of the customer, -1 to 1, on the last page of a visit",
            "people",
            "life",
        ),
        Term(
            "retention",
            "customer kept",
            1,
            "1 on the last page of a visit if the customer will come back",
            "people",
            "life",
            30.0,
        ),
        Term(
            "holding_cost",
            CURRENCY,
            -1,
            "cost of the stock on hand since the last step, in equal parts on the pages of a step",
            "stock",
        ),
    )
}
"""Every term of the shop, by name."""

UNITS: Mapping[str, str] = {name: term.unit for name, term in TERMS.items()}
"""The unit of each term; ``currency`` stands for the catalogue's own."""

Amounts = Callable[[Feedback], AnyArray]
"""From the feedback on n pages of k slots to the (n,) or (n, k) amounts of a term."""
_OWN: dict[str, tuple[Term, Amounts]] = {}


def own_term(
    name: str, *, unit: str, sign: int, meaning: str = "", replace: bool = False, **about: Any
) -> Callable[[Amounts], Amounts]:
    """Make a function of the feedback a term, which specs then call by ``name``::

        @own_term("large_basket", unit="order line", sign=1)
        def large_basket(feedback):
            return (feedback.quantity > 1).sum(axis=1)

    The function gets the :class:`~shopgym.core.Feedback` on n pages of k slots and returns (n,) or (n, k)
    finite numbers. A process that works with the spec has to import the function's module.

    Args:
        name: a name that no other term has, unless ``replace`` says that the function takes its place.
        unit: of what it returns.
        sign: 1 good, -1 a cost (then amounts are positive).
        about: further attributes of :class:`Term`.

    Raises:
        InvalidInput: the name is taken, or the sign is another.
    """
    if name in TERMS or (name in _OWN and not replace):
        raise InvalidInput("own_term.name", name, "take a name that no term has yet")
    one_of("own_term.sign", sign, (-1, 0, 1))

    def register(amounts: Amounts) -> Amounts:
        sentence = meaning or (amounts.__doc__ or name).strip().splitlines()[0]
        _OWN[name] = (Term(name, unit, sign, sentence, source="own", **about), amounts)
        return amounts

    return register


def all_terms() -> dict[str, Term]:
    """The shop's terms and one's own, by name."""
    return {**TERMS, **{name: term for name, (term, _) in _OWN.items()}}


def term_named(field: str, name: str) -> Term:
    """The term ``name``; raises :class:`InvalidInput` for ``field`` where there is none."""
    terms = all_terms()
    one_of(field, name, terms)
    return terms[name]


def check_size(field: str, value: Any, what: str) -> None:
    """Raise :class:`InvalidInput` unless ``value``, a weight or a rate, is 0 or of a size to count with."""
    if not is_number(value) or isinstance(value, bool) or not math.isfinite(value):
        raise InvalidInput(field, value, f"give a finite {what}")
    if value and not LEAST_SIZE <= abs(value) <= MOST_SIZE:
        fix = f"give a {what} of {LEAST_SIZE:g} to {MOST_SIZE:g}, or its negative: choose another unit"
        raise InvalidInput(field, value, fix)


def own_amounts(name: str, feedback: Feedback) -> F64:
    """(n,) or (n, k) what the function of one's own term returns.

    Raises:
        InvalidInput: it returns another shape.
    """
    amounts: F64 = np.asarray(_OWN[name][1](feedback), np.float64)
    n, k = feedback.clicked.shape
    if amounts.shape not in ((n,), (n, k)):
        raise InvalidInput(f"own_term {name}", amounts.shape, f"return shape ({n},) or ({n}, {k})")
    return amounts
