"""Files that include others, and settings of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.core.setting_types import default_at, lists_for_scalars
from shopgym.experiments.config import LADDER, ExperimentConfig, load_config, parse_config
from shopgym.experiments.config_file import merged, read_config
from shopgym.experiments.overrides import parse_override, with_overrides
from shopgym.experiments.studies.leaderboard import LeaderboardConfig


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def test_later_files_win_and_the_file_itself_wins_over_all(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    write(
        tmp_path / "shared", deep="seed: 1\nshop: {slate_size: 3, users: 100}\ncatalog: {source: synthetic}\n"
    )
    write(
        tmp_path,
        a="include: shared/deep.yaml\nname: a\nshop: {users: 200}\nguards: [{kind: in_stock}]\n",
        b="seed: 2\nguards: []\n",
        mine="include: [a.yaml, b.yaml]\nseed: 3\n",
    )
    assert read_config(tmp_path / "mine.yaml") == {
        "name": "mine",  # never that of an included file
        "seed": 3,
        "shop": {"slate_size": 3, "users": 200},
        "catalog": {"source": "synthetic"},
        "guards": [],
    }


def test_paths_are_those_of_the_file_in_which_they_stand(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(
        tmp_path / "data",
        orders="catalog: {source: transactions, path: orders.csv, item_table: [items.csv]}\n",
    )
    write(tmp_path, mine="include: data/orders.yaml\n")
    catalog = read_config(tmp_path / "mine.yaml")["catalog"]
    assert catalog["path"] == str((tmp_path / "data" / "orders.csv").resolve())
    assert catalog["item_table"] == [str((tmp_path / "data" / "items.csv").resolve())]


def test_a_config_may_be_named_by_text(tmp_path: Path) -> None:
    write(tmp_path, mine="catalog: {source: synthetic}\n")
    assert read_config(str(tmp_path / "mine.yaml")) == read_config(tmp_path / "mine.yaml")
    assert load_config("online_retail").name == "online_retail"


def test_a_shipped_config_can_be_included(tmp_path: Path) -> None:
    write(tmp_path, mine="include: online_retail\ntraining: {rounds: 3}\n")
    config = parse_config(read_config(tmp_path / "mine.yaml"))
    assert (config.name, config.training.rounds, config.training.batch) == ("mine", 3, 1000)
    assert config.shop.config.slate_size == 5


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"mine": "include: mine.yaml\n"}, "include = .*mine.yaml includes mine.yaml: leave one"),
        (
            {"mine": "include: a.yaml\n", "a": "include: b.yaml\n", "b": "include: a.yaml\n"},
            "a.yaml includes b.yaml includes a.yaml",
        ),
        ({"mine": "include: none.yaml\n"}, "include = 'none.yaml': there is no such file"),
        ({"mine": "include: onlin_retail\n"}, "did you mean 'online_retail'"),
        ({"mine": "include: {a: 1}\n"}, "include = .*: give the path of a file, or a list of paths"),
        ({"mine": "include: [3]\n"}, "give the path"),
        ({"mine": "include: a.yaml\n", "a": "- 1\n"}, "include = .*a.yaml.*: write a mapping"),
    ],
)
def test_bad_includes_are_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    write(tmp_path, **files)
    with pytest.raises(InvalidInput, match=message):
        read_config(tmp_path / "mine.yaml")


def test_two_files_may_include_the_same_one(tmp_path: Path) -> None:
    write(
        tmp_path,
        base="seed: 1\n",
        a="include: base.yaml\n",
        b="include: base.yaml\n",
        c="include: [a.yaml, b.yaml]\n",
    )
    assert read_config(tmp_path / "c.yaml") == {"name": "c", "seed": 1}


def test_merging_changes_neither_side() -> None:
    base: dict[str, Any] = {"a": {"b": 1}}
    assert merged(base, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert base == {"a": {"b": 1}}
    assert merged({"a": {"b": 1}}, {"a": [1]}) == {"a": [1]}


# settings of the command line


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a.b=0.3", ("a.b", 0.3)),
        ("a=3", ("a", 3)),
        ("a=true", ("a", True)),
        ("a=[1, 2]", ("a", [1, 2])),
        ("a={b: x}", ("a", {"b": "x"})),
        ("a=x=y", ("a", "x=y")),
        ("a=", ("a", None)),
    ],
)
def test_a_setting_is_yaml(text: str, parsed: tuple[str, Any]) -> None:
    assert parse_override(text) == parsed


def test_settings_change_what_the_config_says_or_its_defaults() -> None:
    written = {"name": "x", "training": {"batch": 50}, "shop": {"campaigns": [{"price_off": 0.1}]}}
    settings = ["training.rounds=7", "agents.lints.alpha=0.2", "log.options.floor=0.1", "seed=4", "seed=5"]
    values = with_overrides(ExperimentConfig, written, [*settings, "shop.campaigns.0.price_off=0.3"])
    assert values["shop"]["campaigns"] == [{"price_off": 0.3}]
    assert written["shop"]["campaigns"] == [{"price_off": 0.1}]  # type: ignore[index]
    config = parse_config({k: v for k, v in values.items() if k != "shop"})
    assert (config.training.rounds, config.training.batch, config.seed) == (7, 50, 5)
    assert list(config.agents) == list(LADDER)  # a config that names no agents has these
    assert config.agents["lints"] == {"alpha": 0.2}
    assert config.log.options == {"decay": 0.25, "floor": 0.1}
    board = with_overrides(LeaderboardConfig, {}, ["reward.terms.click=0.1"])
    assert board["reward"]["terms"] == {"margin": 1.0, "return_cost": -1.0, "click": 0.1}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training", "setting = 'training': write name=value"),
        ("=3", "write name=value"),
        ("training..rounds=3", "write name=value"),
        ("training.rounds=[1", "training.rounds = '\\[1': it is not YAML"),
        ("name.x=3", "name.x = 3: name is no group of settings"),
        ("guards.1.kind=in_stock", "guards.1.kind = '1': give a place in the list, 0 to 0"),
    ],
)
def test_bad_settings_are_named(setting: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        with_overrides(ExperimentConfig, {"name": "x", "guards": [{"kind": "in_stock"}]}, [setting])


@pytest.mark.parametrize(
    ("kind", "setting", "message"),
    [
        ("", "trainin.rounds=3", "trainin = .*did you mean 'training'"),
        ("", "training.round=3", "training.round = 3: .*did you mean 'rounds'"),
        ("", "agents.linucb.alhpa=3", "agents.linucb.alhpa = 3: .*did you mean 'alpha'"),
        ("", "agents.linucbb.alpha=3", "agents = 'linucbb': .*did you mean 'linucb'"),
        (
            "kind: leaderboard\n",
            "families.bandit.round=3",
            "families.bandit.round = 3: .*did you mean 'rounds'",
        ),
        ("", "kind=leaderbord", "kind = 'leaderbord': .*did you mean 'leaderboard'"),
    ],
)
def test_an_unknown_setting_of_the_command_line_says_which_was_meant(
    tmp_path: Path, kind: str, setting: str, message: str
) -> None:
    write(
        tmp_path,
        mine=f"{kind}agents: {{random: {{}}, popularity: {{}}}}\n"
        + ("families: {bandit: {}}\n" if kind else ""),
    )
    done = CliRunner().invoke(
        app, ["run", str(tmp_path / "mine.yaml"), setting, "--out", str(tmp_path / "out")]
    )
    assert isinstance(done.exception, InvalidInput)
    with pytest.raises(InvalidInput, match=message):
        raise done.exception
    assert not (tmp_path / "out").exists()


# what types say


def test_lists_stand_where_types_take_none() -> None:
    values = {
        "training": {"rounds": [1, 2], "batch": 3},
        "shop": {"slate_size": [3, 4], "choice": {"click_base": [1.0]}, "campaigns": [{"start": 1}]},
        "reward": {"terms": {"margin": [1, 2]}, "costs": ["x <= 1"]},
        "guards": [{"kind": "in_stock"}],
        "agents": {"lints": {"alpha": [1, 2]}},  # options have types of their own
        "retrieve": [None, {"agent": "linucb"}],
        "evaluation": {"estimators": ["ips"]},
        "unknown": [1],
    }
    names = [".".join(place) for place, _ in lists_for_scalars(ExperimentConfig, values)]
    assert names == [
        *("training.rounds", "shop.slate_size", "shop.choice.click_base", "reward.terms.margin", "retrieve"),
    ]
    board = {"families": {"bandit": {"rounds": [1, 2], "shop": {"users": [1]}}}}
    names = [".".join(place) for place, _ in lists_for_scalars(LeaderboardConfig, board)]
    assert names == ["families.bandit.rounds", "families.bandit.shop.users"]


def test_defaults_are_found_in_every_kind_of_section() -> None:
    assert default_at(ExperimentConfig, ("log", "options")) == {"decay": 0.25, "floor": 0.25}
    assert default_at(ExperimentConfig, ("reward", "terms")) == {"margin": 1.0}
    assert default_at(ExperimentConfig, ("retrieve", "agent")) == "linucb"
    assert (
        default_at(ExperimentConfig, ("shop", "slate_size"))
        == ExperimentConfig(name="x").shop.config.slate_size
    )
    for nothing in (("name",), ("nothing", "at", "all"), ("guards", "x")):
        assert default_at(ExperimentConfig, nothing) is None
