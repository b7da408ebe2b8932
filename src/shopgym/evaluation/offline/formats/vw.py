"""Vowpal Wabbit's DSJSON: one JSON object a line, of a contextual bandit, of slots (CCB) or of slates."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput
from ....core.types import F64, AnyArray
from ....tables import open_bytes
from .columns import Columns
from .table import table_source
from .target import OFFERED
from .validation import ValidationReport
from .vw_slots import PMF_TOLERANCE, SUM, UNIT, Event, is_whole, listed_values, number_in, slots_source
from .weighed_log import WeighedLog

if TYPE_CHECKING:
    import pandas as pd

CHECKPOINT = "[CHECKPOINT"
"""How lines begin that a logger writes between decisions."""
SIZE = "_sample_weight"
"""The column that says how many lines each stands for."""


def is_dsjson(path: Path) -> bool:
    """Whether the file, which may be compressed, begins with a JSON object or a checkpoint of the logger."""
    if not path.is_file() or {".csv", ".parquet"} & set(path.suffixes):
        return False
    try:
        with open_bytes(path) as handle:
            start = handle.read(256).removeprefix(codecs.BOM_UTF8).lstrip()
    except (OSError, EOFError, ValueError):
        return False  # the table reader says what is wrong with the file
    return start.startswith((b"{", CHECKPOINT.encode()))


def dsjson_source(
    path: Path,
    policy: Any,
    columns: Columns,
    *,
    rng: Generator,
    by_user: bool | None = None,
    missing: str = "refuse",
) -> WeighedLog:
    """Weigh a DSJSON log for ``policy``.

    A contextual bandit becomes a table (:func:`dsjson_frame`) and takes a table's policies and context
    columns. Of slots (CCB) and slates the only target is ``uniform``; weights are products of ratios of
    conditional probabilities, over the slots so far where each slot has its own cost, and over all of
    them where the slate has one. Where lines were dropped at different rates, each of those that are left
    counts for 1 / (1 - pdrop), as Vowpal Wabbit has it.

    Raises:
        InvalidInput: lines that cannot be used, with their numbers from 0; no line is left.
    """
    events, left_out = _events(path)
    note = f"{left_out} lines without an outcome or marked not to be learnt from left out" if left_out else ""
    if not events:
        raise InvalidInput("LOG", str(path), f"it has no decision with an outcome ({left_out} left out)")
    size = _sample_weight(events)
    if "_outcomes" in events[0][1]:
        if policy != "uniform":
            raise InvalidInput("--policy", policy, "of slots and slates only uniform can be evaluated")
        return slots_source(events, size, note)
    frame = _frame(events, size)
    if size is not None and columns.weight is None:
        columns = replace(columns, weight=SIZE)
    return table_source(
        frame, policy, columns, rng=rng, unit=UNIT, note=note, by_user=by_user, missing=missing
    )


def dsjson_frame(path: Path) -> pd.DataFrame:
    """A contextual bandit's log as a table.

    Columns: ``event_id``; ``action``, the name of the chosen action if every action on offer has one
    (``_tag`` or ``id``), else its number from 1, as in ``_label_Action``; ``reward``, minus the cost;
    ``propensity``; ``_offered``, the names of the actions on offer or their number; ``_sample_weight``, how
    many lines it stands for, if lines were dropped at different rates; and every shared feature that is a
    number, a truth value or a word, by its path, e.g. ``GUser.age``; absent: 0 or "".

    Raises:
        InvalidInput: as :func:`dsjson_source`.
    """
    events, _ = _events(path)
    return _frame(events, _sample_weight(events))


def _events(path: Path) -> tuple[list[Event], int]:
    """(line number, event) of the lines that tell an outcome, and how many do not."""
    out, left_out = [], 0
    for number, line in _lines(path):
        if not line.strip() or line.startswith(CHECKPOINT):
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
    return _counted_from_1(out), left_out


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig") as text:  # closes both
            yield from enumerate(text)
    except UnicodeDecodeError as error:
        raise InvalidInput("LOG", str(path), f"it is no UTF-8 ({error}): save it as UTF-8") from error
    except (OSError, EOFError, ValueError) as error:
        raise InvalidInput("LOG", str(path), f"it cannot be read ({error})") from error


def _counted_from_1(events: list[Event]) -> list[Event]:
    """The events with actions from 1, also of a log whose ``a`` counts from 0.

    Raises:
        InvalidInput: ``a`` counts from 0 and the log does not tell from where ``_label_Action`` counts.
    """
    single = [event for _, event in events if "_outcomes" not in event]
    if not any(0 in listed_values(event.get("a")) for event in single):
        return events
    labels = [event.get("_label_Action") for event in single]
    from_0 = 0 in labels or all(event.get("_labelIndex") == event.get("_label_Action") for event in single)
    from_1 = all(event.get("_labelIndex", -2) + 1 == event.get("_label_Action") for event in single)
    if not from_0 and not from_1:
        fix = "the actions in a count from 0, and _labelIndex does not say whether _label_Action does"
        raise InvalidInput("a", listed_values(single[0].get("a")), fix)
    out = []
    for number, event in events:
        if "_outcomes" in event:
            out.append((number, event))
            continue
        shifted = {
            **event,
            "a": [each + 1 if is_whole(each) else each for each in listed_values(event.get("a"))],
        }
        if from_0 and is_whole(event.get("_label_Action")):
            shifted["_label_Action"] += 1
        out.append((number, shifted))
    return out


def _sample_weight(events: list[Event]) -> F64 | None:
    """(n,) 1 / (1 - pdrop) of each line; None where all are alike.

    Raises:
        InvalidInput: a pdrop outside [0, 1).
    """
    dropped = np.array([number_in(event.get("pdrop", 0.0)) for _, event in events])
    report = ValidationReport()
    fix = "give the share of lines that were dropped, in [0, 1)"
    report.check("pdrop", dropped, ~((dropped >= 0) & (dropped < 1)), fix)
    report.stop(len(events), np.array([number for number, _ in events]))
    return None if (dropped == dropped[:1]).all() else 1.0 / (1.0 - dropped)


def _action_names(events: list[Event]) -> list[tuple[str, ...]] | None:
    """The names of the actions on offer in each round, if all have one and those of a round differ."""
    out = []
    for _, event in events:
        multi = event.get("c", {}).get("_multi")
        offered = multi if isinstance(multi, list) else []
        names = tuple(name for each in offered if (name := _action_name(each)) is not None)
        if not names or len(names) < len(offered) or len(set(names)) < len(names):
            return None
        out.append(names)
    return out


def _action_name(features: Any) -> str | None:
    """``_tag`` or ``id`` of an action's features, or of one of their namespaces."""
    if not isinstance(features, dict):
        return None
    for place in (features, *(inner for inner in features.values() if isinstance(inner, dict))):
        for key in ("_tag", "id"):
            if isinstance(place.get(key), (str, int)) and not isinstance(place[key], bool):
                return str(place[key])
    return None


