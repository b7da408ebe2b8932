"""A reward from a file, checked against what the file and the config beside it say of an experiment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..core.errors import InvalidInput, did_you_mean
from ..core.reward import RewardSpec
from ..core.reward.read import CONFIG_KEYS, spec_in
from ..core.yaml_file import read_yaml
from ..policies.serving.saved_policy import run_items
from .config import LADDER
from .config_file import INCLUDE, config_path, read_config
from .kinds import ABTEST, KINDS, kind_of
from .reward_shop import is_profile
from .run_folder import CONFIG
from .sweeps.schema import file_schema


def read_reward(path: Path, beside: Path | None = None) -> RewardSpec:
    """The reward of a spec's file or of a config, which may include other files.

    Args:
        path: a file, or the name of a shipped config.
        beside: the config whose agents the limits may name, if the file has none; else they are not checked.

    Raises:
        InvalidInput: the file cannot be read, has a setting that no config has, names a policy that there is
            not, or is no reward.
    """
    raw = _read(path)
    spec = spec_in(raw)
    if beside is not None and "agents" not in raw:
        other = _read(beside)
        spec.require_policies(_agents(other))
    elif CONFIG_KEYS & raw.keys() > {"reward"}:
        spec.require_policies(_agents(raw))
    return spec


def agents_beside(shop: Path | None, log: Path | None = None) -> Path | None:
    """The config that names the agents: of the shop, or of the run that wrote the log.

    None for a profile, which is no config, and for a table of one's own.
    """
    if log is not None:
        config = log.parent / CONFIG
        return config if config.is_file() and run_items(log.parent) is not None else None
    return None if shop is None or is_profile(shop) else shop


def _read(path: Path) -> dict[str, Any]:
    """The mapping of a file; that of a config holds what it includes, and only settings that there are."""
    raw = read_yaml(config_path(path), "spec")
    if not (CONFIG_KEYS | {INCLUDE}) & raw.keys():
        return raw
    raw = read_config(path)
    settings = _settings(raw)
    for name in (name for name in raw if name not in settings):
        fix = f"no config has such a setting; it may have {', '.join(settings)}"
        raise InvalidInput(str(name), raw[name], fix + did_you_mean(name, settings))
    return raw


def _settings(raw: Mapping[str, Any]) -> list[str]:
    """What may stand in a config of this kind, and what may stand beside a reward that is no config."""
    if raw.get("kind") == ABTEST:
        from .studies.online_tests import AbtestConfig

        return [*AbtestConfig.model_fields, INCLUDE]
    return list(file_schema(KINDS[kind_of(raw)])["properties"])


def _agents(raw: Mapping[str, Any]) -> Iterable[str]:
    """The names of the agents of a config."""
    agents = raw.get("agents")
    return LADDER if agents is None else list(agents) + list(raw.get("bundles") or ())
