"""Numba's interface for those who write extensions, which it types in part only: here it has no types."""

from __future__ import annotations

from typing import Any

import numba.core.cgutils
import numba.extending

cgutils: Any = numba.core.cgutils
extending: Any = numba.extending
