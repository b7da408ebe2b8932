"""Scenes of reward design: closed forms where there are any, and what each scene shows, at a small size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core.config import build
from shopgym.core.errors import InvalidInput
from shopgym.core.reward.attribution import RULES
from shopgym.core.yaml_file import read_yaml
from shopgym.experiments.studies.reward_scenes import registry
from shopgym.experiments.studies.reward_scenes.choc_kale import ChocKaleScene
from shopgym.experiments.studies.reward_scenes.goodhart import best_of_n_form, fit, rl_form
from shopgym.experiments.studies.reward_scenes.last_click import LABELS
from shopgym.experiments.studies.reward_scenes.registry import SCENES, read_scene
from shopgym.experiments.studies.reward_scenes.scene import SceneResult

FOLDER = Path(registry.__file__).parent


def small(name: str, **settings: Any) -> SceneResult:
    """The shipped scene with fewer of everything."""
    raw = {**read_yaml(FOLDER / f"{name}.yaml"), **settings}
    return build(SCENES[name], raw).run(lambda *_: None)


@pytest.mark.parametrize("name", list(SCENES))
def test_every_scene_has_a_config_of_its_name(name: str) -> None:
    assert read_scene(Path(name)).scene == name


def test_all_choc_or_all_kale_is_the_closed_form() -> None:
    """Without candidates to choose from or noise of the state, engagement is a sum of log-normal means.

    20,000 users, 5 standard errors.
    """
    scene = ChocKaleScene(scene="choc_kale", users=20_000, candidates=1, innovation=0.0, memory_discount=0.0)
    total = scene.engagement(0.0, 1.0, np.random.default_rng(0))
    # sensitivity 0: satisfaction is 1/2; a lone candidate is uniform, so E exp(mean / 2) is an integral
    low, high = 4.0 * 0.5, 5.0 * 0.5
    one_page = (np.exp(high) - np.exp(low)) / (high - low) * np.exp(0.5)
    assert abs(total.mean() - 60 * one_page) < 5 * total.std() / len(total) ** 0.5


def test_clickbait_pays_where_users_do_not_mind_and_costs_where_they_do() -> None:
    rows = small("choc_kale", shares=[0.0, 1.0], users=500).rows
    kale, choc = ({row["sensitivity"]: row for row in rows if row["choc"] == share} for share in (0.0, 1.0))
    assert choc[0.01]["low"] > kale[0.01]["high"]
    assert choc[0.1]["high"] < kale[0.1]["low"]
    assert choc[0.3]["high"] < kale[0.3]["low"]


@pytest.mark.parametrize(("form", "curve"), [(best_of_n_form, lambda d: d), (rl_form, np.log)])
def test_a_curve_of_either_form_is_fitted_exactly(form: Any, curve: Any) -> None:
    d = np.linspace(0.1, 3.0, 12)
    fitted = fit(form, d, d * (0.7 - 0.3 * curve(d)))
    assert (fitted.alpha, fitted.beta) == (pytest.approx(0.7), pytest.approx(0.3))
    assert fitted.worst < 1e-9


def test_the_reward_rises_with_pressure_while_the_north_star_turns() -> None:
    rows = small("goodhart", pages=512, largest_n=64).rows
    for method in ("best of n", "tilted"):
        own = [row for row in rows if row["method"] == method]
        reward, gain = ([row[name] for row in own] for name in ("reward", "gain"))
        assert np.all(np.diff(reward) > 0)
        assert max(gain) > 0.02
        assert gain[-1] < max(gain) - 0.05


def test_last_click_pays_the_page_that_sells_and_not_the_one_that_keeps_the_visitor() -> None:
    assert LABELS.keys() == set(RULES)
    rows = {row["by"]: row for row in small("last_click", visits=1500).rows}
    worth = [rows[LABELS[rule]]["worth"] for rule in ("last_click", "time_decay", "linear", "first_click")]
    assert worth == sorted(worth)
    assert worth[0] < 0.6
    truth = rows["the truth: visits of one kind"]
    assert truth["low"] > 1.0


@pytest.mark.slow
def test_what_is_best_on_every_page_loses_customers_where_satisfaction_counts() -> None:
    clicks = {"terms": {"click": 1.0}, "unit": "click"}
    reward = {**clicks, "north_star": {"weights": {"click": 1.0}, "horizon": 120}}
    shop = {**read_yaml(FOLDER / "lives.yaml")["shop"], "max_pages": 3}
    strong = {"effects": {"strong": [2.0, 4.0]}, "reward": reward, "shop": shop}
    rows = small("lives", pages=64, visits=64, lives=160, **strong).rows
    by_kind = {row["episode"]: row for row in rows}
    assert by_kind["page"]["kept"] == pytest.approx(1.0)
    assert by_kind["life"]["high"] < 0.9


@pytest.mark.slow
def test_capacity_tells_both_rewards_of_every_size() -> None:
    rows = small("capacity", hidden={"1": [1], "8": [8]}, pages=4096, seeds=1, visits=128).rows
    assert [row["size"] for row in rows] == ["1", "8"]
    assert all(row["low"] <= row["kept"] <= row["high"] for row in rows)


@pytest.mark.slow
def test_a_reward_of_orders_is_found_by_the_lint_and_refused_by_the_gate() -> None:
    pytest.importorskip("stable_baselines3")
    small_size = {"pages": 4000, "batch": 400, "judged": 400, "logged": 2000, "audited": 4096}
    scene = small("discount", **small_size)
    assert scene.rows[0]["PPO"] == "paid by the reward"
    assert scene.sentences[0].startswith("Lint, before training: gameable.")
    assert any("refused by" in text and "reward lint" in text for text in scene.sentences)


def test_the_command_prints_the_scene_and_draws_it(tmp_path: Path) -> None:
    scene = tmp_path / "mine.yaml"
    scene.write_text("{scene: choc_kale, users: 20, shares: [0, 1.0], sensitivities: [0.3]}")
    result = CliRunner().invoke(
        app, ["reward", "scene", str(scene), "--png", str(tmp_path / "a.png"), "--json"]
    )
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["rows"]) == 2
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{scene: choc_kal}", "did you mean 'choc_kale'"),
        ("{scene: goodhart, largest_m: 3}", "largest_n"),
        ("{scene: goodhart, reward: {terms: {clik: 1.0}}}", "clik"),
    ],
)
def test_a_scene_that_cannot_be_read_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InvalidInput, match=message):
        read_scene(tmp_path / "x.yaml")


def test_a_scene_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'goodhart'"):
        read_scene(Path("goodheart"))
