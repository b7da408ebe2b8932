"""A map over the parts of a streamed table on the machines of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

from ....core.errors import InvalidInput


def ray_map(function: Callable[[Any], Any], parts: Iterable[Any]) -> Iterator[Any]:
    """Like the built-in map, as a ``mapper`` of :func:`.stream.stream_table`: one Ray task for each part.

    The results come in the order of the parts. Connect with ``ray.init`` before; every machine has to see the
    files under the same paths.

    Raises:
        InvalidInput: Ray is not installed.
    """
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise InvalidInput("mapper", "ray", "it is not installed: pip install 'shopgym[ray]'") from error

    def apply(part: Any) -> Any:  # Ray takes functions only, and a partial application is none
        return function(part)

    task = ray.remote(apply)
    waiting = [task.remote(part) for part in parts]
    return (ray.get(each) for each in waiting)
