"""A frozen retriever: from what a user opened before to a score for every item of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from ...core.batches import EMPTY, Requests
from ...core.errors import InvalidInput
from ...core.types import F32, I32, AnyArray
from ..state import State

TIE = 1e-6
"""Bias of the most popular item: popularity decides only between equal scores, as for an empty history."""


@runtime_checkable
class Model(Protocol):
    """Scores items for histories (n, h) as in ``Requests.history``: the latest first, ``EMPTY`` pads.

    Frozen and servable: numpy only, whatever it was trained with. The width h is free.
    """

    kind: ClassVar[str]
    needs_history: ClassVar[bool]
    needs_context: ClassVar[bool]
    """Whether ``user`` also has the columns of ``Requests.context``, behind its own."""

    @property
    def num_items(self) -> int:
        """N."""
        ...

    def scores(self, history: I32, user: F32 | None = None) -> F32:
        """(n, N), higher is better; ``user`` (n, u) is what :func:`features_of` gives.

        The same bits whatever other requests are in the batch.

        Raises:
            InvalidInput: a history names an item that the catalogue does not have; features are missing
                or not finite where the model uses them.
        """
        ...

    def scores_at(self, history: I32, rows: I32, user: F32 | None = None) -> F32:
        """(n, m) the scores of item rows (n, m), anything at padding.

        The same bits whatever other requests are in the batch.
        """
        ...

    def state(self) -> State:
        """JSON-able spec, in it ``kind``, and plain arrays."""
        ...

    @classmethod
    def from_state(cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Self:
        """The model whose ``state()`` was (spec, arrays)."""
        ...


def checked(history: I32, num_items: int) -> I32:
    """``history`` if it is (n, h) rows of the catalogue or ``EMPTY``."""
    if history.ndim != 2:
        raise InvalidInput("history", history.shape, "give shape (n, h)")
    if history.size and (history.max() >= num_items or history.min() < EMPTY):
        wrong = history[(history >= num_items) | (history < EMPTY)]
        raise InvalidInput("history", int(wrong[0]), f"the catalogue has rows 0 to {num_items - 1}; -1 pads")
    return history


def distinct(history: I32) -> I32:
    """(n, h) each item once, at its first place; ``EMPTY`` elsewhere."""
    order = np.argsort(history, axis=1, kind="stable")
    ordered = np.take_along_axis(history, order, axis=1)
    repeated = np.zeros(history.shape, np.bool_)
    np.put_along_axis(repeated, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return np.where(repeated, EMPTY, history).astype(np.int32)


def user_columns(user: F32 | None, n: int, count: int) -> F32:
    """``user`` (n, u), checked: it has ``count`` columns, all finite."""
    if user is None or user.shape != (n, count):
        got = None if user is None else user.shape
        raise InvalidInput("user", got, f"give the ({n}, {count}) features the model was fitted with")
    if not np.isfinite(user).all():
        raise InvalidInput("user", "not finite", "remove NaN and infinity from user features")
    return user


def popularity_bias(counts: AnyArray) -> F32:
    """(N,) ``TIE`` x count over the greatest count."""
    return (TIE * counts / max(float(counts.max(initial=0)), 1.0)).astype(np.float32)


def features_of(model: Model, requests: Requests) -> F32:
    """(n, u) the columns of ``Requests.user``, and of ``.context`` where ``model`` needs it."""
    if not model.needs_context:
        return requests.user
    return np.concatenate([requests.user, requests.context], axis=1)


def history_of(model: Model, requests: Requests) -> I32:
    """(n, h) the histories that ``model`` reads.

    Raises:
        InvalidInput: it reads histories and the requests have none.
    """
    if requests.history is not None:
        return requests.history
    if model.needs_history:
        fix = f"{model.kind} reads what a user opened before: set shop.history (8, say), or send history"
        raise InvalidInput("requests.history", None, fix)
    return np.empty((len(requests), 0), np.int32)
