"""``shopgym config``: what a config may say, and whether one is right."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

KINDS = {
    "experiment": "experiments.config:ExperimentConfig",
    "leaderboard": "experiments.studies.leaderboard:LeaderboardConfig",
    "cold_start": "experiments.studies.cold_start:ColdStartConfig",
    "long_term": "experiments.studies.long_term:LongTermConfig",
    "abtest": "experiments.studies.online_tests:AbtestConfig",
    "ope_benchmark": "experiments.studies.ope_benchmark:OpeBenchmarkConfig",
    "shop": "simulators:ShopConfig",
}
"""Where the class of each kind of config is: it is loaded only when it is asked for."""


def config_schema(
    kind: Annotated[str, typer.Argument(help=f"one of {', '.join(KINDS)}")] = "experiment",
) -> None:
    """Print the JSON Schema of a config: names, types, defaults and meaning of all settings.

    That of shop describes the section 'shop' of an experiment.
    """
    from ..core.config import json_schema
    from ..experiments.kinds import KINDS as RUN
    from ..experiments.sweeps.schema import file_schema

    config = config_class(kind)
    print(json.dumps(file_schema(RUN[kind]) if kind in RUN else json_schema(config), indent=2))


def config_check(
    config: Annotated[Path, typer.Argument(help="YAML file, or the name of a shipped config")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="settings to change: agents.linucb.alpha=0.3 seeds=5"),
    ] = None,
) -> None:
    """Check the config of an experiment, a sweep, a study or an online test; nothing is run."""
    from ..core.config import build
    from ..experiments.config_file import read_config
    from ..experiments.kinds import ABTEST, kind_of
    from ..experiments.kinds import KINDS as RUN
    from ..experiments.overrides import with_overrides
    from ..experiments.sweeps.plan import Plan, checked_config
    from ..experiments.sweeps.points import counted

    values = read_config(config)
    is_test = values.get("kind") == ABTEST
    kind = config_class(ABTEST) if is_test else RUN[kind_of(values)].config_class()
    values = with_overrides(kind, values, settings or [])
    checked = build(kind, values) if is_test else checked_config(values)
    size = ""
    if isinstance(checked, Plan):
        size = f", {counted(len(checked.points), 'point')} with {counted(checked.seeds, 'seed')} each"
    print(f"{checked.name}: valid{size}")


def config_class(kind: str) -> type[Any]:
    """The class of a kind of config."""
    from ..core.errors import one_of

    one_of("kind", kind, KINDS)
    module, _, name = KINDS[kind].partition(":")
    made: type[Any] = getattr(import_module(f"shopgym.{module}"), name)
    return made
