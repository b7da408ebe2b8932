"""Streamed estimates: the same as in memory, however the log is cut."""

from __future__ import annotations

import pickle
import sys
import types
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.evaluation.offline import ESTIMATORS, OpeInputs
from shopgym.evaluation.offline.accumulators import LargestValues, MeansAndScatter
from shopgym.evaluation.offline.formats import Columns, ray_map, stream_table, weigh_log
from shopgym.evaluation.offline.streaming import (
    SufficientStatistics,
    can_stream,
    streamable,
)
from shopgym.evaluation.offline.support import Support, calibration_p
from shopgym.evaluation.offline.users import STREAMED as STREAMED_USERS

STREAMED = [name for name, estimator in ESTIMATORS.items() if can_stream(estimator)]
FIGURES = ("value", "low", "high", "ess", "max_weight", "mean_weight", "tail_mass", "pareto_k", "weight_z")
FIGURES += ("model_error", "model_z", "max_share", "skewness", "error_rounds", "shift")


def make_inputs(n: int, slots: int, seed: int, offset: float = 0.0) -> OpeInputs:
    rng = np.random.default_rng(seed)
    shape = (n, slots)
    reward = rng.gamma(1.0, size=shape) + offset
    q = reward + rng.normal(size=shape)
    return OpeInputs(
        reward,
        2.0 * rng.pareto(3.0, size=shape),
        q,
        q.copy() + 0.1,
        propensity=rng.uniform(0.1, 1.0, size=shape),
    )


def rows_of(inputs: OpeInputs, rows: slice) -> OpeInputs:
    names = ("reward", "weight", "q_logged", "v_target", "propensity")
    return replace(inputs, **{name: getattr(inputs, name)[rows] for name in names})


def tally_of(inputs: OpeInputs, *parts: slice) -> SufficientStatistics:
    """Each part counted by itself, then merged in order."""
    estimators = [streamable(ESTIMATORS[name], len(inputs)) for name in STREAMED]
    slots = inputs.reward.shape[1]
    total = SufficientStatistics(estimators, slots)
    for rows in parts:
        part = SufficientStatistics(estimators, slots)
        part.add(rows_of(inputs, rows))
        total.merge(part)
    return total


# --- sums --------------------------------------------------------------------------------------------


def test_moments_of_a_large_mean_keep_their_digits() -> None:
    columns = np.random.default_rng(0).normal(size=(1000, 3)) + 1e8
    sums = MeansAndScatter(3)
    for start in range(0, 1000, 77):
        sums.add(columns[start : start + 77])
    assert sums.n == 1000
    assert sums.mean == pytest.approx(columns.mean(axis=0), rel=1e-14)
    assert sums.scatter / 999 == pytest.approx(np.cov(columns.T), abs=1e-6)


@given(st.lists(st.lists(st.integers(0, 9), max_size=9), min_size=1, max_size=9), st.integers(1, 6))
def test_the_heaviest_are_those_of_a_sort(parts: list[list[int]], kept: int) -> None:
    top = LargestValues(kept)
    for part in parts:
        more = LargestValues(kept)
        more.add(np.array(part, dtype=np.float64))
        top.merge(more)
    everything = sorted((value for part in parts for value in part), reverse=True)
    assert top.descending().tolist() == everything[:kept]


def make_support(action: np.ndarray, p: np.ndarray, x: np.ndarray, *parts: slice) -> Support:
    actions, total = int(action.max()) + 1, Support(int(action.max()) + 1, x.shape[1])
    for rows in parts or (slice(0, len(action)),):
        part = Support(actions, x.shape[1])
        part.add(action[rows], p[rows], np.full(actions, len(action[rows]) / actions), x[rows])
        total.merge(part)
    return total


def test_support_is_the_same_in_parts_as_in_one() -> None:
    rng = np.random.default_rng(1)
    action, p = rng.integers(4, size=900), rng.uniform(0.1, 0.6, size=900)
    x = rng.normal(size=(900, 2))
    one = make_support(action, p, x)
    total = make_support(action, p, x, slice(0, 1), slice(1, 500), slice(500, 900))
    assert total.p_value() == pytest.approx(one.p_value(), rel=1e-9)
    assert calibration_p(action, p, 4, x) == pytest.approx(total.p_value(), rel=1e-9)
    assert total.p_value() < 0.01  # these propensities are made up
    assert total.unsupported == 0.0
    assert total.logged.tolist() == np.bincount(action).tolist()


