"""From interactions to the sequences of items that users opened."""

from __future__ import annotations

from collections import deque

import numpy as np

from ...core.batches import Interactions
from ...core.errors import InvalidInput, finite
from ...core.types import F32, I32
from .data import Sequences


class EventSequence:
    """What one user opened in order: item rows, times, and the features of the user."""

    def __init__(self, items: list[int], time: float) -> None:
        self.items, self.times = items, [time] * len(items)
        self.user: F32 = np.zeros(0, np.float32)


class EventSequences:
    """The latest sequences, at most ``window`` of them.

    A request says what its user opened before, and what is opened on the page follows. If the user's last
    sequence ends with that history it is continued, else a new sequence begins with the history. If requests
    have no histories, all that a user opens is one sequence.
    """

    def __init__(self, num_items: int, window: int) -> None:
        self.num_items, self.events = num_items, 0
        self.stored: deque[EventSequence] = deque(maxlen=window)
        self.latest_of_user: dict[int, EventSequence] = {}

    def add(self, batch: Interactions) -> int:
        """Append what was clicked or bought in a batch; returns how many items that was.

        Raises:
            InvalidInput: the batch has neither clicks nor purchases, or a user feature is not finite.
        """
        hits = np.zeros(batch.decisions.slates.shape, np.bool_)
        for name in ("click", "purchase"):
            hits |= batch.events.get(name, np.zeros(1)) > 0
        if not batch.events.keys() & {"click", "purchase"}:
            raise InvalidInput("interactions.events", sorted(batch.events), "give click or purchase")
        finite("interactions.requests.user", batch.requests.user)  # one NaN would spoil all later fits
        hits &= batch.decisions.slates >= 0
        requests, histories = batch.requests, batch.requests.history
        for row in np.flatnonzero(hits.any(axis=1)):
            opened: list[int] = batch.decisions.slates[row, hits[row]].tolist()
            sequence = self._sequence(
                int(requests.user_id[row]),
                None if histories is None else histories[row],
                float(requests.time[row]),
            )
            sequence.items += opened
            sequence.times += [float(requests.time[row])] * len(opened)
            sequence.user = requests.user[row]
            self.events += len(opened)
        return int(hits.sum())

    def _sequence(self, user: int, history: I32 | None, time: float) -> EventSequence:
        sequence = self.latest_of_user.get(user)
        if history is None:
            continues, earlier = sequence is not None, []
        else:
            earlier = history[history >= 0][::-1].tolist()
            continues = sequence is not None and bool(earlier) and sequence.items[-len(earlier) :] == earlier
        if sequence is None or not continues:
            sequence = EventSequence(earlier, time)
            self.latest_of_user[user] = sequence
            self.stored.append(sequence)
        return sequence

    def to_sequences(self) -> Sequences:
        """All sequences, the oldest first, with the users' features."""
        start = np.cumsum([0, *(len(sequence.items) for sequence in self.stored)], dtype=np.int64)
        items = np.array([item for sequence in self.stored for item in sequence.items], np.int32)
        times = np.array([time for sequence in self.stored for time in sequence.times], np.float64)
        users = np.stack([sequence.user for sequence in self.stored]) if self.stored else None
        return Sequences(items, start, self.num_items, times, users)
