"""Values of a run as one ``.npz`` file: a tree in JSON, and its arrays beside it. No pickle.

Numbers, strings, containers and arrays come back with their types. Of objects only those of the classes in
:data:`CLASSES` are read: a file cannot make anything else. The catalogue is not in the file; a policy is
in it as a bundle has it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ...core.items import Items
from ...core.types import AnyArray
from ...policies.guards import guard_from_spec, guard_spec
from ...policies.guards.rule import Guard
from ...policies.policy import SlatePolicy, policy_from_state

CLASSES = frozenset(
    {
        "core.metrics.business:ShopTotals",
        "experiments.stages.days:DayTotals",
        "experiments.stages.deploy:Deployment",
        "experiments.stages.learn:TrainedAgent",
        "experiments.stages.log:LoggedPages",
        "guardrails.monitor.correlated_proxy:ProxyReference",
        "guardrails.monitor.decline:DeclineTest",
        "guardrails.monitor.monitor:MonitorRow",
        "guardrails.monitor.monitor:RewardMonitor",
        "guardrails.monitor.monitor:_Mean",
        "policies.decision_log.log:DecisionLog",
        "policies.guards.interventions:Interventions",
        "simulators.rollout:Episode",
    }
)
"""Of which objects are stored, ``module:name`` below ``shopgym``."""
ROOT = __name__.split(".", 1)[0]
TREE = "tree"
"""The member of a file that holds the tree; the others are the arrays, by number."""
NOT_STORED = ("on_row",)
"""Attributes that are no part of a value, None when it is read: whom a monitor tells."""


def write_value(path: Path, value: Any, items: Items) -> None:
    """Write a value; raises ``TypeError`` for what the file cannot hold."""
    arrays: list[AnyArray] = []
    text = json.dumps(_encoded(value, arrays, items)).encode()
    with path.open("wb") as file:
        members = {str(number): array for number, array in enumerate(arrays)}
        np.savez(file, **{TREE: np.frombuffer(text, np.uint8)}, **members)  # type: ignore[arg-type]


def read_value(path: Path, items: Items) -> Any:
    """The value that :func:`write_value` wrote."""
    with np.load(path, allow_pickle=False) as members:
        tree = json.loads(members[TREE].tobytes())
        return _decoded(tree, members, items)


def _encoded(value: Any, arrays: list[AnyArray], items: Items) -> Any:
    def part(inner: Any) -> Any:
        return _encoded(inner, arrays, items)

    if value is None or type(value) in (bool, int, float, str):
        return value
    if value is items:
        return {"items": None}
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.kind in "OT":
            raise TypeError(f"an array of {array.dtype} cannot be stored")
        arrays.append(array)
        return {"array" if isinstance(value, np.ndarray) else "scalar": len(arrays) - 1}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [part(each) for each in value]}
    if isinstance(value, dict):
        pairs = [[part(key), part(each)] for key, each in value.items()]
        return {"counter" if isinstance(value, Counter) else "dict": pairs}
    if isinstance(value, SlatePolicy):
        return {"policy": [part(each) for each in value.state()]}
    if isinstance(value, Guard):
        return {"guard": part(dict(guard_spec(value)))}
    return _encoded_object(value, part)


def _encoded_object(value: Any, part: Any) -> Any:
    kind = type(value)
    place = f"{kind.__module__.removeprefix(ROOT + '.')}:{kind.__name__}"
    if place not in CLASSES:
        raise TypeError(f"{place} cannot be stored")
    if isinstance(value, Enum):
        return {"enum": [place, value.value]}
    names = [field.name for field in fields(value)] if is_dataclass(value) else list(vars(value))
    stored = {name: None if name in NOT_STORED else part(getattr(value, name)) for name in names}
    return {"object": [place, stored]}


def _decoded(tree: Any, members: Any, items: Items) -> Any:
    def part(inner: Any) -> Any:
        return _decoded(inner, members, items)

    if not isinstance(tree, dict):
        return tree
    ((kind, held),) = tree.items()
    if kind == "items":
        return items
    if kind in ("array", "scalar"):
        array = members[str(held)]
        return array if kind == "array" else array[()]
    if kind in ("list", "tuple"):
        values = [part(each) for each in held]
        return values if kind == "list" else tuple(values)
    if kind in ("dict", "counter"):
        pairs = {part(key): part(each) for key, each in held}
        return pairs if kind == "dict" else Counter(pairs)
    if kind == "policy":
        spec, arrays = (part(each) for each in held)
        return policy_from_state(spec, arrays, items)
    if kind == "guard":
        return guard_from_spec(part(held))
    place, stored = held
    made = _class(place)
    if kind == "enum":
        return made(stored)
    value = object.__new__(made)
    for name, each in stored.items():
        object.__setattr__(value, name, part(each))
    return value


def _class(place: str) -> Any:
    if place not in CLASSES:
        raise TypeError(f"{place} is not read")
    module, _, name = place.partition(":")
    return getattr(import_module(f"{ROOT}.{module}"), name)
