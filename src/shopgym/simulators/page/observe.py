"""What the shop can see of its visitors: the columns of ``Requests``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import int64, njit, uint64

from ...core.batches import Requests
from ...core.types import F32, F64, I32, I64, U64, Bool
from ..day_types import DayTables
from ..engine.jit import kernel
from ..engine.prefetch import PREFETCH_DISTANCE, prefetch
from ..engine.work_queue import claim
from ..params import ShopParams
from ..people.visits import Visits
from .candidates import draw_candidates
from .surfaces import CHANNELS, SURFACES
from .visit_start import start_claimed

if TYPE_CHECKING:
    from ..config import ShopConfig

MOMENT = ("page", "clicks", "mobile")
"""Context columns after the intent: pages so far / max_pages, log(1 + clicks so far), phone (0 or 1)."""
PLACE = (*(f"on_{name}" for name in SURFACES), *(f"by_{name}" for name, _ in CHANNELS))
"""With surfaces: the page asked for and the channel, 0 or 1 each."""
CLOCK = ("hour_cos", "hour_sin", "weekend", "year_cos", "year_sin")
"""With the calendar: hour of the day and week of the year on their circles."""
RELATION = ("visits", "gap")
"""Where people come back: log(1 + earlier visits), log(1 + days since the last)."""

LONGEST_GAP = 36_400.0
"""A longer gap, in days, is shown as this."""


def blank_requests(n: int, user_columns: int, context_columns: int, config: ShopConfig) -> Requests:
    """Requests of n visits with arbitrary content, without live figures."""
    m, h = config.num_candidates, config.history
    return Requests(
        request_id=np.empty(n, np.uint64),
        user_id=np.empty(n, np.int64),
        user=np.empty((n, user_columns), np.float32),
        context=np.empty((n, context_columns), np.float32),
        candidates=np.empty((n, m), np.int32),
        in_stock=np.empty((n, m), np.bool_),
        time=np.empty(n),
        slots=np.empty(n, np.int32) if config.surfaces.enabled else None,
        history=np.empty((n, h), np.int32) if h else None,
    )


@njit(cache=True, inline="always")
def _log1p(x: float) -> float:
    """log(1 + x); most x are 0, and then no logarithm is needed."""
    return math.log1p(x) if x > 0.0 else 0.0


@kernel
def observe(
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    asked: Bool,
    begin: Bool,
    scratch: I32,
    taker: I64,
    request_id: U64,
    user_id: I64,
    user: F32,
    context: F32,
    candidates: I32,
    in_stock: Bool,
    time: F64,
    slots: I32,
    queue: I64,
) -> None:
    """Fill the columns of ``Requests`` for the visits that are ``asked`` for, given their ``time`` in days.

    Before that, the next visit of anyone starts where ``begin`` (n,); (0,) starts none. The intent that the
    shop sees is the observable embedding of the item last looked at or searched for. ``scratch``
    (one claim) and ``taker`` (``REMAINDERS``,) are scratch memory.
    """
    intent = params.observed.shape[1]
    low, high = claim(queue)
    while low < high:
        if begin.shape[0]:
            start_claimed(params, visits, begin, scratch, low, high)
        draw_candidates(params, visits, asked, taker, candidates, low, high)
        for i in range(low, high):
            if i + PREFETCH_DISTANCE < high:
                prefetch(params.user_features, visits.user[i + PREFETCH_DISTANCE])
                prefetch(params.observed, visits.anchor[i + PREFETCH_DISTANCE])
            if not asked[i]:
                continue
            request_id[i] = visits.key[i] ^ uint64(visits.page[i])
            user_id[i] = visits.user[i]
            # read once: the compiler must assume that a store to another array may change them
            user_row, anchor = visits.user[i], visits.anchor[i]
            for c in range(user.shape[1]):
                user[i, c] = params.user_features[user_row, c]
            for c in range(intent):
                context[i, c] = params.observed[anchor, c]
            context[i, intent] = visits.page[i] / params.max_pages
            context[i, intent + 1] = _log1p(visits.clicks[i])
            context[i, intent + 2] = 1.0 if visits.mobile[i] else 0.0
            at = intent + 3
            if params.surfaces_on:
                for c in range(len(PLACE)):
                    context[i, at + c] = 0.0
                context[i, at + visits.surface[i]] = 1.0
                context[i, at + len(SURFACES) + visits.channel[i]] = 1.0
                slots[i] = params.slots[visits.surface[i]]
                at += len(PLACE)
            if params.calendar_on:
                day = int64(math.floor(time[i]))
                hour = int64((time[i] - day) * 24.0)
                context[i, at] = params.hours[hour, 0]
                context[i, at + 1] = params.hours[hour, 1]
                context[i, at + 2] = 1.0 if day % 7 >= 5 else 0.0
                context[i, at + 3] = params.weeks[day // 7 % 52, 0]
                context[i, at + 4] = params.weeks[day // 7 % 52, 1]
                at += len(CLOCK)
            if params.remembers:
                context[i, at] = _log1p(visits.visit[i] - 1)
                context[i, at + 1] = _log1p(min(visits.gap[i], LONGEST_GAP))
            row = visits.day_row[i]
            for c in range(candidates.shape[1]):
                in_stock[i, c] = today.available[row, candidates[i, c]]
        low, high = claim(queue)
