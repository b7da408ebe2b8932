"""The observation of a request: arrays of fixed size in a Gymnasium ``Dict`` space."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numba import int64

from ..core.batches import EMPTY, Requests
from ..core.errors import InvalidInput
from ..core.types import F32, I32, I64, AnyArray
from ..simulators import Shop
from ..simulators.engine.jit import kernel
from ..simulators.engine.prefetch import prefetch
from ..simulators.engine.work_queue import claim


def observation_space(shop: Shop, form: str, identity: bool = False) -> spaces.Dict:
    """The observation space of one visit, with m candidates of f features and k slots.

    - ``user``, ``context``: always.
    - ``history`` (h, f): if ``shop.history`` is above 0, the features of the items that the user opened, the
      latest first, padded with 0.
    - ``candidates`` (m, f), ``action_mask`` (m,): unless actions are items of the whole catalogue.
    - ``live`` (m, 3): with candidates and ``shop.live``, price and margin in currency, units on hand.
    - ``chosen`` (m,), ``slot`` (k,): with form ``slot``.
    - ``candidate_items`` (m,), ``history_items`` (h,) int32: with ``identity``, the catalogue rows of the
      items whose features are in ``candidates`` and ``history``; -1 pads a history.

    Raises:
        InvalidInput: ``identity`` where neither candidates nor history are observed.
    """
    config, features = shop.config, shop.catalog.items.features
    m, least, most = config.num_candidates, features.min(axis=0), features.max(axis=0)
    low, high = shop.context_bounds()
    parts: dict[str, spaces.Space[Any]] = {
        "user": _box(shop.users.features.min(axis=0), shop.users.features.max(axis=0)),
        "context": _box(low, high),
    }
    if config.history:
        shape = (config.history, 1)
        parts["history"] = _box(np.tile(np.minimum(least, 0), shape), np.tile(np.maximum(most, 0), shape))
    if m:
        parts["candidates"] = _box(np.tile(least, (m, 1)), np.tile(most, (m, 1)))
        parts["action_mask"] = spaces.MultiBinary(m)
        if config.live:
            lowest, highest = np.array([0, -np.inf, 0], np.float32), np.full(3, np.inf, np.float32)
            parts["live"] = _box(np.tile(lowest, (m, 1)), np.tile(highest, (m, 1)))
    if form == "slot":
        parts["chosen"] = spaces.MultiBinary(m)
        parts["slot"] = spaces.MultiBinary(config.slate_size)
    if identity:
        sizes = {"candidate_items": m, "history_items": config.history}
        if not any(sizes.values()):
            fix = "actions are items already and no history is observed: set shop.history, or leave it out"
            raise InvalidInput("identity", identity, fix)
        last = len(shop.catalog) - 1
        for name, size in sizes.items():
            if size:
                first = EMPTY if name == "history_items" else 0
                parts[name] = spaces.Box(first, last, (size,), dtype=np.int32)
    return spaces.Dict(parts)


def observation(shop: Shop, requests: Requests, identity: bool = False) -> dict[str, AnyArray]:
    """The observations of n requests in new arrays: each part of the space except the masks, with n rows."""
    seen: dict[str, AnyArray] = {"user": requests.user.copy(), "context": requests.context.copy()}
    if requests.history is not None:
        seen["history"] = _features(shop, requests.history)
    if shop.config.num_candidates:
        seen["candidates"] = _features(shop, requests.candidates)
        if requests.live:
            seen["live"] = np.stack([requests.live[name] for name in ("price", "margin", "stock")], axis=2)
        if identity:
            seen["candidate_items"] = requests.candidates.copy()
    if identity and requests.history is not None:
        seen["history_items"] = requests.history.copy()
    return seen


def _features(shop: Shop, rows: I32) -> F32:
    """(n, j, f) features of the item rows (n, j); 0 where empty."""
    features = shop.catalog.items.features
    out = np.empty((*rows.shape, features.shape[1]), np.float32)
    shop.in_parallel(lambda queue, _: _copy_rows(features, rows, out, queue))
    return out


def _box(low: F32, high: F32) -> spaces.Box:
    return spaces.Box(low, high, dtype=np.float32)


@kernel
def _copy_rows(features: F32, rows: I32, out: F32, queue: I64) -> None:
    """Set out[i, c] = features[rows[i, c]], 0 where ``rows`` is empty."""
    low, high = claim(queue)
    while low < high:
        for i in range(low, high):
            for c in range(rows.shape[1]):
                row = rows[i, c]
                if i + 1 < high:
                    prefetch(features, int64(rows[i + 1, c]))
                for f in range(features.shape[1]):
                    out[i, c, f] = features[row, f] if row >= 0 else 0.0
        low, high = claim(queue)
