"""What ``reset`` may be told: seeds and options, as in Gymnasium's own vector environments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.errors import InvalidInput, one_of, whole_number
from ..core.types import Bool


def check_options(options: Any, names: Sequence[str]) -> None:
    """Raise :class:`InvalidInput` unless ``options`` is None or a mapping with some of ``names``."""
    if options is not None and not isinstance(options, Mapping):
        raise InvalidInput("options", options, "give a mapping, or None")
    for name in options or ():
        if not names:
            raise InvalidInput("options", name, "leave it out: this environment has no options")
        one_of("options", name, names)


def rows_to_reset(options: Any, n: int) -> Bool:
    """(n,) bool, the rows that ``options`` of a reset name by ``reset_mask``; all without it."""
    check_options(options, ("reset_mask",))
    mask = (options or {}).get("reset_mask", np.ones(n, np.bool_))
    if not isinstance(mask, np.ndarray) or mask.shape != (n,) or mask.dtype != np.bool_ or not mask.any():
        fix = f"give a bool array of shape ({n},), True somewhere"
        raise InvalidInput("options.reset_mask", mask, fix)
    return mask.copy()


def row_seeds(seed: Any, n: int) -> list[int | None]:
    """The seed of each of n rows: seed + i of one number, or those of a list; None = not seeded."""
    if seed is None:
        return [None] * n
    if not isinstance(seed, Sequence | np.ndarray) or isinstance(seed, str):
        first = whole_number("seed", seed)
        return list(range(first, first + n))
    if len(seed) != n:
        raise InvalidInput("seed", seed, f"give one number, or one or None for each of the {n} environments")
    return [None if one is None else whole_number(f"seed[{row}]", one) for row, one in enumerate(seed)]