def _frame(events: list[Event], size: F64 | None) -> pd.DataFrame:
    import pandas as pd

    rows = []
    names = _action_names(events)
    for number, event in events:
        offered = listed_values(event.get("a")) or listed_values(event.get("c", {}).get("_multi"))
        label = event.get("_label_Action", event.get("_labelIndex", -2) + 1)
        rows.append(
            {
                "event_id": str(event.get("EventId", number)),
                "action": label if is_whole(label) else -1,
                "reward": -number_in(event.get("_label_cost")),
                "propensity": number_in(event.get("_label_probability")),
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
    check("_label_Action", ~on_offer, "it is not among the actions on offer, which count from 1")
    p = frame["propensity"].to_numpy()
    check("_label_cost", ~np.isfinite(frame["reward"].to_numpy()), "give a number")
    check("_label_probability", ~np.isfinite(p), "give a number")
    check("_label_probability", np.isfinite(p) & ~((p > 0) & (p <= 1)), "give a probability in (0, 1]")
    report.stop(len(lines), lines)
    if names is not None and all(len(each) == count for each, count in zip(names, frame[OFFERED])):
        frame["action"] = [each[label - 1] for each, label in zip(names, frame["action"])]
        frame[OFFERED] = pd.Series(names, dtype=object)
    if size is not None:
        frame[SIZE] = size
    shared = [dict(_features(event.get("c", {}))) for _, event in events]
    return pd.concat([frame, _columns_of(shared)], axis=1)


def _check_pmfs(events: list[Event], report: ValidationReport) -> None:
    total, first = np.ones(len(events)), np.zeros(len(events))
    uneven = np.zeros(len(events), np.bool_)
    for i, (_, event) in enumerate(events):
        if not event.get("p"):
            continue
        p, order = [number_in(each) for each in listed_values(event["p"])], listed_values(event.get("a"))
        total[i], uneven[i] = sum(p), bool(order) and len(order) != len(p)
        if not uneven[i] and event.get("_label_Action") in order:
            chosen = p[order.index(event["_label_Action"])]
            first[i] = abs(chosen - number_in(event.get("_label_probability")))
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
