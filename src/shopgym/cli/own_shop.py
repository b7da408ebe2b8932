"""``shopgym realism --config``: is the shop of a config like one's own records?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import WIDE, print_meanings, print_table, progress_bar, say

if TYPE_CHECKING:
    from ..experiments.config import ExperimentConfig
    from ..realism.own_report import OwnRealism
    from ..realism.shop_data import ShopData
    from ..tables.records import OrderLines, RecordOptions

LONG_SECONDS = 60.0
RECORD_FILES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet", ".gz", ".zip")


def compare_own(
    config: Path,
    records: Path,
    sessions: Path | None,
    options: RecordOptions,
    *,
    profile: str,
    visits: int | None,
    seed: int,
    as_json: bool,
    html: Path | None,
) -> None:
    """Print, and write where asked, the scorecard of the config's shop and these records."""
    from ..experiments.catalogs import load_catalog
    from ..realism.own_report import VISITS_PER_SECOND, expected_visits, own_realism
    from ..realism.shop_events import Behaviour
    from ..simulators.profiles import profiles

    checked = _experiment(config)
    real = own_data(records, sessions, options)
    catalog, _ = load_catalog(checked.catalog, checked.seed)
    shop, season = checked.shop_config(), checked.season
    shown, people = profiles.values(profile, profiles.BEHAVIOUR), 1.0
    note = f"pages are filled by the rule of the profile '{profile}'"
    if season is not None:
        shown, people = shown | dict(season.behaviour.items()), season.share
        note = "pages are filled by the rule of the calibration"
    coming = min(expected_visits(shop, real.days), visits or float("inf"))
    if not as_json and coming / VISITS_PER_SECOND > LONG_SECONDS:
        minutes = coming / VISITS_PER_SECOND / 60.0
        say(f"about {coming:,.0f} visits are simulated: some {minutes:.0f} minutes; --visits gives fewer")
    with progress_bar("a season", quiet=as_json) as bar:
        report = own_realism(
            real,
            catalog,
            shop,
            calibrated_on=_calibrated_on(checked, records),
            behaviour=Behaviour(**shown),
            people=people,
            visits=visits,
            seed=seed,
            progress=lambda step, share: bar(step, share, 1.0),
        )
    until = checked.catalog.until
    held_out = () if until is None else (f"the calibration used the records to {until}",)
    report = replace(report, notes=(*report.notes, note, *held_out))
    if html is not None:
        from ..realism.page import write_own_page

        write_own_page(report, checked.name, html)
    if as_json:
        print(json.dumps({"config": checked.name, **report.summary(), "html": html and str(html)}))
        return
    _print(report, checked.name)
    if html is not None:
        say(f"{html}: written")


def own_data(records: Path, sessions: Path | None, options: RecordOptions) -> ShopData:
    """Records from a file, or from a folder of files, and the events of visits from another file."""
    from ..core.errors import InvalidInput
    from ..realism.ingest import LINES_FILE, REPORT_FILE, RETURNED_FILE, SET_ASIDE_FILE, ingest
    from ..realism.own_records import record_data
    from ..tables.records import read_events

    files = [records]
    if records.is_dir():
        names = sorted(records.iterdir())
        others = (RETURNED_FILE, SET_ASIDE_FILE, REPORT_FILE)
        files = [f for f in names if f.suffix in RECORD_FILES and f.name not in others]
        if not files:
            raise InvalidInput("--records", str(records), "the folder has no tables of records")
    read = ingest(files, options, field="--records")
    lines, events = read.lines, read.events
    if lines is not None and records.is_dir() and (records / LINES_FILE).exists():
        lines = _with_returned(lines, records / RETURNED_FILE)
    if sessions is not None:
        events = read_events(sessions, options.for_another_file(), field="--sessions")
    return record_data(lines, events)


def _with_returned(lines: OrderLines, path: Path) -> OrderLines:
    from ..tables.records import RecordOptions, read_order_lines

    if not path.exists():
        return lines
    returned = read_order_lines(path, RecordOptions(mapping="plain"), need=("order", "time"))
    return replace(lines, returned=returned.sold)


def _calibrated_on(config: ExperimentConfig, records: Path) -> ShopData | None:
    """The records that the catalogue was made of, if these are not the ones to compare with."""
    from ..experiments.catalogs import catalog_lines
    from ..realism.own_records import record_data

    catalog = config.catalog
    if catalog.path is None or catalog.path.resolve() == records.resolve():
        return None
    if catalog.source == "transactions":
        lines = catalog_lines(catalog)
        return record_data(lines, None) if "time" in lines.sold else None
    from ..tables.records import read_events

    return record_data(None, read_events(catalog.path, catalog.record_options(), field="catalog.path"))


def _experiment(path: Path) -> ExperimentConfig:
    from ..core.errors import InvalidInput
    from ..experiments.config import ExperimentConfig
    from ..experiments.config_file import read_config
    from ..experiments.sweeps.plan import checked_config

    checked: Any = checked_config(read_config(path))
    if not isinstance(checked, ExperimentConfig):
        raise InvalidInput("--config", str(path), "give the config of an experiment: it has one shop")
    return checked


def _print(report: OwnRealism, name: str) -> None:
    from ..realism.meanings import meanings_of
    from ..realism.page import fact_rows

    season, judged = report.season, len(report.facts)
    say(
        f"{name}: {season.visits:,} visits in {season.days:.0f} days, {report.near} of {judged} facts "
        f"inside or within 10% of the records ({report.near / judged:.0%}), {report.inside} of them inside"
    )
    if report.drift:
        say(report.drift)
    print_table("Facts", fact_rows(report.facts, report.more_columns), left=("fact",), least=WIDE)
    print_meanings(meanings_of(report.facts))
    reasons = report.not_given.groupby("why")["name"].agg(", ".join)
    if len(reasons):
        say("facts that the records do not give:")
    for why, names in reasons.items():
        say(f"  {why}: {names}")
    for note in report.notes:
        say(f"note: {note}")
