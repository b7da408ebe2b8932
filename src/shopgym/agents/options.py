"""What options an agent takes: names, types and defaults from its signature, ranges from the agent itself.

Options are the keyword-only arguments of an agent's class. With ``**options`` those of its parent count
too. A required argument of a parent is no option: the class itself gives it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import make_dataclass
from functools import cache
from typing import Any, get_type_hints

import numpy as np

from ..core.config import build
from ..core.errors import InvalidInput, did_you_mean
from ..core.items import Items
from ..core.protocols import Agent
from .task import Task

Maker = Callable[..., Agent]
SWEEP = "give one value: only in the config of a run does a list try each of its values"


def option_names(maker: Maker) -> list[str]:
    """Names of the options that ``maker`` takes."""
    return list(_parameters(maker)[0])


def option_types(maker: Maker) -> dict[str, Any]:
    """The type of each option that ``maker`` takes; ``Any`` where nothing says it."""
    return dict(_parameters(maker)[0])


def check_names_and_types(maker: Maker, options: Mapping[str, Any], field: str) -> None:
    """Raise :class:`InvalidInput` unless ``maker`` takes ``options`` by name and type.

    Args:
        field: the dotted name of the options, for messages.
    """
    types, more = _parameters(maker)
    for name in options:
        if name not in types and not more:
            fix = f"known options: {', '.join(types)}" if types else "it takes no options"
            if name in inspect.signature(maker).parameters:
                fix += f" (an option is keyword-only: put * before {name} in the signature)"
            raise InvalidInput(f"{field}.{name}", options[name], f"{fix}{did_you_mean(name, types)}")
    for name, value in options.items():
        if name in types and _is_plain(value):
            _check_type(maker, name, value, field)


def check_ranges(maker: Maker, options: Mapping[str, Any], field: str, user_names: tuple[str, ...]) -> None:
    """Raise :class:`InvalidInput` if ``maker`` refuses ``options``: it makes an agent for a tiny catalogue.

    Args:
        field: the dotted name of the options, for messages.
        user_names: columns of ``Requests.user``.
    """
    if not options:
        return
    task = _tiny_task(user_names)
    try:
        maker(task, np.random.default_rng(0), **options)
    except Exception as error:
        if isinstance(error, InvalidInput):
            parts = error.field.split(".")
            at = next((at for at, part in enumerate(parts) if part in options), None)
            if at is not None:  # the agent calls it lints.alpha
                raise InvalidInput(".".join((field, *parts[at:])), error.value, error.fix) from None
        if _is_made(maker, task):  # so it is the options
            raise InvalidInput(field, dict(options), f"it refuses them: {error}") from error


def _is_made(maker: Maker, task: Task) -> bool:
    """Whether ``maker`` makes an agent with its own defaults."""
    try:
        maker(task, np.random.default_rng(0))
    except Exception:
        return False
    return True


def _check_type(maker: Maker, name: str, value: Any, field: str) -> None:
    try:
        build(_option_class(maker, name), {name: value}, field)
    except InvalidInput as error:
        listed = isinstance(value, list | tuple) and error.field == f"{field}.{name}"
        raise InvalidInput(error.field, error.value, SWEEP if listed else error.fix) from None


@cache
def _option_class(maker: Maker, name: str) -> type[Any]:
    """A dataclass of one option, for :func:`.core.config.build`."""
    kind = _parameters(maker)[0][name]
    return make_dataclass("Options", [(name, _usable(kind))], kw_only=True)


def _usable(kind: Any) -> Any:
    """``kind``, or anything at all where pydantic cannot check it."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        TypeAdapter(kind)
    except PydanticUserError:
        return Any
    return kind


@cache
def _parameters(maker: Maker) -> tuple[dict[str, Any], bool]:
    """(types by option, whether it takes any others)."""
    types: dict[str, Any] = {}
    seen: set[str] = set()
    more = False
    for part in getattr(maker, "__mro__", (maker,)):
        parameters = inspect.signature(part).parameters.values()
        for parameter in parameters:
            inherited = part is not maker and parameter.default is parameter.empty
            if parameter.kind == parameter.KEYWORD_ONLY and parameter.name not in seen:
                seen.add(parameter.name)
                if not inherited:
                    types[parameter.name] = _type_of(part, parameter)
        for name, default in vars(part).get("settings", {}).items():
            if name not in seen:
                seen.add(name)
                types[name] = _type_of_default(default)
        more = any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters)
        if not more:
            break
    fixed = getattr(maker, "fixed_options", ())
    return {name: kind for name, kind in types.items() if name not in fixed}, more


def _type_of(part: Any, parameter: inspect.Parameter) -> Any:
    """The annotation of a parameter; anything at all where there is none or it has no meaning."""
    holder = type("Holder", (), {"__annotations__": {"option": parameter.annotation}})
    if parameter.annotation is parameter.empty:
        return _type_of_default(parameter.default)
    try:
        return get_type_hints(holder, vars(sys.modules[part.__module__]), include_extras=True)["option"]
    except Exception:  # a name that only a type checker imports
        return Any


def _type_of_default(default: Any) -> Any:
    """A default of True is one of bool; a text, a number or a list may be anything of its kind."""
    kinds: dict[type, Any] = {bool: bool, int: int, float: float, str: str, tuple: list[Any], list: list[Any]}
    return kinds.get(type(default), Any)


def _is_plain(value: Any) -> bool:
    """Whether a config could say ``value``."""
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_plain(part) for name, part in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | np.generic)


def _tiny_task(user_names: tuple[str, ...]) -> Task:
    count = 4
    items = Items(
        item_id=np.array([f"item {row}" for row in range(count)]),
        name=np.array([f"item {row}" for row in range(count)]),
        category=np.zeros(count, np.int32),
        price=np.ones(count),
        unit_cost=np.full(count, 0.5),
        popularity=np.full(count, 1.0 / count),
        features=np.eye(count, 2, dtype=np.float32),
        category_names=("all",),
        feature_names=("embedding_0", "embedding_1"),
    )
    return Task(items, user_names, ("hour",), 1, attention=np.ones(1))
