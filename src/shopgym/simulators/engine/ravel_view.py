"""An array seen in one dimension, so that the compiler vectorises one loop over all of it."""

from __future__ import annotations

from typing import Any

from numba import types

from .numba_api import cgutils, extending, populate_array


@extending.intrinsic
def ravel_view(typing: Any, array: Any) -> Any:
    """The same memory in one dimension. For kernels only: the view does not keep the memory alive."""
    if array.layout != "C":
        return None
    row = types.Array(array.dtype, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        flat = context.make_array(signature.return_type)(context, builder)
        size = context.get_constant(types.intp, 1)
        for length in cgutils.unpack_tuple(builder, view.shape):
            size = builder.mul(size, length)
        step = view.itemsize
        populate_array(flat, data=view.data, shape=[size], strides=[step], itemsize=step, meminfo=None)
        return flat._getvalue()

    return row(array), generate
