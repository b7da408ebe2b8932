"""Numba's extension interface in one place, untyped: numba itself types only parts of it."""

from __future__ import annotations

from typing import Any

import numba.core.cgutils
import numba.extending
import numba.np.arrayobj

cgutils: Any = numba.core.cgutils
extending: Any = numba.extending
populate_array: Any = numba.np.arrayobj.populate_array
