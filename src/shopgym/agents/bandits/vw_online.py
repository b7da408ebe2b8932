"""Vowpal Wabbit one decision at a time; each text is parsed once to decide and to learn."""

from __future__ import annotations

from typing import Any

from ...core.errors import InvalidInput, in_range
from .vw import open_workspace


class OnlineVowpalWabbit:
    """``act`` on an example's text, then ``learn`` its cost.

    Args:
        arguments: of a workspace with ``--cb_explore_adf``.
        floor: probability of a uniform action, mixed in after its probabilities are made to sum to 1.
    """

    def __init__(self, arguments: str, *, floor: float = 0.0) -> None:
        in_range("vw.floor", floor, 0.0, 1.0)
        self.workspace, self._label = open_workspace(arguments)
        self.floor = floor
        self._parse, self._predict = self.workspace.parse, self.workspace.predict
        self._learn, self._finish = self.workspace.learn, self.workspace.finish_example
        self._example: Any = None
        self._chosen, self._probability, self._shared = 0, 1.0, 0

    def act(self, text: str, uniform: float) -> tuple[int, float]:
        """(action, its probability), given a number drawn uniformly from [0, 1).

        A decision that was not learnt from is dropped.
        """
        if self._example is not None:
            self.drop()
        self._example = example = self._parse(text, self._label)
        pmf = self._predict(example)
        total, uniform_share = sum(pmf), self.floor / len(pmf)
        scale = (1.0 - self.floor) / total
        remainder = uniform
        action, p = 0, 0.0
        for index, weight in enumerate(pmf):
            share = scale * weight + uniform_share
            if share > 0.0:  # if rounding leaves a remainder, the last possible action is taken
                action, p = index, share
                remainder -= share
                if remainder < 0.0:
                    break
        self._chosen, self._probability, self._shared = action, p, len(example) - len(pmf)
        return action, p

    def learn(self, cost: float) -> None:
        """The cost of the action taken.

        Raises:
            InvalidInput: there is no decision, or it was learnt from already.
        """
        example = self._example
        if example is None:
            raise InvalidInput("vw.learn", cost, "decide first, and learn once from each decision")
        example[self._chosen + self._shared].set_label_string(f"0:{cost:.9g}:{self._probability:.9g}")
        self._learn(example)
        self._example = None
        self._finish(example)

    def drop(self) -> None:
        """Drop a decision that was not learnt from."""
        if self._example is not None:
            self._finish(self._example)
            self._example = None
