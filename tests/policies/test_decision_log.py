"""The decision log: Parquet returns what was written, and bad values are refused by name."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders.bundles import CONTEXT, UNIT, USER, linear_policy, random_requests, small_items, table_policy
from builders.paths import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import Decisions, Interactions, InvalidInput, Requests
from shopgym.policies.decision_log.log import DecisionLog, logged_marginals
from shopgym.policies.decision_log.schema import COLUMNS, EPISODE_COLUMNS, EVENT


def make_log(n: int = 6, m: int = 3, *, events: tuple[str, ...] = ("click",), seed: int = 0) -> DecisionLog:
    """A log of the hand-made table policy, with marginals and pages of different sizes."""
    rng = np.random.default_rng(seed)
    policy = table_policy()
    requests = random_requests(policy, n, m, rng)
    history = rng.integers(-1, m, size=(n, 4), dtype=np.int32)
    requests = dataclasses.replace(
        requests, slots=(1 + np.arange(n, dtype=np.int32) % 2), history=np.sort(history)[:, ::-1]
    )
    decisions = policy.decide(requests, rng)
    reward = np.where(decisions.positions >= 0, rng.normal(size=(n, 2)), 0.0)
    values = {name: rng.random((n, 2)) for name in events}
    return DecisionLog.from_interactions(
        Interactions(requests, decisions, reward, values),
        items=policy.items,
        unit=UNIT,
        policy_hash=policy.hash,
        policy_name=policy.name,
        config_hash="c0ffee",
        user_names=USER,
        context_names=CONTEXT,
        marginals=logged_marginals(policy, requests, decisions.positions),
    )


def same(one: DecisionLog, other: DecisionLog) -> None:
    """Assert that two logs are equal in every bit and type."""
    assert one.columns().keys() == other.columns().keys()
    for name, values in one.columns().items():
        np.testing.assert_array_equal(other.columns()[name], values, err_msg=name)
        assert other.columns()[name].dtype == values.dtype, name
    assert list(one.events) == list(other.events)
    for name, values in one.events.items():
        np.testing.assert_array_equal(other.events[name], values, err_msg=name)
    for name in ("unit", "policy_hash", "policy_name", "config_hash", "items_hash", "source", "version"):
        assert getattr(one, name) == getattr(other, name)
    assert (one.user_names, one.context_names) == (other.user_names, other.context_names)


def test_marginals_known_answer() -> None:
    """Rates 1, 2, 4, all in stock, slots 2: P(item 2 first) = 4/7; P(item 2 second) = 1/7 4/6 + 2/7 4/5."""
    policy = table_policy()
    requests = random_requests(policy, 1, 3, np.random.default_rng(0))
    requests = dataclasses.replace(
        requests, candidates=np.array([[0, 1, 2]], dtype=np.int32), in_stock=np.ones((1, 3), dtype=bool)
    )
    first = logged_marginals(policy, requests, np.array([[2, 0]], dtype=np.int32))
    second = logged_marginals(policy, requests, np.array([[0, 2]], dtype=np.int32))
    # item 0 second: after item 1 with 2/7 x 1/5, after item 2 with 4/7 x 1/3
    np.testing.assert_allclose(first, [[4 / 7, 2 / 7 / 5 + 4 / 7 / 3]], atol=1e-9)
    np.testing.assert_allclose(second, [[1 / 7, 1 / 7 * 4 / 6 + 2 / 7 * 4 / 5]], atol=1e-9)


def test_marginals_of_an_empty_slot_are_one() -> None:
    policy = table_policy()
    requests = random_requests(policy, 4, 3, np.random.default_rng(0))
    requests = dataclasses.replace(requests, in_stock=np.zeros((4, 3), dtype=bool))
    decisions = policy.decide(requests, np.random.default_rng(0))
    np.testing.assert_array_equal(decisions.positions, -1)
    np.testing.assert_array_equal(logged_marginals(policy, requests, decisions.positions), 1.0)


def test_marginals_in_chunks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    log = make_log(20)
    policy = table_policy()
    monkeypatch.setattr("shopgym.policies.decision_log.log._CELLS_AT_A_TIME", 20)
    np.testing.assert_array_equal(logged_marginals(policy, log.requests(), log.positions), log.marginals)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(0, 7),
    m=st.integers(2, 5),
    k=st.integers(1, 3),
    u=st.integers(0, 2),
    c=st.integers(0, 2),
    events=st.sets(st.sampled_from(["click", "quantity"])),
    marginals=st.booleans(),
    folder=st.booleans(),
    data=st.data(),
)
def test_round_trip(
    n: int,
    m: int,
    k: int,
    u: int,
    c: int,
    events: set[str],
    marginals: bool,
    folder: bool,
    data: st.DataObject,
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    positions = rng.integers(-1, m, (n, k)).astype(np.int32)
    candidates = rng.integers(0, 9, (n, m)).astype(np.int32)
    rows = np.take_along_axis(candidates, np.maximum(positions, 0), axis=1)
    rewarded = rng.random(n) < 0.5
    log = DecisionLog(
        request_id=rng.permutation(np.arange(n, dtype=np.uint64) + np.uint64(2**64 - 9)),
        user_id=rng.integers(-(2**63), 2**63 - 1, n),
        time=rng.normal(size=n),
        user=rng.normal(size=(n, u)).astype(np.float32),
        context=rng.normal(size=(n, c)).astype(np.float32),
        candidates=candidates,
        in_stock=rng.random((n, m)) < 0.5,
        positions=positions,
        slates=np.where(positions >= 0, rows, -1).astype(np.int32),
        propensities=1.0 - rng.random((n, k)),
        rewarded=rewarded,
        reward=np.where(rewarded[:, None], rng.normal(size=(n, k)), np.nan),
        unit="€ of margin",
        policy_hash="p",
        policy_name="näme",
        config_hash="c",
        items_hash="i",
        user_names=USER[:u],
        context_names=("hour", "day")[:c],
        marginals=1.0 - rng.random((n, k)) if marginals else None,
        events={name: np.where(rewarded[:, None], rng.random((n, k)), np.nan) for name in sorted(events)},
        source="server",
    )
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / ("log" if folder else "log.parquet")
        log.write(path)
        same(log, DecisionLog.read(path))


def test_a_log_may_say_which_decisions_follow_one_another(tmp_path: Path) -> None:
    log = make_log()
    n = len(log)
    episodes = replace(
        log,
        episode=np.arange(n) // 2,
        step=(np.arange(n) % 2).astype(np.int32),
        ended=np.arange(n) % 2 == 1,
    )
    episodes.write(tmp_path / "log.parquet")
    same(episodes, DecisionLog.read(tmp_path / "log.parquet"))
    for change, words in (
        ({"step": None}, "all of episode, step, ended"),
        ({"step": np.zeros(n, np.int32)}, "a step of its own"),
        ({"ended": np.ones(n, bool)}, "goes on after"),
    ):
        with pytest.raises(InvalidInput, match=words):
            replace(episodes, **change).check()


def test_the_file_describes_itself(tmp_path: Path) -> None:
    log = make_log()
    log.write(tmp_path / "log.parquet")
    schema = pq.read_schema(tmp_path / "log.parquet")
    assert json.loads(schema.metadata[b"shopgym.version"]) == 1
    assert json.loads(schema.metadata[b"shopgym.unit"]) == UNIT
    assert json.loads(schema.metadata[b"shopgym.user_names"]) == list(USER)
    described = {field.name: field.metadata[b"description"].decode() for field in schema}
    present = [column for column in COLUMNS if column not in EPISODE_COLUMNS]
    assert described == {column.name: column.description for column in present} | {
        "event.click": EVENT.description
    }
    assert schema.field("candidates").type == pa.list_(pa.field("element", pa.int32(), nullable=False), 3)


def test_the_documentation_lists_every_column() -> None:
    text = (ROOT / "docs" / "decision-log.md").read_text(encoding="utf-8")
    for column in COLUMNS:
        length = column.width or "1"
        assert f"| `{column.name}` | {column.dtype} | {length} | {column.description}" in text


def test_part_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shopgym.policies.decision_log.parquet.PART_ROWS", 4)
    log = make_log(10)
    log.write(tmp_path / "log")
    parts = sorted(path.name for path in (tmp_path / "log").iterdir())
    assert parts == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    same(log, DecisionLog.read(tmp_path / "log"))
    (tmp_path / "log" / parts[1]).unlink()
    with pytest.raises(InvalidInput, match="10 rows: a part is missing"):
        DecisionLog.read(tmp_path / "log")


def test_parts_of_different_logs_are_refused(tmp_path: Path) -> None:
    make_log(4).write(tmp_path / "log")
    make_log(8).write(tmp_path / "log" / "part-00001.parquet")
    with pytest.raises(InvalidInput, match="its header differs"):
        DecisionLog.read(tmp_path / "log")


def test_writing_replaces_an_older_log_but_no_other_folder(tmp_path: Path) -> None:
    make_log(4).write(tmp_path / "log")
    make_log(6).write(tmp_path / "log")
    assert len(DecisionLog.read(tmp_path / "log")) == 6
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(InvalidInput, match=r"letter\.txt"):
        make_log(4).write(tmp_path / "home")
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"


def test_a_bad_log_leaves_the_old_file(tmp_path: Path) -> None:
    log = make_log()
    log.write(tmp_path / "log.parquet")
    log.propensities[2, 1] = 0.0
    with pytest.raises(InvalidInput):
        log.write(tmp_path / "log.parquet")
    assert len(DecisionLog.read(tmp_path / "log.parquet")) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["log.parquet"]


def edited(log: DecisionLog, name: str, row: int, value: object) -> DecisionLog:
    values = getattr(log, name).copy()
    values[row] = value
    return dataclasses.replace(log, **{name: values})


@pytest.mark.parametrize(
    ("name", "row", "value", "message"),
    [
        ("propensities", 3, np.nan, r"log\.propensities\[3\].*\(1 of 6 rows"),
        ("propensities", slice(2, 5), 0.0, r"log\.propensities\[2\].*\(3 of 6 rows"),
        ("propensities", 0, -0.5, r"log\.propensities\[0\]"),
        ("propensities", 5, 1.5, r"log\.propensities\[5\].*\(0, 1\]"),
        ("marginals", 1, 0.0, r"log\.marginals\[1\]"),
        ("candidates", 4, -2, r"log\.candidates\[4\]"),
        ("candidates", 2, 7, r"log\.slates\[2\].*candidate at the slot's position"),
        ("positions", 2, 3, r"log\.positions\[2\].*3 candidates"),
        ("user", 1, np.inf, r"log\.user\[1\]"),
        ("time", 1, np.nan, r"log\.time\[1\] = nan"),
        ("reward", 1, np.nan, r"log\.reward\[1\].*remove NaN"),
        ("reward", 1, np.inf, r"log\.reward\[1\]"),
        ("rewarded", 1, False, r"log\.reward\[1\].*not rewarded yet has reward NaN"),
        ("request_id", 1, 1000, r"log\.request_id = \[1000\].*1 repeat"),
    ],
)
def test_bad_values_are_named(name: str, row: int, value: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        edited(make_log(), name, row, value).check()


def test_padding_is_neither_in_stock_nor_shown() -> None:
    log = make_log()
    with pytest.raises(InvalidInput, match=r"log\.in_stock"):
        dataclasses.replace(
            log, candidates=np.full_like(log.candidates, -1), in_stock=np.ones_like(log.in_stock)
        ).check()
    with pytest.raises(InvalidInput, match="cannot show padding"):
        dataclasses.replace(
            log,
            candidates=np.full_like(log.candidates, -1),
            in_stock=np.zeros_like(log.in_stock),
            slates=np.full_like(log.slates, -1),
        ).check()


@pytest.mark.parametrize("column", [column.name for column in COLUMNS if column not in EPISODE_COLUMNS])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    path = tmp_path / "log.parquet"
    make_log().write(path)
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    if column in ("marginals", "slots", "history"):
        assert getattr(DecisionLog.read(path), column) is None
    else:
        with pytest.raises(InvalidInput, match=rf"log\.{column} = None: the column is missing"):
            DecisionLog.read(path)


def rewrite(path: Path, metadata: dict[str, object]) -> None:
    table = pq.read_table(path)
    old = dict(table.schema.metadata)
    new = {f"shopgym.{name}".encode(): json.dumps(value).encode() for name, value in metadata.items()}
    pq.write_table(table.replace_schema_metadata(old | new), path)


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    make_log().write(path)
    rewrite(path, {"version": 3})
    with pytest.raises(InvalidInput, match=r"log\.version = 3: this shopgym reads versions up to 2"):
        DecisionLog.read(path)


def test_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    make_log().write(path)
    table = pq.read_table(path)
    at = table.schema.get_field_index("user_id")
    table = table.set_column(at, "user_id", table.column("user_id").cast(pa.float64()))
    pq.write_table(table, path)
    with pytest.raises(InvalidInput, match=r"log\.user_id = 'double'.*make it int64"):
        DecisionLog.read(path)


def test_nulls_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    make_log().write(path)
    table = pq.read_table(path)
    holes = pa.array([None, *range(5)], type=pa.int64())
    table = table.set_column(table.schema.get_field_index("user_id"), "user_id", holes)
    pq.write_table(table, path)
    with pytest.raises(InvalidInput, match=r"log\.user_id = 1: null values"):
        DecisionLog.read(path)


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file"):
        DecisionLog.read(tmp_path / "absent.parquet")
    with pytest.raises(InvalidInput, match=r"no \.parquet file"):
        DecisionLog.read(tmp_path)
    (tmp_path / "decisions.log").touch()
    with pytest.raises(InvalidInput, match="a server wrote it, so first shopgym log compact"):
        DecisionLog.read(tmp_path)
    (tmp_path / "text.parquet").write_text("not parquet")
    with pytest.raises(InvalidInput, match="no readable Parquet"):
        DecisionLog.read(tmp_path / "text.parquet")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(InvalidInput, match=r"no shopgym\.version"):
        DecisionLog.read(tmp_path / "other.parquet")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    make_log().write(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InvalidInput, match="no readable Parquet"):
        DecisionLog.read(path)


def test_a_flipped_bit_in_the_values_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    make_log(50).write(path)
    whole = path.read_bytes()
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    rng = np.random.default_rng(0)
    end = start + sum(
        pq.ParquetFile(path).metadata.row_group(0).column(i).total_compressed_size
        for i in range(pq.ParquetFile(path).metadata.num_columns)
    )
    for at in rng.integers(start, end, 100):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            same(make_log(50), DecisionLog.read(path))  # a bit of a page header that no value depends on
        except InvalidInput:
            continue


def test_row_numbers_belong_to_one_catalogue() -> None:
    log = make_log()
    log.require_items(small_items(3))
    with pytest.raises(InvalidInput, match="another catalogue"):
        log.require_items(small_items(4))


def test_marginals_come_from_the_policy_that_logged() -> None:
    log = make_log()
    bare = dataclasses.replace(log, marginals=None)
    np.testing.assert_array_equal(bare.with_marginals(table_policy()).marginals, log.marginals)
    with pytest.raises(InvalidInput, match=r"policy\.hash"):
        bare.with_marginals(table_policy((1.0, 1.0, 1.0)))


def test_shapes_are_checked_when_a_log_is_made() -> None:
    log = make_log()
    with pytest.raises(InvalidInput, match=r"log\.reward = \(6, 1\): give shape \(6, 2\)"):
        dataclasses.replace(log, reward=log.reward[:, :1])
    with pytest.raises(InvalidInput, match=r"log\.user = .*give shape \(6, 1\)"):
        dataclasses.replace(log, user_names=("taste_0",))
    with pytest.raises(InvalidInput, match=r"log\.event\.click"):
        dataclasses.replace(log, events={"click": log.reward[:3]})


def test_interactions_round_trip() -> None:
    log = make_log()
    back = log.interactions()
    assert isinstance(back.requests, Requests)
    assert isinstance(back.decisions, Decisions)
    np.testing.assert_array_equal(back.reward, log.reward)
    np.testing.assert_array_equal(back.events["click"], log.events["click"])
    np.testing.assert_array_equal(back.requests.request_id, log.request_id)


def test_decisions_without_a_reward_yet() -> None:
    log = make_log()
    waiting = edited(edited(log, "rewarded", [1, 4], False), "reward", [1, 4], np.nan)
    waiting.check()
    with pytest.raises(InvalidInput, match=r"log\.rewarded = 2"):
        waiting.interactions()
    done = waiting.rewarded_only()
    np.testing.assert_array_equal(done.request_id, log.request_id[[0, 2, 3, 5]])
    assert len(done.interactions()) == 4


def test_take_may_repeat_rows() -> None:
    log = make_log()
    some = log.take(np.array([4, 4, 0]))
    np.testing.assert_array_equal(some.request_id, log.request_id[[4, 4, 0]])
    np.testing.assert_array_equal(some.events["click"], log.events["click"][[4, 4, 0]])
    assert some.marginals is not None
    assert len(log.take(log.reward[:, 0] > 1e9)) == 0


def test_concat_pads_and_joins() -> None:
    narrow, wide = make_log(3, m=2), make_log(4, m=3, events=("click", "cart"), seed=1)
    wide = dataclasses.replace(wide, request_id=wide.request_id + 100, policy_hash="q", source="server")
    both = DecisionLog.concat([narrow, wide, wide])
    assert (len(both), both.num_candidates) == (11, 3)
    np.testing.assert_array_equal(both.candidates[:3, 2], -1)
    np.testing.assert_array_equal(both.slates, np.concatenate([narrow.slates, wide.slates, wide.slates]))
    assert list(both.events) == ["click"]
    assert both.policy_hash == f"{narrow.policy_hash}+q"
    assert (both.policy_name, both.source) == ("table", "simulator+server")
    DecisionLog.concat([narrow, wide]).check()
    assert DecisionLog.concat([narrow, dataclasses.replace(wide, marginals=None)]).marginals is None


def test_concat_refuses_logs_that_do_not_agree() -> None:
    log = make_log()
    for change in ({"unit": "clicks"}, {"items_hash": "other"}, {"user_names": ("a", "b")}):
        with pytest.raises(InvalidInput, match=rf"logs\.{next(iter(change))}"):
            DecisionLog.concat([log, dataclasses.replace(log, **change)])
    with pytest.raises(InvalidInput, match="at least one log"):
        DecisionLog.concat([])


def test_a_guard_that_depends_on_earlier_slots_has_no_marginals() -> None:
    policy = linear_policy(category_cap=1)
    requests = random_requests(policy, 3, 8, np.random.default_rng(0))
    decisions = policy.decide(requests, np.random.default_rng(0))
    with pytest.raises(InvalidInput, match=r"policy\.guards"):
        logged_marginals(policy, requests, decisions.positions)
