"""Every format of log: what is read from it, what is estimated where it lacks, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shopgym.core import InvalidInput
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, OpeInputs
from shopgym.evaluation.offline.formats import (
    Columns,
    WeighedLog,
    dsjson_frame,
    estimated_propensities,
    from_obp,
    to_obp,
    weigh_log,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def read(log: Any, policy: Any = "uniform", **columns: Any) -> WeighedLog:
    return weigh_log(log, policy, columns=Columns(**columns), rng=rng())


def value(source: WeighedLog, name: str = "ips") -> float:
    return source.estimate(name).value


@pytest.fixture
def small() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "action": ["bag", "hat", "bag", "tie", "hat", "bag"],
            "reward": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "propensity": [0.5, 0.25, 0.5, 0.25, 0.25, 0.5],
            "rule": ["bag", "bag", "bag", "tie", "hat", "hat"],
            "mine": [0.2, 0.1, 0.4, 1.0, 0.0, 0.3],
            "p_bag": [0.2, 0.9, 0.4, 0.0, 1.0, 0.3],
            "p_hat": [0.8, 0.1, 0.1, 0.0, 0.0, 0.3],
            "p_tie": [0.0, 0.0, 0.5, 1.0, 0.0, 0.4],
            "shoe": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        }
    )


# --- targets of a table ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "want"),
    [
        ("uniform", (1 / 0.5 + 2 / 0.25 + 3 / 0.5 + 4 / 0.25 + 5 / 0.25 + 6 / 0.5) / 18),
        ("action:hat", (2 + 5) / 0.25 / 6),
        ("choice:rule", (1 / 0.5 + 3 / 0.5 + 4 / 0.25 + 5 / 0.25) / 6),
        ("column:mine", (0.2 / 0.5 + 0.2 / 0.25 + 1.2 / 0.5 + 4 / 0.25 + 1.8 / 0.5) / 6),
        ("columns:p_", (0.2 / 0.5 + 0.2 / 0.25 + 1.2 / 0.5 + 4 / 0.25 + 1.8 / 0.5) / 6),
    ],
)
def test_targets_by_hand(small: pd.DataFrame, tmp_path: Path, policy: str, want: float) -> None:
    small.to_csv(tmp_path / "log.csv", index=False)
    small.to_parquet(tmp_path / "log.parquet")
    for log in (small, tmp_path / "log.csv", tmp_path / "log.parquet"):
        assert value(read(log, policy)) == pytest.approx(want, rel=1e-12)


def test_an_action_never_logged_is_unsupported(small: pd.DataFrame) -> None:
    small["p_sock"] = 0.5
    small[["p_bag", "p_hat", "p_tie"]] /= 2
    got = read(small, "columns:p_")
    assert got.estimate("ips").unsupported == pytest.approx(0.5)
    assert got.labels == ("bag", "hat", "sock", "tie")
    assert read(small, actions=("bag", "hat", "sock", "tie")).estimate("ips").unsupported == pytest.approx(
        0.25
    )


def test_numbered_actions_are_named_in_text(small: pd.DataFrame) -> None:
    small["action"] = small["action"].map({"bag": 10, "hat": 2, "tie": 3})
    assert value(read(small, "action:10")) == pytest.approx((1 + 3 + 6) / 0.5 / 6)
    assert read(small, actions=("2", "3", "10", "11")).labels == ("2", "3", "10", "11")


# --- what a table has to be --------------------------------------------------------------------------


def spoil(column: str, rows: list[int], what: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        out = frame.astype({column: object}) if isinstance(what, str) or what is None else frame.copy()
        out.loc[rows, column] = what
        return out

    return change


@pytest.mark.parametrize(
    ("change", "policy", "columns", "message"),
    [
        (
            spoil("reward", [2], np.nan),
            "uniform",
            {},
            "reward[2] = nan: fill in what is missing, or leave such rows out (--missing drop) (1 of 6",
        ),
        (
            spoil("reward", [1, 4], np.inf),
            "uniform",
            {},
            "reward[1] = inf: remove infinity (2 of 6 rows are wrong: 1, 4)",
        ),
        (spoil("reward", [0], "GBP 5"), "uniform", {}, "reward[0] = 'GBP 5': give a number"),
        (
            spoil("propensity", [3, 5], 0.0),
            "uniform",
            {},
            "propensity[3] = 0.0: give a probability in (0, 1] (2 of 6",
        ),
        (spoil("propensity", [0], 1.2), "uniform", {}, "propensity[0] = 1.2: give a probability in (0, 1]"),
        (spoil("propensity", [0], np.nan), "uniform", {}, "propensity[0] = nan: fill in what is missing"),
        (spoil("action", [4], None), "uniform", {}, "action[4] = None: fill in what is missing"),
        (
            spoil("shoe", [1], np.nan),
            "uniform",
            {"context": ("shoe",)},
            "shoe[1] = nan: fill in what is missing",
        ),
        (spoil("shoe", [1], np.inf), "uniform", {"context": ("shoe",)}, "shoe[1] = inf: remove infinity"),
        (spoil("p_tie", [1, 2, 3, 4], 0.7), "columns:p_", {}, "rows are wrong: 1, 2, 3, ...)"),
        (spoil("p_tie", [2], 0.6), "columns:p_", {}, "have to sum to 1 within 1e-06 (1 of 6 rows"),
        (spoil("p_bag", [0], -0.2), "columns:p_", {}, "give probabilities >= 0"),
        (
            spoil("mine", [0, 2], 1.01),
            "column:mine",
            {},
            "mine[0] = 1.01: give a probability in [0, 1] (2 of 6",
        ),
        (spoil("rule", [3], None), "choice:rule", {}, "rule[3] = None: fill in what is missing"),
        (
            spoil("shoe", [1, 2], 1.0),
            "uniform",
            {"id": "shoe"},
            "shoe[1] = '1.0': the id was there before (2 of 6",
        ),
        (
            lambda f: f,
            "uniform",
            {"actions": ("bag", "hat")},
            "action[3] = 'tie': the actions are bag, hat (1 of 6",
        ),
        (
            lambda f: f,
            "choice:rule",
            {"actions": ("bag", "hat")},
            "rule[3] = 'tie': the actions are bag, hat",
        ),
        (
            lambda f: f,
            "action:sock",
            {"actions": ("bag", "hat", "tie")},
            "'action:sock': the actions are bag, hat, tie",
        ),
        (lambda f: f, "uniform", {"propensity": "chance"}, "column = 'chance': the table has action"),
        (lambda f: f.drop(columns="reward"), "uniform", {}, "column = 'reward': the table has action"),
        (lambda f: f, "column:p", {}, "column = 'p': the table has action"),
        (lambda f: f, "columns:q_", {}, "columns:q_"),
        (lambda f: f, "best", {}, "for a table write uniform"),
        (lambda f: f, "choice:", {}, "for a table write uniform"),
        (lambda f: f.assign(unit=["GBP", "EUR"] * 3), "uniform", {"unit": "unit"}, "rewards of 2 units"),
        (
            lambda f: f,
            "action:tei",
            {},
            "has to be among --actions; did you mean 'tie'?",
        ),
        (lambda f: f.assign(action=[b"bag"] * 6), "uniform", {}, "action[0] = b'bag': decode it to text"),
        (lambda f: f, "uniform", {"weight": "p_tie"}, "p_tie[0] = 0.0: give how many rounds"),
        (lambda f: f, "uniform", {"propensity": "4/3"}, "give a probability in (0, 1]"),
        (lambda f: f, "uniform", {"propensity": 0}, "give a probability in (0, 1]"),
        (lambda f: f, "uniform", {"slate": "rule"}, "slates need both"),
        (lambda f: f[:0], "uniform", {}, "0 rows"),
    ],
)
def test_bad_tables(
    small: pd.DataFrame,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    policy: str,
    columns: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(InvalidInput) as error:
        read(change(small), policy, **columns)
    assert message in str(error.value)


def test_all_faults_are_told_at_once(small: pd.DataFrame) -> None:
    small.loc[[0, 1], "propensity"] = 2.0
    small.loc[3, "reward"] = np.nan
    with pytest.raises(InvalidInput) as error:
        read(small)
    assert str(error.value) == (
        "reward[3] = nan: fill in what is missing, or leave such rows out (--missing drop) (1 of 6 rows are "
        "wrong); "
        "propensity[0] = 2.0: give a probability in (0, 1] (2 of 6 rows are wrong: 0, 1)"
    )


def test_one_unit_names_the_reward(small: pd.DataFrame) -> None:
    assert read(small.assign(unit="GBP"), unit="unit").unit == "GBP"
    assert read(small).unit == "reward"


# --- logs without propensities -----------------------------------------------------------------------


def confounded(n: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """The old get the coupon and buy more anyway; the coupon adds 0.3, so 'always' earns 0.5 + 0.3."""
    draw = rng(seed)
    x = draw.normal(size=n)
    score = np.stack([np.zeros(n), 1.2 * x, -0.5 - 0.8 * x], axis=1)
    p = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    action = (p.cumsum(axis=1) < draw.random(n)[:, None]).sum(axis=1).clip(max=2)
    reward = 0.5 + 0.3 * (action == 1) + 0.5 * x + draw.normal(size=n)
    names = np.array(["nothing", "coupon", "call"])
    return pd.DataFrame({"x": x, "action": names[action], "reward": reward}), p


def test_the_propensity_score_is_recovered() -> None:
    frame, p = confounded(20_000)
    action = frame["action"].map({"nothing": 0, "coupon": 1, "call": 2}).to_numpy()
    result = estimated_propensities(action, frame[["x"]].to_numpy(), 3, rng=rng(), context=("x",))
    truth = p[np.arange(len(p)), action]
    # six coefficients of 20,000 rounds have standard errors of about 0.03, a probability a quarter of that
    assert np.abs(result.logged - truth).mean() < 0.015
    assert result.facts["log_loss"] == pytest.approx(-np.log(truth).mean(), abs=2e-3)
    assert result.facts["log_loss"] < result.facts["log_loss_of_frequencies"] - 0.1


def test_context_that_says_nothing_leaves_the_frequencies() -> None:
    draw = rng(1)
    action = draw.choice(3, p=[0.6, 0.3, 0.1], size=5000)
    result = estimated_propensities(action, draw.normal(size=(5000, 4)), 3, rng=rng())
    share = np.bincount(action) / 5000
    assert np.abs(result.logged - share[action]).max() < 0.06
    plain = estimated_propensities(action, np.empty((5000, 0)), 3, rng=rng())
    assert plain.logged == pytest.approx(share[action])


def test_an_action_seen_once_keeps_a_probability() -> None:
    action = np.array([0] * 50 + [1] * 49 + [2])
    result = estimated_propensities(action, rng().normal(size=(100, 1)), 3, rng=rng())
    assert (result.logged > 1e-3).all()


def test_with_context_confounding_is_corrected_and_without_it_is_not() -> None:
    frame, _ = confounded(8000)
    got = {}
    for context in ((), ("x",)):
        for name in ("snips", "dr"):
            got[context, name] = read(frame, "action:coupon", context=context).estimate(name)
    for name in ("snips", "dr"):
        with_context, without = got[("x",), name], got[(), name]
        error = (with_context.high - with_context.low) / (2 * 1.96)
        assert abs(with_context.value - 0.8) < 5 * error  # false alarm once in two million
        assert without.value > 1.0
        assert without.verdict == with_context.verdict == "caution"
        assert "as if the choice had ignored who the customer was" in without.reason
        assert "estimated from x" in with_context.reason
        assert with_context.propensity_p > 6e-5  # the balance holds


def test_no_verdict_is_better_than_caution_and_refusals_stay() -> None:
    frame, _ = confounded(500)
    verdicts = {
        policy: [read(frame, policy, context=("x",)).estimate(name).verdict for name in DEFAULT_ESTIMATORS]
        for policy in ("uniform", "action:coupon", "action:call")
    }
    assert all(verdict in ("caution", "refuse") for row in verdicts.values() for verdict in row)
    few = read(frame[:60], "action:call")
    assert few.estimate("ips").verdict == "refuse"


# --- DSJSON ------------------------------------------------------------------------------------------


def line(
    action: int, cost: float, probability: float, a: list[int], p: list[float], **more: Any
) -> dict[str, Any]:
    return {
        "_label_cost": cost,
        "_label_probability": probability,
        "_label_Action": action,
        "_labelIndex": action - 1,
        "Version": "1",
        "EventId": f"e{action}{cost}",
        "a": a,
        "c": {"GUser": {"age": 30 + action, "vip": action > 1}, "_multi": [{} for _ in a]},
        "p": p,
        **more,
    }


def write(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
    return path


@pytest.fixture
def bandit() -> list[Any]:
    return [
        line(1, -1.0, 0.8, [1, 2], [0.8, 0.2]),
        line(2, 0.0, 0.25, [2, 1, 3, 4], [0.25, 0.25, 0.25, 0.25]),
        {"c": {}, "a": [1], "p": [1.0]},
        line(2, -2.0, 0.4, [2, 1], [0.4, 0.59999996]),
        line(1, -9.0, 0.5, [1, 2], [0.5, 0.5], _skipLearn=True),
    ]


def test_dsjson_by_hand(tmp_path: Path, bandit: list[Any]) -> None:
    again = [{**each, "EventId": str(i)} for i, each in enumerate(bandit)]
    path = write(tmp_path / "log.dsjson", bandit + again)  # five rounds or more: there are as many folds
    frame = dsjson_frame(path)[:3]
    assert frame["action"].tolist() == [1, 2, 2]
    assert frame["reward"].tolist() == [1.0, 0.0, 2.0]
    assert frame["_offered"].tolist() == [2, 4, 2]
    assert frame["GUser.age"].tolist() == [31, 32, 32]
    assert frame["GUser.vip"].tolist() == [0.0, 1.0, 1.0]
    # uniform over what is on offer
    assert value(read(path)) == pytest.approx((0.5 / 0.8 * 1 + 0.5 / 0.4 * 2) / 3)
    assert value(read(path, "action:1")) == pytest.approx(1 / 0.8 / 3)
    assert "4 lines without an outcome or marked not to be learnt from" in read(path).estimate("ips").note
    assert read(path).unit == "reward (minus cost)"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            line(3, -1.0, 0.5, [1, 2], [0.5, 0.5]),
            "_label_Action[5] = 3: it is not among the actions on offer",
        ),
        (
            line(1, -1.0, 0.5, [1, 2], [0.5, 0.6]),
            "p[5] = 1.1: the probabilities have to sum to 1 within 0.0001",
        ),
        (line(1, -1.0, 0.3, [1, 2], [0.5, 0.5]), "it differs from _label_probability"),
        (line(1, -1.0, 0.0, [1, 2], [0.0, 1.0]), "_label_probability[5] = 0.0: give a probability in (0, 1]"),
        (line(1, "free", 0.5, [1, 2], [0.5, 0.5]), "_label_cost[5] = 'free': give a number (1 of 4 rows"),
        (line(1, -1.0, 0.5, [1, 2], [0.5, 0.5], pdrop=1.0), "pdrop[5] = 1.0: give the share of lines"),
        ("{", "line[5] = '{\\n': it is no JSON"),
    ],
)
def test_bad_dsjson(tmp_path: Path, bandit: list[Any], bad: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read(write(tmp_path / "log.json", [*bandit, bad]))
    assert message in str(error.value)


def slot(a: list[int], p: list[float], cost: float | None = None) -> dict[str, Any]:
    return {"_a": a, "_p": p, **({} if cost is None else {"_label_cost": cost})}


def test_slots_and_slates_by_hand(tmp_path: Path) -> None:
    ccb = [
        {"c": {}, "_outcomes": [slot([1, 0, 2], [0.5, 0.25, 0.25], -1.0), slot([0, 2], [0.8, 0.2], -2.0)]},
        {"c": {}, "_outcomes": [slot([0, 1, 2], [0.4, 0.3, 0.3], 0.0), slot([2, 1], [0.5, 0.5], -1.0)]},
    ]
    got = read(write(tmp_path / "ccb.dsjson", ccb))
    first, second = (1 / 3) / 0.5, (1 / 3) / 0.4
    want = (first * 1 + first * 0.5 / 0.8 * 2 + second * 0.5 / 0.5 * 1) / 2
    assert value(got) == pytest.approx(want)
    assert got.slots == 2
    slates = [
        {"_label_cost": -3.0, "c": {}, "_outcomes": [slot([1, 0], [0.75, 0.25]), slot([0, 1], [0.5, 0.5])]},
        {"_label_cost": 1.0, "c": {}, "_outcomes": [slot([0, 1], [0.5, 0.5]), slot([1, 0], [0.2, 0.8])]},
    ]
    got = read(write(tmp_path / "slates.dsjson", slates))
    assert value(got) == pytest.approx((0.5 / 0.75 * 3 - 0.5 / 0.2 * 1) / 2)
    with pytest.raises(InvalidInput, match="only uniform"):
        read(tmp_path / "slates.dsjson", "action:1")
    for bad, message in (
        ({"_label_cost": 1.0, "_outcomes": [slot([1], [0.75]), slot([0], [1.0])]}, "the chosen one first"),
        ({"_label_cost": 1.0, "_outcomes": []}, "give one JSON object for each slot"),
        ({"_outcomes": [slot([1], [1.0], 1.0)]}, "give one cost a slate in every line"),
    ):
        with pytest.raises(InvalidInput, match=r"\[2\]") as error:
            read(write(tmp_path / "bad.dsjson", [*slates, bad]))
        assert message in str(error.value)


# --- Open Bandit Pipeline ----------------------------------------------------------------------------


def feedback(n: int = 400, positions: int = 1) -> dict[str, Any]:
    draw = rng(3)
    return {
        "n_rounds": n,
        "n_actions": 4,
        "context": draw.normal(size=(n, 2)) * 3 + 1,
        "action_context": np.eye(4),
        "action": draw.integers(4, size=n),
        "position": draw.integers(positions, size=n) if positions > 1 else None,
        "reward": draw.normal(size=n),
        "pscore": draw.uniform(0.1, 0.5, size=n),
    }


def test_bandit_feedback_is_the_arrays() -> None:
    log = feedback()
    target = rng(4).dirichlet(np.ones(4), size=400)
    want = OpeInputs.from_actions(log["reward"], log["action"], log["pscore"], target)
    for dist in (target, target[:, :, None]):
        got = from_obp(log, dist, rng=rng())
        for name in ("ips", "snips"):
            assert value(got, name) == pytest.approx(DEFAULT_ESTIMATORS[name].estimate(want).value, rel=1e-12)
    dr = weigh_log(log, "uniform", rng=rng()).estimate("dr")
    assert dr.verdict == "trust"


def test_positions_choose_the_distribution() -> None:
    log = feedback(positions=3)
    dist = rng(5).dirichlet(np.ones(4), size=(400, 3)).transpose(0, 2, 1)
    at = dist[np.arange(400), log["action"], log["position"]]
    assert value(from_obp(log, dist, rng=rng())) == pytest.approx((at / log["pscore"] * log["reward"]).mean())


def test_a_table_goes_out_and_comes_back(small: pd.DataFrame) -> None:
    big = pd.concat([small] * 20, ignore_index=True)
    out = to_obp(big, Columns(context=("shoe",)))
    assert (out["n_rounds"], out["n_actions"]) == (120, 3)
    assert out["action"][:6].tolist() == [0, 1, 0, 2, 1, 0]
    back = weigh_log(out, "uniform", rng=rng())
    here = read(big, context=("shoe",))
    for name in DEFAULT_ESTIMATORS:
        assert value(back, name) == pytest.approx(value(here, name), rel=1e-12)


def test_bad_feedback(small: pd.DataFrame) -> None:
    log = feedback()
    for changes, dist, message in (
        ({"pscore": None}, "uniform", "it has no pscore"),
        ({"pscore": np.zeros(400)}, "uniform", "give a probability in (0, 1] (400 of 400"),
        ({"action": np.full(400, 4)}, "uniform", "the target has actions 0 to 3"),
        ({"position": np.zeros(400)}, "uniform", "whole numbers"),
        ({"context": np.full((400, 2), np.nan)}, "uniform", "remove NaN"),
        ({}, np.ones((400, 3)), "give shape (400, 4)"),
        ({}, np.full((400, 4), 0.3), "each row has to sum to 1"),
        ({}, "best", "write uniform"),
    ):
        with pytest.raises(InvalidInput) as error:
            from_obp({**log, **changes}, dist, rng=rng())
        assert message in str(error.value)
    with pytest.raises(InvalidInput, match="needs logged propensities"):
        to_obp(small.drop(columns="propensity"))
