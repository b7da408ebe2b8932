"""An online test in the shop as YAML: ``kind: abtest``, agents as arms, a design, metrics."""

from __future__ import annotations

import re
from functools import partial
from typing import Literal

from pydantic import Field, field_validator, model_validator

from ....core.batches import SLOT_TERMS
from ....core.config import Settings
from ....core.errors import InvalidInput, one_of
from ....core.reward import RewardSpec
from ....core.yaml_file import import_packages
from ....evaluation.online import Metric, StopRule, TestOptions, read_metrics
from ....evaluation.online.effects import FIXED, SEQUENCE
from ....policies.guards import InStock, guard_spec
from ....simulators.build_params import user_names
from ....simulators.config import ShopConfig
from ...config import Agents, CatalogSection, Imports, Rule, Section, TrainingSection, refuse_competition
from ...entries import NAME, check_entries
from ..study_config import StudyConfig
from .season import COUNTED

USERS: Literal["users"] = "users"
SWITCHBACK: Literal["switchback"] = "switchback"
ITEMS: Literal["items"] = "items"
CATEGORIES: Literal["categories"] = "categories"
INTERLEAVING: Literal["interleaving"] = "interleaving"
RAMP: Literal["ramp"] = "ramp"
TWO_ARMS = (ITEMS, CATEGORIES, INTERLEAVING, RAMP)
"""Designs that compare one arm with the control."""
HISTORY = "history"
"""What an item is expected to sell, known before the test: what is compared is an item's outcome over it."""


class StageSection(Section):
    """One stage of a ramp."""

    share: float = Field(gt=0, lt=1, description="of the users in the treatment")
    days: int = Field(ge=1, le=3650)


class DesignSection(Section):
    """What is assigned to the arms."""

    kind: Literal["users", "switchback", "items", "categories", "interleaving", "ramp"] = "users"
    split: dict[str, float] = Field({}, description="users: share of each arm; empty = equal")
    period: float = Field(1.0, gt=0, le=365, description="switchback: days of a period")
    burn_in: float = Field(0.0, ge=0, le=365, description="switchback: days at a period's start not counted")
    stages: tuple[StageSection, ...] = Field(
        (), description="ramp: the shares of the treatment, one after the other"
    )

    @model_validator(mode="after")
    def _together(self) -> DesignSection:
        if self.burn_in >= self.period:
            raise InvalidInput("design.burn_in", self.burn_in, f"leave some of the period: {self.period:g}")
        if (self.kind == RAMP) != bool(self.stages):
            raise InvalidInput(
                "design.stages", len(self.stages), "give stages with kind: ramp, and only then"
            )
        shares = [stage.share for stage in self.stages]
        if shares != sorted(set(shares)):
            raise InvalidInput(
                "design.stages", shares, "let the share of the treatment grow from stage to stage"
            )
        return self


