"""A config in files: a YAML file, those that it includes, and settings of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import InvalidInput, did_you_mean
from ..core.yaml_file import read_yaml

INCLUDE = "include"
"""The key that names other files: one, or a list of which later ones win."""


def config_path(path: Path | str) -> Path:
    """``path``, or the file of the shipped config of that name.

    Raises:
        InvalidInput: there is neither.
    """
    path = Path(path)
    if path.exists():
        return path
    shipped = {file.stem: file for file in sorted((Path(__file__).parent / "configs").glob("*.yaml"))}
    if path.parent != Path() or path.name not in shipped:
        fix = f"there is no such file, nor a shipped config; shipped: {', '.join(shipped)}"
        raise InvalidInput("config", str(path), fix + did_you_mean(path.stem, shipped))
    return shipped[path.name]


def read_config(path: Path | str) -> dict[str, Any]:
    """The mapping in a YAML file, or in the shipped config of that name; not checked yet.

    What the file includes is merged into it. Relative paths are taken from the folder of the file in which
    they stand. Without a name of its own the config has that of its file.

    Raises:
        InvalidInput: a file cannot be read, or includes itself.
    """
    path = config_path(path)
    raw = _read(path, ())
    return {**raw, "name": raw.get("name", path.stem)}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the settings of ``over``: mappings are merged, anything else is replaced."""
    out = dict(base)
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(out.get(name), Mapping)
        out[name] = merged(out[name], value) if both else value
    return out


def _read(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The mapping of a file that the files ``above`` include; included names do not count."""
    real = path.resolve()
    if real in above:
        chain = " includes ".join(file.name for file in (*above[above.index(real) :], real))
        raise InvalidInput(INCLUDE, str(path), f"{chain}: leave one of them out")
    own = read_yaml(path, INCLUDE if above else "config")
    included = own.pop(INCLUDE, ())
    names = [included] if isinstance(included, str) else included
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InvalidInput(INCLUDE, included, "give the path of a file, or a list of paths")
    _resolve(own, path.parent)
    raw: dict[str, Any] = {}
    for name in names:
        beside = path.parent / name
        try:
            file = beside if beside.exists() else config_path(Path(name))
        except InvalidInput as error:
            raise InvalidInput(INCLUDE, name, error.fix) from None
        raw = merged(raw, {k: v for k, v in _read(file, (*above, real)).items() if k != "name"})
    return merged(raw, own)


def _resolve(raw: dict[str, Any], folder: Path) -> None:
    """Make the paths of a catalogue and of bundles absolute."""
    catalog = raw.get("catalog")
    if isinstance(catalog, dict) and isinstance(catalog.get("path"), str):
        catalog["path"] = str((folder / catalog["path"]).resolve())
    if isinstance(catalog, dict) and isinstance(catalog.get("item_table"), list):
        catalog["item_table"] = [str((folder / str(name)).resolve()) for name in catalog["item_table"]]
    bundles = raw.get("bundles")
    if isinstance(bundles, dict):
        raw["bundles"] = {name: str((folder / str(path)).resolve()) for name, path in bundles.items()}
