"""A reward from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, one_of
from ..yaml_file import import_packages, read_yaml
from .spec import RewardSpec
from .terms import all_terms

CONFIG_KEYS = frozenset({"reward", "shop", "catalog", "agents", "kind"})
"""A file with one of these is the config of an experiment."""


def read_spec(path: Path) -> RewardSpec:
    """The reward in a YAML file: of a spec, or of the section ``reward`` of an experiment's config.

    ``imports`` names Python packages that register terms of one's own. A config without the section has the
    default reward. What else a config may say is not checked, and it may not include other files: see
    :func:`shopgym.experiments.reward_file.read_reward`.

    Raises:
        InvalidInput: the file cannot be read, includes another one, or says something that does not fit.
    """
    raw = read_yaml(path, "spec")
    if "include" in raw:
        fix = "the reward may stand in that file: read it with shopgym.experiments.reward_file.read_reward"
        raise InvalidInput("include", raw["include"], fix)
    return spec_in(raw)


def spec_in(values: Mapping[str, Any]) -> RewardSpec:
    """The same from the mapping of a file whose included files are merged into it.

    Raises:
        InvalidInput: it says something that does not fit.
    """
    raw = dict(values)
    import_packages(raw.pop("imports", ()))
    settings = [part.name for part in fields(RewardSpec)]
    if CONFIG_KEYS & raw.keys():
        for name in (name for name in settings if name in raw and "reward" in raw):
            raise InvalidInput(name, raw[name], "it stands beside the section reward: write it inside")
        if "reward" in raw and raw["reward"] is None:
            raise InvalidInput("reward", None, "the section is empty: write its terms, or leave it out")
        return RewardSpec.read(raw.get("reward"))
    for name, value in raw.items():
        if isinstance(value, Mapping) and name not in all_terms():
            one_of("spec", name, ("reward", *settings))
    return RewardSpec.read(raw)
