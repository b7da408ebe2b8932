"""The one schema of a decision log, version 2, and the checks that a valid log passes.

The simulator, the server and importers write the same columns. A column holds one number per decision, or
a list of fixed length: k slots, m candidates, u user features, c context features or h items of the user's
history.

:data:`REQUEST_COLUMNS` is also the only list of the fields of a request: the Parquet file, the fields that
``/rank`` accepts, the server's log and its compaction follow it. ``tests/policies/test_request_fields.py``
checks that :class:`shopgym.core.Requests` and every step between agree with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...core.batches import EMPTY
from ...core.errors import InvalidInput
from ...core.hashing import hash_arrays
from ...core.items import Items
from ...core.types import AnyArray, Bool

VERSION = 2
"""Of a log with counters of rules. A log without them is still written as version 1."""
READ_VERSIONS = (1, 2)
ROUNDING = 1e-9
"""How far above 1 a computed probability may lie."""

Width = Literal["", "k", "m", "u", "c", "h"]


@dataclass(frozen=True)
class Column:
    """One column: ``width`` "" is a number per decision, a letter a list of that length."""

    name: str
    dtype: str
    width: Width
    description: str
    optional: bool = False

    @property
    def fill(self) -> int:
        """Pads a list that is shorter than the longest of its log."""
        return EMPTY if self.dtype == "int32" else 0


REQUEST_COLUMNS = (
    Column("request_id", "uint64", "", "the request, unique within a log"),
    Column("user_id", "int64", "", "the user who asked"),
    Column("time", "float64", "", "when the request arrived, days since the shop opened"),
    Column("user", "float32", "u", "user features; their names are in the metadata"),
    Column("context", "float32", "c", "context features; their names are in the metadata"),
    Column("candidates", "int32", "m", "catalogue rows that could be shown; -1 pads short lists"),
    Column("in_stock", "bool", "m", "known availability of each candidate; false at padding"),
    Column("slots", "int32", "", "slots on the page; without the column: all k", optional=True),
    Column(
        "history", "int32", "h", "catalogue rows the user opened before, latest first; -1 pads", optional=True
    ),
)
DECISION_COLUMNS = (
    Column("positions", "int32", "k", "index into candidates of what was shown; -1 is an empty slot"),
    Column("slates", "int32", "k", "catalogue row that was shown; -1 is an empty slot"),
    Column("propensities", "float64", "k", "probability of the slot's item given the slots before it"),
    Column(
        "marginals",
        "float64",
        "k",
        "probability of the slot's item at that slot, whatever stands before it",
        optional=True,
    ),
)
OUTCOME_COLUMNS = (
    Column("rewarded", "bool", "", "whether the reward has arrived"),
    Column("reward", "float64", "k", "reward of each slot in the log's unit; NaN until it has arrived"),
)
EPISODE_COLUMNS = (
    Column("episode", "int64", "", "the episode of the decision, e.g. a visit or a customer", optional=True),
    Column("step", "int32", "", "which decision of its episode, from 0", optional=True),
    Column("ended", "bool", "", "whether the episode ended with this decision", optional=True),
)
"""All three or none: without them it is not known which decisions follow one another."""
COLUMNS = (
    *(column for column in REQUEST_COLUMNS if not column.optional),
    *DECISION_COLUMNS,
    *(column for column in REQUEST_COLUMNS if column.optional),
    *OUTCOME_COLUMNS,
    *EPISODE_COLUMNS,
)
"""In the order of the Parquet file."""
LIVE = Column("live.", "float32", "m", "what was true of each candidate then, e.g. live.price; 0 at padding")
"""Any number of these may follow, named ``live.NAME``; see :class:`shopgym.core.Requests`."""
COUNTER = Column("counter.", "float64", "", "what a rule had counted before the request, e.g. counter.shown")
CANDIDATE_COUNTER = Column(
    "candidate_counter.", "float32", "m", "what a rule had counted of each candidate; 0 at padding"
)
"""Any number of both may follow; the rules that read them are in :mod:`shopgym.policies.guards`."""
EVENT = Column("event.", "float64", "k", "further outcome of each slot, e.g. event.click; NaN like reward")
"""Any number of these may follow, named ``event.NAME``."""

REQUEST_FIELDS = (*(column.name for column in REQUEST_COLUMNS), "live", "counters")
"""The fields of :class:`shopgym.core.Requests`."""
NOT_SERVED = ("slots", "slates", "marginals", "rewarded", "reward", "episode", "step", "ended")
"""A server does not write these with a decision: its pages have all slots, the others come later, and it does
not know where an episode ends."""
SERVED_COLUMNS = tuple(column for column in COLUMNS if column.name not in NOT_SERVED)
SERVED_REQUEST_FIELDS = tuple(name for name in REQUEST_FIELDS if name not in NOT_SERVED)
"""The fields of a request that ``/rank`` accepts and that the server writes down."""


def counter_family(values: AnyArray) -> Column:
    """Which of the two families of counters an array belongs to."""
    return COUNTER if values.ndim == 1 else CANDIDATE_COUNTER


def version_of(counters: object) -> int:
    """The version that a log is written as: only logs with ``counters`` need the present one."""
    return VERSION if counters else 1


def pad(values: AnyArray, width: int, fill: float) -> AnyArray:
    """(n, width) ``values`` (n, w), w <= width, with ``fill`` behind them."""
    return np.pad(values, ((0, 0), (0, width - values.shape[1])), constant_values=fill)


def items_hash(items: Items) -> str:
    """SHA-256 of the item ids in their order: what makes a row number mean an item."""
    return hash_arrays({"item_id": items.item_id.astype(str)})


def check_values(
    columns: Mapping[str, AnyArray],
    events: Mapping[str, AnyArray],
    live: Mapping[str, AnyArray],
    counters: Mapping[str, AnyArray],
) -> None:
    """Raise :class:`InvalidInput`, naming rows and counts, unless the values make sense together."""
    _check_ids(columns["request_id"])
    for name in ("user", "context", "time"):
        _refuse(name, columns[name], ~np.isfinite(columns[name]), "remove NaN and infinity")
    for name, values in live.items():
        _refuse(f"live.{name}", values, ~np.isfinite(values), "remove NaN and infinity")
    for name, values in counters.items():
        bad = ~(np.isfinite(values) & (values >= 0))
        _refuse(f"counters.{name}", values, bad, "a counter is a finite number >= 0")
    candidates, positions, slates = columns["candidates"], columns["positions"], columns["slates"]
    _refuse("candidates", candidates, candidates < EMPTY, "give catalogue rows, or -1 for padding")
    _refuse("in_stock", columns["in_stock"], columns["in_stock"] & (candidates < 0), "padding has no stock")
    m = candidates.shape[1]
    _refuse("positions", positions, (positions < EMPTY) | (positions >= m), f"there are {m} candidates")
    empty = positions < 0
    shown = np.where(empty, EMPTY, np.take_along_axis(candidates, np.maximum(positions, 0), axis=1))
    _refuse("slates", slates, slates != shown, "give the candidate at the slot's position")
    _refuse("positions", positions, ~empty & (shown < 0), "a slot cannot show padding")
    if "slots" in columns:
        slots, k = columns["slots"], positions.shape[1]
        _refuse("slots", slots, (slots < 0) | (slots > k), f"a page has 0 to {k} slots")
        beyond = np.arange(k) >= slots[:, None]
        _refuse("positions", positions, beyond & ~empty, "nothing can be shown beyond the page's slots")
    if "history" in columns:
        history = columns["history"]
        _refuse("history", history, history < EMPTY, "give catalogue rows, or -1 for padding")
    _check_episodes(columns)
    for name in ("propensities", "marginals"):
        if name in columns:
            p = columns[name]
            bad = ~((p > 0) & (p <= 1 + ROUNDING))  # also true for NaN
            _refuse(name, p, bad, "give the logging policy's probability of what was shown, in (0, 1]")
    waiting = ~columns["rewarded"][:, None]
    for name, values in (("reward", columns["reward"]), *((f"event.{e}", v) for e, v in events.items())):
        bad = ~(np.isfinite(values) | (waiting & np.isnan(values)))
        _refuse(name, values, bad, "remove NaN and infinity")
    early = waiting & ~np.isnan(columns["reward"])
    _refuse("reward", columns["reward"], early, "a decision that is not rewarded yet has reward NaN")


def _check_episodes(columns: Mapping[str, AnyArray]) -> None:
    present = [column.name for column in EPISODE_COLUMNS if column.name in columns]
    if not present:
        return
    if len(present) < len(EPISODE_COLUMNS):
        names = ", ".join(column.name for column in EPISODE_COLUMNS)
        raise InvalidInput(f"log.{present[0]}", present, f"give all of {names}, or none")
    episode, step = columns["episode"], columns["step"]
    order = np.lexsort((step, episode))
    again = np.append(False, episode[order][1:] == episode[order][:-1])[: len(order)]
    bad = np.zeros(len(order), np.bool_)
    bad[order] = again & (step[order] == np.roll(step[order], 1))
    _refuse("step", step, bad | (step < 0), "give each decision of an episode a step of its own, from 0")
    bad = np.zeros(len(order), np.bool_)
    bad[order] = columns["ended"][order] & np.append(again[1:], False)[: len(order)]
    _refuse("ended", columns["ended"], bad, "the episode goes on after this decision")


def _check_ids(request_id: AnyArray) -> None:
    ids, counts = np.unique(request_id, return_counts=True)
    if len(ids) != len(request_id):
        first = ids[counts > 1][:5].tolist()
        fix = f"give each decision an id of its own ({int((counts > 1).sum())} repeat)"
        raise InvalidInput("log.request_id", first, fix)


def _refuse(name: str, values: AnyArray, bad: Bool, fix: str) -> None:
    if bad.any():
        rows = np.flatnonzero(bad if bad.ndim == 1 else bad.any(axis=1))
        value: Any = values[rows[0]].tolist()
        raise InvalidInput(
            f"log.{name}[{rows[0]}]", value, f"{fix} ({len(rows)} of {len(values)} rows are wrong)"
        )
