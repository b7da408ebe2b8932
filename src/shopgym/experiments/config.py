"""An experiment as YAML: unknown settings, wrong types and values out of range are refused."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_serializer,
    model_validator,
)

from ..agents.registry import AGENTS, agent_names, check_agent
from ..core.config import Settings, build
from ..core.errors import InvalidInput, one_of
from ..core.hashing import hash_json
from ..core.reward import RewardSpec
from ..core.reward.booking import Booking, charge_of_returns
from ..core.yaml_file import import_packages
from ..evaluation.offline.estimators import ESTIMATORS
from ..guardrails.gate.ranking import RankingFloor
from ..policies.guards import GUARDS, Guard, InStock, check_columns, guard_from_spec, guard_spec
from ..simulators.build_params import context_names, user_names
from ..simulators.catalog.catalog import OBSERVED, UNITS_CAP
from ..simulators.config import ShopConfig
from ..simulators.people.arrivals import WEEKS
from ..tables import Dialect
from ..tables.records.options import RecordOptions
from .config_file import read_config
from .covered_days import check_events
from .entries import NAME, AgentEntry, agent_entries, check_entries, expand_entries
from .episodes import EpisodeName, check_episode

Rule = Annotated[
    Guard,
    PlainValidator(guard_from_spec),
    PlainSerializer(guard_spec),
    WithJsonSchema({"type": "object", "properties": {"kind": {"enum": list(GUARDS)}}, "required": ["kind"]}),
]
"""One guard: its ``kind`` and its settings."""


def refuse_competition(shop: ShopConfig, field: str) -> None:
    """Refuse a shop without exact values of pages, with which agents are compared."""
    if shop.choice.competition:
        fix = (
            "leave it out: agents are compared by exact values of pages, and where items compete only bounds"
        )
        fix += " are known; compare policies by shop.compare"
        raise InvalidInput(f"{field}.choice.competition", shop.choice.competition, fix)


def _each_value(agents: Any, info: ValidationInfo) -> Any:
    """``agents`` with an entry for each value of a list; their packages are imported first."""
    import_packages(info.data.get("imports", ()))
    return expand_entries(agents) if isinstance(agents, dict) else agents


Agents = Annotated[
    dict[str, dict[str, Any]],
    BeforeValidator(_each_value),
    Field(json_schema_extra={"propertyNames": {"examples": list(AGENTS)}}),
]
"""By name: the options of the agent of that name, or ``agent: NAME`` and its options."""
Imports = Annotated[
    tuple[str, ...], Field(description="Python packages that are imported first: they register agents")
]


class Section(BaseModel):
    """A part of a config: frozen, and strict about its keys.

    ``later`` names the fields that came after 0.1. Where they have their default they are not stored, so that
    the hash of an older config stays what it was.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    later: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _stored(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        stored: dict[str, Any] = serialise(self)
        fields = type(self).model_fields
        for name in self.later:
            if getattr(self, name) == fields[name].default:
                stored.pop(name, None)
        return stored


UNUSED_MIN_ORDERS = 5
"""What 0.1 stored where a catalogue is not made of order lines: so the hash of such configs stays."""


RECORDS = ("transactions", "events")
"""Sources of a catalogue that are files: order lines, or events of visits."""


class CatalogSection(Section):
    """Where the items come from."""

    later: ClassVar[tuple[str, ...]] = (
        *("dialect", "mapping", "day_first", "time_zone", "currency", "price_unit", "guests", "item_table"),
        *("units_cap", "until", "units_scale", "units_power"),
    )
    source: Literal["online_retail", "synthetic", "transactions", "events"] = "online_retail"
    items: int = Field(1000, ge=2, le=10_000_000, description="synthetic: number of items")
    path: Path | None = Field(None, description="transactions, events: a table of order lines or of events")
    columns: dict[str, str] = Field({}, description="transactions: our column name to yours")
    dialect: dict[Literal["separator", "decimal", "thousands", "encoding"], str] = Field(
        {}, description="transactions: of a CSV table; what it leaves out is recognised"
    )
    mapping: str | None = Field(
        None, description="transactions: name of a shipped mapping or path of one; else that which fits"
    )
    day_first: bool | None = Field(None, description="transactions: whether 03/04/2024 begins with the day")
    time_zone: str | None = Field(None, description="transactions: of the shop, for times in UTC")
    currency: str | None = Field(None, description="transactions: the one whose lines are used")
    price_unit: float | None = Field(None, description="transactions: 0.01 where prices are in cents")
    guests: tuple[str, ...] = Field((), description="transactions: customers that stand for all guests")
    item_table: tuple[Path, ...] = Field(
        (), description="transactions: files of products, costs; new products without sales come in too"
    )
    item_pattern: str | None = Field(None, description="transactions: what a real item id looks like (regex)")
    min_orders: int = Field(1, ge=1, description="transactions: items in fewer orders are set aside")
    units_cap: float = Field(
        UNITS_CAP, ge=1, le=1e9, description="transactions: units of a line count up to it in an item's mean"
    )
    until: str | None = Field(
        None, pattern=r"^\d{4}-\d{2}-\d{2}$", description="transactions: the last day whose lines are used"
    )
    units_scale: float = Field(
        1.0, ge=0, le=1000, description="mean units u become 1 + scale (u - 1) ** power"
    )
    units_power: float = Field(1.0, ge=0, le=1000, description="see units_scale")

    @model_validator(mode="after")
    def _has_path(self) -> CatalogSection:
        if (self.source in RECORDS) != (self.path is not None):
            fix = "give it with source: transactions or events, and only then"
            raise InvalidInput("catalog.path", self.path, fix)
        return self

    @model_serializer(mode="wrap")
    def _stored(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        stored = super()._stored(serialise)
        if self.source not in RECORDS and self.min_orders == 1:
            stored["min_orders"] = UNUSED_MIN_ORDERS
        return stored

    def record_options(self) -> RecordOptions:
        """How the order lines are read."""
        names = [setting.name for setting in fields(RecordOptions) if setting.name != "dialect"]
        said = {name: getattr(self, name) for name in names}
        return RecordOptions(**said, dialect=Dialect(**self.dialect))


class TrainingSection(Section):
    """How long agents learn: ``rounds`` batches of ``batch`` pages, one of each visitor who is there.

    ``reward`` and what follows say from which reward, see :mod:`shopgym.training.booked_reward`.
    """

    later: ClassVar[tuple[str, ...]] = ("reward", "attribution", "half_life", "maturity")
    rounds: int = Field(60, ge=1, le=1_000_000)
    batch: int = Field(1000, ge=1, le=1_000_000)
    warm_up: int = Field(20, ge=1, le=100_000, description="batches of random pages that measure attention")
    reward: Literal["expected", "booked"] = Field(
        "expected", description="expected: at once; booked: what came of it in the end"
    )
    attribution: str = Field("sold_slot", description="booked: which slots get the credit for an order")
    half_life: float = Field(7.0, description="booked: days, of attribution time_decay")
    maturity: float = Field(365.0, description="booked: days within which a return counts")

    @model_validator(mode="after")
    def _booking(self) -> TrainingSection:
        booking = Booking(self.attribution, self.half_life, self.maturity)
        if self.reward != "booked" and booking != Booking():
            fix = "leave attribution, half_life and maturity out, or set training.reward: booked"
            raise InvalidInput("training.reward", self.reward, fix)
        return self

    @property
    def booking(self) -> Booking | None:
        """How the reward is booked; None where it is told at once."""
        if self.reward == "expected":
            return None
        return Booking(self.attribution, self.half_life, self.maturity)


class RetrieveSection(Section):
    """Pages choose from the whole catalogue: what an agent learnt from random pages finds the candidates."""

    agent: str = Field("linucb", description="ranks linearly, by histories or by one number per item")
    options: dict[str, Any] = {}
    count: int = Field(100, ge=1, le=1000, description="candidates that are retrieved and ranked")
    rounds: int = Field(20, ge=1, le=100_000, description="batches of random pages that it learns from")


class LogSection(Section):
    """The log for offline evaluation: what yesterday's policy did."""

    later: ClassVar[tuple[str, ...]] = ("episodes",)
    agent: str = "popularity"
    options: dict[str, Any] = {"decay": 0.25, "floor": 0.25}
    decisions: int = Field(100_000, ge=100, le=100_000_000, description="with episode: page")
    episodes: int | None = Field(
        None, ge=1, le=100_000_000, description="of other episodes: visits, customers or seasons"
    )


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

    later: ClassVar[tuple[str, ...]] = ("episodes",)
    decisions: int = Field(200_000, ge=1000, le=1_000_000_000, description="with episode: page")
    episodes: int | None = Field(
        None, ge=1, le=1_000_000_000, description="of other episodes: visits, customers or seasons"
    )


class SeasonSection(Section):
    """The season of this shop that was compared with records: ``shopgym calibrate`` writes it."""

    days: float = Field(364.0, gt=0, le=36_400, description="length of the season")
    start_week: int = Field(0, ge=0, lt=WEEKS, description="week of the year in which it begins")
    share: float = Field(1.0, gt=0, le=1, description="of the shop's people that this config has")
    seed: int = Field(0, ge=0, lt=2**62, description="of the season")
    behaviour: dict[Literal["popularity", "relevance", "noise", "again", "new_device"], float] = Field(
        {}, description="what the shop showed, see shopgym.realism.Behaviour"
    )


class GateSection(Section):
    """What a candidate must show on the log before it may be exported."""

    later: ClassVar[tuple[str, ...]] = ("ranking",)

    baseline: str = "popularity"
    candidate: str = Field("best", description="an agent, or 'best': the highest lower bound")
    level: float = Field(0.95, gt=0.5, lt=1.0, description="joint over all candidates")
    ranking: RankingFloor | None = Field(
        None,
        description="how well a candidate has to rank what users of the log chose; metric, outcome, at_least",
    )


LADDER = ("random", "popularity", "epsilon_greedy", "squarecb", "linucb", "lints", "logistic_ts")
"""The agents of an experiment that names none: what learns in seconds and needs nothing else installed."""


class ExperimentConfig(Section):
    """One experiment: a shop, agents that learn in it, a log, an evaluation, a gate, a bundle."""

    later: ClassVar[tuple[str, ...]] = ("imports", "season", "episode", "days")

    name: str = Field(pattern=f"^{NAME}$")
    purpose: str = Field("", description="what the experiment is for; printed in the report")
    seed: int = Field(0, ge=0, lt=2**62, description="of everything that is random")
    catalog: CatalogSection = CatalogSection()
    episode: EpisodeName = Field("page", description="what agents are trained for and judged on")
    days: float | None = Field(None, gt=0, le=36_400, description="life and season: how long; 28 if left out")
    shop: Settings[ShopConfig] = Settings({}, ShopConfig())
    reward: Settings[RewardSpec] = Settings({}, RewardSpec())
    guards: tuple[Rule, ...] = Field((InStock(),), json_schema_extra={"default": [guard_spec(InStock())]})
    imports: Imports = ()
    agents: Agents = {name: {} for name in LADDER}
    retrieve: RetrieveSection | None = None
    training: TrainingSection = TrainingSection()
    log: LogSection = LogSection()
    evaluation: EvaluationSection = EvaluationSection()
    truth: TruthSection = TruthSection()
    season: SeasonSection | None = None
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
        for limit in self.reward.config.limits:
            if limit.versus is not None:
                one_of(f"reward.costs.{limit.label}.versus", limit.versus, self.agents)
        return self

    @model_validator(mode="after")
    def _agents(self) -> ExperimentConfig:
        import_packages(self.imports)
        names = partial(user_names, self.shop.config)
        check_entries(self.agents, names)
        for field, section in (("log", self.log), ("retrieve", self.retrieve)):
            if section is not None:
                one_of(f"{field}.agent", section.agent, agent_names())
                check_agent(section.agent, section.options, f"{field}.options", names())
        return self

    @model_validator(mode="after")
    def _guards(self) -> ExperimentConfig:
        shop = self.shop.config
        check_columns(
            self.guards,
            {"user": user_names(shop), "context": context_names(OBSERVED, shop)},
            live=shop.live and self.retrieve is None,
        )
        return self

    @model_validator(mode="after")
    def _books(self) -> ExperimentConfig:
        if self.training.booking is not None:
            charge_of_returns(self.reward.config)
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

    @model_validator(mode="after")
    def _events_are_met(self) -> ExperimentConfig:
        batch = self.training.batch
        decisions = {"log.decisions": self.log.decisions, "truth.decisions": self.truth.decisions}
        pages = {"training.rounds": self.training.rounds}
        if self.episode == "page":
            pages |= {name: -(-count // batch) for name, count in decisions.items()}
        if self.episode in ("page", "visit"):
            check_events(self.shop.config, pages)
        check_episode(self)
        return self

    @model_validator(mode="after")
    def _has_exact_values(self) -> ExperimentConfig:
        refuse_competition(self.shop.config, "shop")
        return self

    def shop_config(self) -> ShopConfig:
        """The shop's numbers."""
        shop = self.shop.config
        return shop if self.retrieve is None else replace(shop, num_candidates=0)

    @property
    def entries(self) -> list[AgentEntry]:
        """The agents, in order."""
        return agent_entries(self.agents)

    def stored(self) -> dict[str, Any]:
        """The config with all defaults filled in, as a run stores it."""
        return self.model_dump(mode="json")

    @property
    def hash(self) -> str:
        """SHA-256 of what is stored."""
        return hash_json(self.stored())


def load_config(path: Path | str) -> ExperimentConfig:
    """Read and check an experiment's YAML file, or the shipped config of that name: ``online_retail``."""
    return parse_config(read_config(path))


def parse_config(raw: dict[str, Any]) -> ExperimentConfig:
    """Check the mapping of an experiment."""
    return build(ExperimentConfig, raw)
