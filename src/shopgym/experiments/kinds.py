"""The kinds of configs that ``shopgym run`` takes, and what a sweep has to know about each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from ..core.errors import InvalidInput, one_of
from .cells.cell import Cell

if TYPE_CHECKING:
    from .studies.study import Study

EXPERIMENT, LEADERBOARD = "experiment", "leaderboard"
COLD_START, LONG_TERM, OPE_BENCHMARK = "cold_start", "long_term", "ope_benchmark"
ABTEST = "abtest"
"""An online test: ``shopgym abtest run`` takes it."""


@dataclass(frozen=True)
class ConfigKind:
    """One kind of config.

    Attributes:
        config: its class, ``module:name`` below ``shopgym.experiments``.
        cells: the function that lists the cells of a config, for a prefix of their names.
        study: the :class:`.studies.study.Study` that runs it; empty for an experiment.
        value: the column of a cell's rows by which agents are compared; empty where none are.
        apart: columns whose rows are never compared with one another.
        world: names of settings that change what a value means: across them nothing is compared.
    """

    config: str
    cells: str
    value: str
    world: str
    apart: tuple[str, ...] = ()
    study: str = ""

    @property
    def has_seeds(self) -> bool:
        """Whether ``seeds`` is a setting of the config itself: every study has its own repetitions."""
        return bool(self.study)

    def load_study(self) -> Study:
        """What runs it, shows it and says what it came to."""
        return cast("Study", _loaded(self.study))

    def config_class(self) -> type[Any]:
        """The class of its configs; loaded when it is asked for."""
        return cast("type[Any]", _loaded(self.config))

    def cells_of(self, config: Any, prefix: str) -> list[Cell]:
        """The cells of one config."""
        return cast("list[Cell]", _loaded(self.cells)(config, prefix))

    def world_of(self, names: Iterable[str]) -> list[str]:
        """Those of the dotted names that change what a value means."""
        return [name for name in names if re.match(self.world, name)]


KINDS = {
    EXPERIMENT: ConfigKind(
        "config:ExperimentConfig",
        "sweeps.experiment_cell:experiment_cells",
        "value",
        r"(catalog|episode|days|shop|reward|season)(\.|$)",
    ),
    LEADERBOARD: ConfigKind(
        "studies.leaderboard:LeaderboardConfig",
        "studies.leaderboard.cell:leaderboard_cells",
        "score",
        r"(catalog|reward)(\.|$)|families(\.\w+(\.(shop|full|days)(\.|$)|$)|$)",
        ("family", "budget"),
        study="studies.leaderboard:STUDY",
    ),
    COLD_START: ConfigKind(
        "studies.cold_start:ColdStartConfig",
        "studies.cold_start.study:cold_start_cells",
        "kept",
        r"launch(\.|$)",
        study="studies.cold_start:STUDY",
    ),
    LONG_TERM: ConfigKind(
        "studies.long_term:LongTermConfig",
        "studies.long_term.cell:long_term_cells",
        "reward",
        r"(days|shop|catalog|judged)(\.|$)",
        ("effect",),
        study="studies.long_term:STUDY",
    ),
    OPE_BENCHMARK: ConfigKind(
        "studies.ope_benchmark:OpeBenchmarkConfig",
        "studies.ope_benchmark.run:benchmark_cells",
        "",
        ".",
        study="studies.ope_benchmark:STUDY",
    ),
}

RUN_KINDS = KINDS | {
    ABTEST: ConfigKind("studies.online_tests:AbtestConfig", cells="", value="", world="."),
}
"""Every kind of config whose runs are kept in a folder; those of ``abtest`` have no cells."""


def kind_of(values: Mapping[str, Any]) -> str:
    """The kind that a config's mapping says; an experiment if it says none.

    Raises:
        InvalidInput: there is no such kind.
    """
    kind = values.get("kind", EXPERIMENT)
    if kind == ABTEST:
        raise InvalidInput("kind", kind, "run it with 'shopgym abtest run'")
    one_of("kind", kind, KINDS)
    return str(kind)


def _loaded(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"shopgym.experiments.{module}"), name)
