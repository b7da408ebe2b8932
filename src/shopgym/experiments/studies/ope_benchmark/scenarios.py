"""The scenarios: each differs in one thing from a plain log of 10,000 visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ....core.errors import InvalidInput, one_of
from .table_logs import ARMS, TABLES

BLINDS = ("", "items", "contexts")
WEIGHTS = ("independent", "cascade", "standard")
TABLE_LOGS = 2_000
"""Logs of a table scenario: they are short, and a coverage is known to about 1 point."""


@dataclass(frozen=True)
class Scenario:
    """A log and a policy to be evaluated on it.

    Both policies draw a slate without replacement with rates exp(b x score) (Plackett and Luce); the score is
    what is observed of how an item fits a visitor, with standard deviation 1 over visitors and items.

    Attributes:
        name: unique.
        axis: what the scenario varies.
        rounds: n visits in the log.
        actions: A items of the catalogue, each of which could be shown to everybody.
        slots: k items on a page.
        logging, target: b of the behaviour and of the target policy; 0 is uniform.
        reward: ``click``, or ``margin`` in currency.
        deployed: variant of the shop (:func:`~shopgym.simulators.variant`) in which the target
            policy would work; empty: the shop of the log.
        blind: what the behaviour policy never shows: the fifth of the ``items`` that sells best, or to each
            visitor the half of the items that fits best (``contexts``); empty: it shows everything.
        weights: model of the slates' weights (:mod:`shopgym.evaluation.offline.slate.weights`).
        replicates: logs drawn.
        table: a log of another origin, read as a table: one of :data:`.table_logs.TABLES`, which says what is
            in it. Then only ``rounds`` and ``replicates`` count. Empty: a log of the shop.
    """

    name: str
    axis: str
    rounds: int = 10_000
    actions: int = 10
    slots: int = 1
    logging: float = 0.0
    target: float = 1.0
    reward: str = "click"
    deployed: str = ""
    blind: str = ""
    weights: str = "independent"
    replicates: int = 250
    table: str = ""

    def __post_init__(self) -> None:
        if self.blind not in BLINDS:
            raise InvalidInput("scenario.blind", self.blind, "write items, contexts or nothing")
        one_of("scenario.weights", self.weights, WEIGHTS)
        if self.table:
            one_of("scenario.table", self.table, TABLES)
        if not 1 <= self.slots < self.actions or self.rounds < 10 or self.replicates < 1:
            sizes = (self.slots, self.actions, self.rounds, self.replicates)
            raise InvalidInput("scenario", sizes, "give slots < actions, 10 rounds, 1 replicate or more")


BASE = Scenario("plain", "plain")


def _vary(axis: str, variants: Mapping[str, Mapping[str, Any]]) -> tuple[Scenario, ...]:
    return tuple(replace(BASE, name=f"{axis}: {name}", axis=axis, **at) for name, at in variants.items())


def _tables(
    axis: str, names: Sequence[str], rounds: int, replicates: int = TABLE_LOGS
) -> tuple[Scenario, ...]:
    variants = {
        name: {"table": name, "rounds": rounds, "actions": len(ARMS), "replicates": replicates}
        for name in names
    }
    return _vary(axis, variants)


SCENARIOS: tuple[Scenario, ...] = (
    BASE,
    *_vary(
        "log size",
        {
            "300": {"rounds": 300},
            "1,000": {"rounds": 1_000},
            "3,000": {"rounds": 3_000},
            "30,000": {"rounds": 30_000, "replicates": 150},
            "100,000": {"rounds": 100_000, "replicates": 100},
        },
    ),
    *_vary(
        "overlap",
        {
            "same": {"logging": 1.0},
            "near": {"logging": 0.5},
            "far": {"logging": -1.0},
            "farther": {"logging": -1.5, "target": 2.0},
            "opposite": {"logging": -3.0, "target": 3.0},
        },
    ),
    *_vary(
        "actions",
        {
            "100": {"actions": 100},
            "1,000": {"actions": 1_000, "replicates": 150},
            "5,000": {"actions": 5_000, "replicates": 50},
        },
    ),
    *_vary(
        "slots",
        {
            "3": {"slots": 3},
            "5": {"slots": 5, "replicates": 200},
            "3, cascade weights": {"slots": 3, "weights": "cascade"},
            "3, standard weights": {"slots": 3, "weights": "standard"},
        },
    ),
    *_vary(
        "reward",
        {
            "margin": {"reward": "margin"},
            "margin, 100,000": {"reward": "margin", "rounds": 100_000, "replicates": 100},
            "margin, far": {"reward": "margin", "logging": -1.0},
            "margin, 3 slots": {"reward": "margin", "slots": 3},
        },
    ),
    *_vary("drift", {name: {"deployed": name} for name in ("new_tastes", "price_shock")}),
    *_vary("support", {name: {"blind": name} for name in ("items", "contexts")}),
    *_tables("users", ("60 users", "200 users", "20 users", "60 users, by row"), rounds=1_000),
    *_tables("exploration", ("explored", "near-greedy"), rounds=600),
    *_tables("context", ("context", "context and an outcome", "an outcome, named"), rounds=4_000),
    *_tables("no propensities", ("hidden cause", "hidden cause, compared"), rounds=1_000),
    *_tables("no propensities", ("recorded cause, compared",), rounds=1_000, replicates=500),
    *_tables("copies", ("copied rows",), rounds=1_000),
)
"""The published table."""

_SHORT = ("plain", "log size: 300", "overlap: far", "overlap: opposite", "slots: 3", "reward: margin")
_SHORT_TABLES = ("users: 60 users", "exploration: near-greedy", "no propensities: hidden cause, compared")
QUICK: tuple[Scenario, ...] = tuple(
    replace(scenario, replicates=100, rounds=min(scenario.rounds, 3_000))
    for scenario in SCENARIOS
    if scenario.name in (*_SHORT, "drift: new_tastes", "support: contexts", *_SHORT_TABLES)
)
"""A minute's worth of it: fewer scenarios and logs, shorter logs."""
