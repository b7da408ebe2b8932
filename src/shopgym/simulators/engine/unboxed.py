"""NamedTuples of arrays that are unboxed once instead of at every call of a kernel.

Numba unboxes every array of a tuple at every call; for the hundred fields of ``ShopParams`` that takes
longer than a page. Here the native form of all fields is written to memory once, and a kernel loads it
from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types

from .jit import kernel
from .numba_api import cgutils, extending

T = TypeVar("T", bound=NamedTuple)


def unboxed_once(value: T) -> T:
    """``value`` in a form that kernels take faster, with the same fields.

    Its arrays may be written to but not replaced.
    """
    return cast(T, _Unboxed(value))


class _Unboxed:
    """Holds the fields as attributes of its own, which are read faster than through ``__getattr__``."""

    def __init__(self, value: Any) -> None:
        memory = np.zeros(_size(value), np.uint8)
        address = memory.ctypes.data
        _store(value, address)
        kind = _UnboxedType(numba.typeof(value))
        self.__dict__.update(
            value._asdict(), _value=value, _numba_type_=kind, _memory=memory, address=address
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._value, name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} may be written to, but not replaced")

    def __iter__(self) -> Iterator[Any]:
        return iter(self._value)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any]]:
        # a copy has its own arrays at its own addresses
        return unboxed_once, (self._value,)


class _UnboxedType(types.NamedTuple):
    """To kernels it is the type of the tuple; only the unboxing differs."""

    def __init__(self, inner: types.NamedTuple) -> None:
        super().__init__(inner.types, inner.instance_class)
        self.name = f"unboxed {inner.name}"


extending.register_model(_UnboxedType)(extending.models.TupleModel)


@extending.typeof_impl.register(_Unboxed)
def _type_of(value: _Unboxed, context: Any) -> types.Type:
    return value._numba_type_


def _in_memory(builder: Any, manager: Any, kind: types.NamedTuple, address: Any) -> list[tuple[Any, Any]]:
    """Data model and pointer of each field, one after the other in the layout of a struct."""
    fields = [manager[each] for each in kind.types]
    layout = ir.LiteralStructType([field.get_data_type() for field in fields])
    start = builder.inttoptr(address, layout.as_pointer())
    return [(field, cgutils.gep_inbounds(builder, start, 0, at)) for at, field in enumerate(fields)]


@extending.unbox(_UnboxedType)
def _unbox(kind: _UnboxedType, value: Any, c: Any) -> Any:
    number = c.pyapi.object_getattr_string(value, "address")
    address = c.pyapi.long_as_ulonglong(number)
    c.pyapi.decref(number)
    places = _in_memory(c.builder, c.context.data_model_manager, kind, address)
    values = [field.load_from_data_pointer(c.builder, place) for field, place in places]
    return extending.NativeValue(c.context.make_tuple(c.builder, kind, values))


@extending.intrinsic
def _write(typing: Any, value: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        for at, (field, place) in enumerate(
            _in_memory(builder, context.data_model_manager, kind, arguments[1])
        ):
            element = builder.extract_value(arguments[0], at)
            builder.store(field.as_data(builder, element), place)
        return context.get_dummy_value()

    return types.void(value, types.uint64), generate


@extending.intrinsic
def _measure(typing: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        manager = context.data_model_manager
        layout = ir.LiteralStructType([manager[each].get_data_type() for each in signature.args[0].types])
        return context.get_constant(types.intp, context.get_abi_sizeof(layout))

    return types.intp(value), generate


@kernel
def _store(value: Any, address: Any) -> None:
    _write(value, np.uint64(address))


@kernel
def _size(value: Any) -> int:
    return _measure(value)
