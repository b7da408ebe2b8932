"""Fit a profile to a shop's own records, and compare the shop that is written with the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...core.errors import in_range, one_of
from ...core.files import write_text
from ...evaluation.offline.estimate import without_infinity
from ...simulators import Catalog
from ...simulators.profiles.profiles import PROFILES
from ...tables.records import RecordOptions, lines_report, save_set_aside
from ..meanings import meanings_of
from ..responses.from_files import ResponseFiles, measure_files
from ..responses.response import MeasuredResponses, Response
from ..robustness import Robustness
from .conclusions import conclusions
from .config_file import config_text
from .from_lines import FittedParameter, UnidentifiedParameter
from .moments import Fit
from .own import OwnRecords, read_own
from .parts import Part, compare_parts, counts
from .simulated_shop import SimulatedShop
from .start import profile_shop
from .with_responses import with_responses
from .work import WRITTEN_VISITS, FittedShop, Progress, Work

SET_ASIDE = "set_aside.csv"
AUTO = "auto"
RESAMPLES = 100
FEWEST_VISITS, MOST_VISITS = 1_000, 10_000_000
"""Of a season that is compared."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """A fitted shop, and how like the records it is.

    Attributes:
        profile: its values stay for all parameters that the data do not identify.
        shop: what is written: config, catalogue, what it shows, and the season that was compared.
        own: the records.
        parts: of the records: what was fitted, and what was held out.
        comparison: one row per part and fact: ``part, name, group, unit, mine, low, high, shop, near``, and
            of the profile as it is ``untouched, untouched_near``.
        fitted: parameters that the data identify, with intervals where they have one.
        unidentified: parameters that the data do not identify, with the reason.
        remarks: what was decided, in words.
        search: of the parameters, at the end; None where there was none.
        simulations: seasons that were simulated.
        records, item_table, source, seed: how everything was read and simulated.
        visits: of the season that was compared.
        assumed: how much the gain of a policy moves with what no record says; None if not asked for.
        responses: one row per response, see :func:`.from_responses.response_table`; None if there are none.
    """

    profile: str
    shop: SimulatedShop
    own: OwnRecords
    parts: tuple[Part, ...]
    comparison: pd.DataFrame
    fitted: tuple[FittedParameter, ...]
    unidentified: tuple[UnidentifiedParameter, ...]
    remarks: tuple[str, ...]
    search: Fit | None
    simulations: int
    records: RecordOptions
    item_table: tuple[Path, ...]
    source: tuple[str, Path]
    seed: int
    visits: int
    assumed: Robustness | None
    responses: pd.DataFrame | None = None
    near: dict[str, tuple[int, int]] = field(init=False)
    untouched_near: dict[str, tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "near", counts(self.comparison))
        object.__setattr__(self, "untouched_near", counts(self.comparison, "untouched_near"))

    def summary(self) -> dict[str, Any]:
        """Everything as values that JSON can hold."""
        return {
            "profile": self.profile,
            **lines_report(self.own.lines),
            "catalog": self.shop.catalog.describe(),
            "facts": _rows(self.comparison),
            "meanings": meanings_of(self.comparison),
            "near": _by_part(self.near),
            "untouched_near": _by_part(self.untouched_near),
            "found": [without_infinity(asdict(parameter)) for parameter in self.fitted],
            "not_identified": [asdict(parameter) for parameter in self.unidentified],
            "responses": [] if self.responses is None else _rows(self.responses),
            "remarks": list(self.remarks),
            "simulations": self.simulations,
            "assumed": None if self.assumed is None else self.assumed.as_dict(),
            "season": {"visits": self.visits, "days": self.shop.days, "share": self.shop.share},
        }

    def yaml(self) -> str:
        """The config of an experiment, which ``shopgym run`` reads."""
        path = self.source[1]
        head = [f"Fitted to {path.name} on the profile '{self.profile}'."]
        head += [
            f"{part}: {near} of {facts} facts inside their interval or within 10%"
            for part, (near, facts) in self.near.items()
        ]
        head += [f"found: {p.name} ({p.how})" for p in self.fitted]
        head += [f"not identified: {p.name} ({p.why})" for p in self.unidentified]
        return config_text(self.shop, self.own, self.source, self.records, self.item_table, self.seed, head)

    def save(self, out: Path) -> Path:
        """Write the config to ``out``, and the rows set aside beside it; return the path of these."""
        write_text(out, self.yaml())
        set_aside = out.parent / SET_ASIDE
        save_set_aside(self.own.lines.set_aside, set_aside)
        return set_aside


def calibrate(
    transactions: Path | None = None,
    sessions: Path | None = None,
    *,
    base: str = AUTO,
    records: RecordOptions | None = None,
    item_table: Sequence[Path] = (),
    holdout: float = 0.25,
    seed: int = 0,
    rounds: int = 8,
    resamples: int = RESAMPLES,
    assumed: bool = True,
    visits: int = WRITTEN_VISITS,
    responses: Sequence[Response] | ResponseFiles = (),
    progress: Progress | None = None,
) -> Calibration:
    """Fit a profile to order lines, to events of visits, or to both.

    Args:
        transactions: order lines, in any form that :mod:`shopgym.tables.records` reads; None: the purchases
            of ``sessions``.
        sessions: events of visits, likewise; see :mod:`shopgym.realism.events`.
        base: the profile whose values stay for parameters that the data do not identify; ``auto``: the one
            that is most like the records as it is.
        records: how the records are read.
        item_table: files of items: products, costs. New products without sales are in the catalogue too.
        holdout: share of the days, at the end, by which the shop is judged and to which it is not fitted.
        seed: of the simulations.
        rounds: accepted steps of the search; 0: closed forms alone.
        resamples: of the bootstrap of the record's facts.
        responses: measured from data, or files in which they are: the shop is given them after the fit.
        assumed: whether to say how much a conclusion moves with what is assumed.
        visits: of the seasons that are compared, at most. A shop with more is written with a share of its
            people.
        progress: called with what is done and the number of seasons so far.

    Raises:
        InvalidInput: names the file, column, row and fix.
    """
    one_of("base", base, [AUTO, *PROFILES])
    in_range("visits", visits, FEWEST_VISITS, MOST_VISITS)
    records = records or RecordOptions()
    own = read_own(transactions, sessions, records=records, item_table=item_table, holdout=holdout)
    source = ("events", sessions) if transactions is None else ("transactions", transactions)
    assert source[1] is not None
    work = Work(own, own.parts(seed, resamples), seed, progress, visits)
    shops = {name: profile_shop(name, own) for name in (PROFILES if base == AUTO else (base,))}
    measured = _measured(responses, own, next(iter(shops.values())).catalog, seed)
    name = work.nearest_profile() if base == AUTO else base
    shop = shops[name]
    untouched = SimulatedShop.of_profile(name, shop.days, shop.start_week, visits)
    fit = work.or_profile(work.fit(shop, rounds), shop, untouched)
    fit, table = _respond(fit, measured, seed)
    judged = work.judge(fit.shop)
    comparison = compare_parts(work.parts, judged.figures, work.judge(untouched).figures)
    chosen = [f"profile: {name}, the one most like the records as it is"] if base == AUTO else []
    return Calibration(
        name,
        fit.shop,
        own,
        work.parts,
        comparison,
        fit.fitted,
        fit.unidentified,
        (*own.remarks, *chosen, *fit.remarks),
        fit.search,
        work.seasons,
        records,
        tuple(item_table),
        source,  # type: ignore[arg-type]
        seed,
        judged.season.visits,
        conclusions(fit.shop, priced=own.priced, seed=seed) if assumed else None,
        table,
    )


def _measured(
    responses: Sequence[Response] | ResponseFiles, own: OwnRecords, catalog: Catalog, seed: int
) -> MeasuredResponses:
    """The responses, before the fit: a file that cannot be read is refused before minutes of work."""
    if not isinstance(responses, ResponseFiles):
        return MeasuredResponses(tuple(responses))
    rng = np.random.default_rng(seed)
    return measure_files(responses, own.fitted_lines.sold, own.data, catalog, rng)


def _respond(
    fit: FittedShop, measured: MeasuredResponses, seed: int
) -> tuple[FittedShop, pd.DataFrame | None]:
    if not measured.measured and not measured.unmeasured:
        return fit, None
    return with_responses(fit, measured.measured, measured.unmeasured, seed=seed)


def _by_part(near: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, int]]:
    return {part: {"near": inside, "facts": facts} for part, (inside, facts) in near.items()}


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [without_infinity(row) for row in table.astype(object).to_dict("records")]  # type: ignore[arg-type]
