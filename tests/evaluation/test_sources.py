"""Inputs from a table and from Open Bandit data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders.paths import SHARED

from shopgym.core import InvalidInput
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, OpeInputs
from shopgym.evaluation.offline.from_dataframe import context_features, from_dataframe
from shopgym.evaluation.offline.open_bandit import load, open_bandit_inputs
from shopgym.evaluation.offline.reward_model import assign_folds, fit_predict

OBD = SHARED / "data" / "obd"


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def table() -> pd.DataFrame:
    draw = np.random.default_rng(1)
    n = 300
    return pd.DataFrame(
        {
            "action": draw.choice(["hat", "bag", "tie"], size=n),
            "reward": draw.normal(size=n),
            "propensity": draw.uniform(0.2, 0.5, size=n),
            "age": draw.normal(40, 10, size=n),
            "device": draw.choice(["phone", "desk"], size=n),
            "user": draw.integers(40, size=n),
            "chance": draw.uniform(size=n),
        }
    )


def codes(table: pd.DataFrame) -> np.ndarray:
    return table["action"].map({"bag": 0, "hat": 1, "tie": 2}).to_numpy()


# --- tables ------------------------------------------------------------------------------------------


def test_a_table_gives_what_the_arrays_give(table: pd.DataFrame) -> None:
    x = context_features(table, ["age", "device"])
    fold = assign_folds(len(table), rng(), 4, table["user"].to_numpy())
    q = fit_predict(x, codes(table), table["reward"], fold, 3, 5.0)
    target = np.random.default_rng(2).dirichlet(np.ones(3), size=len(table))
    want = OpeInputs.from_actions(table["reward"], codes(table), table["propensity"], target, q)
    got = from_dataframe(
        table, target, rng=rng(), context=["age", "device"], user="user", folds=4, penalty=5.0, unit="GBP"
    )
    for column in ("reward", "weight", "q_logged", "v_target"):
        assert getattr(got, column) == pytest.approx(getattr(want, column)), column
    assert (got.unsupported, got.unit) == (want.unsupported, "GBP")


def test_the_ways_to_name_a_target_agree(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shopgym.evaluation.offline.checks.CHUNK_CELLS", 100)  # several chunks
    uniform = from_dataframe(table, "uniform", rng=rng())
    matrix = np.full((len(table), 3), 1 / 3)
    for other in (matrix, lambda frame: np.full((len(frame), 3), 1 / 3)):
        got = from_dataframe(table, other, rng=rng())
        assert got.weight == pytest.approx(uniform.weight)
        assert got.v_target == pytest.approx(uniform.v_target)
    column = from_dataframe(table.assign(third=1 / 3), "column:third", rng=rng())
    assert column.weight == pytest.approx(uniform.weight)


def test_other_column_names(table: pd.DataFrame) -> None:
    renamed = table.rename(columns={"action": "a", "reward": "r", "propensity": "p"})
    got = from_dataframe(renamed, "uniform", rng=rng(), action="a", reward="r", propensity="p")
    assert got.weight == pytest.approx(from_dataframe(table, "uniform", rng=rng()).weight)


def test_a_column_target_has_no_model_and_says_so(table: pd.DataFrame) -> None:
    got = from_dataframe(table, "column:chance", rng=rng())
    assert got.weight[:, 0] == pytest.approx(table["chance"] / table["propensity"])
    assert np.isnan(got.unsupported)
    assert "no dm and dr" in DEFAULT_ESTIMATORS["snips"].estimate(got).note
    with pytest.raises(InvalidInput, match="reward model"):
        DEFAULT_ESTIMATORS["dr"].estimate(got)


def test_actions_that_the_log_never_shows_are_unsupported(table: pd.DataFrame) -> None:
    got = from_dataframe(table, "uniform", rng=rng(), actions=["hat", "bag", "tie", "sock"])
    assert got.unsupported == pytest.approx(0.25)
    assert got.weight == pytest.approx(0.25 / table["propensity"].to_numpy()[:, None])


def test_context_features() -> None:
    frame = pd.DataFrame({"x": [1.0, 3.0], "flat": [5, 5], "word": ["b", "a"], "yes": [True, False]})
    got = context_features(frame, ["x", "flat", "word", "yes"])
    assert got.tolist() == [[-1, 0, 0, 1, 1], [1, 0, 1, 0, -1]]


def test_a_model_with_context_narrows_dr() -> None:
    draw = np.random.default_rng(3)
    n = 5000
    x = draw.normal(size=n)
    action = draw.integers(2, size=n)
    reward = np.where(action == 0, x, -x) + 0.1 * draw.normal(size=n)
    frame = pd.DataFrame({"action": action, "reward": reward, "propensity": 0.5, "x": x})
    target = np.c_[x > 0, x <= 0].astype(float)  # the best action; its value is E|x|
    inputs = from_dataframe(frame, target, rng=rng(), context=["x"])
    ips, dr = (DEFAULT_ESTIMATORS[name].estimate(inputs) for name in ("ips", "dr"))
    assert dr.high - dr.low < 0.6 * (ips.high - ips.low)
    # 5 standard errors: false alarm below 1e-6
    assert abs(dr.value - np.sqrt(2 / np.pi)) < 5 * (dr.high - dr.low) / (2 * 1.96)


@pytest.mark.parametrize(
    ("change", "target", "message"),
    [
        ({"propensity": 0.0}, "uniform", r"propensity\[0\] = 0.0: .*\(300 of 300"),
        ({"propensity": "x"}, "uniform", "propensity.*give numbers"),
        ({"reward": np.nan}, "uniform", r"reward\[0\]"),
        ({"action": None}, "uniform", r"action\[0\].*missing"),
        ({"chance": 1.5}, "column:chance", r"chance\[0\] = 1.5"),
        ({}, "column:luck", "column = 'luck': the table has action"),
        ({}, "best", "write uniform or column:NAME"),
        ({}, np.ones((300, 2)), "one column for each of 3 actions"),
        ({}, np.ones((300, 3)), r"target\[0\].*sum to 1"),
        ({}, np.full((299, 3), 1 / 3), "one row per logged round"),
        ({"age": np.nan}, "uniform", r"age\[0\].*missing"),
        ({"age": np.inf}, "uniform", r"age\[0\].*infinity"),
        ({"device": [str(i) for i in range(300)]}, "uniform", "device = 300: too many"),
        ({"action": [1, "a"] * 150}, "uniform", "several types"),
    ],
)
def test_bad_tables(table: pd.DataFrame, change: dict[str, object], target: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_dataframe(table.assign(**change), target, rng=rng(), context=["age", "device"])


def test_a_missing_column_and_an_unknown_action(table: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match="column = 'pscore': the table has"):
        from_dataframe(table, "uniform", rng=rng(), propensity="pscore")
    with pytest.raises(InvalidInput, match="not among the 2 given actions"):
        from_dataframe(table, "uniform", rng=rng(), actions=["hat", "bag"])


# --- Open Bandit -------------------------------------------------------------------------------------


def write_open_bandit(folder: Path, **columns: object) -> Path:
    folder.mkdir()
    n = 60
    draw = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "timestamp": "2019-11-24",
            "item_id": draw.integers(4, size=n),
            "position": draw.integers(1, 4, size=n),
            "click": draw.integers(2, size=n),
            "propensity_score": 0.25,
            "user_feature_0": draw.choice(["x", "y"], size=n),
        }
    ).assign(**columns)
    frame.to_csv(folder / "all.csv")
    pd.DataFrame({"item_id": range(4), "item_feature_0": 0.5}).to_csv(folder / "item_context.csv")
    return folder


def test_open_bandit_layout(tmp_path: Path) -> None:
    log = load(write_open_bandit(tmp_path / "log"))
    assert (len(log), log.items, log.positions, log.features.shape) == (60, 4, 3, (60, 3 + 2))
    frequencies = log.frequencies()
    assert frequencies.sum(axis=1) == pytest.approx(np.ones(3))
    here = log.position == 1
    assert frequencies[1, 2] == pytest.approx((log.action[here] == 2).mean())
    inputs = open_bandit_inputs(log, frequencies, rng=rng())
    want = frequencies[log.position, log.action] / 0.25
    assert inputs.weight[:, 0] == pytest.approx(want)
    assert (inputs.unit, inputs.unsupported) == ("click", 0.0)
    uniform = open_bandit_inputs(log, "uniform", rng=rng())
    assert (uniform.weight == 1.0).all()
    assert DEFAULT_ESTIMATORS["ips"].estimate(uniform).value == pytest.approx(log.reward.mean())


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"propensity_score": 0.0}, r"propensity\[0\]"),
        ({"item_id": 4}, r"action\[0\] = 4: the target has actions 0 to 3"),
        ({"position": 0}, r"position\[0\]"),
        ({"position": "top"}, "position.*give numbers"),
    ],
)
def test_bad_open_bandit_values(tmp_path: Path, columns: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        load(write_open_bandit(tmp_path / "log", **columns))


def test_bad_open_bandit_folders(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="one other CSV file"):
        load(tmp_path)
    folder = write_open_bandit(tmp_path / "log")
    log = load(folder)
    with pytest.raises(InvalidInput, match="write uniform"):
        open_bandit_inputs(log, "best", rng=rng())
    with pytest.raises(InvalidInput, match=r"give shape \(3, 4\)"):
        open_bandit_inputs(log, np.ones((3, 5)), rng=rng())
    with pytest.raises(InvalidInput, match=r"target\[0\]"):
        open_bandit_inputs(log, np.ones((3, 4)), rng=rng())
    frame = pd.read_csv(folder / "all.csv").drop(columns="click")
    frame.to_csv(folder / "all.csv")
    with pytest.raises(InvalidInput, match="column = 'click'"):
        load(folder)
    (folder / "other.csv").touch()
    with pytest.raises(InvalidInput, match="one other CSV file"):
        load(folder)


def test_a_position_without_rows_has_no_frequencies(tmp_path: Path) -> None:
    log = load(write_open_bandit(tmp_path / "log", position=3))
    with pytest.raises(InvalidInput, match="position = 1: this position was never logged"):
        log.frequencies()


@pytest.mark.skipif(not OBD.is_dir(), reason="needs the folder shared/data/obd")
@pytest.mark.parametrize(("behaviour", "target"), [("random", "bts"), ("bts", "random")])
def test_the_published_sample_agrees_with_the_target_policys_own_log(behaviour: str, target: str) -> None:
    # the difference of two independent means, in standard errors of both: 4 of them are a false alarm of 6e-5
    log, other = load(OBD / behaviour / "all"), load(OBD / target / "all")
    inputs = open_bandit_inputs(log, other.frequencies(), rng=rng())
    truth, error = other.reward.mean(), other.reward.std() / np.sqrt(len(other))
    for name in ("ips", "snips", "dr"):
        got = DEFAULT_ESTIMATORS[name].estimate(inputs)
        assert abs(got.value - truth) < 4 * np.hypot(error, (got.high - got.low) / (2 * 1.96)), name
        assert got.low > -0.001
