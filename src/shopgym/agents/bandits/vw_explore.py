"""The explorations of Vowpal Wabbit, and how a policy does each without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...policies.explorers import Explorer, PlackettLuceRanking, Softmax, SquareCB

BOUNDS = "its bounds come from how far each cost can be moved"
GREEDY_DECAY = 20.0
"""Decay of a ranking that is nearly the sorted order."""


@dataclass(frozen=True)
class Exploration:
    """One exploration of ``--cb_explore_adf``.

    Attributes:
        flags: its options, with ``{parameter}``.
        parameter: default of the number that tunes it.
        offsets: from (parameter, cb_type) to where the models lie; None where the weights do not describe it.
        explorer: from (parameter, floor, slots seen, median value) to how the frozen policy explores.
        not_exportable: the reason, if it cannot be exported.
        all_candidates: the features of all candidates are needed, even under ``mtr``.
        weighted: it learns with importance weights.
        cb_types: the estimators of costs that Vowpal Wabbit accepts with it.
    """

    flags: str
    parameter: float
    offsets: Callable[[int, str], list[int]] | None = None
    explorer: Callable[[float, float, int, float], Explorer] = lambda parameter, floor, seen, value: (
        PlackettLuceRanking(GREEDY_DECAY, floor)
    )
    not_exportable: str = ""
    all_candidates: bool = True
    weighted: bool = True
    cb_types: tuple[str, ...] = ("mtr", "dr", "ips")


def _one_model(parameter: int, cb_type: str) -> list[int]:
    return [0]


def _bags(parameter: int, cb_type: str) -> list[int]:
    return [bag * (2 if cb_type == "dr" else 1) for bag in range(parameter)]


EXPLORATIONS: dict[str, Exploration] = {
    "epsilon": Exploration("--epsilon {parameter}", 0.05, _one_model, all_candidates=False),
    "softmax": Exploration(
        "--softmax --lambda {parameter}",
        1.0,
        _one_model,
        lambda parameter, floor, seen, value: Softmax(value / max(parameter, 1e-9), floor),
        all_candidates=False,
    ),
    "squarecb": Exploration(
        "--squarecb --gamma_scale {parameter}",
        10.0,
        _one_model,
        lambda parameter, floor, seen, value: SquareCB(parameter * max(seen, 1) ** 0.5 / value, floor),
        all_candidates=False,
        weighted=False,
        cb_types=("mtr",),
    ),
    "bag": Exploration("--bag {parameter:.0f}", 5, _bags, all_candidates=False),
    "cover": Exploration(
        "--cover {parameter:.0f}", 3, lambda parameter, cb_type: [0, *range(2, parameter + 1)]
    ),
    "regcb": Exploration("--regcb --mellowness {parameter}", 0.1, not_exportable=BOUNDS, cb_types=("mtr",)),
    "regcbopt": Exploration(
        "--regcbopt --mellowness {parameter}", 0.1, not_exportable=BOUNDS, cb_types=("mtr",)
    ),
    "large_action_space": Exploration(
        "--large_action_space --max_actions {parameter:.0f} --epsilon 0.05",
        20,
        not_exportable="the actions that it considers are drawn from a decomposition of all",
    ),
}