def test_rare_features_of_many_actions_are_no_alarm_and_wrong_propensities_are() -> None:
    rng = np.random.default_rng(2)
    x = np.eye(20)[rng.choice(20, p=[0.81, *[0.01] * 19], size=4000)]
    result = [
        make_support(rng.integers(60, size=4000), np.full(4000, 1 / 60), x).p_value() for _ in range(40)
    ]
    assert min(result) > 2.5e-5  # Bonferroni: 40 logs fall below once in a thousand times
    wrong = make_support(rng.choice(60, p=np.arange(1, 61) / 1830, size=4000), np.full(4000, 1 / 60), x)
    assert wrong.p_value() < 1e-6


# --- estimates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("interval", ["delta", "student"])
def test_every_streamed_estimator_says_what_it_says_in_memory(slots: int, interval: str) -> None:
    inputs = make_inputs(700, slots, 2)
    tally = tally_of(inputs, slice(0, 10), slice(10, 700))
    assert {"ips", "snips", "dm", "dr", "sndr", "clipped-ips", "log-smoothing", "replay"} <= set(STREAMED)
    for name in STREAMED:
        want = ESTIMATORS[name].estimate(inputs, level=0.9, interval=interval)
        got = tally.estimate(name, level=0.9, interval=interval)
        for figure in FIGURES:
            assert getattr(got, figure) == pytest.approx(getattr(want, figure), rel=1e-9), (name, figure)
        assert (got.n, got.verdict, got.reason) == (700, want.verdict, want.reason), name


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 120), max_size=6),
    backwards=st.booleans(),
    offset=st.sampled_from([0.0, 1e3]),
)
def test_any_split_is_one_pass(cuts: list[int], backwards: bool, offset: float) -> None:
    inputs = make_inputs(120, 1, 3, offset)
    edges = [0, *sorted(cuts), 120]
    parts = [slice(a, b) for a, b in pairwise(edges) if b > a]
    if backwards:
        parts.reverse()
    whole, split = tally_of(inputs, slice(0, 120)), tally_of(inputs, *parts)
    for name in STREAMED:
        one, two = whole.estimate(name), split.estimate(name)
        scale = max(1.0, offset)
        for figure in ("value", "low", "high"):
            assert abs(getattr(one, figure) - getattr(two, figure)) <= 1e-12 * scale, (name, figure)
        assert two.ess == pytest.approx(one.ess, rel=1e-12)
        assert (two.max_weight, two.pareto_k) == (one.max_weight, one.pareto_k)
    assert split.histogram.tolist() == whole.histogram.tolist()


def test_a_part_without_weight_is_no_refusal_but_a_log_without_is() -> None:
    inputs = make_inputs(60, 1, 4)
    inputs.weight[:30] = 0.0
    got = tally_of(inputs, slice(0, 30), slice(30, 60)).estimate("snips")
    assert got.value == pytest.approx(ESTIMATORS["snips"].estimate(inputs).value)
    inputs.weight[:] = 0.0
    with pytest.raises(InvalidInput, match="in any of 60 rounds"):
        tally_of(inputs, slice(0, 60)).estimate("ips")


def test_what_cannot_be_streamed_says_so() -> None:
    tally = tally_of(make_inputs(40, 1, 5), slice(0, 40))
    for name in ("switch-dr", "sg-ips", "cressie-read", "ips-by-logger"):
        with pytest.raises(InvalidInput, match="cannot be streamed"):
            tally.estimate(name)
    for arguments, message in (
        ({"interval": "bootstrap"}, "delta or student"),
        ({"level": 95.0}, r"level = 95.0: give a number in \(0, 1\)"),
    ):
        with pytest.raises(InvalidInput, match=message):
            tally.estimate("ips", **arguments)
    with pytest.raises(InvalidInput, match="merge what was made alike"):
        tally.merge(SufficientStatistics([ESTIMATORS["ips"]]))
    with pytest.raises(InvalidInput, match="had 1 slots"):
        tally.add(make_inputs(3, 2, 6))
    with pytest.raises(InvalidInput, match="at least two rounds"):
        tally_of(make_inputs(1, 1, 7), slice(0, 1)).estimate("ips")


# --- Parquet -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    n = 3000
    action = rng.choice(["bag", "hat", "tie"], p=[0.5, 0.3, 0.2], size=n)
    age = rng.normal(40, 10, size=n)
    return pd.DataFrame(
        {
            "age": age,
            "device": rng.choice(["phone", "desk"], size=n),
            "user": rng.integers(500, size=n),
            "action": action,
            "propensity": pd.Series(action).map({"bag": 0.5, "hat": 0.3, "tie": 0.2}).to_numpy(),
            "reward": rng.normal((action == "hat") + age / 40, 1.0),
            "chance": rng.uniform(size=n),
        }
    )


def write(frame: pd.DataFrame, path: Path, group: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=group)
    return path


