"""The ways that Vowpal Wabbit explores, and how each is frozen without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...policies.explorers import Explorer, PlackettLuceRanking, Softmax, SquareCB

BOUNDS = "its bounds come from how far each cost can be moved"
GREEDY = 20.0
"""Decay of a ranking that is nearly the sorted order."""


@dataclass(frozen=True)
class Family:
    """One exploration of ``--cb_explore_adf``.

    Attributes:
        flags: its options, with ``{knob}``.
        knob: default of the number it is tuned by.
        offsets: from (knob, cb_type) to where the models lie; None where weights do not say all.
        explorer: from (knob, floor, slots seen, median value) to how the frozen policy explores.
        why: why it cannot be exported.
        whole: other candidates' features are needed even under ``mtr``.
        weighted: it learns with importance weights.
        cb_types: what Vowpal Wabbit lets it estimate costs by.
    """

    flags: str
    knob: float
    offsets: Callable[[int, str], list[int]] | None = None
    explorer: Callable[[float, float, int, float], Explorer] = lambda knob, floor, seen, value: (
        PlackettLuceRanking(GREEDY, floor)
    )
    why: str = ""
    whole: bool = True
    weighted: bool = True
    cb_types: tuple[str, ...] = ("mtr", "dr", "ips")


def _first(knob: int, cb_type: str) -> list[int]:
    return [0]


def _bags(knob: int, cb_type: str) -> list[int]:
    return [bag * (2 if cb_type == "dr" else 1) for bag in range(knob)]


FAMILIES: dict[str, Family] = {
    "epsilon": Family("--epsilon {knob}", 0.05, _first, whole=False),
    "softmax": Family(
        "--softmax --lambda {knob}",
        1.0,
        _first,
        lambda knob, floor, seen, value: Softmax(value / max(knob, 1e-9), floor),
        whole=False,
    ),
    "squarecb": Family(
        "--squarecb --gamma_scale {knob}",
        10.0,
        _first,
        lambda knob, floor, seen, value: SquareCB(knob * max(seen, 1) ** 0.5 / value, floor),
        whole=False,
        weighted=False,
        cb_types=("mtr",),
    ),
    "bag": Family("--bag {knob:.0f}", 5, _bags, whole=False),
    "cover": Family("--cover {knob:.0f}", 3, lambda knob, cb_type: [0, *range(2, knob + 1)]),
    "regcb": Family("--regcb --mellowness {knob}", 0.1, why=BOUNDS, cb_types=("mtr",)),
    "regcbopt": Family("--regcbopt --mellowness {knob}", 0.1, why=BOUNDS, cb_types=("mtr",)),
    "large_action_space": Family(
        "--large_action_space --max_actions {knob:.0f} --epsilon 0.05",
        20,
        why="the actions that it considers are drawn from a decomposition of all",
    ),
}
