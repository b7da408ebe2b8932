"""Loading memory into the cache before it is needed.

A page reads scattered rows of tables that are larger than the fastest cache, and would wait for each. Which
rows they are is known some visits ahead.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from .numba_api import cgutils, extending

PREFETCH_DISTANCE = 8
"""Visits ahead of which rows are prefetched: about as many as the memory serves at a time."""


@extending.intrinsic
def prefetch(typing: Any, array: Any, row: Any) -> Any:
    """Prefetch the cache line in which ``array[row]`` begins. Changes nothing but the time taken."""

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
