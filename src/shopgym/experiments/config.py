"""An experiment as YAML: unknown settings, wrong types and values out of range are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from ..agents.registry import AGENTS, check_agent
from ..core.config import Settings, build
from ..core.errors import InvalidInput, did_you_mean, one_of
from ..core.hashing import hash_json
from ..core.reward import RewardSpec
from ..evaluation.offline.estimators import ESTIMATORS
from ..policies.guards import GUARDS, CategoryCap, InStock, MarginFloor, guard_from_spec, guard_spec
from ..simulators.config import ShopConfig

Rule = Annotated[
    InStock | MarginFloor | CategoryCap,
    PlainValidator(guard_from_spec),
    PlainSerializer(guard_spec),
    WithJsonSchema({"type": "object", "properties": {"kind": {"enum": list(GUARDS)}}, "required": ["kind"]}),
]
"""One guard: its ``kind`` and its settings."""


def _checked_agents(agents: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for name, options in agents.items():
        check_agent(name, options)
    return agents


Agents = Annotated[
    dict[str, dict[str, Any]],
    AfterValidator(_checked_agents),
    Field(json_schema_extra={"propertyNames": {"examples": list(AGENTS)}}),
]
"""Options by agent."""


class Section(BaseModel):
    """A part of a config: frozen, and strict about its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CatalogSection(Section):
    """Where the items come from."""

    source: Literal["online_retail", "synthetic", "transactions"] = "online_retail"
    items: int = Field(1000, ge=2, le=10_000_000, description="synthetic: number of items")
    path: Path | None = Field(None, description="transactions: a CSV or Parquet table of order lines")
    columns: dict[str, str] = Field({}, description="transactions: our column name to yours")
    item_pattern: str | None = Field(None, description="transactions: what a real item id looks like (regex)")
    min_orders: int = Field(5, ge=1, description="transactions: items in fewer orders are set aside")

    @model_validator(mode="after")
    def _has_path(self) -> CatalogSection:
        if (self.source == "transactions") != (self.path is not None):
            raise InvalidInput("catalog.path", self.path, "give it with source: transactions, and only then")
        return self


class TrainingSection(Section):
    """How long agents learn: ``rounds`` batches of ``batch`` one-page visits."""

    rounds: int = Field(60, ge=1, le=1_000_000)
    batch: int = Field(1000, ge=1, le=1_000_000)
    warm_up: int = Field(20, ge=1, le=100_000, description="batches of random pages that measure attention")


class RetrieveSection(Section):
    """Pages choose from the whole catalogue: what an agent learnt from random pages finds the candidates."""

    agent: str = Field("linucb", description="ranks linearly, by histories or by one number per item")
    options: dict[str, Any] = {}
    count: int = Field(100, ge=1, le=1000, description="candidates that are retrieved and ranked")
    rounds: int = Field(20, ge=1, le=100_000, description="batches of random pages that it learns from")

    @model_validator(mode="after")
    def _known(self) -> RetrieveSection:
        check_agent(self.agent, self.options)
        return self


class LogSection(Section):
    """The log for offline evaluation: what yesterday's policy did."""

    agent: str = "popularity"
    options: dict[str, Any] = {"decay": 0.25, "floor": 0.25}
    decisions: int = Field(100_000, ge=100, le=100_000_000)


