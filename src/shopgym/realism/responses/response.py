"""A response: how demand moves when the shop does something, measured from the shop's own data."""

from __future__ import annotations

from dataclasses import dataclass

RESPONSES = {
    "price_elasticity": "change of log units per change of log price",
    "cart_price_elasticity": "change of log carts per change of log price",
    "promotion_lift": "relative change of an item's units while it is marked, at equal price",
    "promotion_total": "relative change of an item's units while it is marked, its price cut included",
    "substitution": "share of the lost sales of an item that is out of stock which similar items gain",
    "email_visits": "visits that one e-mail adds",
    "email_orders": "orders that one e-mail adds",
    "email_spend": "revenue that one e-mail adds",
    "recall_popularity": "share of next items among the 20 most popular",
    "recall_item_knn": "share of next items among the 20 most alike to the last one",
    "recall_markov": "share of next items among the 20 that followed the last one most often",
    "recall_excess": "mean recall of item-KNN and the Markov chain less that of popularity",
}
"""Every response, by name, with its definition. ``email_visits: ARM`` is that of one arm of a trial."""


@dataclass(frozen=True)
class Response:
    """An effect measured from the user's own data.

    Attributes:
        name: of :data:`RESPONSES`, where a colon and an arm may follow.
        value, low, high: with its 95% interval.
        unit: of the value.
        how: how it was measured, and what it rests on.
        rows: rows of data behind it.
        change: of log price, where prices were changed: responses depend on the size of the change.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    how: str
    rows: int
    change: float = float("nan")


@dataclass(frozen=True)
class UnmeasuredResponse:
    """A response that the data do not identify, and why. No number stands in its place."""

    name: str
    why: str


@dataclass(frozen=True)
class MeasuredResponses:
    """What a file says, and what it does not."""

    measured: tuple[Response, ...] = ()
    unmeasured: tuple[UnmeasuredResponse, ...] = ()

    def __add__(self, other: MeasuredResponses) -> MeasuredResponses:
        return MeasuredResponses(self.measured + other.measured, self.unmeasured + other.unmeasured)


def refused(why: str, *names: str) -> MeasuredResponses:
    """None of ``names`` is measured, for one reason."""
    return MeasuredResponses((), tuple(UnmeasuredResponse(name, why) for name in names))