COLUMNS = Columns(context=("age", "device"), user="user")


@pytest.mark.parametrize("policy", ["uniform", "action:hat", "column:chance"])
def test_a_streamed_table_is_the_table(frame: pd.DataFrame, tmp_path: Path, policy: str) -> None:
    path = write(frame, tmp_path / "log.parquet", 700)
    rng = np.random.default_rng(0)
    want = weigh_log(frame, policy, columns=COLUMNS, rng=rng, by_user=False)
    got = weigh_log(path, policy, columns=COLUMNS, rng=rng, stream=True)
    names = ("ips", "snips") if policy.startswith("column") else ("ips", "snips", "dm", "dr")
    for name in names:
        one, two = want.estimate(name), got.estimate(name)
        # the folds of the reward model are others: a tenth of the interval's width is far more than they move
        slack = 1e-9 if name in ("ips", "snips") else 0.1 * (one.high - one.low)
        if name == "dm":
            slack = 0.02
        for figure in ("value", "low", "high"):
            assert abs(getattr(one, figure) - getattr(two, figure)) <= slack, (name, figure)
        assert two.ess == pytest.approx(one.ess)
        assert two.propensity_p == pytest.approx(one.propensity_p, rel=1e-6)
    assert (len(got), got.slots, got.unit) == (3000, 1, "reward")
    assert got.estimate("snips").verdict != "trust"
    assert STREAMED_USERS in [text for _, text in got.doubts]
    assert got.logged_value == pytest.approx(want.logged_value)
    assert got.histogram.tolist() == want.histogram.tolist()


def test_the_parts_do_not_matter(frame: pd.DataFrame, tmp_path: Path) -> None:
    one = write(frame, tmp_path / "log.parquet", 3000)
    write(frame[:1000], tmp_path / "parts" / "a.parquet", 300)
    write(frame[1000:], tmp_path / "parts" / "b.parquet", 1999)
    seen: list[tuple[int, int]] = []
    for columns in (COLUMNS, Columns(context=("age",))):
        whole = stream_table(one, "uniform", columns, estimators=STREAMED, seed=3)
        parts = stream_table(
            tmp_path / "parts",
            "uniform",
            columns,
            estimators=STREAMED,
            seed=3,
            mapper=lambda f, xs: [f(x) for x in xs],
            progress=lambda done, total: seen.append((done, total)),
        )
        for name in set(STREAMED) - {"log-smoothing"}:
            a, b = whole.estimate(name), parts.estimate(name)
            assert b.value == pytest.approx(a.value, rel=1e-12), name
            assert b.high == pytest.approx(a.high, rel=1e-12), name
        with pytest.raises(InvalidInput, match=r"needs rewards >= 0: add a constant$"):
            parts.estimate("log-smoothing")
    assert seen[-1] == (9000, 9000)


def test_without_propensities_frequencies_are_taken(frame: pd.DataFrame, tmp_path: Path) -> None:
    plain = frame[["action", "reward"]]
    got = weigh_log(
        write(plain, tmp_path / "log.parquet", 800), "uniform", rng=np.random.default_rng(0), stream=True
    ).estimate("snips")
    means = frame.groupby("action")["reward"].mean()
    assert got.value == pytest.approx(means.mean())
    assert got.verdict == "caution"
    assert "has no propensities" in got.reason


def test_a_streamed_table_has_names_and_one_propensity(frame: pd.DataFrame, tmp_path: Path) -> None:
    arms = frame.assign(action=frame["action"].map({"bag": "007", "hat": "7", "tie": "NA"}))
    arms = arms.drop(columns="propensity").assign(
        day=pd.date_range("2024-01-01", periods=len(frame)), visits=1, mine=0.3
    )
    path = write(arms, tmp_path / "log.parquet", 700)
    columns = Columns(propensity="1/3", context=("*",), user="user")
    for policy in ("action:7", "action:NA", "column:mine"):
        streamed, whole = (
            weigh_log(path, policy, columns=columns, rng=np.random.default_rng(0), stream=stream)
            for stream in (True, False)
        )
        assert streamed.labels == whole.labels == ("007", "7", "NA")
        for name in ("ips", "snips"):
            assert streamed.estimate(name).value == pytest.approx(whole.estimate(name).value)
        assert streamed.facts["context"] == whole.facts["context"]
        assert streamed.facts["left_out"] == whole.facts["left_out"]
        assert {"day", "visits"} <= set(streamed.facts["left_out"])
    with pytest.raises(InvalidInput, match="did you mean '007'"):
        weigh_log(path, "action:07", columns=columns, rng=np.random.default_rng(0), stream=True)
    with pytest.raises(InvalidInput, match=r"give a probability in \(0, 1\]"):
        weigh_log(path, "uniform", columns=Columns(propensity=2), rng=np.random.default_rng(0), stream=True)


