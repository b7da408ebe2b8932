"""What every estimator needs of a log and a target policy, and nothing more."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64, I64, AnyArray, Bool

ROW_SUM_TOLERANCE = 1e-6
"""A target distribution may miss 1 by this much."""


@dataclass(frozen=True, eq=False)
class OpeInputs:
    """n rounds of k slots; k = 1 for logs of single actions.

    Attributes:
        reward: (n, k) float64, reward of each slot, in ``unit``.
        weight: (n, k) float64 >= 0, target over behaviour probability of what the slot showed.
        q_logged: (n, k) predicted reward of what the slot showed, or None without a reward model.
        v_target: (n, k) predicted reward of the slot under the target policy, or None like ``q_logged``.
        unsupported: share of the target's probability on actions the log never shows; NaN if unknown.
        unit: unit of the reward.
        note: what the estimates have to tell their reader, e.g. a fallback; may be empty.

    Raises:
        InvalidInput: shapes that differ, a value that is not finite, a negative weight; with row numbers.
    """

    reward: F64
    weight: F64
    q_logged: F64 | None = None
    v_target: F64 | None = None
    unsupported: float = math.nan
    unit: str = "reward"
    note: str = ""

    def __post_init__(self) -> None:
        if self.reward.ndim != 2 or 0 in self.reward.shape:
            raise InvalidInput(
                "inputs.reward", self.reward.shape, "give shape (rounds, slots), none of them 0"
            )
        if (self.q_logged is None) != (self.v_target is None):
            raise InvalidInput("inputs.q_logged", None, "give q_logged and v_target together, or neither")
        for name in ("reward", "weight", "q_logged", "v_target"):
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != self.reward.shape:
                raise InvalidInput(f"inputs.{name}", values.shape, f"give shape {self.reward.shape}")
            refuse(f"inputs.{name}", values, ~np.isfinite(values), "remove NaN and infinity")
        refuse("inputs.weight", self.weight, self.weight < 0, "an importance weight is never negative")

    def __len__(self) -> int:
        return len(self.reward)

    @property
    def ess(self) -> float:
        """Effective sample size (sum w)^2 / sum w^2 (Kish 1965), of the slot where it is smallest."""
        squares = (self.weight**2).sum(axis=0)
        sums = self.weight.sum(axis=0)
        return float(np.min(np.divide(sums**2, squares, out=np.zeros_like(sums), where=squares > 0)))

    @property
    def max_weight(self) -> float:
        """Largest importance weight."""
        return float(self.weight.max())

    @property
    def mean_weight(self) -> float:
        """Mean importance weight, over rounds and slots."""
        return float(self.weight.mean())

    @property
    def weight_warning(self) -> str:
        """What to know when a slot's mean weight is over 4 standard errors from 1; else empty."""
        mean = self.weight.mean(axis=0)
        error = self.weight.std(axis=0) / math.sqrt(len(self.weight))
        excess = np.abs(mean - 1.0) - 4.0 * error
        slot = int(np.argmax(excess))
        if excess[slot] <= ROW_SUM_TOLERANCE:
            return ""
        where = f" at slot {slot}" if self.weight.shape[1] > 1 else ""
        return (
            f"the mean weight{where} is {mean[slot]:.3g}, not 1: the propensities are wrong, "
            "or the behaviour policy could not show all that the target shows"
        )

    @classmethod
    def from_actions(
        cls,
        reward: AnyArray,
        action: AnyArray,
        propensity: AnyArray,
        target: AnyArray,
        q: AnyArray | None = None,
        *,
        unit: str = "reward",
    ) -> OpeInputs:
        """Inputs from the usual bandit layout, one action a round.

        Args:
            reward: (n,) reward of the logged action.
            action: (n,) integers in [0, A).
            propensity: (n,) in (0, 1], the behaviour policy's probability of the logged action.
            target: (n, A) the target policy's probabilities; rows sum to 1 within 1e-6.
            q: (n, A) predicted reward of every action, or None: then only ips and snips can be had.
            unit: unit of the reward.

        Raises:
            InvalidInput: anything that is not as above, with the first wrong row and the count.
        """
        target = as_floats("target", target)
        if target.ndim != 2 or target.shape[1] == 0:
            raise InvalidInput("target", target.shape, "give shape (rounds, actions)")
        reward, action, propensity = checked_actions(reward, action, propensity, target.shape[1])
        check_target(target, len(reward))
        if q is not None:
            q = as_floats("q", q)
            if q.shape != target.shape:
                raise InvalidInput("q", q.shape, f"give shape {target.shape}, like the target")
        weight, q_logged, v_target = weigh(action, propensity, target, q)
        return cls(
            reward=reward[:, None],
            weight=weight[:, None],
            q_logged=None if q_logged is None else q_logged[:, None],
            v_target=None if v_target is None else v_target[:, None],
            unsupported=float(target[:, ~shown(action, target.shape[1])].sum(axis=1).mean()),
            unit=unit,
        )


