"""The decision log: requests, what was shown, its exact probabilities, and the rewards.

The simulator and the server write the same log, so evaluation reads what was served. On disk it is Parquet;
:mod:`.schema` lists the columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...core.batches import Decisions, Interactions, Requests
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.protocols import Policy
from ...core.types import F32, F64, I32, I64, U64, AnyArray, Bool
from .schema import COLUMNS, LIVE, REQUEST_FIELDS, check_values, items_hash, pad, version_of

_CELLS_AT_A_TIME = 4_000_000
"""Slot marginals are (n, k, m): computed for so many cells at a time (32 MB)."""


@dataclass(frozen=True, eq=False, repr=False)
class DecisionLog:
    """n decisions of k slots among m candidates, as columns.

    Attributes:
        request_id: (n,) uint64, unique within a log.
        user_id: (n,) int64.
        time: (n,) float64, days since the shop opened.
        user: (n, u) float32, named by ``user_names``.
        context: (n, c) float32, named by ``context_names``.
        candidates: (n, m) int32 item rows, -1 pads.
        in_stock: (n, m) bool.
        positions: (n, k) int32 index into candidates, -1 is an empty slot.
        slates: (n, k) int32 item rows, -1 is an empty slot.
        propensities: (n, k) float64, probability of each slot's item given the slots before it.
        rewarded: (n,) bool, False while a decision waits for its reward.
        reward: (n, k) float64 in ``unit``; NaN exactly where not ``rewarded``.
        unit: unit of the reward, e.g. ``GBP of margin``.
        policy_hash, policy_name: the logging policy.
        config_hash: what the log was made with: an experiment's config, or a bundle's.
        items_hash: the item ids in their order; row numbers mean nothing under another catalogue.
        user_names, context_names: names of the feature columns.
        marginals: (n, k) float64, the logging policy's exact probability of the slot's item at that
            slot whatever stands before it; None when it is not known.
        slots: (n,) int32, slots on each page; None = k on every one.
        history: (n, h) int32 item rows the user opened before, the latest first, -1 pads; None = not known.
        episode, step, ended: (n,) int64, int32, bool: the episode of each decision, which of its decisions it
            is, and whether the episode ended with it; None where that is not known, or each is its own.
        live: what was true of the candidates then, by name, each (n, m) float32, e.g. ``price``.
        counters: what rules had counted before each decision, by name, (n,) float64 or (n, m) float32.
        events: further outcomes by name, each (n, k) float64, e.g. ``click``, ``quantity``.
        source: ``simulator``, ``server`` or the name of an importer.
    """

    request_id: U64
    user_id: I64
    time: F64
    user: F32
    context: F32
    candidates: I32
    in_stock: Bool
    positions: I32
    slates: I32
    propensities: F64
    rewarded: Bool
    reward: F64
    unit: str
    policy_hash: str
    policy_name: str
    config_hash: str
    items_hash: str
    user_names: tuple[str, ...]
    context_names: tuple[str, ...]
    marginals: F64 | None = None
    slots: I32 | None = None
    history: I32 | None = None
    episode: I64 | None = None
    step: I32 | None = None
    ended: Bool | None = None
    live: Mapping[str, F32] = field(default_factory=dict)
    counters: Mapping[str, AnyArray] = field(default_factory=dict)
    events: Mapping[str, F64] = field(default_factory=dict)
    source: str = "simulator"

    def __post_init__(self) -> None:
        if self.candidates.ndim != 2 or self.slates.ndim != 2:
            fix = "give (n, m) candidates and (n, k) slates"
            raise InvalidInput("log.candidates", self.candidates.shape, fix)
        n, m = self.candidates.shape
        widths = self.widths
        for column in COLUMNS:
            values = getattr(self, column.name)
            want = (n, widths[column.width]) if column.width else (n,)
            if values is not None and values.shape != want:
                raise InvalidInput(f"log.{column.name}", values.shape, f"give shape {want}")
        for name, values in self.live.items():
            if values.shape != (n, m):
                raise InvalidInput(f"log.live.{name}", values.shape, f"give shape {(n, m)}")
        for name, values in self.counters.items():
            if values.shape not in ((n,), (n, m)):
                raise InvalidInput(f"log.counters.{name}", values.shape, f"give shape {(n,)} or {(n, m)}")
        for name, values in self.events.items():
            if values.shape != self.slates.shape:
                raise InvalidInput(f"log.event.{name}", values.shape, f"give shape {self.slates.shape}")

    @classmethod
    def from_interactions(
        cls,
        interactions: Interactions,
        *,
        items: Items,
        unit: str,
        policy_hash: str,
        policy_name: str,
        config_hash: str,
        user_names: Sequence[str],
        context_names: Sequence[str],
        marginals: F64 | None = None,
        source: str = "simulator",
    ) -> DecisionLog:
        """The log of ``interactions``, every decision rewarded.

        Args:
            interactions: n interactions.
            items: the catalogue that the row numbers mean.
            marginals: (n, k), e.g. from :func:`logged_marginals`; None when unknown.

        Raises:
            InvalidInput: a shape or a value is wrong; names the column, the first row and the count.
        """
        requests, decisions = interactions.requests, interactions.decisions
        log = cls(
            **{name: getattr(requests, name) for name in REQUEST_FIELDS},
            **vars(decisions),
            rewarded=np.ones(len(requests), dtype=bool),
            reward=interactions.reward,
            unit=unit,
            policy_hash=policy_hash,
            policy_name=policy_name,
            config_hash=config_hash,
            items_hash=items_hash(items),
            user_names=tuple(user_names),
            context_names=tuple(context_names),
            marginals=marginals,
            events={name: np.asarray(v, dtype=np.float64) for name, v in interactions.events.items()},
            source=source,
        )
        log.check()
        return log

    def __len__(self) -> int:
        return len(self.request_id)

    def __repr__(self) -> str:
        return (
            f"DecisionLog({len(self)} decisions x {self.slate_size} slots of {self.num_candidates} items, "
            f"{int(self.rewarded.sum())} rewarded in {self.unit}, by {self.policy_name}, from {self.source})"
        )

    @property
    def version(self) -> int:
        """Of the schema that it is written as."""
        return version_of(self.counters)

    @property
    def slate_size(self) -> int:
        """k"""
        return int(self.slates.shape[1])

    @property
    def num_candidates(self) -> int:
        """m, padding included."""
        return int(self.candidates.shape[1])

    @property
    def history_size(self) -> int:
        """h, padding included; 0 where no history is known."""
        return 0 if self.history is None else int(self.history.shape[1])

    @property
    def widths(self) -> dict[str, int]:
        """The lengths of lists by the letters of :mod:`.schema`."""
        features = {"u": len(self.user_names), "c": len(self.context_names)}
        return {"k": self.slate_size, "m": self.num_candidates, "h": self.history_size, **features}

    def requests(self) -> Requests:
        """The n requests (the same arrays, not copies)."""
        return Requests(**{name: getattr(self, name) for name in REQUEST_FIELDS})

    def decisions(self) -> Decisions:
        """The n decisions (the same arrays, not copies)."""
        return Decisions(self.positions, self.slates, self.propensities)

    def interactions(self) -> Interactions:
        """Requests, decisions and rewards, as an agent learns from them.

        Raises:
            InvalidInput: some decisions have no reward yet; see :meth:`rewarded_only`.
        """
        if not self.rewarded.all():
            fix = "decisions without a reward: use rewarded_only()"
            raise InvalidInput("log.rewarded", int((~self.rewarded).sum()), fix)
        return Interactions(self.requests(), self.decisions(), self.reward, self.events)

    def rewarded_only(self) -> DecisionLog:
        """The decisions whose reward has arrived."""
        return self if self.rewarded.all() else self.take(self.rewarded)

    def take(self, rows: AnyArray | slice) -> DecisionLog:
        """The decisions at ``rows`` (indices, mask or slice), in that order; rows may repeat."""
        return replace(
            self,
            **{name: values[rows] for name, values in self.columns().items()},
            live={name: values[rows] for name, values in self.live.items()},
            counters={name: values[rows] for name, values in self.counters.items()},
            events={name: values[rows] for name, values in self.events.items()},
        )

    @staticmethod
    def concat(logs: Sequence[DecisionLog]) -> DecisionLog:
        """One log after the other.

        Shorter candidate lists are padded. Marginals, live values, counters and events are kept when every
        log has them. Logs of several policies, configs or sources carry their names joined by ``+``.

        Raises:
            InvalidInput: no logs; or their units, catalogues, feature names or slate sizes differ.
        """
        if not logs:
            raise InvalidInput("logs", [], "give at least one log")
        first = logs[0]
        for name in ("unit", "items_hash", "user_names", "context_names", "slate_size"):
            values = [getattr(log, name) for log in logs]
            if any(value != values[0] for value in values):
                raise InvalidInput(f"logs.{name}", values, "only logs that agree can be put together")
        widest = {"m": max(log.num_candidates for log in logs), "h": max(log.history_size for log in logs)}
        if any(log.slots is not None for log in logs):
            logs = [log if log.slots is not None else log._with_all_slots() for log in logs]
        padded = [log._padded(widest) for log in logs]
        shared = [name for name in padded[0] if all(name in part for part in padded)]
        columns: dict[str, Any] = {name: np.concatenate([part[name] for part in padded]) for name in shared}
        columns = {column.name: None for column in COLUMNS if column.optional} | columns
        events = [name for name in first.events if all(name in log.events for log in logs)]
        joined: dict[str, Any] = {
            name: "+".join(dict.fromkeys(part for log in logs for part in getattr(log, name).split("+")))
            for name in ("policy_hash", "policy_name", "config_hash", "source")
        }
        return replace(
            first,
            **columns,
            **joined,
            live={
                name: np.concatenate([pad(log.live[name], widest["m"], LIVE.fill) for log in logs])
                for name in first.live
                if all(name in log.live for log in logs)
            },
            counters={
                name: np.concatenate([_as_wide(log.counters[name], widest["m"]) for log in logs])
                for name in first.counters
                if all(name in log.counters for log in logs)
            },
            events={name: np.concatenate([log.events[name] for log in logs]) for name in events},
        )

    def _padded(self, widths: Mapping[str, int]) -> dict[str, AnyArray]:
        """:meth:`columns`, those of lists named in ``widths`` as long as it says."""
        columns = self.columns()
        for column in COLUMNS:
            if column.width in widths and column.name in columns:
                columns[column.name] = pad(columns[column.name], widths[column.width], column.fill)
        return columns

    def _with_all_slots(self) -> DecisionLog:
        return replace(self, slots=np.full(len(self), self.slate_size, np.int32))

    def with_reward(self, reward: F64, unit: str) -> DecisionLog:
        """The same decisions, judged by another outcome (n, k), in ``unit``; NaN where none has arrived."""
        return replace(self, reward=np.where(self.rewarded[:, None], reward, np.nan), unit=unit)

    def columns(self) -> dict[str, Any]:
        """The columns of the schema that this log has, by name; live values and events apart."""
        named = ((column.name, getattr(self, column.name)) for column in COLUMNS)
        return {name: values for name, values in named if values is not None}

    def check(self) -> None:
        """Raise :class:`InvalidInput` unless every value is valid; reading and writing do this."""
        check_values(self.columns(), self.events, self.live, self.counters)

    def require_items(self, items: Items) -> None:
        """Raise :class:`InvalidInput` unless the log's row numbers mean the rows of ``items``."""
        if items_hash(items) != self.items_hash:
            fix = "the log was made with another catalogue: load that one"
            raise InvalidInput("log.items_hash", self.items_hash, fix)

    def with_marginals(self, policy: Policy) -> DecisionLog:
        """The log with the slot marginals of ``policy``, which must be the policy that logged it."""
        digest = getattr(policy, "hash", None)
        if digest != self.policy_hash:
            raise InvalidInput("policy.hash", digest, f"the log was made by the policy {self.policy_hash}")
        return replace(self, marginals=logged_marginals(policy, self.requests(), self.positions))

    def write(self, path: Path | str) -> None:
        """Write one Parquet file (``*.parquet``) or a folder of part files, whole or not at all."""
        from .parquet import write  # loads pyarrow

        self.check()
        write(self, Path(path))

    @classmethod
    def read(cls, path: Path | str) -> DecisionLog:
        """Read and check what :meth:`write` wrote.

        Raises:
            InvalidInput: not a decision log, a newer version, a missing column or part, or a bad
                value; names the column, the first row and the count.
        """
        from .parquet import read  # loads pyarrow

        log = cls(**read(Path(path)))
        log.check()
        return log


def _as_wide(values: AnyArray, width: int) -> AnyArray:
    return values if values.ndim == 1 else pad(values, width, LIVE.fill)


def logged_marginals(policy: Policy, requests: Requests, positions: I32) -> F64:
    """(n, k) the exact probability of each slot's item at that slot; 1 at an empty slot.

    Raises:
        InvalidInput: the policy has no slot marginals (a guard that looks at earlier slots).
    """
    n, k = positions.shape
    out = np.ones((n, k))
    step = max(1, _CELLS_AT_A_TIME // max(1, k * requests.num_candidates))
    for start in range(0, n, step):
        rows = slice(start, start + step)
        shown = positions[rows]
        marginals = policy.marginals(requests.take(rows))
        chosen = np.take_along_axis(marginals, np.maximum(shown, 0)[:, :, None], axis=2)[:, :, 0]
        out[rows] = np.where(shown >= 0, chosen, 1.0)
    return out
