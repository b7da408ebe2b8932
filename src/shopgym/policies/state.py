"""The frozen parts of a policy as JSON-able specifications and plain arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self, get_type_hints

import numpy as np

from ..core.items import Items
from ..core.types import AnyArray
from .features import FeatureMap

State = tuple[dict[str, Any], dict[str, AnyArray]]


class HasState(Protocol):
    """What has a ``state()``."""

    def state(self) -> tuple[Mapping[str, Any], Mapping[str, AnyArray]]:
        """JSON-able spec and plain arrays."""
        ...


@dataclass(frozen=True, eq=False)
class Stored:
    """A dataclass whose attributes are its state.

    Arrays keep their names, and so do numbers and texts in the spec. A part that is ``Stored`` itself, or a
    mapping of arrays, puts its name before those of its arrays. None and the catalogue are left out.
    """

    kind: ClassVar[str]

    def state(self) -> State:
        """JSON-able spec, in it ``kind``, and plain arrays."""
        spec: dict[str, Any] = {"kind": self.kind}
        arrays: dict[str, AnyArray] = {}
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                arrays[name] = value
            elif isinstance(value, Mapping):
                arrays |= {f"{name}_{key}": values for key, values in value.items()}
            elif isinstance(value, Stored):
                spec[name], part = prefix_state(name, value)
                arrays |= part
            elif value is not None and not isinstance(value, Items):
                spec[name] = value.spec() if isinstance(value, FeatureMap) else value
        return spec, arrays

    @classmethod
    def from_state(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items | None = None
    ) -> Self:
        """What has the state (spec, arrays).

        Raises:
            KeyError, TypeError: the state lacks something.
        """
        hints, values = get_type_hints(cls), dict[str, Any]()
        for name in (field.name for field in fields(cls)):
            if hints[name] is Items:
                values[name] = items
            elif name in arrays:
                values[name] = arrays[name]
            elif hints[name] is FeatureMap:
                values[name] = FeatureMap.from_spec(spec[name])
            elif hasattr(hints[name], "from_state"):
                values[name] = hints[name].from_state(spec[name], sub_state(name, arrays), items)
            elif name in spec:
                values[name] = spec[name]
            elif part := sub_state(name, arrays):
                values[name] = part
        return cls(**values)


@dataclass(frozen=True, eq=False)
class OverFeatures(Stored):
    """What uses features of a request and an item.

    Attributes:
        features: D features.
        items: the catalogue.
    """

    features: FeatureMap
    items: Items

    @cached_property
    def item_side(self) -> AnyArray:
        """(N, D)"""
        return self.features.item_side(self.items)


def prefix_state(name: str, part: HasState) -> State:
    """The state of a part of something else: its arrays get the names ``NAME_...``."""
    spec, arrays = part.state()
    return dict(spec), {f"{name}_{key}": values for key, values in arrays.items()}


def sub_state(name: str, arrays: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """The arrays of the part ``name``, as :func:`prefix_state` found them."""
    return {key[len(name) + 1 :]: v for key, v in arrays.items() if key.startswith(f"{name}_")}