def refuse(field: str, values: AnyArray, bad: Bool, fix: str) -> None:
    """Raise :class:`InvalidInput` that names the first bad row and counts them, if there is one."""
    if bad.any():
        rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
        value = values[rows[:1]].tolist()[0]
        raise InvalidInput(f"{field}[{rows[0]}]", value, f"{fix} ({len(rows)} of {len(bad)} rows are wrong)")


def as_floats(field: str, values: AnyArray) -> F64:
    """``values`` as float64, or :class:`InvalidInput`."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(field, str(error), "give numbers") from error


def checked_actions(
    reward: AnyArray, action: AnyArray, propensity: AnyArray, n_actions: int
) -> tuple[F64, I64, F64]:
    """The logged columns of one-action rounds, checked: reward, action, propensity, each (n,)."""
    reward, propensity = as_floats("reward", reward), as_floats("propensity", propensity)
    action = np.asarray(action)
    if reward.ndim != 1 or len(reward) == 0:
        raise InvalidInput("reward", reward.shape, "give one number per round, at least one round")
    for name, column in (("action", action), ("propensity", propensity)):
        if column.shape != reward.shape:
            raise InvalidInput(name, column.shape, f"give shape {reward.shape}, one per reward")
    if action.dtype.kind not in "iu":
        raise InvalidInput("action", str(action.dtype), "give whole numbers, the columns of the target")
    action = action.astype(np.int64)
    outside = (action < 0) | (action >= n_actions)
    refuse("action", action, outside, f"the target has actions 0 to {n_actions - 1}")
    refuse("reward", reward, ~np.isfinite(reward), "remove NaN and infinity")
    in_range = (propensity > 0) & (propensity <= 1)
    refuse("propensity", propensity, ~in_range, "give a probability in (0, 1]")
    return reward, action, propensity


def check_target(target: F64, n: int) -> None:
    """Raise :class:`InvalidInput` unless ``target`` is n probability distributions."""
    if len(target) != n:
        raise InvalidInput("target", target.shape, f"give one row per logged round ({n})")
    refuse("target", target, ~(target >= 0), "give probabilities >= 0")
    off = ~(np.abs(target.sum(axis=1) - 1.0) <= ROW_SUM_TOLERANCE)
    refuse("target", target, off, "each row has to sum to 1")


def shown(action: I64, n_actions: int) -> Bool:
    """(A,) whether an action is ever logged."""
    seen: Bool = np.bincount(action, minlength=n_actions) > 0
    return seen


def weigh(action: I64, propensity: F64, target: F64, q: F64 | None) -> tuple[F64, F64 | None, F64 | None]:
    """Importance weight, prediction for the logged action and for the target policy, each (n,)."""
    rows = np.arange(len(action))
    weight = target[rows, action] / propensity
    if q is None:
        return weight, None, None
    return weight, q[rows, action], np.einsum("na,na->n", target, q)
