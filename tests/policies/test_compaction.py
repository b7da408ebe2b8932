"""Compaction: what a server wrote becomes a decision log, in memory that does not grow with it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from builders.bundles import linear_policy, rank_body, small_bundle
from builders.server_logs import HEADER, decision, reward, write
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.core.files import LOG_FILE
from shopgym.policies.decision_log import DecisionLog, compact, compact_to, compaction, parquet
from shopgym.policies.decision_log.append_log import AppendLog, frame
from shopgym.policies.serving.service import RankingService, decision_record, header_record


def same(one: DecisionLog, other: DecisionLog) -> None:
    assert one.columns().keys() == other.columns().keys()
    for name, values in one.columns().items():
        np.testing.assert_array_equal(values, other.columns()[name], err_msg=name)
    assert (list(one.events), list(one.live)) == (list(other.events), list(other.live))
    for name, values in one.events.items():
        np.testing.assert_array_equal(values, other.events[name])
    for name in ("unit", "policy_hash", "policy_name", "config_hash", "items_hash", "source", "user_names"):
        assert getattr(one, name) == getattr(other, name)


def test_compact_known_answer(tmp_path: Path) -> None:
    log = compact(
        write(
            tmp_path,
            HEADER,
            decision(1),
            decision(2, m=5),
            {"kind": "stock", "stock": {"a": False}},
            reward(2, 4.5, click=[1.0, 0.0]),
            decision(3, m=2),
            reward(1, -1.0, click=[0.0, 0.0], cart=[0.0, 0.0]),
        )
    )
    np.testing.assert_array_equal(log.request_id, [1, 2, 3])
    np.testing.assert_array_equal(log.rewarded, [True, True, False])
    np.testing.assert_array_equal(log.reward, [[-1.0, 0.0], [4.5, 0.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(log.events["click"], [[0.0, 0.0], [1.0, 0.0], [np.nan, np.nan]])
    assert list(log.events) == ["click"]
    np.testing.assert_array_equal(
        log.candidates, [[10, 11, 12, -1, -1], [10, 11, 12, 13, 14], [10, 11, -1, -1, -1]]
    )
    np.testing.assert_array_equal(log.in_stock.sum(axis=1), [3, 5, 2])
    np.testing.assert_array_equal(log.slates, [[11, -1]] * 3)
    assert (log.unit, log.policy_hash, log.source, log.context.shape) == ("GBP", "p", "server", (3, 0))
    assert log.marginals is None


def test_compact_of_two_bundles(tmp_path: Path) -> None:
    other = HEADER | {"policy_hash": "q"}
    log = compact(
        write(tmp_path, HEADER, decision(1), other, decision(2), HEADER, decision(3), reward(2, 1.0))
    )
    np.testing.assert_array_equal(log.request_id, [1, 3, 2])
    np.testing.assert_array_equal(log.rewarded, [False, False, True])
    assert log.policy_hash == "p+q"


def test_compact_of_a_log_that_is_being_written(tmp_path: Path) -> None:
    write(tmp_path, HEADER, decision(1))
    with (tmp_path / LOG_FILE).open("ab") as file:
        file.write(frame(decision(2))[:-5])
    size = (tmp_path / LOG_FILE).stat().st_size
    assert len(compact(tmp_path)) == 1
    assert (tmp_path / LOG_FILE).stat().st_size == size


def test_compact_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file"):
        compact(tmp_path)
    write(tmp_path, HEADER)
    with pytest.raises(InvalidInput, match="no decision yet"):
        compact(tmp_path)
    write(tmp_path, HEADER | {"version": 3}, decision(1))
    with pytest.raises(InvalidInput, match=r"log\.version = 3"):
        compact(tmp_path)
    with pytest.raises(InvalidInput, match="before any header"):
        compact(write(tmp_path / "headless", decision(1)))


def test_an_event_is_kept_though_a_later_bundle_has_no_reward_yet(tmp_path: Path) -> None:
    other = HEADER | {"policy_hash": "q"}
    log = compact(write(tmp_path, HEADER, decision(1), reward(1, 1.0, click=[1.0, 0.0]), other, decision(2)))
    np.testing.assert_array_equal(log.events["click"], [[1.0, 0.0], [np.nan, np.nan]])


def test_headers_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    other = HEADER | {"unit": "EUR"}
    with pytest.raises(InvalidInput, match=r"logs\.unit = \['GBP', 'EUR'\]"):
        compact(write(tmp_path, HEADER, decision(1), other, decision(2)))
    assert len(compact(write(tmp_path / "unused", HEADER, decision(1), other))) == 1


def test_a_decision_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"log\.request_id = 7: it was decided twice"):
        compact(write(tmp_path, HEADER, decision(7), decision(7)))


def test_a_reward_of_no_decision_is_left_out(tmp_path: Path) -> None:
    log = compact(write(tmp_path, HEADER, decision(2), reward(1, 5.0), reward(3, 6.0)))
    assert log.rewarded.tolist() == [False]


@pytest.mark.parametrize("rows", [1, 3, 7, 100])
@pytest.mark.parametrize("out", ["log.parquet", "parts"])
def test_some_decisions_at_a_time_are_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, out: str
) -> None:
    records = [HEADER]
    for i in range(20):
        records.append(decision(i, m=2 + i % 5) | ({"history": list(range(i % 4))} if i % 3 else {}))
        records += [reward(i - 1, 0.5 * i, click=[1.0, 0.0])] if i % 2 else []
    write(tmp_path / "served", *records)
    whole = compact(tmp_path / "served", close_after=None)
    monkeypatch.setattr(compaction, "ROWS", rows)
    monkeypatch.setattr(parquet, "PART_ROWS", 8)
    same(compact(tmp_path / "served"), whole)
    written = compact_to(tmp_path / out, tmp_path / "served")
    assert (written.decisions, written.rewarded, written.waiting, written.unit) == (20, 10, 10, "GBP")
    same(DecisionLog.read(tmp_path / out), whole)
    if out == "parts":
        files = sorted((tmp_path / out).iterdir())
        assert [pq.read_metadata(file).num_rows for file in files] == {
            1: [8, 8, 4],
            3: [9, 9, 2],
            7: [14, 6],
            100: [20],
        }[rows]


def test_marginals_are_added_to_every_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = linear_policy()
    bundle = small_bundle(tmp_path / "bundle", policy)
    service = RankingService(bundle)
    records = [header_record(bundle)]
    for i in range(10):
        request = service.read(rank_body(policy, i, m=3 + i))
        records.append(decision_record(request, service.decide(request)))
    with AppendLog(tmp_path / "served" / LOG_FILE) as log:
        log.append([frame(record) for record in records])
    whole = compact(tmp_path / "served", policy)
    monkeypatch.setattr(compaction, "ROWS", 4)
    compact_to(tmp_path / "log.parquet", tmp_path / "served", policy)
    same(DecisionLog.read(tmp_path / "log.parquet"), whole)
    assert whole.marginals is not None


def test_few_wide_decisions_are_read_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "served", HEADER, *(decision(i, m=50) for i in range(9)))
    monkeypatch.setattr(compaction, "CELLS", 120)
    compact_to(tmp_path / "log.parquet", tmp_path / "served")
    metadata = pq.read_metadata(tmp_path / "log.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [2, 2, 2, 2, 1]


def test_memory_grows_by_an_index_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced bytes at the peak: 4,000 decisions more cost less than 200 bytes each (a record has 5,000)."""
    monkeypatch.setattr(compaction, "ROWS", 200)
    peaks = []
    for n in (1000, 5000):
        folder = write(tmp_path / str(n), HEADER, *(decision(i, m=100) for i in range(n)))
        compact_to(tmp_path / f"warm-{n}.parquet", folder)
        tracemalloc.start()
        compact_to(tmp_path / f"{n}.parquet", folder)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 4000 < 200


