"""One list of request fields: batch, decision log, Parquet, ``/rank``, server log and compaction agree on it.

Each test walks over ``COLUMNS`` of the schema with a batch in which every field has a value. So a field that
is added in one place alone fails here.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from builders.bundles import CONTEXT, UNIT, USER, linear_policy, rank_body, small_items
from builders.paths import ROOT

from shopgym.core import Decisions, Interactions, InvalidInput, Requests
from shopgym.core.types import AnyArray
from shopgym.policies.decision_log import DecisionLog, compact
from shopgym.policies.decision_log.schema import (
    CANDIDATE_COUNTER,
    COLUMNS,
    COUNTER,
    DECISION_COLUMNS,
    EPISODE_COLUMNS,
    EVENT,
    LIVE,
    REQUEST_COLUMNS,
    REQUEST_FIELDS,
    SERVED_COLUMNS,
    SERVED_REQUEST_FIELDS,
)
from shopgym.policies.guards import DiscountBudget, FrequencyCap
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.serving import Bundle, RankingService, load_bundle, write_bundle
from shopgym.policies.serving.golden import request_body
from shopgym.policies.serving.request_schema import RANK_FIELDS
from shopgym.policies.serving.server import make_app

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would like another client library
    from starlette.testclient import TestClient

N, ITEMS = 24, 30
SIZES = {"": None, "m": 6, "h": 4, "u": len(USER), "c": len(CONTEXT), "k": 3}
BUDGET, CAP = DiscountBudget(0.5), FrequencyCap(maximum=8)
BY_NAME = {column.name: column for column in COLUMNS}


def counting_policy() -> SlatePolicy:
    """The linear policy with guards that count."""
    policy = linear_policy(ITEMS)
    return replace(policy, guards=(*policy.guards, BUDGET, CAP))


def full_requests() -> Requests:
    """N requests in which every field of the schema is set, each row another one."""
    rng = np.random.default_rng(11)
    values: dict[str, Any] = {"live": {"price": rng.random((N, 6), np.float32) + np.float32(1)}}
    values["counters"] = {name: rng.integers(50, 99, N).astype(np.float64) for name in BUDGET.counters}
    values["counters"] |= {name: rng.integers(0, 9, (N, 6)).astype(np.float32) for name in CAP.counters}
    for column in REQUEST_COLUMNS:
        shape = (N,) if column.width == "" else (N, SIZES[column.width])
        if column.dtype.startswith("float"):
            values[column.name] = rng.random(shape).astype(column.dtype)
        elif column.dtype == "bool":
            values[column.name] = rng.random(shape) < 0.7
        elif column.width and column.dtype == "int32":  # rows of the catalogue
            values[column.name] = rng.permuted(np.tile(np.arange(ITEMS), (N, 1)), axis=1)[:, : shape[1]]
        else:
            values[column.name] = 1 + rng.permutation(N) % (3 if column.name == "slots" else N)
        values[column.name] = values[column.name].astype(column.dtype)
    return Requests(**values)


def same_values(got: Any, want: Any, name: str) -> None:
    """Assert that a field of a batch is equal in every bit and type."""
    if isinstance(want, Mapping):
        assert list(got) == list(want), name
        for key, values in want.items():
            same_values(got[key], values, f"{name}.{key}")
        return
    assert got is not None, name
    assert got.dtype == want.dtype, name
    np.testing.assert_array_equal(got, want, err_msg=name)


def disagreements(batch: type) -> set[str]:
    """Fields that a class of batches and the schema do not both have, or have with another type."""
    hints = get_type_hints(batch)
    names = {field.name for field in fields(batch)}
    wrong = names ^ set(REQUEST_FIELDS)
    for name in names & BY_NAME.keys():
        column, options = BY_NAME[name], get_args(hints[name])
        optional = type(None) in options
        array = options[0] if optional else hints[name]
        dtype = get_args(get_args(array)[1])[0]
        if np.dtype(dtype) != np.dtype(column.dtype) or optional != column.optional:
            wrong.add(name)
    return wrong


def test_the_schema_has_the_fields_of_requests_and_decisions() -> None:
    assert disagreements(Requests) == set()
    decided = {column.name for column in DECISION_COLUMNS}
    assert {field.name for field in fields(Decisions)} == decided - {"marginals"}
    in_log = {field.name for field in fields(DecisionLog)}
    assert {*BY_NAME, "live", "counters", "events"} <= in_log
    assert (LIVE.name, EVENT.name) == ("live.", "event.")
    assert (COUNTER.name, CANDIDATE_COUNTER.name) == ("counter.", "candidate_counter.")


def test_a_field_in_one_place_alone_is_noticed() -> None:
    @dataclass(frozen=True)
    class More(Requests):
        device: AnyArray | None = None

    assert disagreements(More) == {"device"}


def test_every_field_is_taken_along() -> None:
    requests, rows = full_requests(), np.array([5, 0, 5])
    picked = requests.take(rows)
    positions = np.tile(np.arange(5, -1, -1), (N, 1))
    turned = requests.at(positions)
    for field in fields(Requests):
        values = getattr(requests, field.name)
        assert values is not None, f"{field.name}: full_requests() leaves it out"
        if isinstance(values, Mapping):
            same_values(getattr(picked, field.name), {n: v[rows] for n, v in values.items()}, field.name)
            backwards = {n: v if v.ndim == 1 else v[:, ::-1] for n, v in values.items()}
            same_values(getattr(turned, field.name), backwards, field.name)
            continue
        same_values(getattr(picked, field.name), values[rows], field.name)
        per_candidate = BY_NAME[field.name].width == "m"
        same_values(getattr(turned, field.name), values[:, ::-1] if per_candidate else values, field.name)


def logged(requests: Requests) -> DecisionLog:
    """The log of the linear policy's decisions on ``requests``, two to an episode."""
    policy = counting_policy()
    decisions = policy.decide(requests, np.random.default_rng(1))
    log = DecisionLog.from_interactions(
        Interactions(requests, decisions, np.zeros((len(requests), 3)), {"click": np.ones((N, 3))}),
        items=policy.items,
        unit=UNIT,
        policy_hash=policy.hash,
        policy_name=policy.name,
        config_hash="c",
        user_names=USER,
        context_names=CONTEXT,
        marginals=np.ones((N, 3)),
    )
    row = np.arange(N)
    return replace(log, episode=row // 2, step=(row % 2).astype(np.int32), ended=row % 2 == 1)


@pytest.mark.parametrize("way", ["as it is", "one file", "a folder", "taken apart and put together"])
def test_every_field_comes_back_from_the_decision_log(way: str, tmp_path: Path) -> None:
    requests = full_requests()
    log = logged(requests)
    if way in ("one file", "a folder"):
        path = tmp_path / ("log.parquet" if way == "one file" else "log")
        log.write(path)
        log = DecisionLog.read(path)
    elif way == "taken apart and put together":
        log = DecisionLog.concat([log.take(slice(0, 7)), log.take(slice(7, N))])
    assert set(log.columns()) == set(BY_NAME)
    again = log.requests()
    for field in fields(Requests):
        same_values(getattr(again, field.name), getattr(requests, field.name), field.name)


def bundle_with_every_field(path: Path) -> Bundle:
    return write_bundle(
        path,
        counting_policy(),
        golden_requests=full_requests(),
        user_names=USER,
        context_names=CONTEXT,
        live_names=("price",),
        unit=UNIT,
        config_hash="c",
    )


def test_every_served_field_goes_from_rank_into_the_log(tmp_path: Path) -> None:
    """Sent as JSON, read, decided, written to the server's log, compacted: the batch that was sent."""
    bundle, requests = bundle_with_every_field(tmp_path / "bundle"), full_requests()
    with TestClient(make_app(bundle, tmp_path / "log")) as client:
        for i in range(N):
            body = request_body(bundle.policy.items, requests.take(slice(i, i + 1)))
            assert set(body) == set(SERVED_REQUEST_FIELDS)
            assert client.post("/rank", json=body).status_code == 200
    record = json.loads((tmp_path / "log" / "decisions.log").read_text().splitlines()[1][18:])
    assert set(record) == {"kind", "id", "live", "counters", *(column.name for column in SERVED_COLUMNS)}
    log = compact(tmp_path / "log", bundle.policy)
    for name in REQUEST_FIELDS:
        if name in SERVED_REQUEST_FIELDS:
            same_values(getattr(log.requests(), name), getattr(requests, name), name)
        else:
            assert getattr(log.requests(), name) is None
    assert set(log.columns()) == {column.name for column in COLUMNS if column not in EPISODE_COLUMNS} - {
        "slots"
    }


def test_golden_cases_have_every_served_field(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    bundle_with_every_field(path)
    for case in json.loads((path / "golden.json").read_text()):
        assert set(case["request"]) == set(SERVED_REQUEST_FIELDS)
    load_bundle(path)


@pytest.mark.parametrize("name", RANK_FIELDS)
def test_rank_reads_every_field_that_it_names(name: str, tmp_path: Path) -> None:
    service = RankingService(bundle_with_every_field(tmp_path / "bundle"))
    policy = linear_policy(ITEMS)
    body = {**rank_body(policy, 1), "live": {"price": [1.0, 2.0, 3.0]}}
    service.rank(body)
    with pytest.raises(InvalidInput) as error:
        service.rank(body | {name: {"nonsense": 1}})
    assert error.value.field.partition(".")[0] == name


def test_a_request_of_the_catalogue_is_told_by_item_ids() -> None:
    items, requests = small_items(ITEMS), full_requests()
    one = replace(requests.take(slice(0, 1)), candidates=np.array([[2, 0, -1, -1, -1, -1]], np.int32))
    body = request_body(items, one)
    assert body["candidates"] == ["sku2", "sku0"]
    assert body["in_stock"] == one.in_stock[0, :2].tolist()
    assert body["live"]["price"] == one.live["price"][0, :2].tolist()
    assert body["history"] == [f"sku{row}" for row in requests.history[0]]


def test_the_documents_list_every_field() -> None:
    serving = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    table = serving.partition("### POST /rank")[2].partition("### POST /reward")[0]
    for name in RANK_FIELDS:
        assert f"`{name}`" in table, name
