"""How far designs are off where arms share a stock: bias, coverage and power over many simulated tests.

Two scenes are the same but for their stock: ``ample`` never runs out, ``scarce`` has often
sold out. The truth of each is measured: all users in one arm, and in the other. A user-split test
lets the arms take goods from one another, so it errs where they are scarce.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....agents.registry import make_agent
from ....agents.task import Task
from ....core.types import F64
from ....evaluation.online import AssignedRows, Bounds, Metric, StopRule
from ....evaluation.online.effects import FIXED, SEQUENCE, effect_of
from ....policies.guards import InStock
from ....simulators import Catalog, ChoiceConfig, ShopConfig
from ....simulators.config import StockConfig
from ....simulators.people.arrivals import ArrivalConfig
from ....simulators.shop import Shop
from ...stages import stage_rng, stage_seed
from .assignment import ByPeriod, arms_by_hash
from .config import CATEGORIES, ITEMS, SWITCHBACK, USERS, DesignSection
from .designs import Arms, run_design
from .truth import total_effects

STOCKS: Mapping[str, StockConfig] = {
    "ample": StockConfig(enabled=False),
    "scarce": StockConfig(conversion=0.04, minimum=1, out_at_start=0.0),
}
"""Scarce: the shop's own rule of replenishment, with levels for a small part of the demand."""
DESIGNS: Mapping[str, DesignSection] = {
    "users": DesignSection(kind=USERS),
    "switchback, 1 day": DesignSection(kind=SWITCHBACK, period=1.0),
    "switchback, 4 days, the first 2 not counted": DesignSection(kind=SWITCHBACK, period=4.0, burn_in=2.0),
    "clusters by category": DesignSection(kind=CATEGORIES),
    "counterfactual ranking (UniCoRn)": DesignSection(kind=ITEMS),
}
REASSIGNED = 25
MARGIN = (Metric("margin"),)
CONTROL: tuple[str, dict[str, float]] = ("random", {})
TREATMENT: tuple[str, dict[str, float]] = ("popularity", {})
"""The treatment shows what sells best, so it sells more of what is scarce; the control shows anything."""


@dataclass(frozen=True)
class SceneSize:
    """How large a simulated test is."""

    items: int = 100
    days: int = 24
    users_per_day: int = 80
    max_pages: int = 10


@dataclass(frozen=True)
class SceneTruth:
    """What a test should find.

    Attributes:
        relative: the treatment for everybody over the control for everybody, less 1.
        control: by design: the control's true margin per unit, of which differences are shares.
    """

    relative: Bounds
    control: Mapping[str, float]


