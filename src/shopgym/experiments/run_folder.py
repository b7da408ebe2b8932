"""The folder of a run: nothing that somebody made before is replaced without a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ..core.errors import InvalidInput

CONFIG = "config.yaml"
"""Every run stores its config under this name."""


def check_folder(folder: Path, config: Mapping[str, Any], mark: str, overwrite: bool) -> None:
    """Raise :class:`InvalidInput` unless a run with ``config`` may be written as ``folder``.

    Args:
        folder: that may exist.
        config: as it will be stored.
        mark: a file that every finished run of this kind has.
        overwrite: whether an earlier run may be replaced; anything else never is.
    """
    if not folder.exists():
        return
    if not all((folder / name).is_file() for name in (mark, CONFIG)):
        raise InvalidInput("out", str(folder), "it exists and is no run of this kind: choose another folder")
    if overwrite:
        return
    stored = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    changed = list(_differences(stored, config))
    if changed:
        names = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
        said = f"it holds a run of another config ({names})"
    else:
        said = "this config has been run into it, and would give the same results"
        if config.get("imports"):
            said += f" unless {', '.join(config['imports'])} changed since"
    raise InvalidInput("out", str(folder), f"{said}: choose another --out, or replace it with --overwrite")


def _differences(one: Any, two: Any, path: str = "") -> Iterator[str]:
    """Dotted names of the settings in which two configs differ."""
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        for name in dict.fromkeys((*one, *two)):
            yield from _differences(one.get(name), two.get(name), f"{path}.{name}".strip("."))
    elif one != two:
        yield path
