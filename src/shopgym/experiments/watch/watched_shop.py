"""What is watched: a season of a shop and the policies to choose from, of a config, a profile or a run.

An experiment may know one-page visits alone. A season needs to know who comes when, and who comes back. What
the config says of that holds; what it leaves open is filled in here, and said on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ...agents import Task, make_agent
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.protocols import Agent
from ...policies.guards import InStock
from ...policies.policy import SlatePolicy
from ...policies.retrieval.retriever import Retriever
from ...realism.shop_events import beginning_in
from ...simulators import ArrivalConfig, Catalog, PeopleConfig, RetentionConfig, ShopConfig
from ...simulators.build_params import context_names, user_names
from ...simulators.catalog.catalog import OBSERVED
from ...simulators.profiles.profiles import PROFILES, profile, profile_catalog, size
from ..catalogs import load_catalog
from ..config import ExperimentConfig, Rule, parse_config
from ..config_file import config_path, read_config
from ..kinds import EXPERIMENT
from ..policy_store import policy_names, read_policy, read_retriever
from ..run_folder import CONFIG
from ..seeds import stage_rng, stage_seed

UNTRAINED = ("popularity", "random")
"""Agents that have nothing to learn before their policy is worth looking at."""
DAYS = 91.0
"""Days of a season, where the config says nothing of a season."""
NEW_PER_DAY, ESTABLISHED = 100.0, 500
"""New visitors a day and customers at the start, at most, where the config says nothing of arrivals."""
RETURNING = PeopleConfig(
    enabled=True,
    retention=RetentionConfig(r=1.2, alpha=10.0, a=1.1, b=12.0, rate_effect=0.5, churn_effect=1.0),
)
"""How people come back where the config says nothing of people: as in ``ShopConfig.full``."""
PROFILE_VISITS = 60_000.0
"""Visits in a season of a profile: about 160 a day."""


@dataclass(frozen=True, eq=False)
class WatchedShop:
    """A shop and policies for it.

    Attributes:
        name, purpose: of the config.
        catalog: the items.
        config: the shop of the season.
        days: length of the season.
        policies: by name, all over this catalogue; the first is shown first.
        context_names: columns of a request's context that the policies know.
        seed, population: of the season, and of the people.
        retriever: finds the candidates, where the shop leaves that to one.
        notes: what the config left open, in sentences.
    """

    name: str
    purpose: str
    catalog: Catalog
    config: ShopConfig
    days: float
    policies: Mapping[str, SlatePolicy]
    context_names: tuple[str, ...]
    seed: int
    population: int
    retriever: Retriever | None = None
    notes: tuple[str, ...] = ()


def watched_config(config: Path, seed: int | None = None) -> WatchedShop:
    """The shop of an experiment's config or of a profile, with policies that need no training.

    Args:
        config: YAML file, or the name of a shipped config or a profile.
        seed: in place of the config's.

    Raises:
        InvalidInput: there is no such config, or it describes no experiment.
    """
    if config.parent == Path() and config.name in PROFILES and not config.exists():
        return _profile(config.name, seed or 0)
    experiment = _experiment(config, seed)
    catalog, _ = load_catalog(experiment.catalog, stage_seed(experiment.seed, "catalog"))
    shop, days, notes = _season(experiment)
    if not shop.num_candidates:
        count = experiment.retrieve.count if experiment.retrieve else ShopConfig().num_candidates
        shop = replace(shop, num_candidates=min(count, len(catalog)))
        notes += ("Nothing has learnt to retrieve yet, so the shop draws the candidates of a page.",)
    agents = {
        entry.name: partial(entry.make, rng=stage_rng(experiment.seed, "agent", entry.name))
        for entry in experiment.entries
        if entry.agent in UNTRAINED
    }
    policies = _untrained(catalog.items, shop, experiment.guards, agents, experiment.seed)
    policies = _first(policies, experiment.gate.baseline)
    names = context_names(OBSERVED, shop)
    people = stage_seed(experiment.seed, "population")
    said = experiment.name, experiment.purpose
    return WatchedShop(*said, catalog, shop, days, policies, names, experiment.seed, people, notes=notes)


def watched_run(run: Path, seed: int | None = None) -> WatchedShop:
    """The shop and the trained policies of a finished run.

    Args:
        run: the folder that ``shopgym run`` wrote.
        seed: of the season, in place of the config's.

    Raises:
        InvalidInput: it is no such folder, it has no policies, or its files are not those that were saved.
    """
    if not all((run / name).exists() for name in (CONFIG, "catalog.parquet")):
        raise InvalidInput("--run", str(run), "give a folder that 'shopgym run' wrote for an experiment")
    names = policy_names(run / "policies")
    if not names:
        raise InvalidInput("--run", str(run), "it has no policies: run the experiment again")
    experiment = _experiment(run / CONFIG, None)
    catalog = Catalog.load(run / "catalog.parquet")
    policies = {name: read_policy(run / "policies", name, catalog.items) for name in names}
    shop, days, notes = _season(experiment)
    return WatchedShop(
        name=experiment.name,
        purpose=experiment.purpose,
        catalog=catalog,
        config=shop,
        days=days,
        policies=_first(policies, experiment.gate.baseline),
        context_names=context_names(OBSERVED, experiment.shop_config()),
        seed=experiment.seed if seed is None else seed,
        population=stage_seed(experiment.seed, "population"),
        retriever=read_retriever(run / "retriever"),
        notes=notes,
    )


def _experiment(path: Path, seed: int | None) -> ExperimentConfig:
    values = read_config(path)
    kind = values.get("kind", EXPERIMENT)
    if kind != EXPERIMENT:
        fix = f"{config_path(path).name} is of kind {kind}: give the config of an experiment, or a profile"
        raise InvalidInput("config.kind", kind, fix)
    values.pop("kind", None)
    return parse_config(values if seed is None else {**values, "seed": seed})


def _profile(name: str, seed: int) -> WatchedShop:
    catalog, shop = profile_catalog(name, seed), profile(name, visits=PROFILE_VISITS)
    policies = _untrained(catalog.items, shop, (InStock(),), {}, seed)
    purpose = f"The profile {name}: a shop with every mechanism on, fitted to records of real shops."
    names, days = context_names(OBSERVED, shop), size(name).days
    return WatchedShop(name, purpose, catalog, shop, days, policies, names, seed, seed)


def _season(experiment: ExperimentConfig) -> tuple[ShopConfig, float, tuple[str, ...]]:
    """(shop of the season, its days, what the config left open)."""
    shop, written, notes = experiment.shop_config(), experiment.shop.written, []
    days = experiment.season.days if experiment.season else (experiment.days or DAYS)
    if "people" not in written:
        shop = replace(shop, people=RETURNING)
        notes.append("The config says nothing of people; here customers come back, and a good visit helps.")
    if "arrivals" not in written:
        established = min(ESTABLISHED, shop.users // 10)
        per_day = min(NEW_PER_DAY, (shop.users - established) / (2 * days))
        shop = replace(shop, arrivals=ArrivalConfig(per_day=per_day, established=established))
        notes.append(
            f"The config says nothing of arrivals; here {per_day:.3g} new visitors come on a day, and"
            f" {established} are customers already."
        )
    if experiment.season:
        shop = beginning_in(shop, experiment.season.start_week)
    return shop, days, tuple(notes)


def _untrained(
    items: Items, shop: ShopConfig, guards: Sequence[Rule], agents: Mapping[str, partial[Agent]], seed: int
) -> dict[str, SlatePolicy]:
    """The policies of ``agents``, and of those of ``UNTRAINED`` that no name of them stands for."""
    names = user_names(shop), context_names(OBSERVED, shop)
    attention = np.ones(shop.slate_size)
    task = Task(items, *names, shop.slate_size, tuple(guards), attention=attention)
    missing = [name for name in UNTRAINED if name not in agents]
    more = {name: partial(make_agent, name, rng=stage_rng(seed, "agent", name)) for name in missing}
    policies = {}
    for name, make in {**agents, **more}.items():
        policy = make(task=task).policy()
        assert isinstance(policy, SlatePolicy)  # both agents hand out this kind
        policies[name] = replace(policy, name=name)
    return policies


def _first(policies: Mapping[str, SlatePolicy], name: str) -> dict[str, SlatePolicy]:
    """The same policies, that of ``name`` before the others if it is one of them."""
    return {one: policies[one] for one in sorted(policies, key=lambda one: one != name)}
