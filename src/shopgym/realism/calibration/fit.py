"""A profile fitted to a shop's own records; what they do not identify stays as the profile has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from ...core.config import with_settings
from ...core.files import write_text
from ...simulators import Catalog, ShopConfig
from ...simulators.profiles.profiles import profile
from ..shop_data import ShopData
from .from_lines import CONVERSION, Found, Unknown, from_lines
from .from_sessions import VISITS, from_sessions
from .lines import Lines, order_lines, read_table
from .moments import Fit

SET_ASIDE = "set_aside.csv"
FOR_CATALOG = (
    "order",
    "item",
    "quantity",
    "price",
    "description",
    "customer",
    "time",
    "unit_cost",
    "category",
)
YEAR_DAYS = 364.0


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was found.

    Attributes:
        profile: whose numbers stay where the data are silent.
        config: the shop.
        lines: the order lines, with what was set aside.
        found: numbers that the data identify; ``unknown``: numbers that they do not, and why.
        figures: of the catalogue, for the reader: it is built anew from the lines.
        fit: of the visits; None where none were given.
    """

    profile: str
    config: ShopConfig
    lines: Lines
    found: tuple[Found, ...]
    unknown: tuple[Unknown, ...]
    figures: dict[str, float | int | str]
    fit: Fit | None

    def summary(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return {
            "profile": self.profile,
            "rows": self.lines.rows,
            "used": len(self.lines.sold),
            "set_aside": len(self.lines.set_aside),
            "set_aside_because": self.lines.reasons(),
            "currency": self.lines.currency,
            "catalog": self.figures,
            "found": [_without_nan(asdict(found)) for found in self.found],
            "not_identified": [asdict(unknown) for unknown in self.unknown],
            "sessions_fit": None
            if self.fit is None
            else {"loss_before": self.fit.before, "loss": self.fit.loss, "simulations": self.fit.runs},
        }

    def yaml(self, transactions: Path, columns: dict[str, str]) -> str:
        """An experiment's config: ``shopgym run`` reads it."""
        shop = _plain(asdict(replace(self.config, campaigns=(), shocks=())))
        for name in ("campaigns", "shocks"):
            del shop[name]
        catalog: dict[str, Any] = {"source": "transactions", "path": str(transactions.resolve())}
        mapped = {ours: theirs for ours, theirs in columns.items() if ours in FOR_CATALOG}
        if mapped:
            catalog["columns"] = mapped
        head = [f"# Fitted to {transactions.name} on the profile '{self.profile}'."]
        head += [f"# found: {found.name} ({found.how})" for found in self.found]
        head += [f"# not identified, as in the profile: {u.name} ({u.why})" for u in self.unknown]
        body = yaml.safe_dump(
            {"catalog": catalog, "shop": shop}, sort_keys=False, default_flow_style=None, width=110
        )
        return "\n".join(head) + "\n" + body

    def save(self, out: Path, transactions: Path, columns: dict[str, str]) -> Path:
        """Write the config to ``out`` and what was set aside beside it; returns the latter's path."""
        write_text(out, self.yaml(transactions, columns))
        aside = out.parent / SET_ASIDE
        self.lines.save_set_aside(aside)
        return aside


def calibrate(
    transactions: Path,
    sessions: Path | None = None,
    *,
    base: str = "gift",
    columns: dict[str, str] | None = None,
    seed: int = 0,
    visits: int = VISITS,
    rounds: int = 6,
    told: Callable[[int, float], None] | None = None,
) -> Calibration:
    """Fit a profile to order lines and, if there are any, visits.

    Args:
        transactions: order lines, CSV or Parquet: see :func:`~.lines.order_lines`.
        sessions: events of visits, CSV or Parquet: see :mod:`~..realism.events`.
        base: profile that stands in for what the data do not tell.
        columns: of the transactions, from our names to those of the file.
        seed: of the simulations.
        visits: simulated at every step.
        rounds: of the search.
        told: called after every simulation with its number and loss.

    Raises:
        InvalidInput: naming the file, column, row and fix.
    """
    config = profile(base)
    lines = order_lines(read_table(transactions, "--transactions"), columns)
    catalog = Catalog.from_transactions(lines.sold, currency=lines.currency or "GBP")
    data = None if sessions is None else ShopData.from_events(read_table(sessions, "--sessions"))
    conversion = None
    if data is not None and "converted" in data.sessions:
        conversion = float(data.sessions["converted"].mean())
    found, unknown = from_lines(lines, conversion or None)
    config = _with_people(config, found)
    fit = None
    if data is None:
        unknown.append(Unknown("choice, surfaces, dwell", "give --sessions"))
    else:
        more, less, fit = from_sessions(
            data, catalog, config, seed=seed, visits=visits, rounds=rounds, told=told
        )
        config = with_settings(config, {f.name: f.value for f in more})
        found, unknown = found + more, unknown + less
    return Calibration(base, config, lines, tuple(found), tuple(unknown), catalog.describe(), fit)


def _with_people(config: ShopConfig, found: list[Found]) -> ShopConfig:
    """The numbers of the order lines, with as many users as come in a year."""
    config = with_settings(config, {f.name: f.value for f in found})
    arrivals = config.arrivals
    coming = arrivals.per_day * YEAR_DAYS
    users = int(arrivals.established + 1.1 * coming + 10 * coming**0.5) + 1
    return replace(config, users=max(users, config.users))


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(x, float) and not isfinite(x) else x for key, x in row.items()}


def _plain(value: Any) -> Any:
    """Tuples as lists and numpy numbers as Python's, as YAML writes them."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.item() if hasattr(value, "item") else value


__all__ = ["CONVERSION", "SET_ASIDE", "Calibration", "calibrate"]