class EvaluationSection(Section):
    """How policies are judged on the log."""

    estimators: tuple[str, ...] = ("ips", "snips", "dm", "dr")
    level: float = Field(0.95, gt=0.5, lt=1.0)
    bootstrap: int = Field(1000, ge=100, le=100_000)

    @field_validator("estimators")
    @classmethod
    def _estimators(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            one_of("evaluation.estimators", name, ESTIMATORS)
        return value


class TruthSection(Section):
    """How the shop's own value of a policy is found: by deploying it in a copy of the shop."""

    decisions: int = Field(200_000, ge=1000, le=1_000_000_000)


class GateSection(Section):
    """What a candidate must show on the log before it may be exported."""

    baseline: str = "popularity"
    candidate: str = Field("best", description="an agent, or 'best': the highest lower bound")
    level: float = Field(0.95, gt=0.5, lt=1.0, description="joint over all candidates")


LADDER = ("random", "popularity", "epsilon_greedy", "squarecb", "linucb", "lints", "logistic_ts")
"""The agents of an experiment that names none: what learns in seconds and needs nothing else installed."""


class ExperimentConfig(Section):
    """One experiment: a shop, agents that learn in it, a log, an evaluation, a gate, a bundle."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    purpose: str = Field("", description="what the experiment is for; printed in the report")
    seed: int = Field(0, ge=0, lt=2**62, description="of everything that is random")
    catalog: CatalogSection = CatalogSection()
    shop: Settings[ShopConfig] = Settings({}, ShopConfig())
    reward: Settings[RewardSpec] = Settings({}, RewardSpec())
    guards: tuple[Rule, ...] = Field((InStock(),), json_schema_extra={"default": [guard_spec(InStock())]})
    agents: Agents = {name: {} for name in LADDER}
    retrieve: RetrieveSection | None = None
    training: TrainingSection = TrainingSection()
    log: LogSection = LogSection()
    evaluation: EvaluationSection = EvaluationSection()
    truth: TruthSection = TruthSection()
    gate: GateSection = GateSection()

    @model_validator(mode="after")
    def _names(self) -> ExperimentConfig:
        named = ", ".join(self.agents)
        if len(self.agents) < 2:
            raise InvalidInput("agents", named, "name at least two, one of them the baseline")
        if self.gate.baseline not in self.agents:
            raise InvalidInput("gate.baseline", self.gate.baseline, f"choose among agents: {named}")
        if self.gate.candidate not in (*self.agents, "best"):
            raise InvalidInput("gate.candidate", self.gate.candidate, f"choose 'best' or one of: {named}")
        check_agent(self.log.agent, self.log.options)
        return self

    @model_validator(mode="after")
    def _whole_catalogue(self) -> ExperimentConfig:
        if self.retrieve is None:
            return self
        candidates = self.shop.written.get("num_candidates", 0)
        if candidates:
            fix = "leave it out or give 0: with retrieve a page chooses from the whole catalogue"
            raise InvalidInput("shop.num_candidates", candidates, fix)
        if self.shop.config.live:
            raise InvalidInput("shop.live", True, "with retrieve nothing live is known of a candidate: false")
        slots = self.shop.config.slate_size
        if self.retrieve.count < slots:
            raise InvalidInput("retrieve.count", self.retrieve.count, f"fill a page of {slots} slots")
        return self

    def shop_config(self) -> ShopConfig:
        """The shop's numbers."""
        shop = self.shop.config
        return shop if self.retrieve is None else replace(shop, num_candidates=0)

    @property
    def hash(self) -> str:
        """SHA-256 of the config with all defaults filled in."""
        return hash_json(self.model_dump(mode="json"))


class _OnceLoader(yaml.SafeLoader):
    """Plain YAML in which a key may stand only once: the last one would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                line = node.start_mark.line + 1
                raise InvalidInput(str(key), "given twice", f"keep one (near line {line})")
        return super().construct_mapping(node, deep)


def load_config(path: Path) -> ExperimentConfig:
    """Read and check an experiment's YAML file, or the shipped config of that name: ``online_retail``."""
    return parse_config(read_config(path))


def read_config(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, or in the shipped config of that name; not checked yet.

    A relative ``catalog.path`` is taken from the file's own folder.
    """
    shipped = {file.stem: file for file in sorted((Path(__file__).parent / "configs").glob("*.yaml"))}
    if not path.exists() and path.parent == Path():
        path = shipped.get(path.name, path)
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_OnceLoader)
    except FileNotFoundError:
        fix = f"there is no such file, nor a shipped config; shipped: {', '.join(shipped)}"
        fix += did_you_mean(path.stem, shipped)
        raise InvalidInput("config", str(path), fix) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("config", str(path), f"give a text file in UTF-8 ({error})") from None
    except yaml.YAMLError as error:
        raise InvalidInput("config", str(path), f"it is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise InvalidInput("config", str(path), "write a mapping with at least a name")
    raw.setdefault("name", path.stem)
    catalog = raw.get("catalog")
    if isinstance(catalog, dict) and isinstance(catalog.get("path"), str):
        catalog["path"] = str((path.parent / catalog["path"]).resolve())
    return raw


def parse_config(raw: dict[str, Any]) -> ExperimentConfig:
    """Check the mapping of an experiment."""
    return build(ExperimentConfig, raw)
