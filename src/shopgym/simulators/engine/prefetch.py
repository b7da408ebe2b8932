"""Asking for memory before it is needed.

A page reads a row here and there of tables that are larger than the cache nearest to the core, and would
wait for each. What will be read is known some lanes before.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from .numba_api import cgutils, extending

PREFETCH_DISTANCE = 8
"""Lanes by which what a lane will read is asked for: about as many as memory can answer for at a time."""
TILE = 128
"""Lanes that go from one pass to the next together: what they have asked for, and their outcomes, are
still near the core."""


@extending.intrinsic
def prefetch(typing: Any, array: Any, row: Any) -> Any:
    """Ask for the cache line in which ``array[row]`` begins; it changes nothing but the time taken."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        stride = cgutils.unpack_tuple(builder, view.strides)[0]
        byte = builder.bitcast(view.data, ir.IntType(8).as_pointer())
        place = builder.gep(byte, [builder.mul(arguments[1], stride)])
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(fetch, [place, number(0), number(3), number(1)])  # to read; keep; data
        return context.get_dummy_value()

    return types.void(array, types.intp), generate
