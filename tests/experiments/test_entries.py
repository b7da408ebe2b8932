"""The agents of a config: options are checked when it is read, names of one's own, packages of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from shopgym.agents import AGENTS, agent_class
from shopgym.agents.options import check_names_and_types, check_ranges, option_names
from shopgym.core import InvalidInput
from shopgym.experiments.config import ExperimentConfig, parse_config
from shopgym.experiments.sweeps.plan import checked_config as check


def parsed(agents: dict[str, Any], **more: Any) -> ExperimentConfig:
    return parse_config({"name": "x", "agents": {"popularity": {}, **agents}, **more})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lints", {"alpha": "high"}, r"^agents\.lints\.alpha = 'high': give a number$"),
        ("lints", {"alpha": [0.1, "high"]}, r"^agents\.lints_alpha_high\.alpha = 'high': give a number$"),
        ("lints", {"alpha": []}, r"^agents\.lints\.alpha = \[\]: a grid needs values, each of them once$"),
        ("lints", {"alpha": [1.0, 1.0]}, r"^agents\.lints\.alpha = \[1\.0, 1\.0\]: a grid needs values"),
        ("lints", {"alpha": -1}, r"^agents\.lints\.alpha = -1: give a number in \[0, 1e\+06\]$"),
        ("lints", {"alpha": True}, r"^agents\.lints\.alpha = True: give a number$"),
        ("lints", {"draws": 2.5}, r"^agents\.lints\.draws = 2\.5: give a whole number$"),
        ("lints", {"alhpa": 1.0}, r"^agents\.lints\.alhpa = 1\.0: .*did you mean 'alpha'\?$"),
        ("lints", {"decay": -1.0}, r"^agents\.lints\.decay = -1\.0: "),  # of the explorer that it makes
        ("squarecb", {"gamma": -1.0}, r"^agents\.squarecb\.gamma = -1\.0: "),
        (
            "popularity_cohort",
            {"feature": "age"},
            r"^agents\.popularity_cohort\.feature = 'age': known: taste_0",
        ),
        (
            "popularity_cohort",
            {"edges": [1, 0]},
            r"^agents\.popularity_cohort\.edges = .*: give rising numbers",
        ),
        ("als", {"factors": 2.5}, r"^agents\.als\.factors = 2\.5: give a whole number$"),
        ("als", {"factors": 0}, r"^agents\.als\.factors = 0: give a number in"),
        ("random", {"alpha": 1.0}, r"^agents\.random\.alpha = 1\.0: it takes no options$"),
    ],
)
def test_options_are_checked_when_the_config_is_read(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        parsed({name: options})


def test_right_options_are_kept_as_they_were_written() -> None:
    config = parsed({"lints": {"alpha": 1, "draws": 3}, "popularity_cohort": {"feature": "taste_0"}})
    assert config.agents["lints"] == {"alpha": 1, "draws": 3}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"log": {"agent": "popularty"}}, r"^log\.agent = 'popularty': .*did you mean 'popularity'\?"),
        ({"log": {"options": {"decay": "slow"}}}, r"^log\.options\.decay = 'slow': give a number$"),
        ({"retrieve": {"options": {"alpha": -3.0}}}, r"^retrieve\.options\.alpha = -3\.0: give a number in"),
        (
            {"guards": [{"kind": "margin_floor", "minimum": "high"}]},
            r"^guards\.margin_floor\.minimum = 'high'",
        ),
        ({"reward": {"terms": {"margin": "much"}}}, r"^reward\.terms\.margin = 'much': give a number"),
        ({"shop": {"users": "many"}}, r"^shop\.users = 'many': give a whole number"),
    ],
)
def test_other_sections_that_reach_a_constructor_are_checked_too(
    section: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        parsed({"lints": {}}, **section)


def test_options_of_a_re_ranker_are_checked() -> None:
    with pytest.raises(
        InvalidInput, match=r"^agents\.logistic_ranker\.reranker\.trade = 2\.0: give a number in"
    ):
        parsed({"logistic_ranker": {"reranker": {"kind": "mmr", "trade": 2}}})


def test_a_misspelt_agent_is_answered_with_the_three_nearest() -> None:
    with pytest.raises(InvalidInput) as caught:
        parsed({"linst": {}})
    assert (caught.value.field, caught.value.value) == ("agents", "linst")
    assert "the nearest are lints, linucb, logistic_ts; did you mean 'lints'?" in caught.value.fix
    assert len(str(caught.value)) < 200


def test_a_misspelt_kind_is_answered_with_the_right_one() -> None:
    with pytest.raises(InvalidInput, match=r"^kind = 'leaderbord': .*did you mean 'leaderboard'\?$"):
        check({"kind": "leaderbord", "name": "x"})
    assert isinstance(check({"kind": "experiment", "name": "x"}), ExperimentConfig)


# options by signature


def test_every_registered_agent_accepts_its_own_defaults() -> None:
    for name in AGENTS:
        try:
            maker = agent_class(name)
        except InvalidInput:
            continue  # a library is not installed
        check_ranges(maker, {}, name, ("age",))
        assert len(set(option_names(maker))) == len(option_names(maker))


def test_what_a_class_gives_its_parent_is_no_option() -> None:
    names = option_names(agent_class("logistic_ranker"))
    assert "features" not in names
    assert {"ridge", "target", "reranker", "decay"} <= set(names)


class Scaled:
    """An agent with an option that is not keyword-only, one without a default and one of any type."""

    def __init__(self, task: Any, rng: Any, scale: float = 1.0, *, size: int, shape: Any = None) -> None:
        if size > 4:
            raise ValueError("too large")


def test_options_of_somebody_elses_class() -> None:
    check_names_and_types(Scaled, {"size": 3, "shape": object()}, "agents.mine")  # type: ignore[arg-type]
    for options, message in (
        ({"size": "3"}, r"agents\.mine\.size = '3': give a whole number"),
        ({"size": 3, "scale": 2.0}, r"agents\.mine\.scale = 2\.0: .*put \* before scale"),
    ):
        with pytest.raises(InvalidInput, match=message):
            check_names_and_types(Scaled, options, "agents.mine")  # type: ignore[arg-type]


# names of one's own


def test_two_entries_of_one_agent() -> None:
    config = parsed({"a": {"agent": "lints", "alpha": 0.1}, "b": {"agent": "lints", "alpha": 0.5}})
    assert [(entry.name, entry.agent, dict(entry.options)) for entry in config.entries] == [
        ("popularity", "popularity", {}),
        ("a", "lints", {"alpha": 0.1}),
        ("b", "lints", {"alpha": 0.5}),
    ]
    assert parsed({"a": {"agent": "lints"}}, gate={"candidate": "a"}).gate.candidate == "a"
    for entry, message in (
        ({"a": {"agent": "lintz"}}, r"^agents\.a\.agent = 'lintz': .*did you mean 'lints'\?"),
        ({"a": {"agent": "lints", "alpha": "x"}}, r"^agents\.a\.alpha = 'x': give a number$"),
        ({"a": {"alpha": 0.1}}, r"^agents = 'a': .*say which agent it is"),
        ({"../up": {"agent": "lints"}}, r"^agents = '\.\./up': start with a letter"),
        ({"best": {"agent": "lints"}}, r"^agents = 'best': "),
    ):
        with pytest.raises(InvalidInput, match=message):
            parsed(entry)


def test_a_list_of_values_makes_an_entry_for_each() -> None:
    config = parsed({"lints": {"alpha": [0.1, 0.5], "draws": [1, 3]}, "popularity_cohort": {"edges": [1, 2]}})
    assert list(config.agents) == [
        "popularity",
        *("lints_alpha_0.1_draws_1", "lints_alpha_0.1_draws_3"),
        *("lints_alpha_0.5_draws_1", "lints_alpha_0.5_draws_3"),
        "popularity_cohort",  # this option takes a list
    ]
    assert config.agents["lints_alpha_0.5_draws_1"] == {"agent": "lints", "alpha": 0.5, "draws": 1}
    written = parsed({name: config.agents[name] for name in list(config.agents)[1:]})
    assert config.hash == written.hash
    with pytest.raises(InvalidInput, match=r"agents = 'lints_alpha_1': two entries would have this name"):
        parsed({"lints": {"alpha": [1, 2]}, "lints_alpha_1": {"agent": "lints"}})


# packages of one's own

MARGIN = '''
from shopgym import register_agent
from shopgym.policies.explorers import PlackettLuceRanking
from shopgym.policies.scorers import TableScorer


class Margin:
    """Shows the items with the highest margin first."""

    def __init__(self, task, rng, *, decay: float = 3.0):
        self.task, self.explorer = task, PlackettLuceRanking(decay, 0.05)

    def learn(self, batch):
        return {}

    def policy(self):
        return self.task.policy("margin", TableScorer(self.task.items.margin), self.explorer)
'''
TINY: dict[str, Any] = {
    "kind": "leaderboard",
    "name": "tiny",
    "catalog": {"source": "synthetic", "items": 40},
    "agents": {"random": {}, "margin": {}, "sharp": {"agent": "margin", "decay": 20.0}},
    "families": {
        "bandit": {"lanes": 16, "rounds": 2, "episodes": 32, "shop": {"users": 50, "slate_size": 2}}
    },
    "seeds": 2,
    "warm_up": 2,
    "bootstrap": 100,
}


def shopgym(*arguments: str, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ}
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join([str(path), environment.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "shopgym.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


@pytest.mark.slow
def test_an_imported_agent_is_known_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "mypkg").mkdir()
    (tmp_path / "mypkg" / "__init__.py").write_text(MARGIN + '\n\nregister_agent("margin", Margin)\n')
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({**TINY, "imports": ["mypkg"]}))
    for workers in ("1", "2"):
        done = shopgym("run", "tiny.yaml", "--workers", workers, "--out", workers, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        runs = pd.read_csv(tmp_path / workers / "runs.csv")
        assert set(runs["agent"]) == {"random", "margin", "sharp"}
    one, two = (pd.read_csv(tmp_path / workers / "runs.csv")["score"] for workers in ("1", "2"))
    assert one.tolist() == two.tolist()
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({**TINY, "imports": ["mypgk"]}))
    done = shopgym("config", "check", "tiny.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("shopgym: imports = 'mypgk': it cannot be imported (ModuleNotFoundError")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_an_agent_of_an_installed_package_is_known_by_its_entry_point(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "mypkg-1.0.dist-info").mkdir(parents=True)
    (site / "mypkg.py").write_text(MARGIN)
    (site / "mypkg-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: mypkg\nVersion: 1.0\n"
    )
    entry_points = "[shopgym.agents]\nmargin = mypkg:Margin\nbroken = mypkg:Missing\n"
    (site / "mypkg-1.0.dist-info" / "entry_points.txt").write_text(entry_points)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    done = shopgym("run", "tiny.yaml", "--workers", "2", "--out", "out", cwd=tmp_path, path=site)
    assert done.returncode == 0, done.stderr
    assert set(pd.read_csv(tmp_path / "out" / "runs.csv")["agent"]) == {"random", "margin", "sharp"}
    for agents, words in (
        ({"margin": {"decay": "slow"}}, "agents.margin.decay = 'slow': give a number"),
        ({"broken": {"decay": 1.0}}, "agents.broken = 'broken': its package cannot be imported"),
    ):
        (tmp_path / "bad.yaml").write_text(yaml.safe_dump({**TINY, "agents": {"random": {}, **agents}}))
        done = shopgym("config", "check", "bad.yaml", cwd=tmp_path, path=site)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert words in done.stderr


def test_a_config_is_checked_without_heavy_libraries(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "name: bad\nshop: {slate_size: 0}\nagents: {popularity: {}, dqn: {}}\n"
    )
    code = (
        "import sys\nfrom shopgym.cli.main import main\nsys.argv = ['shopgym', 'run', 'bad.yaml']\n"
        "try:\n    main()\nfinally:\n"
        "    heavy = 'torch', 'pandas', 'pyarrow', 'matplotlib', 'gymnasium', 'scipy.special', 'sklearn'\n"
        "    print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "shopgym: shop.slate_size = 0: give a number in [1, 1000]\n"
    assert done.stdout == "[]\n"
