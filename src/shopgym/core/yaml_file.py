"""A config in a file: its mapping, and the packages that it asks for."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from .errors import InvalidInput

EXPONENT = re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$")
DEEPEST, LONGEST = 50, 100_000
"""Levels of nesting, and values with all that aliases repeat: a small file can stand for billions."""
MERGE = "tag:yaml.org,2002:merge"
"""The tag of the key ``<<``."""


def parse_yaml(text: str, field: str, shown: object) -> Any:
    """What a text of YAML says; no key may stand twice in a mapping: the last one would silently win.

    Args:
        field, shown: what messages call the text.

    Raises:
        InvalidInput: it is not YAML, has a key twice, or is nested too deeply or too long.
    """
    import yaml

    loader = _once_loader()(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node, field, shown)
        return loader.construct_document(node)
    except InvalidInput:
        raise
    except RecursionError:
        raise InvalidInput(field, shown, f"write at most {DEEPEST} levels") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInput(field, shown, f"it is not YAML: {' '.join(str(error).split())}") from None


def _once_loader() -> type[Any]:
    import yaml

    class OnceLoader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            lines: dict[Any, int] = {}
            for key_node, _ in node.value:
                if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == MERGE:
                    continue  # a list is no key, and refused as such; a mapping may be merged in twice
                key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
                if key in lines:
                    raise InvalidInput(str(key), "given twice", f"keep one: lines {lines[key]} and {line}")
                lines[key] = line
            return super().construct_mapping(node, deep)

    # YAML 1.2 and JSON read 1e3 as a number; PyYAML, which keeps to YAML 1.1, as a text
    OnceLoader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+.0123456789"))
    return OnceLoader


def _check_size(root: Any, field: str, shown: object) -> None:
    """Raise unless the values below a node are few, each counted as often as aliases repeat it."""
    sizes: dict[int, int] = {}

    def size(node: Any, depth: int) -> int:
        if depth > DEEPEST:
            raise InvalidInput(field, shown, f"write at most {DEEPEST} levels, and no alias of itself")
        if id(node) not in sizes:
            parts = node.value if isinstance(node.value, list) else []
            inner = [each for part in parts for each in (part if isinstance(part, tuple) else (part,))]
            sizes[id(node)] = 1 + sum(size(each, depth + 1) for each in inner)
        return sizes[id(node)]

    if size(root, 0) > LONGEST:
        raise InvalidInput(field, shown, f"write at most {LONGEST:,} values, aliases counted in full")


def read_yaml(path: Path, field: str = "config") -> dict[str, Any]:
    """The mapping in a YAML file: see :func:`parse_yaml`.

    Raises:
        InvalidInput: it cannot be read, is not YAML, or is no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidInput(field, str(path), "there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(field, str(path), f"give a text file in UTF-8 ({error})") from None
    raw = parse_yaml(text, field, str(path))
    if not isinstance(raw, dict):
        raise InvalidInput(field, str(path), "write a mapping of settings")
    return raw


def import_packages(names: Sequence[str]) -> None:
    """Import the packages of ``imports``: they register agents, or terms of a reward.

    The folder that a command runs in is looked at too, as ``python -m`` does.

    Raises:
        InvalidInput: one cannot be imported.
    """
    for name in names:
        if (folder := str(Path.cwd())) not in sys.path:
            sys.path.append(folder)
        try:
            import_module(name)
        except InvalidInput:
            raise
        except Exception as error:
            fix = f"it cannot be imported ({type(error).__name__}: {error}): install it, or run where it lies"
            raise InvalidInput("imports", name, fix) from error