class Scene:
    """A shop with a stock, and the two policies of its tests."""

    def __init__(self, stock: str, size: SceneSize, seed: int) -> None:
        self.stock, self.seed = stock, seed
        catalog = Catalog.synthetic(size.items, seed=stage_seed(seed, "catalog"))
        config = ShopConfig(
            users=2 * size.days * size.users_per_day,
            slate_size=4,
            num_candidates=20,
            max_pages=size.max_pages,
            choice=ChoiceConfig(click_base=-2.0, cart_base=-1.0, buy_base=1.0),
            stock=STOCKS[stock],
            arrivals=ArrivalConfig(per_day=size.users_per_day),
        )
        self.shop = Shop(
            catalog, config, lanes=size.users_per_day, seed=seed, clock="season", days=float(size.days)
        )
        names = (self.shop.user_names, self.shop.context_names)
        task = Task(catalog.items, *names, 4, (InStock(),), attention=np.ones(4))
        rng = stage_rng(seed, "arms")
        self.policies: Any = tuple(
            make_agent(name, task, rng, **options).policy() for name, options in (CONTROL, TREATMENT)
        )

    def arms(self, *, same: bool = False) -> Arms:
        """Control and treatment, or the control twice: an A/A test."""
        control, treatment = self.policies
        return Arms(("control", "treatment"), (control, control if same else treatment), (1.0, 1.0))

    def truth(self, seasons: int) -> SceneTruth:
        """What the treatment for everybody changes, from seasons of paired worlds."""
        names = ("control", "treatment")
        seed = stage_seed(self.seed, "truth") % 2**62
        metrics = (*MARGIN, Metric("margin", "visits"))
        whole, visit = total_effects(self.shop, names, self.policies, metrics, seasons, seed)
        items = self.shop.catalog.items
        units = {ITEMS: len(items), CATEGORIES: len(np.unique(items.category))}
        own = {kind: whole.control / count for kind, count in units.items()}
        return SceneTruth(whole.relative, {USERS: visit.control, SWITCHBACK: visit.control, **own})

    def tests(self, design: DesignSection, count: int) -> Iterator[tuple[AssignedRows, Metric]]:
        """So many tests, each a season of its own with an assignment of its own: (rows, what is compared)."""
        for number in range(count):
            yield self._test(design, "test", number, same=False)

    def equal_tests(self, design: DesignSection, count: int) -> Iterator[tuple[AssignedRows, Metric]]:
        """So many tests with the control in both arms.

        Who has which arm then changes nothing that happens, so users and periods of one season are assigned
        anew for several tests; items are not, whose arms decide which of two draws ranks them.
        """
        again = 1 if design.kind in (ITEMS, CATEGORIES) else REASSIGNED
        for number in range(-(-count // again)):
            rows, metric = self._test(design, "equal test", number, same=True)
            yield rows, metric
            for repeat in range(1, min(again, count - number * again)):
                salt = stage_seed(self.seed, "equal test", number, repeat)
                if design.kind == USERS:
                    arm = arms_by_hash(salt, rows.unit, (1.0, 1.0))
                else:
                    arm = ByPeriod(salt, 2, design.period).arms_of(rows.unit)
                yield replace(rows, arm=arm), metric

    def _test(
        self, design: DesignSection, name: str, number: int, *, same: bool
    ) -> tuple[AssignedRows, Metric]:
        seed, rng = stage_seed(self.seed, name, number), stage_rng(self.seed, name, number)
        rows, (metric,) = run_design(design, self.shop, self.arms(same=same), MARGIN, seed, rng)
        return rows, metric


def share_interval(hits: int, n: int) -> Bounds:
    """A share of n tests with its 95% interval (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    low = float(beta.ppf(0.025, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, n - hits)) if hits < n else 1.0
    return Bounds(hits / n, low, high)


def design_row(scene: Scene, name: str, tests: int, truth: SceneTruth) -> dict[str, object]:
    """Bias, coverage and power of one design in one scene.

    A test's difference counts as a share of the control's true mean: the ratio of two estimated means would
    add a bias of its own where few units are assigned.
    """
    rule, true, control = StopRule(FIXED), truth.relative.value, truth.control[DESIGNS[name].kind]
    effects = [effect_of(rows, metric, 1, rule) for rows, metric in scene.tests(DESIGNS[name], tests)]
    shares: F64 = (
        np.array([[e.difference.value, e.difference.low, e.difference.high] for e in effects]) / control
    )
    estimate, spread = float(shares[:, 0].mean()), float(shares[:, 0].std(ddof=1))
    error = 1.96 * spread / tests**0.5
    inside = int(((shares[:, 1] <= true) & (true <= shares[:, 2])).sum())
    shown = sum(effect.p < 0.05 and effect.difference.value > 0 for effect in effects)
    return {
        "stock": scene.stock,
        "design": name,
        "tests": tests,
        "truth": truth.relative,
        "estimate": estimate,
        "bias": Bounds(estimate - true, estimate - true - error, estimate - true + error),
        "sd": spread,
        "covers the truth": share_interval(inside, tests),
        "power": share_interval(shown, tests),
    }


def looked_at_daily(rows: AssignedRows, metric: Metric, rule: StopRule, first: int = 2) -> bool:
    """Whether somebody who looks at the end of every day, from day ``first`` on, ever sees a difference."""
    assert rows.day is not None
    for day in range(first, int(rows.day.max()) + 1):
        if effect_of(rows.where(rows.day <= day), metric, 1, rule).p < 1.0 - rule.level:
            return True
    return False


def alarm_rows(
    scene: Scene, name: str, tests: int, planned: float, *, watched: int = 10**9
) -> list[dict[str, object]]:
    """False alarms of one design: both arms are the control.

    One look with a fixed test; of a test by users the first ``watched`` are looked at every day too, with
    each stop rule.
    """
    fixed = StopRule(FIXED)
    alarms = {"one": 0}
    daily = {"every day, fixed test": fixed, "every day, sequence": StopRule(SEQUENCE, planned=planned)}
    if name == "users":
        alarms |= dict.fromkeys(daily, 0)
    for number, (rows, metric) in enumerate(scene.equal_tests(DESIGNS[name], tests)):
        alarms["one"] += effect_of(rows, metric, 1, fixed).p < 1.0 - fixed.level
        for looks, rule in daily.items():
            if looks in alarms and number < watched:
                alarms[looks] += looked_at_daily(rows, metric, rule)
    return [
        {"stock": scene.stock, "design": name, "tests": n, "looks": looks}
        | {"false alarms": share_interval(int(count), n)}
        for looks, count in alarms.items()
        for n in [tests if looks == "one" else min(tests, watched)]
    ]


def interference_tables(
    tests: int,
    alarm_tests: int,
    truth_seasons: int,
    *,
    size: SceneSize | None = None,
    designs: Sequence[str] = tuple(DESIGNS),
    watched: int = 200,
    seed: int = 1,
    on_row: Callable[[dict[str, object]], None] = lambda row: None,
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """(bias and power of the designs with ample and scarce stock, false alarms with scarce stock)."""
    size = size or SceneSize()
    effects: list[dict[str, object]] = []
    alarms: list[dict[str, object]] = []
    for stock in STOCKS:
        scene = Scene(stock, size, seed)
        truth = scene.truth(truth_seasons)
        for name in designs:
            effects.append(design_row(scene, name, tests, truth))
            on_row(effects[-1])
    scene = Scene("scarce", size, seed)
    for name in designs:
        if not alarm_tests:
            break
        planned = float(size.days * size.users_per_day)
        rows = alarm_rows(scene, name, alarm_tests, planned, watched=watched)
        alarms += rows
        for row in rows:
            on_row(row)
    return effects, alarms
