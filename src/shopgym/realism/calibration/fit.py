"""Fit a profile to a shop's own records. Parameters that the records do not identify keep the profile's
values."""

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
from ...simulators.catalog.transactions import OPTIONAL, REQUIRED
from ...simulators.profiles.profiles import profile
from ...tables import AUTO, RECOGNISED, Dialect, read_table
from ..events import NAMES as EVENT_NAMES
from ..shop_data import ShopData
from .from_lines import FittedParameter, UnidentifiedParameter, from_lines
from .from_sessions import VISITS, from_sessions
from .lines import NAMES, OrderLines, check_order_lines
from .moments import Fit

SET_ASIDE = "set_aside.csv"
YEAR_DAYS = 364.0


@dataclass(frozen=True, eq=False)
class Calibration:
    """A fitted shop.

    Attributes:
        profile: its values stay for all parameters that the data do not identify.
        config: the shop.
        lines: the order lines, with the rows that were set aside.
        fitted: parameters that the data identify.
        unidentified: parameters that the data do not identify, with the reason.
        catalog_figures: describe the catalogue. ``shopgym run`` builds it again from the order lines.
        fit: of the visits; None if no visits were given.
        dialect: how the tables were said to be written.
        recognised: what was recognised of the order lines that is not plain CSV, in words.
    """

    profile: str
    config: ShopConfig
    lines: OrderLines
    fitted: tuple[FittedParameter, ...]
    unidentified: tuple[UnidentifiedParameter, ...]
    catalog_figures: dict[str, float | int | str]
    fit: Fit | None
    dialect: Dialect = AUTO
    recognised: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Everything as values that JSON can hold."""
        return {
            "profile": self.profile,
            "table": list(self.recognised),
            "rows": self.lines.rows,
            "used": len(self.lines.sold),
            "set_aside": len(self.lines.set_aside),
            "set_aside_because": self.lines.reasons(),
            "currency": self.lines.currency,
            "catalog": self.catalog_figures,
            "found": [_without_nan(asdict(parameter)) for parameter in self.fitted],
            "not_identified": [asdict(parameter) for parameter in self.unidentified],
            "sessions_fit": None
            if self.fit is None
            else {
                "loss_before": self.fit.initial_loss,
                "loss": self.fit.loss,
                "simulations": self.fit.simulations,
            },
        }

    def yaml(self, transactions: Path, columns: dict[str, str]) -> str:
        """The config of an experiment, which ``shopgym run`` reads."""
        shop = _plain(asdict(replace(self.config, campaigns=(), shocks=())))
        for name in ("campaigns", "shocks"):
            del shop[name]
        catalog: dict[str, Any] = {"source": "transactions", "path": str(transactions.resolve())}
        mapped = {ours: theirs for ours, theirs in columns.items() if ours in (*REQUIRED, *OPTIONAL)}
        if mapped:
            catalog["columns"] = mapped
        told = {name: value for name, value in asdict(self.dialect).items() if value is not None}
        if told:
            catalog["dialect"] = told
        head = [f"# Fitted to {transactions.name} on the profile '{self.profile}'."]
        head += [f"# found: {p.name} ({p.how})" for p in self.fitted]
        head += [f"# not identified, as in the profile: {p.name} ({p.why})" for p in self.unidentified]
        body = yaml.safe_dump(
            {"catalog": catalog, "shop": shop}, sort_keys=False, default_flow_style=None, width=110
        )
        return "\n".join(head) + "\n" + body

    def save(self, out: Path, transactions: Path, columns: dict[str, str]) -> Path:
        """Write the config to ``out``, and the rows set aside beside it; return the path of these."""
        write_text(out, self.yaml(transactions, columns))
        set_aside = out.parent / SET_ASIDE
        self.lines.save_set_aside(set_aside)
        return set_aside


def calibrate(
    transactions: Path,
    sessions: Path | None = None,
    *,
    base: str = "gift",
    columns: dict[str, str] | None = None,
    seed: int = 0,
    visits: int = VISITS,
    rounds: int = 6,
    dialect: Dialect = AUTO,
    progress: Callable[[int, float], None] | None = None,
) -> Calibration:
    """Fit a profile to order lines and, if there are any, to visits.

    Args:
        transactions: order lines, CSV or Parquet: see :func:`~.lines.check_order_lines`.
        sessions: events of visits, CSV or Parquet: see :mod:`shopgym.realism.events`.
        base: the profile whose values stay for parameters that the data do not identify.
        columns: of the transactions, from our names to those of the file.
        seed: of the simulations.
        visits: number of visits in every simulation.
        rounds: number of rounds of the search.
        dialect: of both tables where they are CSV; what it leaves open is recognised.
        progress: called after every simulation with its number and loss.

    Raises:
        InvalidInput: names the file, column, row and fix.
    """
    config = profile(base)
    names = [(columns or {}).get(name, name) for name in NAMES]
    table = read_table(transactions, "--transactions", dialect=dialect, text=names)
    lines = check_order_lines(table, columns)
    catalog = Catalog.from_transactions(lines.sold, currency=lines.currency or "GBP")
    data = None if sessions is None else _visits(sessions, dialect)
    conversion = None
    if data is not None and "converted" in data.sessions:
        conversion = float(data.sessions["converted"].mean())
    fitted, unidentified = from_lines(lines, conversion or None)
    config = _with_people(config, fitted)
    fit = None
    if data is None:
        unidentified.append(UnidentifiedParameter("choice, surfaces, dwell", "give --sessions"))
    else:
        of_visits, not_of_visits, fit = from_sessions(
            data, catalog, config, seed=seed, visits=visits, rounds=rounds, progress=progress
        )
        config = with_settings(config, {parameter.name: parameter.value for parameter in of_visits})
        fitted += of_visits
        unidentified += not_of_visits
    return Calibration(
        base,
        config,
        lines,
        tuple(fitted),
        tuple(unidentified),
        catalog.describe(),
        fit,
        dialect,
        tuple(table.attrs.get(RECOGNISED, ())),
    )


def _visits(sessions: Path, dialect: Dialect) -> ShopData:
    return ShopData.from_events(read_table(sessions, "--sessions", dialect=dialect, text=EVENT_NAMES))


def _with_people(config: ShopConfig, fitted: list[FittedParameter]) -> ShopConfig:
    """The config with the fitted values, and with enough users for a year of new visitors."""
    config = with_settings(config, {parameter.name: parameter.value for parameter in fitted})
    arrivals = config.arrivals
    new_visitors = arrivals.per_day * YEAR_DAYS
    users = int(arrivals.established + 1.1 * new_visitors + 10 * new_visitors**0.5) + 1
    return replace(config, users=max(users, config.users))


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(x, float) and not isfinite(x) else x for key, x in row.items()}


def _plain(value: Any) -> Any:
    """Tuples as lists and numpy numbers as Python numbers, because YAML knows only these."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.item() if hasattr(value, "item") else value