def test_faults_are_counted_over_all_parts(frame: pd.DataFrame, tmp_path: Path) -> None:
    bad = frame.copy()
    bad.loc[[5, 1500, 2999], "propensity"] = [0.0, 1.5, -1.0]
    bad.loc[2000, "reward"] = np.nan
    with pytest.raises(InvalidInput) as error:
        weigh_log(
            write(bad, tmp_path / "log.parquet", 700), "uniform", rng=np.random.default_rng(0), stream=True
        )
    printed = str(error.value)
    assert (
        "propensity[5] = 0.0: give a probability in (0, 1] (3 of 3000 rows are wrong: 5, 1500, 2999)"
        in printed
    )
    assert (
        "reward[2000] = nan: fill in what is missing, or leave such rows out (--missing drop) (1 of"
        in printed
    )


def test_what_a_streamed_table_refuses(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = write(frame.assign(unit=["EUR"] * 10 + ["GBP"] * 2990), tmp_path / "log.parquet", 700)
    empty = write(frame[:0], tmp_path / "empty.parquet", 700)
    csv = tmp_path / "log.csv"
    frame.to_csv(csv)
    for log, columns, message in (
        (path, Columns(id="user"), "--id-column = 'user': a streamed log has it not"),
        (path, Columns(weight="age"), "--weight-column = 'age': a streamed log has it not"),
        (path, Columns(groups=("age",)), "--segment = 'age': a streamed log has it not"),
        (path, Columns(unit="unit"), "rewards of several units"),
        (path, Columns(actions=("bag", "hat")), "not among the actions given"),
        (path, Columns(propensity="", context=("age",)), "in memory only"),
        (path, Columns(reward="gain"), "the table has age"),
        (empty, Columns(), "no .parquet file with rows"),
        (csv, Columns(), "only Parquet can be streamed"),
    ):
        with pytest.raises(InvalidInput, match=message):
            weigh_log(log, "uniform", columns=columns, rng=np.random.default_rng(0), stream=True)


class FakeRay(types.ModuleType):
    """The part of Ray that is used; tasks run when they are asked for, on copies made as Ray makes them."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.tasks = 0

    def remote(self, function: Any) -> Any:
        assert isinstance(function, types.FunctionType)  # Ray takes nothing else

        def start(part: Any) -> bytes:
            self.tasks += 1
            copy: bytes = cloudpickle.dumps((function, part))
            return copy

        return types.SimpleNamespace(remote=start)

    def get(self, reference: bytes) -> Any:
        function, part = pickle.loads(reference)
        return pickle.loads(pickle.dumps(function(part)))


def test_ray_maps_the_parts_and_their_statistics_merge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not Ray itself: a module of the same interface that pickles what goes to a task and comes back."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"action": rng.choice(["a", "b"], 900), "reward": rng.random(900), "propensity": 0.5}
    )
    frame["x"] = rng.random(900)
    for part in range(3):
        frame.iloc[part::3].to_parquet(tmp_path / f"{part}.parquet")
    ray = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", ray)
    columns = Columns(context=("x",))
    names = ["ips", "snips", "dm", "dr"]
    here, there = (
        stream_table(tmp_path, "uniform", columns, estimators=names, mapper=mapper)
        for mapper in (map, ray_map)
    )
    assert ray.tasks == 9  # three passes over three parts
    for name in names:
        assert there.estimate(name) == here.estimate(name)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InvalidInput, match="ray"):
        stream_table(tmp_path, "uniform", columns, estimators=names, mapper=ray_map)


@pytest.mark.parametrize("name", STREAMED)
def test_streamed_influence_is_that_of_all_rounds(name: str) -> None:
    rng = np.random.default_rng(8)
    n = 1500
    columns = (rng.pareto(3.0, (n, 1)), rng.exponential(size=(n, 1)), rng.random((n, 1)), rng.random((n, 1)))
    inputs = OpeInputs(*columns, propensity=rng.uniform(0.1, 1.0, (n, 1)))
    tally = SufficientStatistics([streamable(ESTIMATORS[name], n)])
    for rows in (slice(0, 500), slice(500, 501), slice(501, n)):
        tally.add(OpeInputs(*(each[rows] for each in columns), propensity=inputs.propensity[rows]))
    want, got = ESTIMATORS[name].estimate(inputs), tally.estimate(name)
    for field in ("skewness", "error_rounds", "shift", "max_share"):
        assert getattr(got, field) == pytest.approx(getattr(want, field), rel=1e-8), field
    assert (got.verdict, got.reason) == (want.verdict, want.reason)
