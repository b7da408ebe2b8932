"""Feature maps: from a request and an item to the numbers that a linear model uses.

Every feature is a product of named columns of the request (``user.``, ``context.``) and of the item
(``item.``). So phi_t(request, item) = R_t(request) x I_t(item): the item side is computed once per catalogue
and a linear score is a dot product, as in a two-tower model.

Live values (``live.``, from ``Requests.live``) are a third factor L_t(request, item), computed only for maps
that name one. ``live_log.NAME`` is log(1 + NAME), for prices and stock levels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..core.batches import Decisions, Requests
from ..core.errors import InvalidInput
from ..core.items import Items
from ..core.types import F64, I64, AnyArray

Term = tuple[str, ...]
LIVE_SIDES = ("live", "live_log")


@dataclass(frozen=True)
class FeatureMap:
    """D features, each the product of the columns that its term names; ``()`` is the constant 1.

    Attributes:
        terms: D tuples of ``user.NAME``, ``context.NAME``, ``item.NAME``, ``live.NAME`` or ``live_log.NAME``.
        user_names, context_names: the names of the columns of ``Requests.user`` and ``.context``.
    """

    terms: tuple[Term, ...]
    user_names: tuple[str, ...]
    context_names: tuple[str, ...]

    def __post_init__(self) -> None:
        for term in self.terms:
            for column in term:
                side, _, name = column.partition(".")
                columns = {"user": self.user_names, "context": self.context_names}
                if side not in (*columns, "item", *LIVE_SIDES) or not name:
                    fix = "write user.NAME, context.NAME, item.NAME, live.NAME or live_log.NAME"
                    raise InvalidInput("features.terms", column, fix)
                names = columns.get(side)
                if names is not None and name not in names:
                    raise InvalidInput("features.terms", column, f"known {side} columns: {', '.join(names)}")

    def __len__(self) -> int:
        return len(self.terms)

    def item_side(self, items: Items) -> F64:
        """(N, D) the product of each term's item columns."""
        out = np.ones((len(items), len(self)))
        for t, term in enumerate(self.terms):
            for column in term:
                if column.startswith("item."):
                    out[:, t] *= items.feature(column[5:])
        return out

    def request_side(self, requests: Requests) -> F64:
        """(n, D) the product of each term's user and context columns."""
        for name, got, want in (
            ("user", requests.user, self.user_names),
            ("context", requests.context, self.context_names),
        ):
            if got.shape[1] != len(want):
                fix = f"give {len(want)} columns: {', '.join(want)}"
                raise InvalidInput(f"requests.{name}", got.shape, fix)
        constant = np.ones((len(requests), 1))
        columns = np.concatenate([constant, requests.user, requests.context], axis=1, dtype=np.float64)
        out: F64 = columns[:, self.request_columns].prod(axis=2)
        return out

    @cached_property
    def request_columns(self) -> I64:
        """(D, f) for each term its columns among [1, user, context]; 0 pads."""
        names = request_columns(self.user_names, self.context_names)
        place = {name: i for i, name in enumerate(names, start=1)}
        rows = [[place[column] for column in term if column in place] for term in self.terms]
        width = max(1, *(len(row) for row in rows)) if rows else 1
        return np.array([row + [0] * (width - len(row)) for row in rows], dtype=np.int64).reshape(-1, width)

    @cached_property
    def _live(self) -> tuple[tuple[int, str, str], ...]:
        """(term, side, name) of every live column."""
        columns = [(t, *column.partition(".")[::2]) for t, term in enumerate(self.terms) for column in term]
        return tuple(column for column in columns if column[1] in LIVE_SIDES)

    def live_side(self, requests: Requests) -> F64 | None:
        """(n, m, D) the product of each term's live columns; None where no term has any.

        Raises:
            InvalidInput: the requests lack a live value that a term needs, or have it in another shape.
        """
        if not self._live:
            return None
        shape = requests.candidates.shape
        out = np.ones((*shape, len(self)))
        for t, side, name in self._live:
            values = requests.live.get(name)
            if values is None or values.shape != shape:
                shapes = {name: values.shape for name, values in requests.live.items()}
                raise InvalidInput("requests.live", shapes, f"give {name} of every candidate, shape {shape}")
            out[:, :, t] *= np.log1p(np.maximum(values, 0.0)) if side == "live_log" else values
        return out

    def phi(self, requests: Requests, item_side: AnyArray) -> F64:
        """(n, m, D) the features of every candidate; padding repeats item 0."""
        rows = np.maximum(requests.candidates, 0)
        out: F64 = self.request_side(requests)[:, None, :] * item_side[rows]
        live = self.live_side(requests)
        return out if live is None else out * live

    def shown(self, requests: Requests, decisions: Decisions, item_side: AnyArray) -> F64:
        """(r, D) the features of the r filled slots, in the order of ``np.nonzero(slates >= 0)``."""
        row, slot = np.nonzero(decisions.slates >= 0)
        out: F64 = self.request_side(requests)[row] * item_side[decisions.slates[row, slot]]
        if self._live:
            live = self.live_side(requests.at(decisions.positions))
            assert live is not None
            out = out * live[row, slot]
        return out

    def spec(self) -> dict[str, Any]:
        """JSON-able form; ``FeatureMap.from_spec`` reads it back."""
        return asdict(self)

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> FeatureMap:
        """The map that ``spec()`` described."""
        terms = tuple(tuple(term) for term in spec["terms"])
        return cls(terms, tuple(spec["user_names"]), tuple(spec["context_names"]))

    @classmethod
    def default(
        cls, user_names: tuple[str, ...], context_names: tuple[str, ...], item_names: tuple[str, ...]
    ) -> FeatureMap:
        """Every item column, and the product of every user or context column with the item column it matches.

        ``user.taste_3`` and ``context.intent_3`` match ``item.embedding_3``; ``user.price_sensitivity``
        matches ``item.log_price``.
        """
        terms: list[Term] = [()]
        terms += [(f"item.{name}",) for name in item_names]
        for side, names in (("user", user_names), ("context", context_names)):
            for name in names:
                stem, _, index = name.rpartition("_")
                if stem in ("taste", "intent") and f"embedding_{index}" in item_names:
                    terms.append((f"{side}.{name}", f"item.embedding_{index}"))
        if "price_sensitivity" in user_names and "log_price" in item_names:
            terms.append(("user.price_sensitivity", "item.log_price"))
        return cls(tuple(terms), user_names, context_names)


def request_columns(user_names: Iterable[str], context_names: Iterable[str]) -> list[str]:
    """The columns of a request as terms name them."""
    return [*(f"user.{name}" for name in user_names), *(f"context.{name}" for name in context_names)]
