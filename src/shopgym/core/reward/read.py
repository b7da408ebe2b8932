"""A reward from a file."""

from __future__ import annotations

from pathlib import Path

from ..yaml_file import import_packages, read_yaml
from .spec import RewardSpec

CONFIG_KEYS = frozenset({"reward", "shop", "catalog", "agents", "kind"})
"""A file with one of these is the config of an experiment."""


def read_spec(path: Path) -> RewardSpec:
    """The reward in a YAML file: of a spec, or of the section ``reward`` of an experiment's config.

    ``imports`` names Python packages that register terms of one's own. A config without the section has the
    default reward.

    Raises:
        InvalidInput: the file cannot be read, or says something that does not fit.
    """
    raw = read_yaml(path, "spec")
    import_packages(raw.pop("imports", ()))
    if CONFIG_KEYS & raw.keys():
        return RewardSpec.read(raw.get("reward"))
    return RewardSpec.read(raw)
