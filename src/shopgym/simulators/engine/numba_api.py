"""Numba's interface for those who write extensions, which it types in part only: here it has no types."""

from __future__ import annotations

from typing import Any

import numba.core.cgutils
import numba.extending
import numba.np.arrayobj

cgutils: Any = numba.core.cgutils
extending: Any = numba.extending
populate_array: Any = numba.np.arrayobj.populate_array
