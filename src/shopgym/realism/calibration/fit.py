"""Fit a profile to a shop's own records. Parameters that the records do not identify keep the profile's
values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from ...core.config import with_settings
from ...core.errors import InvalidInput
from ...core.files import write_text
from ...simulators import Catalog, ShopConfig
from ...simulators.profiles.profiles import profile
from ...tables.records import (
    FOR_A_SHOP,
    OrderLines,
    RecordMapping,
    RecordOptions,
    lines_report,
    read_events,
    read_items,
    read_order_lines,
    save_set_aside,
)
from ..shop_data import ShopData
from .from_lines import FittedParameter, UnidentifiedParameter, from_lines
from .from_sessions import VISITS, from_sessions
from .moments import Fit

SET_ASIDE = "set_aside.csv"
YEAR_DAYS = 364.0
FEWEST_LINES = 100


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
        records: how the order lines were said to be read.
        item_table: files of items.
    """

    profile: str
    config: ShopConfig
    lines: OrderLines
    fitted: tuple[FittedParameter, ...]
    unidentified: tuple[UnidentifiedParameter, ...]
    catalog_figures: dict[str, float | int | str]
    fit: Fit | None
    records: RecordOptions = field(default_factory=RecordOptions)
    item_table: tuple[Path, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Everything as values that JSON can hold."""
        return {
            "profile": self.profile,
            "table": list(self.lines.recognised),
            **lines_report(self.lines),
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

    def yaml(self, transactions: Path) -> str:
        """The config of an experiment, which ``shopgym run`` reads."""
        shop = _plain(asdict(replace(self.config, campaigns=(), shocks=())))
        for name in ("campaigns", "shocks"):
            del shop[name]
        catalog = {"source": "transactions", "path": str(transactions.resolve()), **self._said()}
        if self.item_table:
            catalog["item_table"] = [str(path.resolve()) for path in self.item_table]
        head = [f"# Fitted to {transactions.name} on the profile '{self.profile}'."]
        head += [f"# found: {p.name} ({p.how})" for p in self.fitted]
        head += [f"# not identified, as in the profile: {p.name} ({p.why})" for p in self.unidentified]
        body = yaml.safe_dump(
            {"catalog": catalog, "shop": shop}, sort_keys=False, default_flow_style=None, width=110
        )
        return "\n".join(head) + "\n" + body

    def _said(self) -> dict[str, Any]:
        """How the lines were read, as the section ``catalog`` of a config has it."""
        if isinstance(self.records.mapping, RecordMapping):
            raise InvalidInput("mapping", self.records.mapping.name, "give its name or the path of its file")
        options = replace(self.records, currency=self.records.currency or self.lines.currency or None)
        said = {**asdict(options), "mapping": options.mapping or self.lines.mapping}
        said["dialect"] = {name: value for name, value in said["dialect"].items() if value is not None}
        if said["mapping"] not in (None, "plain") and Path(said["mapping"]).suffix:
            said["mapping"] = str(Path(said["mapping"]).resolve())
        defaults = asdict(RecordOptions())
        return {name: _plain(value) for name, value in said.items() if value and value != defaults[name]}

    def save(self, out: Path, transactions: Path) -> Path:
        """Write the config to ``out``, and the rows set aside beside it; return the path of these."""
        write_text(out, self.yaml(transactions))
        set_aside = out.parent / SET_ASIDE
        save_set_aside(self.lines.set_aside, set_aside)
        return set_aside


def calibrate(
    transactions: Path,
    sessions: Path | None = None,
    *,
    base: str = "gift",
    records: RecordOptions | None = None,
    item_table: Sequence[Path] = (),
    seed: int = 0,
    visits: int = VISITS,
    rounds: int = 6,
    progress: Callable[[int, float], None] | None = None,
) -> Calibration:
    """Fit a profile to order lines and, if there are any, to visits.

    Args:
        transactions: order lines, in any form that :mod:`shopgym.tables.records` reads.
        sessions: events of visits, likewise; see :mod:`shopgym.realism.events`.
        base: the profile whose values stay for parameters that the data do not identify.
        records: how the order lines are read; dialect, time zone and order of day and month are those of the
            visits too.
        item_table: files of items: products, costs. New products without sales are in the catalogue too.
        seed: of the simulations.
        visits: number of visits in every simulation.
        rounds: number of rounds of the search.
        progress: called after every simulation with its number and loss.

    Raises:
        InvalidInput: names the file, column, row and fix.
    """
    config = profile(base)
    records = records or RecordOptions()
    lines = read_order_lines(
        transactions,
        records,
        need=FOR_A_SHOP,
        fewest=FEWEST_LINES,
        field="--transactions",
        columns_field="--column",
    )
    items = None
    if item_table:
        options = RecordOptions(dialect=records.dialect, currency=lines.currency or None)
        items = read_items(item_table, options, field="--item-table")
    catalog = Catalog.from_transactions(lines, items=items)
    data = None if sessions is None else _visits(sessions, records)
    conversion = None
    if data is not None and "converted" in data.sessions:
        conversion = float(data.sessions["converted"].mean())
    fitted, unidentified = from_lines(lines, conversion or None)
    fitted += _pages_that_fit(config, len(catalog))
    config = _with_people(config, fitted)
    config.check_catalog(catalog)
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
        records,
        tuple(item_table),
    )


def _visits(sessions: Path, records: RecordOptions) -> ShopData:
    options = RecordOptions(dialect=records.dialect, day_first=records.day_first, time_zone=records.time_zone)
    return ShopData.from_events(read_events(sessions, options, field="--sessions").events)


def _pages_that_fit(config: ShopConfig, items: int) -> list[FittedParameter]:
    """Pages no larger than the catalogue."""
    how = f"the catalogue has only {items} items"
    sizes = {name: getattr(config, name) for name in ("slate_size", "num_candidates")}
    return [FittedParameter(name, items, "items", how) for name, size in sizes.items() if size > items]


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
