"""Vowpal Wabbit's DSJSON: one JSON object a line, of a contextual bandit, of slots (CCB) or of slates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput
from ....core.types import AnyArray
from ..slate import slate_inputs
from .columns import Columns
from .table import table_source
from .target import OFFERED
from .validation import ValidationReport
from .weighed_log import WeighedLog

if TYPE_CHECKING:
    import pandas as pd

PMF_TOLERANCE = 1e-4
"""A logged distribution may miss 1 by this much: Vowpal Wabbit writes single precision."""
SUM = f"the probabilities have to sum to 1 within {PMF_TOLERANCE:g}"
UNIT = "reward (minus cost)"


def is_dsjson(path: Path) -> bool:
    """Whether the file's first character that is no space opens a JSON object."""
    if not path.is_file() or path.suffix in (".csv", ".parquet"):
        return False
    with path.open("rb") as handle:
        return handle.read(256).lstrip()[:1] == b"{"


def dsjson_source(path: Path, policy: str, columns: Columns, *, rng: Generator) -> WeighedLog:
    """Weigh a DSJSON log for ``policy``.

    A contextual bandit becomes a table (:func:`dsjson_frame`) and takes a table's policies and context
    columns. Of slots (CCB) and slates the only target is ``uniform``; weights are products of ratios of
    conditional probabilities, over the slots so far where each slot has its own cost, and over all of
    them where the slate has one.

    Raises:
        InvalidInput: lines that cannot be used, with their numbers from 0; no line is left.
    """
    events, left_out = _events(path)
    note = f"{left_out} lines without an outcome or marked not to be learnt from left out" if left_out else ""
    if not events:
        raise InvalidInput("LOG", str(path), f"it has no decision with an outcome ({left_out} left out)")
    if "_outcomes" in events[0][1]:
        if policy != "uniform":
            raise InvalidInput("--policy", policy, "of slots and slates only uniform can be evaluated")
        return _slots(events, note)
    return table_source(_frame(events), policy, columns, rng=rng, unit=UNIT, note=note)


def dsjson_frame(path: Path) -> pd.DataFrame:
    """A contextual bandit's log as a table.

    Columns: ``event_id``; ``action``, the number of the chosen action from 1, as in ``_label_Action``;
    ``reward``, minus the cost; ``propensity``; ``_offered``, the number of actions on offer; and every shared
    feature that is a number, a truth value or a word, by its path, e.g. ``GUser.age``; absent: 0 or "".

    Raises:
        InvalidInput: as :func:`dsjson_source`.
    """
    return _frame(_events(path)[0])


def _events(path: Path) -> tuple[list[tuple[int, dict[str, Any]]], int]:
    """(line number, event) of the lines that tell an outcome, and how many do not."""
    out, left_out = [], 0
    drops: set[float] = set()
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except json.JSONDecodeError as error:
            raise InvalidInput(f"line[{number}]", line[:60], f"it is no JSON ({error})") from error
        if not isinstance(event, dict) or not isinstance(event.get("c", {}), dict):
            raise InvalidInput(f"line[{number}]", line[:60], "give a JSON object, whose c is one, too")
        if ("_label_cost" not in event and "_outcomes" not in event) or event.get("_skipLearn"):
            left_out += 1
        else:
            out.append((number, event))
            drops.add(_number(event.get("pdrop", 0.0)))
    if len(drops) > 1:
        raise InvalidInput("pdrop", sorted(drops)[:5], "lines were dropped at different rates")
    return out, left_out


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8") as handle:
        try:
            yield from enumerate(handle)
        except UnicodeDecodeError as error:
            raise InvalidInput("LOG", str(path), f"it is no UTF-8 ({error}): save it as UTF-8") from error


