"""``shopgym evaluate``: every kind of log, what it prints, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from shopgym.cli import main
from shopgym.cli.evaluate import evaluate
from shopgym.core import Interactions, InvalidInput, Items, Requests
from shopgym.evaluation.answer import conclusion
from shopgym.evaluation.offline import ESTIMATORS
from shopgym.evaluation.offline.agreement import UNCHECKED_MODEL
from shopgym.policies.decision_log.log import DecisionLog, logged_marginals
from shopgym.policies.explorers import Softmax
from shopgym.policies.guards import InStock
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import TableScorer
from shopgym.policies.serving.bundle import write_bundle
from shopgym.policies.serving.saved_policy import write_run_items, write_run_policy

APP = typer.Typer()
APP.command()(evaluate)


def run(*arguments: object) -> str:
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def answer(*arguments: object) -> dict[str, Any]:
    out: dict[str, Any] = json.loads(run(*arguments, "--json"))
    return out


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "action": rng.choice(["hat", "bag"], size=200),
            "reward": rng.integers(2, size=200),
            "propensity": 0.5,
            "age": rng.normal(size=200),
            "user": rng.integers(30, size=200),
            "chance": rng.uniform(size=200),
        }
    )
    frame.to_csv(tmp_path / "log.csv", index=False)
    frame.to_parquet(tmp_path / "log.parquet")
    return tmp_path / "log.csv"


@pytest.fixture
def open_bandit(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for name in ("random", "other"):
        folder = tmp_path / name
        folder.mkdir()
        frame = pd.DataFrame(
            {
                "item_id": rng.integers(3, size=90),
                "position": np.arange(90) % 3 + 1,
                "click": rng.integers(2, size=90),
                "propensity_score": 1 / 3,
            }
        )
        frame.to_csv(folder / "all.csv")
        pd.DataFrame({"item_id": range(3)}).to_csv(folder / "item_context.csv")
    return tmp_path / "random"


def catalogue(first: str = "sku0") -> Items:
    return Items(
        item_id=np.array([first, "sku1", "sku2", "sku3"]),
        name=np.array(["a", "b", "c", "d"]),
        category=np.zeros(4, dtype=np.int32),
        price=np.ones(4),
        unit_cost=np.ones(4) / 2,
        popularity=np.full(4, 0.25),
        features=np.arange(4, dtype=np.float32)[:, None],
        category_names=("all",),
        feature_names=("embedding_0",),
    )


def policy(tilt: float, items: Items | None = None) -> SlatePolicy:
    scorer = TableScorer(tilt * np.arange(4.0))
    return SlatePolicy("tilted", items or catalogue(), scorer, Softmax(), (InStock(),), 2)


def make_requests(n: int) -> Requests:
    rng = np.random.default_rng(2)
    return Requests(
        request_id=np.arange(n, dtype=np.uint64),
        user_id=np.arange(n, dtype=np.int64),
        user=rng.normal(size=(n, 1)).astype(np.float32),
        context=np.empty((n, 0), dtype=np.float32),
        candidates=np.tile(np.arange(4, dtype=np.int32), (n, 1)),
        in_stock=np.ones((n, 4), dtype=bool),
        time=np.zeros(n),
    )


def make_bundle(path: Path, items: Items | None = None, user: str = "taste_0") -> Path:
    write_bundle(
        path,
        policy(1.0, items),
        golden_requests=make_requests(25),
        user_names=(user,),
        context_names=(),
        unit="GBP",
        config_hash="c0ffee",
    )
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    requests, behaviour = make_requests(300), policy(0.2)
    decisions = behaviour.decide(requests, np.random.default_rng(3))
    DecisionLog.from_interactions(
        Interactions(requests, decisions, decisions.slates.astype(float)),
        items=catalogue(),
        unit="GBP",
        policy_hash=behaviour.hash,
        policy_name="tilted",
        config_hash="c0ffee",
        user_names=("taste_0",),
        context_names=(),
        marginals=logged_marginals(behaviour, requests, decisions.positions),
    ).write(tmp_path / "decisions.parquet")
    return tmp_path / "decisions.parquet"


def test_a_table(table: Path) -> None:
    arguments = ("--policy", "uniform", "--context-column", "age", "--user-column", "user")
    got = answer(table, *arguments)
    assert [estimate["estimator"] for estimate in got["estimates"]] == ["ips", "snips", "dm", "dr"]
    mean = pd.read_csv(table)["reward"].mean()
    assert got["estimates"][0]["value"] == pytest.approx(mean)  # uniform is what logged it
    assert (got["rounds"], got["slots"], got["unit"], got["logged_value"]) == (200, 1, "reward", mean)
    assert answer(table.with_suffix(".parquet"), *arguments)["estimates"][0] == got["estimates"][0]


def test_printed_for_people(table: Path) -> None:
    text = run(table, "--policy", "column:chance", "--level", "0.9")
    assert "200 rounds, which earned" in text
    assert "snips" in text
    assert "unknown" in text
    assert "note: only the target's probability of the logged action is known" in text
    assert "note: no dm, dr: needs a reward model" in text


def test_names_are_printed_as_they_are(table: Path, tmp_path: Path) -> None:
    """Neither an emoji for ``:a:`` nor markup for ``[red]``."""
    frame = pd.read_csv(table).replace({"action": {"hat": "a:", "bag": "[red]"}})
    frame.to_csv(tmp_path / "names.csv", index=False)
    policies = ("--policy", "action:a:", "--policy", "action:[red]")
    out = run(tmp_path / "names.csv", *policies, "--baseline", "action:a:")
    assert "than action:a::" in out
    assert "compared with action:a:" in out
    assert out.count("action:[red]") >= 2


def test_other_column_names_and_chosen_estimators(table: Path, tmp_path: Path) -> None:
    renamed = pd.read_csv(table).rename(columns={"action": "a", "reward": "r", "propensity": "p"})
    renamed.to_csv(tmp_path / "renamed.csv", index=False)
    columns = ("--action-column", "a", "--reward-column", "r", "--propensity-column", "p")
    got = answer(
        tmp_path / "renamed.csv", "--policy", "uniform", *columns, "--estimator", "dr", "--estimator", "ips"
    )
    assert [estimate["estimator"] for estimate in got["estimates"]] == ["dr", "ips"]
    assert got["unit"] == "r"


def test_the_seed_decides_and_the_answer_is_written(table: Path, tmp_path: Path) -> None:
    arguments = (table, "--policy", "uniform", "--interval", "bootstrap")
    one = answer(*arguments, "--seed", 1, "--out", tmp_path / "out")
    assert one == answer(*arguments, "--seed", 1)
    assert one["estimates"] != answer(*arguments, "--seed", 2)["estimates"]
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == one


def test_open_bandit(open_bandit: Path) -> None:
    uniform = answer(open_bandit, "--policy", "uniform")
    assert uniform["estimates"][0]["value"] == pytest.approx(uniform["logged_value"])
    other = open_bandit.parent / "other"
    got = answer(open_bandit, "--policy", other)
    assert got["value_in_log_of_policy"] == pd.read_csv(other / "all.csv")["click"].mean()
    assert "in its own log" in run(open_bandit, "--policy", other)


def test_a_decision_log(log: Path, tmp_path: Path) -> None:
    uniform = answer(log, "--policy", "uniform")
    assert [estimate["estimator"] for estimate in uniform["estimates"]] == ["ips", "snips"]
    assert uniform["skipped"] == {"dm": "needs a reward model", "dr": "needs a reward model"}
    assert (uniform["slots"], uniform["unit"]) == (2, "GBP")
    bundle = make_bundle(tmp_path / "bundle")
    got = answer(log, "--policy", bundle)
    # an item's reward is its number; the truth is the target's expected numbers at two slots
    truth = float((policy(1.0).marginals(make_requests(1))[0] @ np.arange(4.0)).sum())
    for estimate in got["estimates"]:  # 5 standard errors; the reward is linear, so dm and dr are near exact
        slack = 5 * (estimate["high"] - estimate["low"]) / (2 * 1.96)
        assert abs(estimate["value"] - truth) < slack + 0.02
    folder = tmp_path / "parts"
    DecisionLog.read(log).write(folder)
    assert answer(folder, "--policy", bundle)["estimates"] == got["estimates"]


def test_refusals(table: Path, open_bandit: Path, log: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_text("no")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "nothing").mkdir()
    for arguments, message in (
        (
            (table, "--policy", "uniform", "--estimator", "magic"),
            "--estimator = 'magic': choose one of ips, snips, dm, dr",
        ),
        ((table, "--policy", "uniform", "--estimator", "dr", "--all"), "leave it out with --all"),
        ((table, "--policy", "uniform", "--propensity-column", "p"), "column = 'p': the table has action"),
        ((table, "--policy", "uniform", "--stream"), "only Parquet can be streamed"),
        ((table, "--policy", "column:chance", "--estimator", "dm"), "needs a reward model"),
        ((table, "--policy", "uniform", "--level", "95"), "level = 95.0"),
        ((table, "--policy", "uniform", "--interval", "magic"), "interval = 'magic'"),
        ((table, "--policy", "best"), "for a table write uniform, action:NAME"),
        ((table, "--policy", "uniform", "--action-column", "item"), "column = 'item': the table has action"),
        ((tmp_path / "gone.csv", "--policy", "uniform"), "there is no such file"),
        ((tmp_path / "broken.parquet", "--policy", "uniform"), "no readable table"),
        ((tmp_path / "empty.csv", "--policy", "uniform"), "no readable table"),
        ((tmp_path / "nothing", "--policy", "uniform"), "holds no .parquet file"),
        ((open_bandit, "--policy", table), "folder of another Open Bandit log"),
        ((log, "--policy", "column:chance"), "write uniform, or the folder of a bundle"),
        ((log, "--policy", make_bundle(tmp_path / "bundle", catalogue("sku9"))), "another catalogue"),
        ((log, "--policy", make_bundle(tmp_path / "names", user="age")), "was made for age"),
    ):
        with pytest.raises(InvalidInput) as error:
            run(*arguments)
        assert message in str(error.value)


def test_a_table_without_propensities_gets_an_answer_with_its_caveats(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    frame[["age", "action", "reward"]].to_csv(tmp_path / "plain.csv", index=False)
    arguments = (tmp_path / "plain.csv", "--policy", "action:hat", "--context-column", "*")
    got = answer(*arguments)
    assert {estimate["verdict"] for estimate in got["estimates"]} == {"caution"}
    assert got["verdict"] == "caution"
    assert got["propensities"]["log_loss"] > 0
    mean = frame.loc[frame["action"] == "hat", "reward"].mean()  # actions were drawn without a look at age
    assert got["estimates"][1]["value"] == pytest.approx(mean, abs=0.05)
    text = run(*arguments)
    assert "caution ips, snips, dr: " in text
    assert "the log has no propensities: they are estimated from age" in text
    assert "log loss" in text


def test_what_to_take_away_is_said_in_words(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    plain = tmp_path / "plain.csv"
    frame.drop(columns="propensity").to_csv(plain, index=False)
    printed = run(plain, "--policy", "uniform").splitlines()
    reply = answer(plain, "--policy", "uniform")
    (best,) = (each for each in reply["estimates"] if each["estimator"] == reply["headline"])
    (taken,) = (line for line in printed if line.startswith("caution: "))
    assert f"about {best['value']:.4g} " in taken
    assert f"{best['low']:.4g} to {best['high']:.4g} with 95% confidence" in taken
    gain = reply["difference_from_logged"]
    against = (
        "more than" if gain["low"] > 0 else "less than" if gain["high"] < 0 else "not clearly other than"
    )
    assert f"confidence: {against} what was earned" in taken
    # each doubt once, with all whom it is about; the columns that were not used are named
    assert sum("the log has no propensities" in line for line in printed) == 1
    assert any(line.startswith("caution ips, snips, dm, dr: the log has no prop") for line in printed)
    assert any("if the choice depended on" in line and "name it as context" in line for line in printed)


def test_a_model_alone_is_quoted_without_its_interval() -> None:
    only = {
        "estimator": "dm",
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "level": 0.9,
        "reason": "",
        "verdict": "",
    }
    reply = {"policy": "p", "unit": "click", "logged_value": 0.1, "headline": "dm", "estimates": [only]}
    assert conclusion(reply).endswith("by its reward model alone: no interval holds what that errs by")
    assert conclusion({**reply, "headline": None}) == "this log cannot tell what p would have earned"
    better = {**only, "estimator": "dr"}
    gain = {"value": 0.4, "low": 0.3, "high": 0.5}
    reply = {**reply, "headline": "dr", "estimates": [better], "difference_from_logged": gain}
    assert conclusion(reply).endswith("0.4 to 0.6 with 90% confidence: more than what was earned")
    loss = {"value": -0.2, "low": -0.3, "high": -0.1}
    less = {**reply, "logged_value": 0.7, "difference_from_logged": loss}
    assert conclusion(less).endswith("less than what was earned")
    unsure = {**reply, "difference_from_logged": {"value": 0.4, "low": -0.1, "high": 0.9}}
    assert conclusion(unsure).endswith(
        ": not clearly other than what was earned (the difference is -0.1 to 0.9)"
    )
    assert conclusion({**reply, "estimates": [{**better, "low": None}]}).endswith("without bounds")


def test_without_a_policy_the_command_says_what_could_be_one(table: Path) -> None:
    with pytest.raises(InvalidInput, match="action:NAME, always that action"):
        run(table)


def test_a_refusal_stands_before_any_number_and_strict_exits_with_3(table: Path) -> None:
    arguments = [
        str(table),
        "--policy",
        "action:gift",
        "--actions",
        "bag,hat,gift",
        "--context-column",
        "age",
    ]
    text = run(*arguments)
    assert text.startswith("REFUSED ips, snips, dr: ")
    assert text.index("REFUSED dm: the log never shows 100%") < text.index("200 rounds, which earned")
    got = answer(*arguments)
    assert list(got)[:2] == ["verdict", "refused"]
    assert (got["verdict"], got["headline"]) == ("refuse", None)
    assert set(got["refused"]) == {"ips", "snips", "dm", "dr"}
    assert CliRunner().invoke(APP, [*arguments, "--strict"]).exit_code == 3
    assert CliRunner().invoke(APP, [str(table), "--policy", "uniform", "--strict"]).exit_code == 0


def test_all_estimators_that_the_log_allows(table: Path) -> None:
    got = answer(table, "--policy", "uniform", "--context-column", "age", "--all")
    names = {estimate["estimator"] for estimate in got["estimates"]}
    assert names | set(got["skipped"]) == set(ESTIMATORS)
    assert set(got["skipped"]) == {"cascade-dr", "pi", "snpi", "ips-by-logger", "dr-by-logger"}
    assert got["headline"] == "dr"


@pytest.mark.parametrize("interval", ["student", "bca", "bernstein", "cressie-read", "sequence"])
def test_every_kind_of_interval(table: Path, interval: str) -> None:
    got = answer(table, "--policy", "uniform", "--interval", interval, "--estimator", "snips")
    (estimate,) = got["estimates"]
    assert estimate["interval"] == interval
    assert estimate["low"] < estimate["value"] < estimate["high"]


def test_streamed(table: Path, log: Path, tmp_path: Path) -> None:
    arguments = (table.with_suffix(".parquet"), "--policy", "uniform", "--estimator", "snips")
    one, two = answer(*arguments), answer(*arguments, "--stream")
    assert two["streamed"] is True
    for figure in ("value", "low", "high", "ess", "verdict"):
        assert one["estimates"][0][figure] == pytest.approx(two["estimates"][0][figure])
    whole = DecisionLog.read(log)
    (tmp_path / "parts").mkdir()
    for i, rows in enumerate((slice(0, 100), slice(100, 300))):
        whole.take(rows).write(tmp_path / "parts" / f"part-{i}.parquet")
    want = answer(log, "--policy", "uniform", "--all")
    got = answer(tmp_path / "parts", "--policy", "uniform", "--all", "--stream")
    by_name = {estimate["estimator"]: estimate for estimate in want["estimates"]}
    assert {"ips", "snips", "pi"} <= {estimate["estimator"] for estimate in got["estimates"]}
    for estimate in got["estimates"]:
        assert estimate["value"] == pytest.approx(by_name[estimate["estimator"]]["value"], rel=1e-9)


def test_workers_share_a_streamed_table(table: Path) -> None:
    arguments = (table.with_suffix(".parquet"), "--policy", "uniform", "--stream")
    assert answer(*arguments, "--workers", 2) == answer(*arguments)


def test_a_card(table: Path, tmp_path: Path) -> None:
    run(table, "--policy", "uniform", "--html", tmp_path / "card.html")
    assert (tmp_path / "card.html").read_text().count("<img") == 1


def test_dsjson(tmp_path: Path) -> None:
    event = {"_label_cost": -1, "_label_probability": 0.5, "_label_Action": 1, "a": [1, 2], "p": [0.5, 0.5]}
    other = {**event, "_label_cost": 0, "_label_Action": 2, "a": [2, 1]}
    lines = [json.dumps({**e, "c": {"age": i}}) for i, e in enumerate([event, other] * 20)]
    (tmp_path / "log.json").write_text("\n".join(lines))
    got = answer(tmp_path / "log.json", "--policy", "action:1", "--context-column", "age")
    assert [e["value"] for e in got["estimates"][:2]] == [1.0, 1.0]


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, shopgym.cli.evaluate as e; "
        "print([m for m in ('numpy', 'pandas', 'numba', 'pyarrow', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_that_nothing_checks_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "action": rng.choice(["a", "b", "c"], p=[0.5, 0.49, 0.01], size=800),
            "reward": rng.random(800),
            "propensity": 0.0,
        }
    )
    frame["propensity"] = frame["action"].map({"a": 0.5, "b": 0.49, "c": 0.01})
    frame.to_csv(tmp_path / "log.csv", index=False)
    reply = answer(tmp_path / "log.csv", "--policy", "action:c")
    assert set(reply["refused"]) == {"ips", "snips", "dm", "dr"}
    assert (reply["headline"], reply["verdict"]) == (None, "refuse")
    alone = answer(tmp_path / "log.csv", "--policy", "action:c", "--estimator", "dm")
    assert (alone["headline"], alone["verdict"]) == (None, "refuse")
    for each in (reply, alone):
        assert UNCHECKED_MODEL in each["refused"]["dm"]
    assert UNCHECKED_MODEL in " ".join(run(tmp_path / "log.csv", "--policy", "action:c").split())
    fine = answer(tmp_path / "log.csv", "--policy", "uniform")
    assert UNCHECKED_MODEL not in " ".join(e["reason"] for e in fine["estimates"])


def test_intervals_by_user(table: Path, log: Path) -> None:
    asked = (table, "--policy", "uniform", "--user-column", "user")
    plain, by_user = answer(*asked, "--no-by-user"), answer(*asked)
    assert answer(*asked, "--by-user") == by_user
    assert "30 users made 200 rounds" in plain["estimates"][0]["reason"]
    for one, two in zip(plain["estimates"], by_user["estimates"], strict=True):
        assert one["value"] == pytest.approx(two["value"])
        assert one["high"] != two["high"]
        assert "30 users as independent, not 200 rounds" in two["note"]
    decisions = answer(log, "--policy", "uniform", "--by-user", "--estimator", "snips")
    assert "users as independent" in decisions["estimates"][0]["note"]
    for wrong in ((table, "--policy", "uniform"), (*asked, "--stream")):
        with pytest.raises(InvalidInput, match="intervals by user need"):
            run(*wrong, "--by-user")


@pytest.fixture
def three_arms(tmp_path: Path) -> Path:
    """A trial of three arms alike, without a column of propensities, written as Germans write it."""
    rng = np.random.default_rng(5)
    arm = rng.integers(3, size=1500)
    day = pd.Timestamp("2026-01-05") + pd.to_timedelta(rng.integers(28, size=1500), unit="D")
    frame = pd.DataFrame(
        {
            "arm": np.array(["none", "mens", "womens"])[arm],
            "visit": (rng.random(1500) < np.array([0.1, 0.2, 0.15])[arm]).astype(int),
            "spend": np.round(rng.gamma(2.0, 3.0, size=1500), 2),
            "country": rng.choice(["DE", "FR"], size=1500),
            "day": day.strftime("%Y-%m-%d"),
        }
    )
    frame.to_csv(tmp_path / "trial.csv", index=False, sep=";", decimal=",")
    return tmp_path / "trial.csv"


MANY = (
    *("--policy", "action:mens", "--policy", "action:womens", "--baseline", "action:none"),
    *("--action-column", "arm", "--reward-column", "visit", "--reward-column", "spend"),
    *("--propensity", "1/3", "--estimator", "snips"),
)


def test_several_policies_and_rewards_in_one_table(three_arms: Path, tmp_path: Path) -> None:
    got = answer(three_arms, *MANY, "--segment", "country", "--time-column", "day", "--by-time", "week")
    frame = pd.read_csv(three_arms, sep=";", decimal=",")
    means = frame.groupby("arm")[["visit", "spend"]].mean()
    rows = {(row["reward"], row["policy"]): row for row in got["rows"] if not row["by"]}
    assert list(rows) == [
        (reward, f"action:{arm}") for reward in ("visit", "spend") for arm in ("mens", "womens", "none")
    ]
    for (reward, policy), row in rows.items():
        arm = policy.removeprefix("action:")
        assert row["value"] == pytest.approx(means.loc[arm, reward])
        if arm != "none":
            assert row["difference"] == pytest.approx(means.loc[arm, reward] - means.loc["none", reward])
    assert {row["by"] for row in got["rows"]} == {"", "country", "day by week"}
    assert len(got["evaluations"]) == 6
    assert {"estimates", "headline", "refused", "policy"} <= set(got["evaluations"][0])
    text = run(three_arms, *MANY, "--csv", tmp_path / "table.csv")
    assert "action:mens would have earned more than action:none" in text
    assert "all intervals of a column hold at once with 95% confidence" in text
    table = pd.read_csv(tmp_path / "table.csv")
    assert table["value"].tolist() == pytest.approx([row["value"] for row in rows.values()])


def test_the_dialect_may_be_named(three_arms: Path) -> None:
    named = ("--separator", ";", "--decimal", ",", "--encoding", "utf-8")
    assert answer(three_arms, *MANY, *named)["rows"] == answer(three_arms, *MANY)["rows"]


def test_a_cost_is_better_where_it_is_less(three_arms: Path) -> None:
    several = [each for each in MANY if each not in ("--baseline", "action:none")]
    text = run(three_arms, *several, "--policy", "action:none", "--minimise")
    assert "visit: best of 3 is action:none: it would have cost about" in text
    assert "earned" not in text


@pytest.mark.parametrize(
    "twice",
    [
        ("--baseline", "uniform"),
        ("--seed", "1"),
        ("--level", "0.9"),
        ("--action-column", "arm"),
        ("--html", "card.html"),
        ("--json",),
    ],
)
def test_an_option_that_is_given_twice_is_refused(three_arms: Path, twice: tuple[str, ...]) -> None:
    command = ["evaluate", str(three_arms), "--policy", "uniform", *twice, *twice]
    result = CliRunner().invoke(main.app, command)
    assert isinstance(result.exception, InvalidInput)
    assert str(result.exception).startswith(f"{twice[0]} = 'given twice'")


def test_every_command_refuses_an_option_that_is_given_twice() -> None:
    def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from commands(command, (*path, name))
            else:
                yield (*path, name), command

    tried = 0
    for path, command in commands(typer.main.get_command(main.app)):
        for option in command.params:
            if option.param_type_name != "option" or option.multiple:
                continue
            given = [option.opts[0]] if option.is_flag else [option.opts[0], "1"]
            result = CliRunner().invoke(main.app, [*path, *given, *given])
            assert isinstance(result.exception, InvalidInput), (path, option.opts)
            tried += 1
    assert tried > 40


def test_bad_input_ends_with_one_message_and_exit_code_2(three_arms: Path) -> None:
    for more, message in (
        (("--policy", "action:Men", "--action-column", "arm"), "did you mean"),
        (("--policy", "uniform", "--seed", "1", "--seed", "2"), "--seed = 'given twice'"),
        (("--policy", "uniform", "--baseline", "uniform"), "--baseline = 'uniform'"),
        (("--policy", "uniform", "--propensity", "1/3", "--propensity-column", "p"), "--propensity = '1/3'"),
    ):
        code = "from shopgym.cli.main import main; main()"
        command = [sys.executable, "-c", code, "evaluate", str(three_arms), *more, "--reward-column", "visit"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("shopgym: ")
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_a_policy_of_a_run_that_no_bundle_holds(log: Path, tmp_path: Path) -> None:
    target, names = policy(1.0), {"user": ["taste_0"], "context": [], "live": []}
    write_run_items(tmp_path / "run", target.items)
    write_run_policy(tmp_path / "run" / "policies", target, names)
    got = answer(log, "--policy", tmp_path / "run" / "policies" / "tilted")
    bundle = answer(log, "--policy", make_bundle(tmp_path / "bundle"))
    assert got["estimates"] == bundle["estimates"]
