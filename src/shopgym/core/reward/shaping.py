"""Shaping that cannot change which policy is best: a bonus that is the difference of a potential.

Of all bonuses F(s, s') that depend on a transition alone, exactly those of the form gamma Phi(s') - Phi(s)
leave the best policy of every problem as it is (Ng, Harada & Russell 1999, Policy invariance under reward
transformations, theorem 1). Summed over an episode with the same discount they telescope to
gamma^T Phi(s_T) - Phi(s_0), whatever was done in between. Where the episode terminates Phi is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput, finite, in_range, refuse_rows
from ..types import F64, AnyArray, Bool

MOST_STATES = 2000


@dataclass(frozen=True)
class ShapedSteps:
    """Steps of episodes between states that have a number.

    Attributes:
        state, next_state: (n,) whole numbers; ``next_state`` has no meaning where ``terminated``.
        terminated: (n,) bool.
        bonus: (n,) what is to be added to the reward of the step.
    """

    state: AnyArray
    next_state: AnyArray
    terminated: Bool
    bonus: AnyArray


def shaping_bonus(before: AnyArray, after: AnyArray, terminated: Bool, discount: float) -> F64:
    """(n,) gamma Phi(s') - Phi(s) from the potentials (n,) before and after a step.

    Raises:
        InvalidInput: a potential is not finite, or the discount is out of range.
    """
    in_range("discount", discount, 0.0, 1.0)
    ahead = np.where(terminated, 0.0, np.asarray(after, np.float64))
    bonus: F64 = discount * ahead - np.asarray(before, np.float64)
    finite("potential", bonus, "let the potential return finite numbers")
    return bonus


def potential_behind(steps: ShapedSteps, discount: float, *, tolerance: float = 1e-9) -> dict[int, float]:
    """The potential of each state whose differences are the ``bonus``: so it telescopes.

    Raises:
        InvalidInput: there is none: the bonus pays for going round in a circle, or for one way rather than
            another, and so it changes what is best. Names the first step that no potential explains.
    """
    in_range("discount", discount, 0.0, 1.0)
    bonus = np.asarray(steps.bonus, np.float64)
    finite("shaping", bonus)
    going_on = ~np.asarray(steps.terminated, np.bool_)
    states, numbers = np.unique(
        np.concatenate([steps.state, np.asarray(steps.next_state)[going_on]]), return_inverse=True
    )
    if len(states) > MOST_STATES:
        raise InvalidInput("shaping.states", len(states), f"check it on at most {MOST_STATES} states")
    n = len(bonus)
    design = np.zeros((n, len(states)))
    design[np.arange(n), numbers[:n]] -= 1.0
    design[np.flatnonzero(going_on), numbers[n:]] += discount
    potential = np.linalg.lstsq(design, bonus, rcond=None)[0]
    off = np.abs(design @ potential - bonus) > tolerance * max(float(np.abs(bonus).max(initial=0.0)), 1.0)
    fix = "no potential gives this bonus, so it changes which policy is best: add gamma Phi(s') - Phi(s)"
    refuse_rows("shaping", bonus, off, fix)
    return dict(zip(states.tolist(), potential.tolist(), strict=True))
