"""The study of long-term rewards: its cells, what looking ahead gains, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from shopgym.core import InvalidInput
from shopgym.core.config import build
from shopgym.experiments.cell_runs import HowToRun
from shopgym.experiments.finished import read_run
from shopgym.experiments.studies.long_term import STUDY, LongTermConfig, gain

NETWORK = {"hidden": [4], "batch": 4}
SMALL: dict[str, Any] = {
    "kind": "long_term",
    "name": "small",
    "seeds": 2,
    "ahead": "slateq",
    "effects": ["strong"],
    "agents": {"greedy_clicks": NETWORK, "slateq": NETWORK},
    "customers": {"items": 8, "users": 20, "slots": 2, "candidates": 4, "days": 20.0}
    | {"lanes": 4, "steps": 2, "judged": 4},
}


def config_of(**changed: Any) -> LongTermConfig:
    return build(LongTermConfig, {**SMALL, **changed})


def test_the_study_runs_in_cells_and_says_what_looking_ahead_brings(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra 'agents'")
    folder, config = tmp_path / "small", config_of()
    table = STUDY.run(config, folder, HowToRun(quiet=True))
    runs = pd.read_csv(folder / "runs.csv")
    assert runs[["effect", "seed", "agent"]].drop_duplicates().shape == (4, 3)
    rows = table.set_index("agent")
    difference = rows.loc["slateq", "reward"] - rows.loc["greedy_clicks", "reward"]
    assert rows.loc["greedy_clicks", "gain_mean"] == pytest.approx(difference)
    assert pd.isna(rows.loc["slateq", "gain_mean"])
    (_, shown), *_ = STUDY.show(table, config)
    assert [row["slateq gains"] != "" for row in shown] == [True, False]
    assert read_run(folder).headline.startswith("effects strong: looking ahead brings ")
    assert (folder / "long_term.png").stat().st_size > 5_000
    with pytest.raises(InvalidInput, match=r"customers\.steps"):
        STUDY.run(config_of(customers={**SMALL["customers"], "steps": 3}), folder, HowToRun(quiet=True))


def test_gain_by_hand() -> None:
    runs = pd.DataFrame(
        {"effect": "off", "agent": agent, "seed": seed, "reward": reward}
        for agent, rewards in (("a", (1.0, 2.0, 6.0)), ("b", (0.0, 3.0, 3.0)))
        for seed, reward in enumerate(rewards)
    )
    ahead = gain(runs, "off", "a", "b")  # differences 1, -1, 3: mean 1, sd 2, t(0.975, 2) = 4.3027
    assert ahead.mean == 1.0
    assert ahead.high == pytest.approx(1 + 4.302653 * 2 / 3**0.5)
    assert ahead.low == pytest.approx(1 - 4.302653 * 2 / 3**0.5)
    assert (ahead.won, ahead.seeds) == (2, 3)
    assert ahead.boot_low >= -1
    assert ahead.boot_high <= 3
    with pytest.raises(InvalidInput, match="two seeds"):
        gain(runs[runs["seed"] == 0], "off", "a", "b")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"effects": ["some"]}, "effects"),
        ({"effects": []}, "effects"),
        ({"ahead": "dqn"}, "ahead"),
        ({"customers": {"judged": 1}}, "judged"),
    ],
)
def test_bad_settings_are_refused(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        config_of(**changed)