def _frame(events: list[tuple[int, dict[str, Any]]]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for number, event in events:
        offered = _listed(event.get("a")) or _listed(event.get("c", {}).get("_multi"))
        rows.append(
            {
                "event_id": str(event.get("EventId", number)),
                "action": _whole(event.get("_label_Action", event.get("_labelIndex", -1))),
                "reward": -_number(event.get("_label_cost")),
                "propensity": _number(event.get("_label_probability")),
                OFFERED: len(offered),
            }
        )
    frame = pd.DataFrame(rows)
    lines = np.array([number for number, _ in events])
    report = ValidationReport()
    _check_pmfs(events, report)

    def check(name: str, bad: AnyArray, fix: str) -> None:
        raw = np.empty(len(events), dtype=object)
        raw[:] = [event.get(name) for _, event in events]
        report.check(name, raw, bad, fix)

    check("EventId", frame["event_id"].duplicated().to_numpy(), "the id was there before")
    on_offer = frame["action"].between(1, frame[OFFERED].clip(lower=1)).to_numpy()
    check("_label_Action", ~on_offer, "it is not among the actions on offer")
    p = frame["propensity"].to_numpy()
    check("_label_cost", ~np.isfinite(frame["reward"].to_numpy()), "give a number")
    check("_label_probability", ~np.isfinite(p), "give a number")
    check("_label_probability", np.isfinite(p) & ~((p > 0) & (p <= 1)), "give a probability in (0, 1]")
    report.stop(len(lines), lines)
    shared = [dict(_features(event.get("c", {}))) for _, event in events]
    return pd.concat([frame, _columns_of(shared)], axis=1)


def _check_pmfs(events: list[tuple[int, dict[str, Any]]], report: ValidationReport) -> None:
    total, first = np.ones(len(events)), np.zeros(len(events))
    uneven = np.zeros(len(events), np.bool_)
    for i, (_, event) in enumerate(events):
        if not event.get("p"):
            continue
        p, order = [_number(each) for each in _listed(event["p"])], _listed(event.get("a"))
        total[i], uneven[i] = sum(p), bool(order) and len(order) != len(p)
        if not uneven[i] and event.get("_label_Action") in order:
            chosen = p[order.index(event["_label_Action"])]
            first[i] = abs(chosen - _number(event.get("_label_probability")))
    listed = np.empty(len(events), dtype=object)
    listed[:] = [event.get("p") for _, event in events]
    report.check("p", listed, uneven, "give one for every action in a")
    report.check("p", total, ~uneven & ~(np.abs(total - 1.0) <= PMF_TOLERANCE), SUM)
    report.check("p", first, first > PMF_TOLERANCE, "it differs from _label_probability by this much")


def _features(value: Any, path: str = "") -> Iterator[tuple[str, float | str]]:
    """The shared features by path; what belongs to actions and slots starts with an underscore."""
    for name, inner in value.items():
        full_name = f"{path}.{name}" if path else name
        if name.startswith("_"):
            continue
        if isinstance(inner, dict):
            yield from _features(inner, full_name)
        elif isinstance(inner, (bool, int, float)):
            yield full_name, float(inner)
        elif isinstance(inner, str):
            yield full_name, inner


def _columns_of(shared: list[dict[str, float | str]]) -> pd.DataFrame:
    import pandas as pd

    names = list(dict.fromkeys(name for row in shared for name in row))
    columns: dict[str, list[float | str]] = {}
    for name in names:
        words = any(isinstance(row.get(name), str) for row in shared)
        absent: float | str = "" if words else 0.0
        values = [row.get(name, absent) for row in shared]
        columns[name] = [str(value) for value in values] if words else values
    return pd.DataFrame(columns, index=range(len(shared)))


def _slots(events: list[tuple[int, dict[str, Any]]], note: str) -> WeighedLog:
    lines = np.array([number for number, _ in events])
    slate = "_label_cost" in events[0][1]
    sizes = np.array([len(_outcomes(event)) for _, event in events])
    report = ValidationReport()
    uneven = (sizes != sizes[0]) | (sizes == 0)
    report.check("_outcomes", sizes, uneven, f"the first line has {sizes[0]} slots")
    report.stop(len(events), lines)
    shape = (len(events), int(sizes[0]))
    reward, propensity, target = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    total = np.ones(shape)
    for i, (_, event) in enumerate(events):
        if slate:
            reward[i, 0] = -_number(event.get("_label_cost"))
        for j, outcome in enumerate(_outcomes(event)):
            p, a = [_number(each) for each in _listed(outcome.get("_p"))], _listed(outcome.get("_a"))
            total[i, j] = sum(p) if len(p) == len(a) else np.nan
            propensity[i, j] = p[0] if p else np.nan
            target[i, j] = 1.0 / max(1, len(a))
            if not slate:
                reward[i, j] = -_number(outcome.get("_label_cost"))
    whole = (np.abs(total - 1.0) <= PMF_TOLERANCE).all(axis=1)
    report.check("_p", total, ~whole, f"give one for every action in _a, the chosen one first: {SUM}")
    finite = np.isfinite(reward).all(axis=1)
    report.check("_label_cost", reward, ~finite, "give a number")
    in_range = ((propensity > 0) & (propensity <= 1)).all(axis=1)
    report.check("_p", propensity, ~in_range & whole, "give probabilities in (0, 1]")
    report.stop(len(events), lines)
    model = "standard" if slate else "cascade"
    inputs = slate_inputs(reward, propensity, target, model=model, unit=UNIT)
    weights_note = f"weights are products over {'all slots' if slate else 'the slots so far'}"
    return WeighedLog(replace(inputs, note="; ".join(filter(None, (weights_note, note)))))


def _outcomes(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The slots; none if one of them is no object."""
    outcomes = _listed(event.get("_outcomes"))
    return outcomes if all(isinstance(each, dict) for each in outcomes) else []


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _number(value: Any) -> float:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if plain else float("nan")


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
