"""Bad input of every kind ends in one error that names the field, the value, the rows and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.evaluation.offline import ESTIMATORS, OpeInputs
from shopgym.evaluation.offline.bandit import balanced_inputs, conjunct_inputs, marginal_inputs
from shopgym.evaluation.offline.formats import Columns, WeighedLog, from_obp, weigh_log
from shopgym.evaluation.offline.selection import ActionLog
from shopgym.evaluation.offline.slate import (
    plackett_luce_weights,
    pseudo_inverse_weights,
    uniform_slate_weights,
)

ROUNDS, ACTIONS = 60, 4
RNG = np.random.default_rng(0)
REWARD, ACTION = RNG.random(ROUNDS), RNG.integers(ACTIONS, size=ROUNDS)
PROPENSITY, TABLE = np.full(ROUNDS, 0.25), np.full((ROUNDS, ACTIONS), 0.25)
OFF = np.where(np.arange(ROUNDS)[:, None] == 7, 0.3, TABLE)  # row 7 sums to 1.2
SLATE, MARGINALS = np.tile([0, 1], (ROUNDS, 1)), np.full((ROUNDS, 2, ACTIONS), 0.25)
EMBEDDING = ACTION[:, None]


def put(values: Any, at: Any, value: Any) -> Any:
    out = np.array(values, dtype=object if isinstance(value, (str, list)) else None)
    out[at] = value
    return out


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: OpeInputs.from_actions(REWARD + 1j, ACTION, PROPENSITY, TABLE), "they are complex128"),
        (
            lambda: OpeInputs.from_actions(pd.date_range("2024", periods=ROUNDS), ACTION, PROPENSITY, TABLE),
            "they are datetime64",
        ),
        (lambda: OpeInputs.from_actions(1e80 * REWARD, ACTION, PROPENSITY, TABLE), "larger unit (60 of 60"),
        (lambda: OpeInputs.from_actions(REWARD, ACTION, PROPENSITY, OFF), "target[7]"),
        (lambda: OpeInputs(1e80 * TABLE, TABLE), "inputs.reward[0]"),
        (lambda: marginal_inputs(REWARD, ACTION, OFF, TABLE, EMBEDDING), "behaviour[7]"),
        (lambda: marginal_inputs(REWARD, ["x"] * ROUNDS, TABLE, TABLE, EMBEDDING), "action = '<U1'"),
        (lambda: marginal_inputs(REWARD, ACTION, TABLE, TABLE, EMBEDDING, dims=[3]), "dims = [3]"),
        (
            lambda: marginal_inputs(
                REWARD, ACTION, TABLE, TABLE, EMBEDDING, given_action=np.full((4, 4, 1), 2.0)
            ),
            "given_action[0]",
        ),
        (
            lambda: marginal_inputs(REWARD, ACTION, TABLE, TABLE, EMBEDDING, given_embedding=OFF),
            "given_embedding[7]",
        ),
        (lambda: conjunct_inputs(REWARD, ACTION[:5], TABLE, TABLE, [0, 0, 1, 1], TABLE), "action = (5,)"),
        (
            lambda: conjunct_inputs(REWARD, ["x"] * ROUNDS, TABLE, TABLE, [0, 0, 1, 1], TABLE),
            "action = '<U1'",
        ),
        (lambda: conjunct_inputs(REWARD, ACTION, TABLE, TABLE, [0, None, 1, 1], TABLE), "cluster[1] = None"),
        (lambda: balanced_inputs(REWARD, ACTION, TABLE, TABLE, q=TABLE[:5]), "q = (5, 4)"),
        (lambda: uniform_slate_weights(put(SLATE, (2, 0), 9), MARGINALS), "action[2] = [9, 1]"),
        (lambda: uniform_slate_weights(np.zeros_like(SLATE), MARGINALS), "two slots (60 of 60"),
        (lambda: uniform_slate_weights(SLATE, np.nan * MARGINALS), "target[0]"),
        (lambda: pseudo_inverse_weights(put(SLATE, (2, 0), -1), MARGINALS, np.eye(8)), "action[2] = [-1, 1]"),
        (lambda: pseudo_inverse_weights(SLATE, MARGINALS, np.full((8, 8), np.nan)), "gamma[0]"),
        (lambda: pseudo_inverse_weights(SLATE, 2 * MARGINALS, np.eye(8)), "has to sum to 1 (60 of 60"),
        (
            lambda: plackett_luce_weights(SLATE, MARGINALS, np.nan * TABLE[:, None], np.ones(1)),
            "log_rates[0]",
        ),
        (lambda: plackett_luce_weights(SLATE, MARGINALS, TABLE[:, None], np.full(1, 0.5)), "weights[0]"),
        (
            lambda: plackett_luce_weights(SLATE, MARGINALS, TABLE[:, None], np.ones(1), TABLE > 1),
            "allowed[0]",
        ),
        (lambda: ActionLog(REWARD, ACTION * 1.0, TABLE, TABLE), "action = 'float64'"),
        (lambda: ActionLog(REWARD, ACTION, OFF, TABLE), "behaviour[7]"),
    ],
)
def test_calls(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        call()
    assert message in str(error.value)


def feedback(**changed: Any) -> dict[str, Any]:
    plain = {
        "n_rounds": ROUNDS,
        "n_actions": ACTIONS,
        "action": ACTION,
        "reward": REWARD,
        "pscore": PROPENSITY,
    }
    return {**plain, **changed}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_actions": "four"}, "n_actions = 'four'"),
        ({"n_actions": 2.5}, "n_actions = 2.5"),
        ({"n_rounds": 7}, "n_rounds = 7: there are 60"),
        ({"pscore": None}, "it has no pscore"),
        ({"reward": put(REWARD, 3, np.nan)}, "reward[3] = nan"),
        ({"reward": REWARD * 1e90}, "larger unit"),
        ({"pscore": put(PROPENSITY, 3, 1.5)}, "propensity[3] = 1.5"),
        ({"action": put(ACTION, 3, 9)}, "action[3] = 9"),
        ({"reward": REWARD[:1], "action": ACTION[:1], "pscore": PROPENSITY[:1], "n_rounds": 1}, "rounds = 1"),
    ],
)
def test_bandit_feedback(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        from_obp(feedback(**changed), "uniform", rng=np.random.default_rng(0))
    assert message in str(error.value)


def table(**changed: Any) -> pd.DataFrame:
    frame = {
        "action": np.array(list("abcd"))[ACTION],
        "propensity": 0.25,
        "reward": REWARD,
        "age": ACTION + 30,
    }
    return pd.DataFrame({**frame, **changed})


def weigh(log: Any, policy: str = "uniform", columns: Columns | None = None, **how: Any) -> WeighedLog:
    return weigh_log(log, policy, columns=columns, rng=np.random.default_rng(0), **how)


TWICE = pd.concat([table(), table()[["reward"]]], axis=1)
LONG = pd.concat([table()] * 3).assign(age=pd.date_range("2024-01-01", periods=3 * ROUNDS).astype(str))
DATES = pd.date_range("2024-01-01", periods=ROUNDS, freq="h")


@pytest.mark.parametrize(
    ("frame", "policy", "columns", "message"),
    [
        (TWICE, "uniform", Columns(), "'reward': the table has it 2 times"),
        (table(reward=DATES), "uniform", Columns(), "give a number (60 of 60 rows are wrong: 0, 1, 2, ...)"),
        (table(reward=1e80), "uniform", Columns(), "reward[0] = 1e+80: give rewards in a larger unit (60 of"),
        (
            table(action=[["a"]] * ROUNDS),
            "uniform",
            Columns(),
            "action[0] = ['a']: give one value in each row",
        ),
        (table(age=[{"x": 1}] * ROUNDS), "uniform", Columns(context=("age",)), "age[0] = {'x': 1}: give one"),
        (table(action=put(table()["action"], 4, " ")), "uniform", Columns(), "action[4] = ' ': fill in"),
        (table(action=put(["a"] * ROUNDS, 4, "a ")), "uniform", Columns(), "['a ']: they differ from other"),
        (table(), "uniform", Columns(context=("reward",)), "context = 'reward'"),
        (LONG, "uniform", Columns(context=("age",)), "age = 180: too many different values"),
        (
            table().rename(columns={"action": "arm"}),
            "uniform",
            Columns(),
            "column it is, e.g. --action-column NAME",
        ),
        (
            table().drop(columns="reward"),
            "uniform",
            Columns(),
            "it is, e.g. --reward-column NAME",
        ),
        (table(), "uniform", Columns(propensity="a=0.5"), "column it is, e.g. --propensity-column NAME"),
        (table(), "uniform", Columns(user="customer"), "name one of them"),
        (table()[:1], "uniform", Columns(), "5 rounds are the least"),
        (table(action=ACTION), "action:banner", Columns(), "'action:banner': the log has 0, 1, 2, 3"),
        (table(action=ACTION), "action:1.5", Columns(), "'action:1.5': the log has 0, 1, 2, 3"),
        (table(action=True), "action:False", Columns(), "'action:False': the log has True"),
    ],
)
def test_tables(frame: pd.DataFrame, policy: str, columns: Columns, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        weigh(frame, policy, columns)
    assert message in str(error.value)


def test_actions_are_found_by_their_number_or_their_name() -> None:
    named = weigh(table(action=ACTION), "action:1").estimate("ips").value
    for label, policy in (
        (ACTION.astype(str), "action:1"),
        (ACTION * 1.0, "action:1.0"),
        (ACTION == 1, "action:True"),
    ):
        assert weigh(table(action=label), policy).estimate("ips").value == pytest.approx(named)
    whatever = weigh(table(**{"5": REWARD}).rename(columns={"5": 5}), columns=Columns(context=("5",)))
    assert np.isfinite(whatever.estimate("dr").value)


def test_rounds_that_all_say_the_same_are_told() -> None:
    got = weigh(table(reward=1.0)).estimate("snips")
    assert (got.verdict, "all rounds say the same" in got.reason) == ("refuse", True)
    alone = weigh(table(action="a", propensity=1.0)).estimate("ips")
    assert "know one action, a" in alone.note


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "no readable table"),
        ("header.csv", b"action,reward\n", "the table has no rows"),
        ("twice.csv", b"action,reward,reward\n" + b"a,1,0\n" * 9, "'reward': the table has it 2 times"),
        ("wide.csv", b"utf-16".decode().encode("utf-16"), "the table has no rows"),
        ("ragged.csv", b"action,reward\na,1\nb,0,3\n", "no readable table"),
        (
            "text.csv",
            b"action,reward\n" + b"a,1\n" * 9 + b"b,yes\n",
            "reward[9] = 'yes': give a number (1 of 10",
        ),
        ("inf.csv", b"action,reward\n" + b"a,1\n" * 9 + b"b,inf\n", "reward[9] = inf: remove infinity"),
        ("latin.json", b'{"c": {"x": "caf\xe9"}}\n', "save it as UTF-8"),
        ("list.json", b"{}\n[1]\n", "line[1] = '[1]\\n': give a JSON object"),
        ("context.json", b'{"c": "x", "_label_cost": 1}\n', "line[0]"),
    ],
)
def test_the_command_on_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    got = CliRunner().invoke(app, ["evaluate", str(tmp_path / name), "--policy", "uniform"])
    assert isinstance(got.exception, InvalidInput)
    assert message in str(got.exception)


def test_part_files_that_differ(tmp_path: Path) -> None:
    table().to_parquet(tmp_path / "0.parquet")
    table().drop(columns="reward").to_parquet(tmp_path / "1.parquet")
    with pytest.raises(InvalidInput, match=r"reward.*1\.parquet lacks it"):
        weigh(tmp_path, stream=True)
    with pytest.raises(InvalidInput, match=r"reward\[60\] = nan: fill in what is missing"):
        weigh(tmp_path)
    table()[list(reversed(table().columns))].to_parquet(tmp_path / "1.parquet")  # order is no difference
    for stream in (False, True):
        assert weigh(tmp_path, stream=stream).estimate("ips").value == pytest.approx(
            weigh(table()).estimate("ips").value
        )
    one = tmp_path / "one"
    one.mkdir()
    table()[:1].to_parquet(one / "0.parquet")
    with pytest.raises(InvalidInput, match="5 rounds are the least"):
        weigh(one, stream=True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"EventId": "1"}, "EventId[3] = '1': the id was there before"),
        ({"_label_cost": True}, "_label_cost[3] = True: give a number"),
        ({"_label_Action": "one"}, "_label_Action[3] = 'one'"),
        ({"p": ["half", 0.5]}, "have to sum to 1"),
        ({"p": 0.5}, "p[3] = 0.5: give one for every action in a"),
        ({"p": [0.5, 0.3, 0.2]}, "p[3] = [0.5, 0.3, 0.2]: give one for every action in a"),
        ({"a": "x"}, "p[3] = [0.5, 0.5]: give one for every action in a"),
        ({"pdrop": "x"}, "pdrop"),
    ],
)
def test_decisions_in_json(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    plain = {"_label_cost": -1.0, "_label_probability": 0.5, "_label_Action": 1, "a": [1, 2], "p": [0.5, 0.5]}
    lines = [{**plain, "EventId": str(i), **(changed if i == 3 else {})} for i in range(9)]
    path = tmp_path / "log.json"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(InvalidInput) as error:
        weigh(path)
    assert message in str(error.value)
    with pytest.raises(InvalidInput, match="only Parquet can be streamed"):
        weigh(path, stream=True)


def test_every_estimator_refuses_one_round() -> None:
    one = OpeInputs.from_actions(REWARD[:1], ACTION[:1], PROPENSITY[:1], TABLE[:1], TABLE[:1])
    for name in ("ips", "snips", "dr", "switch-dr"):
        with pytest.raises(InvalidInput, match="at least two rounds"):
            ESTIMATORS[name].estimate(one)
