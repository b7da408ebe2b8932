"""From decisions and what came of them to sequences of items that people opened."""

from __future__ import annotations

from collections import deque

import numpy as np

from ...core.batches import Interactions
from ...core.errors import InvalidInput
from ...core.types import F32, I32
from .data import Sequences


class Trail:
    """What one person opened in a row: item rows, when, and who."""

    def __init__(self, items: list[int], time: float) -> None:
        self.items, self.times = items, [time] * len(items)
        self.user: F32 = np.zeros(0, np.float32)


class Trails:
    """The latest trails, at most ``window`` of them.

    A request says what its user opened before; what they open on its page comes after that. Where the
    user's trail ends with that history it goes on; else a new one begins with it. Where requests tell no
    history, all that a user opens is one trail.
    """

    def __init__(self, num_items: int, window: int) -> None:
        self.num_items, self.events = num_items, 0
        self.trails: deque[Trail] = deque(maxlen=window)
        self.latest: dict[int, Trail] = {}

    def add(self, batch: Interactions) -> int:
        """Take in what was clicked or bought of a batch; how many items that was."""
        hits = np.zeros(batch.decisions.slates.shape, np.bool_)
        for name in ("click", "purchase"):
            hits |= batch.events.get(name, np.zeros(1)) > 0
        if not batch.events.keys() & {"click", "purchase"}:
            raise InvalidInput("interactions.events", sorted(batch.events), "give click or purchase")
        hits &= batch.decisions.slates >= 0
        requests, past = batch.requests, batch.requests.history
        for row in np.flatnonzero(hits.any(axis=1)):
            opened: list[int] = batch.decisions.slates[row, hits[row]].tolist()
            trail = self._trail(
                int(requests.user_id[row]), None if past is None else past[row], float(requests.time[row])
            )
            trail.items += opened
            trail.times += [float(requests.time[row])] * len(opened)
            trail.user = requests.user[row]
            self.events += len(opened)
        return int(hits.sum())

    def _trail(self, user: int, history: I32 | None, time: float) -> Trail:
        trail = self.latest.get(user)
        if history is None:
            goes_on, before = trail is not None, []
        else:
            before = history[history >= 0][::-1].tolist()
            goes_on = trail is not None and bool(before) and trail.items[-len(before) :] == before
        if trail is None or not goes_on:
            trail = Trail(before, time)
            self.latest[user] = trail
            self.trails.append(trail)
        return trail

    def sequences(self) -> Sequences:
        """All trails, the oldest first, with the users' features."""
        start = np.cumsum([0, *(len(trail.items) for trail in self.trails)], dtype=np.int64)
        items = np.array([item for trail in self.trails for item in trail.items], np.int32)
        times = np.array([time for trail in self.trails for time in trail.times], np.float64)
        users = np.stack([trail.user for trail in self.trails]) if self.trails else None
        return Sequences(items, start, self.num_items, times, users)
