"""An array of rows as one long row: a loop over it is one that processors do many turns of at a time."""

from __future__ import annotations

from typing import Any

from numba import types

from .numba_api import cgutils, extending, populate_array


@extending.intrinsic
def ravel_view(typing: Any, array: Any) -> Any:
    """The same memory in one dimension. To kernels only: it does not keep the memory alive."""
    if array.layout != "C":
        return None
    row = types.Array(array.dtype, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        long = context.make_array(signature.return_type)(context, builder)
        size = context.get_constant(types.intp, 1)
        for length in cgutils.unpack_tuple(builder, view.shape):
            size = builder.mul(size, length)
        step = view.itemsize
        populate_array(long, data=view.data, shape=[size], strides=[step], itemsize=step, meminfo=None)
        return long._getvalue()

    return row(array), generate