class AbtestConfig(StudyConfig):
    """One online test in the shop: real policies, shared stock, and the truth beside the answer."""

    kind: Literal["abtest"]
    running_time: str = Field("", description="how long it takes, in words")
    catalog: CatalogSection = CatalogSection(source="synthetic", items=100)
    shop: Settings[ShopConfig] = Settings({}, ShopConfig())
    days: float = Field(14.0, gt=0, le=3650, description="length of the test")
    visits: int = Field(20, ge=1, le=100_000, description="visits at a time")
    reward: Settings[RewardSpec] = Settings({}, RewardSpec())
    guards: tuple[Rule, ...] = Field((InStock(),), json_schema_extra={"default": [guard_spec(InStock())]})
    imports: Imports = ()
    agents: Agents = Field({}, description="arms that learn in a copy of the shop")
    bundles: dict[str, str] = Field(
        {}, description="arms that were exported: a name, and the folder of a bundle or of a saved policy"
    )
    control: str = Field("control", description="the agent that the others are compared with")
    training: TrainingSection = TrainingSection(rounds=20, batch=200, warm_up=5)
    design: DesignSection = DesignSection()
    metrics: tuple[str, ...] = Field(("margin",), description="per user, or ratios; the first decides")
    guardrails: dict[str, float] = Field({}, description="metrics and the share of them that may be lost")
    minimise: tuple[str, ...] = Field((), description="metrics of which less is better")
    stop: Literal["sequence", "fixed"] | None = Field(
        None, description="default: fixed where few units are assigned (periods, items, categories)"
    )
    level: float = Field(0.95, gt=0.5, lt=1.0)
    planned: float = Field(10_000, ge=1, description="users of two arms at which a sequence is narrowest")
    correction: Literal["holm", "benjamini-hochberg", "none"] = "holm"
    truth: int = Field(20, ge=0, le=10_000, description="seasons of all users in one arm; 0 = not asked")

    @field_validator("metrics")
    @classmethod
    def _some_metric(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise InvalidInput("metrics", [], "name at least one: the first decides")
        return value

    @model_validator(mode="after")
    def _arms(self) -> AbtestConfig:
        names = (*self.agents, *self.bundles)
        named = ", ".join(names)
        for name in self.bundles:
            if name in self.agents or not re.fullmatch(NAME, name):
                fix = f"give it a name of its own: {NAME}"
                raise InvalidInput("bundles", name, fix)
        if len(names) < 2:
            raise InvalidInput("agents", named, "a test compares two arms or more: name another agent")
        one_of("control", self.control, names)
        if self.design.kind in TWO_ARMS and len(names) > 2:
            raise InvalidInput("agents", named, f"design {self.design.kind} compares two: leave one out")
        for arm in self.design.split:
            one_of("design.split", arm, names)
        if self.design.split and set(self.design.split) != set(names):
            raise InvalidInput("design.split", self.design.split, f"give each arm a share: {named}")
        import_packages(self.imports)
        check_entries(self.agents, partial(user_names, self.shop.config))
        return self

    @model_validator(mode="after")
    def _lengths(self) -> AbtestConfig:
        refuse_competition(self.shop.config, "shop")
        if not self.shop.config.num_candidates:
            raise InvalidInput("shop.num_candidates", 0, "agents choose among candidates")
        design = self.design
        if design.kind == RAMP and (days := sum(stage.days for stage in design.stages)) > self.days:
            raise InvalidInput("days", self.days, f"the stages take {days} days")
        if design.kind == SWITCHBACK and self.days < 4 * design.period:
            fix = f"{self.days:g} days hold fewer than four periods: take shorter ones"
            raise InvalidInput("design.period", design.period, fix)
        return self

    @model_validator(mode="after")
    def _metrics(self) -> AbtestConfig:
        items = self.design.kind in (ITEMS, CATEGORIES, INTERLEAVING)
        choices = SLOT_TERMS if items else COUNTED
        for metric in self.read_metrics():
            for column in metric.columns:
                one_of("metrics", column, choices)
            if items and metric.denominator is not None:
                fix = f"design {self.design.kind} counts items: name a metric without a denominator"
                raise InvalidInput("metrics", metric.name, fix)
        return self

    def read_metrics(self) -> tuple[Metric, ...]:
        """The metrics, the one that decides first."""
        guardrails = [f"{name}:{share!r}" for name, share in self.guardrails.items()]
        return read_metrics(self.metrics, guardrails, (), self.minimise)

    @property
    def arms(self) -> tuple[str, ...]:
        """The control, then the others in order."""
        names = (*self.agents, *self.bundles)
        return (self.control, *(name for name in names if name != self.control))

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the arms, in their order."""
        return tuple(self.design.split.get(name, 1.0) for name in self.arms)

    def options(self) -> TestOptions:
        """How the test is analysed."""
        split = dict(zip(self.arms, self.shares)) if self.design.kind == USERS else {}
        return TestOptions(self.rule.stop, self.level, self.planned, self.correction, split)

    @property
    def rule(self) -> StopRule:
        """How intervals are made."""
        few = self.design.kind in (SWITCHBACK, ITEMS, CATEGORIES)
        return StopRule(self.stop or (FIXED if few else SEQUENCE), self.level, self.planned)
