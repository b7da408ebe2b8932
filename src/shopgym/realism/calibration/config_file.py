"""The config of an experiment that a calibration writes, and that ``shopgym run`` reads."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml

from ...core.errors import InvalidInput
from ...tables.records import RecordMapping, RecordOptions
from .own import OwnRecords
from .simulated_shop import SimulatedShop

WIDTH = 110
RUN: dict[str, Any] = {
    "agents": {"popularity": {}, "linucb": {}, "lints": {}},
    "training": {"rounds": 30, "batch": 500, "warm_up": 10},
    "log": {"decisions": 10_000},
    "truth": {"decisions": 20_000},
    "evaluation": {"bootstrap": 500},
}
"""Sizes of a first run that takes minutes even where a page has thirty slots."""


def config_text(
    shop: SimulatedShop,
    own: OwnRecords,
    source: tuple[str, Path],
    records: RecordOptions,
    item_table: tuple[Path, ...],
    seed: int,
    head: list[str],
) -> str:
    """The YAML of a shop.

    Args:
        shop: what is written.
        own: the records that the catalogue is made of.
        source: ``transactions`` or ``events``, and the file.
        records, item_table: how the records were read.
        seed: of the season that was compared.
        head: lines of comment at the top.
    """
    kind, path = source
    config = plain(asdict(replace(shop.config, campaigns=(), shocks=())))
    for name in ("campaigns", "shocks"):
        del config[name]
    catalog = {"source": kind, "path": str(path.resolve()), **_said(records, own)}
    if item_table:
        catalog["item_table"] = [str(one.resolve()) for one in item_table]
    if own.until is not None:
        catalog["until"] = own.until
    catalog["units_cap"] = float(own.most_units)
    catalog |= {"units_scale": shop.units_scale, "units_power": shop.units_power}
    season = {
        "days": shop.days,
        "start_week": shop.start_week,
        "share": shop.share,
        "seed": seed,
        "behaviour": asdict(shop.behaviour),
    }
    body = {"catalog": catalog, "shop": config, "season": season, **RUN}
    text = yaml.safe_dump(body, sort_keys=False, default_flow_style=None, width=WIDTH)
    return "\n".join(f"# {line}" for line in head) + "\n" + text


def _said(records: RecordOptions, own: OwnRecords) -> dict[str, Any]:
    """How the records were read, as the section ``catalog`` of a config has it."""
    if isinstance(records.mapping, RecordMapping):
        raise InvalidInput("mapping", records.mapping.name, "give its name or the path of its file")
    currency = records.currency or own.lines.currency or None
    said = {**asdict(replace(records, currency=currency)), "mapping": records.mapping or own.mapping}
    said["dialect"] = {name: value for name, value in said["dialect"].items() if value is not None}
    if said["mapping"] not in (None, "plain") and Path(said["mapping"]).suffix:
        said["mapping"] = str(Path(said["mapping"]).resolve())
    defaults = asdict(RecordOptions())
    return {name: plain(value) for name, value in said.items() if value and value != defaults[name]}


def plain(value: Any) -> Any:
    """Tuples as lists and numpy numbers as Python numbers, because YAML knows only these."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value.item() if hasattr(value, "item") else value
