"""Continuous actions: a logged action counts by how near it is to the target's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ....core.errors import InvalidInput, in_range, one_of
from ....core.types import F64, AnyArray
from ..checks import as_floats, check_finite, refuse
from ..inputs import OpeInputs

KERNELS: Mapping[str, Callable[[F64], F64]] = {
    "gaussian": lambda u: np.asarray(np.exp(-0.5 * u**2) / np.sqrt(2.0 * np.pi)),
    "epanechnikov": lambda u: np.where(np.abs(u) <= 1, 0.75 * (1.0 - u**2), 0.0),
    "triangular": lambda u: np.maximum(1.0 - np.abs(u), 0.0),
    "cosine": lambda u: np.where(np.abs(u) <= 1, np.pi / 4 * np.cos(np.pi / 2 * u), 0.0),
}
"""Symmetric densities."""


def kernel_inputs(
    reward: AnyArray,
    action: AnyArray,
    density: AnyArray,
    target: AnyArray,
    *,
    bandwidth: float | None = None,
    kernel: str = "epanechnikov",
    q: AnyArray | None = None,
    unit: str = "reward",
) -> OpeInputs:
    """Weights K((a - t) / h) / (h p) (Kallus and Zhou 2018, Policy evaluation and optimization with
    continuous treatments): ``ips``, ``snips`` and ``dr`` on them are their estimators.

    Args:
        reward: (n,) reward of the logged action.
        action: (n,) logged action, a number.
        density: (n,) > 0, the behaviour policy's density at the logged action.
        target: (n,) action that the target policy takes.
        bandwidth: h > 0; the bias is of order h^2, the variance of order 1 / (n h). None takes the spread of
            the logged actions times n^(-1/5), the best rate.
        kernel: one of ``KERNELS``.
        q: (n,) predicted reward of the target's action, or None: it also stands for the logged action's,
            near as that has to be to count.
        unit: unit of the reward.

    Returns:
        Inputs whose mean weight is 1 but for smoothing at the ends of the actions' range; ``unsupported`` is
        the share of target actions outside the range of logged ones.

    Raises:
        InvalidInput: anything that is not as above, with row numbers.
    """
    columns = {"reward": reward, "action": action, "density": density, "target": target}
    columns = {name: as_floats(name, values) for name, values in columns.items()}
    reward, action, density, target = columns.values()
    for name, values in columns.items():
        if values.shape != reward.shape or values.ndim != 1 or len(values) == 0:
            raise InvalidInput(name, values.shape, "give one number per round")
        check_finite(name, values)
    refuse("density", density, density <= 0, "give a density > 0")
    one_of("kernel", kernel, KERNELS)
    if bandwidth is None:
        bandwidth = float(action.std()) * len(action) ** -0.2
    in_range("bandwidth", bandwidth, 0.0, np.inf, open_low=True)
    weight = KERNELS[kernel]((action - target) / bandwidth) / (bandwidth * density)
    prediction = None if q is None else as_floats("q", q)
    outside = (target < action.min()) | (target > action.max())
    return OpeInputs.of_rounds(
        reward,
        weight,
        prediction,
        prediction,
        unsupported=float(outside.mean()),
        unit=unit,
        assumptions=f"the reward hardly bends within {bandwidth:.3g} of the target's action",
    )
