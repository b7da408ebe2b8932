"""Options and inputs of ``shopgym evaluate`` that do not fit: one message with the remedy, exit code 2."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shopgym
from shopgym.cli import main
from shopgym.core import InvalidInput


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    action = rng.choice(["a", "b", "c"], 300)
    return pd.DataFrame(
        {
            "action": action,
            "reward": rng.integers(0, 2, 300),
            "propensity": 1 / 3,
            "segment": rng.choice(["x", "y"], 300),
            "new_a": 0.5,
            "new_b": 0.2,
            "new_c": 0.2,
        }
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("--seed -1", "--seed = -1: give a whole number, 0 or more"),
        ("--policy uniform", "two have this name: leave one out"),
        ("--actions a,b,c,", "--actions = 'a,b,c,': a name is empty"),
        ("--actions ''", "a name is empty"),
        ("--actions a,a,b,c", "name each once"),
        ("--propensity 33%", "--propensity = '33%': give one number such as 1/3"),
        ("--propensity 1/0", "give one number such as 1/3"),
        ("--propensity propensity", "or a column: --propensity-column"),
        ("--weight-column propensity", "no row stands for more than one round: of a row kept with"),
        ("--segment segmnt", "the table has action, .*; did you mean 'segment'"),
        ("--separator ';'", r"the table has one column, 'action,reward,.*\(--separator\)"),
        ("--policy columns:new_", r"new_a, new_b, new_c of a row have to sum to 1"),
        (
            "--user-column segment",
            "users = 2: the reward model has 5 folds, 2 at least: give as many users or more",
        ),
        ("--html FOLDER", "FOLDER: Is a directory: choose another place"),
    ],
)
def test_what_does_not_fit(
    command: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    frame().to_csv(tmp_path / "log.csv", index=False)
    options = shlex.split(command.replace("FOLDER", str(tmp_path)))
    monkeypatch.setattr(
        sys, "argv", ["shopgym", "evaluate", str(tmp_path / "log.csv"), "--policy", "uniform", *options]
    )
    with pytest.raises(SystemExit) as exit_:
        main.main()
    assert exit_.value.code == 2
    error = capsys.readouterr().err.strip().replace(str(tmp_path), "FOLDER")
    assert len(error.splitlines()) == 1
    assert re.search(words, error), error


def test_weights_of_mean_1_are_weights() -> None:
    table = frame()
    table["weight"] = np.where(table["segment"] == "x", 0.5, 1.5)
    shopgym.evaluate(table, "uniform", weight="weight")


def test_actions_in_python_are_names_not_letters() -> None:
    """A text is split at its commas, as in the shell."""
    table = frame()
    one = shopgym.evaluate(table, "uniform", actions="a,b,c")
    two = shopgym.evaluate(table, "uniform", actions=["a", "b", "c"])
    assert one.as_dict() == two.as_dict()
    with pytest.raises(InvalidInput, match=r"actions = \('a', ''\): a name is empty"):
        shopgym.evaluate(table, "uniform", actions=("a", ""))
    with pytest.raises(InvalidInput, match="seed = None"):
        shopgym.evaluate(table, "uniform", seed=None)  # type: ignore[arg-type]


def test_a_level_of_nearly_1_is_not_called_100_percent() -> None:
    assert "with 99.9999% confidence" in shopgym.evaluate(frame(), "uniform", level=0.999999).conclusion


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reward": []}, "reward = None: name at least one"),
        ({"estimators": []}, "estimators = .*: name at least one"),
        ({"user": pd.Series([1, 2])}, "user = 'Series': give the name of a column of the log"),
        ({"action": 3}, "action = 'int': give the name of a column of the log"),
        (
            {"propensity": np.full(300, 1 / 3)},
            "propensity = 'ndarray': give the name of a column .* one number",
        ),
        ({"minimise": "no"}, "minimise = 'no': give True or False"),
        ({"by_user": 1}, "by_user = 1: give True, False or None"),
        ({"interval": None}, "interval = None: choose one of delta"),
        ({"dialect": ";"}, "dialect = ';': give a Dialect"),
    ],
)
def test_arguments_of_another_kind(options: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        shopgym.evaluate(frame(), "uniform", **options)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"propensity": 1e-300}, "so small a probability weighs nothing"),
        ({"weight": 1e300}, "give at most 1e"),
        ({"reward": 1e59}, "give rewards in a larger unit"),
    ],
)
def test_numbers_that_cannot_be_added_up(change: dict[str, float], words: str) -> None:
    table = frame().assign(weight=1.0).assign(**change)
    with pytest.raises(InvalidInput, match=words):
        shopgym.evaluate(table, "uniform", weight="weight")


def test_column_names_of_several_levels() -> None:
    with pytest.raises(InvalidInput, match="give each column one name"):
        shopgym.evaluate(pd.concat({"log": frame()}, axis=1), "uniform")