def at(time: float, request_id: int) -> dict[str, object]:
    return decision(request_id) | {"time": time}


def test_decisions_without_an_outcome_are_closed_after_a_delay(tmp_path: Path) -> None:
    """The log ends at day 10: after 2 days without a reward nothing has happened, up to day 8."""
    times = {1: 1.0, 2: 8.0, 3: 8.5, 4: 10.0, 5: 0.5}
    records = [at(time, i) for i, time in times.items()]
    write(
        tmp_path / "served",
        HEADER,
        *records,
        reward(5, 3.0, click=[1.0, 0.0]),
        reward(4, 1.0, click=[1.0, 0.0]),
    )
    log = compact(tmp_path / "served", close_after=2.0)
    assert log.rewarded.tolist() == [True, True, False, True, True]
    np.testing.assert_array_equal(log.reward[:, 0], [0.0, 0.0, np.nan, 1.0, 3.0])
    np.testing.assert_array_equal(log.events["click"][:, 0], [0.0, 0.0, np.nan, 1.0, 1.0])
    written = compact_to(tmp_path / "log.parquet", tmp_path / "served", close_after=2.0)
    assert (written.rewarded, written.closed, written.waiting) == (2, 2, 1)
    same(DecisionLog.read(tmp_path / "log.parquet"), log)
    assert compact(tmp_path / "served", close_after=0.0).rewarded.all()
    for wrong in (-1.0, float("nan")):
        with pytest.raises(InvalidInput, match="close_after"):
            compact(tmp_path / "served", close_after=wrong)


def test_the_command_says_what_waits_and_closes_on_request(tmp_path: Path) -> None:
    write(tmp_path / "served", HEADER, at(1.0, 1), at(5.0, 2), reward(2, 1.0))
    ask = ["log", "compact", str(tmp_path / "served"), "--out", str(tmp_path / "log.parquet")]
    said = CliRunner().invoke(app, ask).output
    assert "2 decisions, 1 with a reward (GBP)" in said
    assert "without a reward so far: 1 (if nothing happened there, give --close-after DAYS)" in said
    said = CliRunner().invoke(app, [*ask, "--close-after", "3"]).output
    assert "2 decisions, 1 with a reward (GBP), 1 closed with reward 0" in said
    assert DecisionLog.read(tmp_path / "log.parquet").rewarded.all()
