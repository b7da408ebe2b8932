"""The comparison of a run over the ranges of what is assumed: the policies stay as they were trained.

Each assumed figure is moved to both ends of its range (:mod:`shopgym.realism.assumed`). In each of these
shops every policy of the run serves the same visitors with the same random draws. Nothing is trained again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..core.types import F64
from ..policies.policy import SlatePolicy
from ..realism.assumed import ASSUMED
from ..realism.robustness import Robustness, robustness
from ..simulators import ShopConfig
from .deploy import deploy

if TYPE_CHECKING:
    from .runner import Experiment

DECISIONS = 20_000
"""Pages of each policy in each shop; fewer where the run itself deploys on fewer."""


def robust_gain(
    experiment: Experiment, policies: Mapping[str, SlatePolicy], first: str, second: str
) -> Robustness:
    """The gain of policy ``first`` over ``second`` at both ends of every range.

    Pages are first pages of visits, as everywhere in a run: what a visit does to later ones is not seen.
    """
    config = experiment.config
    decisions = min(DECISIONS, config.truth.decisions)

    def measure(shop: ShopConfig) -> dict[str, F64]:
        values = {}
        for name, policy in policies.items():
            env = experiment.open("robust", shop)
            rng, source = experiment.rng("robust"), experiment.candidates(env)
            values[name] = deploy(env, policy, decisions, rng, lambda: None, source).expected
        return values

    task = experiment.progress.add_task("robust", total=3 * len(ASSUMED) + 1)

    def show(name: str) -> None:
        experiment.progress.update(task, description=f"robust: {name}", advance=1)

    return robustness(
        measure,
        experiment.catalog,
        experiment.shop_config,
        first,
        second,
        unit=f"{experiment.unit} per decision",
        level=config.evaluation.level,
        seed=experiment.seed("robust ends"),
        later_visits=False,
        progress=show,
    )
