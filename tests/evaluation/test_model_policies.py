"""Policies that are models, functions, matrices and series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shopgym.core import InvalidInput
from shopgym.evaluation.offline.formats import Columns, WeighedLog, weigh_log
from shopgym.evaluation.offline.formats.models import policy_columns

linear_model = pytest.importorskip("sklearn.linear_model", reason="needs scikit-learn")
skops_io = pytest.importorskip("skops.io", reason="needs skops")


@pytest.fixture
def log() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 1500
    age, device = rng.normal(40, 10, n), rng.choice([0, 1], n)
    action = rng.choice(["bag", "hat", "tie"], n, p=[0.5, 0.3, 0.2])
    frame = pd.DataFrame({"age": age, "device": device, "action": action})
    frame["propensity"] = frame["action"].map({"bag": 0.5, "hat": 0.3, "tie": 0.2})
    frame["reward"] = rng.random(n) + (action == "hat") * (age > 40)
    return frame.set_index(np.arange(n) + 100)


@pytest.fixture
def model(log: pd.DataFrame) -> Any:
    want = np.where(log["age"] > 40, "hat", np.where(log["device"] == 1, "tie", "bag"))
    return linear_model.LogisticRegression(max_iter=1000).fit(log[["age", "device"]], want)


def read(log: Any, policy: Any, **columns: Any) -> WeighedLog:
    return weigh_log(log, policy, columns=Columns(**columns), rng=np.random.default_rng(0))


def values(got: WeighedLog) -> list[float]:
    return [got.estimate(name).value for name in ("ips", "snips", "dm", "dr")]


def test_all_ways_to_give_a_rule_agree(log: pd.DataFrame, model: Any, tmp_path: Path) -> None:
    chosen = model.predict(log[["age", "device"]])
    want = values(read(log.assign(rule=chosen), "choice:rule", context=("age",)))
    skops_io.dump(model, tmp_path / "model.skops")
    one_hot = np.stack([chosen == label for label in ("bag", "hat", "tie")], axis=1).astype(float)
    log.to_csv(tmp_path / "log.csv", index=False)
    log.to_parquet(tmp_path / "log.parquet", index=False)
    for policy in (
        model,
        f"sklearn:{tmp_path / 'model.skops'}",
        chosen,
        list(chosen),
        pd.Series(chosen),
        pd.Series(chosen, dtype="category"),
        one_hot,
        pd.DataFrame(one_hot[:, ::-1], columns=["tie", "hat", "bag"]),
        lambda frame: model.predict(frame[["age", "device"]]),
        lambda frame: one_hot,
    ):
        for source in (log, tmp_path / "log.csv", tmp_path / "log.parquet"):
            got = read(source, policy, context=("age",))
            assert values(got) == pytest.approx(want), policy
    rules = log.assign(rule=chosen)
    assert values(read(rules, "choice:rule", actions=("bag", "hat", "tie"))) == pytest.approx(
        values(read(rules, one_hot, actions=("bag", "hat", "tie")))
    )


def test_a_model_that_draws(log: pd.DataFrame, model: Any, tmp_path: Path) -> None:
    skops_io.dump(model, tmp_path / "model.skops")
    matrix = model.predict_proba(log[["age", "device"]])
    want = values(read(log, pd.DataFrame(matrix, columns=model.classes_)))
    assert values(read(log, f"sklearn-proba:{tmp_path / 'model.skops'}")) == pytest.approx(want)
    assert values(read(log, matrix)) == pytest.approx(want)


def test_the_star_takes_no_column_of_the_policy(log: pd.DataFrame, model: Any) -> None:
    assert read(log, model, context=("*",)).facts["context"] == ["age", "device"]


def test_a_model_of_numbers_names_actions_in_text(log: pd.DataFrame) -> None:
    numbered = log.assign(action=log["action"].map({"bag": 1, "hat": 2, "tie": 10}))
    features = numbered[["age", "device"]].to_numpy()
    rule = linear_model.LogisticRegression(max_iter=1000).fit(features, np.where(features[:, 0] > 40, 10, 1))
    got = read(numbered, rule, context=("age", "device"))
    assert got.labels == ("1", "2", "10")
    want = read(numbered, rule.predict(features), context=("age", "device"))
    assert values(got) == pytest.approx(values(want))


def test_an_action_that_the_log_lacks_is_said(log: pd.DataFrame) -> None:
    got = read(log, pd.Series(["sock", "hat"] * 750))
    assert got.facts["unlogged_choices"] == {"sock": 750}
    assert got.estimate("ips").unsupported == 0.5


class Unsure:
    classes_ = np.array(["bag", "hat"])

    def predict(self, features: Any) -> Any:
        raise ValueError("no such features")


def test_policies_that_are_none(log: pd.DataFrame, model: Any, tmp_path: Path) -> None:
    (tmp_path / "no.skops").write_text("no model")
    regression = linear_model.LinearRegression().fit(log[["age"]], log["reward"])
    without_names = linear_model.LogisticRegression().fit(log[["age"]].to_numpy(), log["action"])
    for policy, message in (
        ("sklearn:none.skops", "there is no such file"),
        (f"sklearn:{tmp_path / 'no.skops'}", "save the model by skops.io.dump"),
        (regression, "it has no classes_"),
        (without_names, "it was fitted on 1 columns without names: name them as context"),
        (Unsure(), "it cannot predict from|fitted on"),
        (np.ones((1500, 2)), "give 1500 rows and a column for each of the actions bag, hat, tie"),
        (np.full((1500, 3), 0.5), "have to sum to 1"),
        (["bag"] * 7, "give one action for each of 1500 rows"),
        (lambda frame: 5, "give a series or an array of actions"),
        (3.5, "give a series or an array of actions"),
        ({"a": 1}, "give a series or an array of actions"),
    ):
        with pytest.raises(InvalidInput, match=message):
            read(log, policy)
    with pytest.raises(InvalidInput, match="lacks: device"):
        read(log.drop(columns="device"), model)


def test_a_file_with_types_that_are_not_trusted_is_not_loaded(tmp_path: Path, log: pd.DataFrame) -> None:
    from sklearn.preprocessing import FunctionTransformer

    skops_io.dump(FunctionTransformer(read), tmp_path / "odd.skops")
    with pytest.raises(InvalidInput, match="which are not trusted: load it yourself"):
        policy_columns(log, f"sklearn:{tmp_path / 'odd.skops'}", Columns())
