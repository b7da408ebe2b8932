"""The comparison of a run over the ranges of what is assumed: the policies stay as they were trained.

Each assumed figure is moved to both ends of its range (:mod:`shopgym.realism.assumed`). In each of these
shops every policy of the run serves the same visitors with the same random draws. Nothing is trained again.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..core.errors import InvalidInput
from ..core.types import F64
from ..policies.policy import SlatePolicy
from ..realism.assumed import ASSUMED
from ..realism.robustness import Robustness, robustness
from ..simulators import ShopConfig
from .config import ExperimentConfig
from .episodes import rounds_of
from .stages.context import RunContext
from .stages.deploy import deploy

DECISIONS = 20_000
"""Pages of each policy in each shop; fewer where the run itself deploys on fewer."""


def check_robust(config: ExperimentConfig) -> None:
    """Raise :class:`InvalidInput` unless the policies of such a run can be compared by first pages."""
    if config.episode != "page":
        fix = f"leave it out: shops are compared by first pages, and the config has episode: {config.episode}"
        raise InvalidInput("--robust", True, fix)


def robust_gain(
    context: RunContext, policies: Mapping[str, SlatePolicy], first: str, second: str
) -> Robustness:
    """The gain of policy ``first`` over ``second`` at both ends of every range.

    Pages are first pages of visits, as everywhere in a run: what a visit does to later ones is not seen.
    """
    config = context.config
    rounds = rounds_of(config, min(DECISIONS, config.truth.decisions))

    def measure(shop: ShopConfig) -> dict[str, F64]:
        values = {}
        for name, policy in policies.items():
            env = context.open("robust", shop)
            rng, source = context.rng("robust"), context.candidates(env)
            values[name] = deploy(env.loop, policy, rounds, rng, candidates=source).expected
        return values

    task = context.progress.add_task("robust", total=3 * len(ASSUMED) + 1)

    def show(name: str) -> None:
        context.progress.update(task, description=f"robust: {name}", advance=1)

    return robustness(
        measure,
        context.catalog,
        context.shop_config,
        first,
        second,
        unit=f"{context.unit} per decision",
        level=config.evaluation.level,
        seed=context.seed("robust ends"),
        later_visits=False,
        progress=show,
    )
