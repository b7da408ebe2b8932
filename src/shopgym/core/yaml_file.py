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


def read_yaml(path: Path, field: str = "config") -> dict[str, Any]:
    """The mapping in a YAML file in which no key stands twice: the last one would silently win.

    Raises:
        InvalidInput: it cannot be read, is not YAML, or is no mapping.
    """
    import yaml

    class OnceLoader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            lines: dict[Any, int] = {}
            for key_node, _ in node.value:
                key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
                if key in lines:
                    raise InvalidInput(str(key), "given twice", f"keep one: lines {lines[key]} and {line}")
                lines[key] = line
            return super().construct_mapping(node, deep)

    # YAML 1.2 and JSON read 1e3 as a number; PyYAML, which keeps to YAML 1.1, as a text
    OnceLoader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+.0123456789"))
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=OnceLoader)
    except FileNotFoundError:
        raise InvalidInput(field, str(path), "there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(field, str(path), f"give a text file in UTF-8 ({error})") from None
    except yaml.YAMLError as error:
        raise InvalidInput(field, str(path), f"it is not YAML: {' '.join(str(error).split())}") from None
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
