"""A run that was interrupted goes on from the parts that are done, and ends as an undisturbed one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shopgym.core.errors import InvalidInput
from shopgym.core.items import Items
from shopgym.experiments import parse_config
from shopgym.experiments.finished import list_runs
from shopgym.experiments.parts.codec import read_value, write_value
from shopgym.experiments.parts.store import PartStore, has_own_code, run_hash
from shopgym.experiments.runner import run
from shopgym.experiments.stages import deploy as deploy_stage
from shopgym.experiments.stages import learn as learn_stage
from shopgym.experiments.stages import log as log_stage
from shopgym.guardrails.monitor import ProxyReference
from shopgym.simulators import Catalog
from shopgym.simulators.rollout import Episode

SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 2,
    "catalog": {"source": "synthetic", "items": 60},
    "shop": {"users": 200, "slate_size": 2, "num_candidates": 6},
    "reward": {"terms": {"click": 1.0}, "unit": "click", "north_star": "click"},
    "guards": [{"kind": "in_stock"}, {"kind": "category_cap", "maximum": 1}],
    "agents": {"popularity": {}, "lints": {}, "linucb": {}},
    "training": {"rounds": 3, "batch": 100, "warm_up": 2},
    "log": {"decisions": 1000},
    "truth": {"decisions": 1000},
    "evaluation": {"bootstrap": 100},
}


class Killed(BaseException):
    """Ends a run as SIGKILL would: nothing catches it."""


def killed_at(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, call: int) -> list[int]:
    """The function ``name`` of a stage ends the run at its ``call``-th call; counts the calls."""
    real, calls = getattr(place, name), [0]

    def counting(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            raise Killed
        return real(*arguments, **options)

    monkeypatch.setattr(place, name, counting)
    return calls


def bytes_of(folder: Path) -> dict[str, bytes]:
    """By path; the summary and the page say how long the server took."""
    named = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in named.items() if name != "report.html"} | {
        "summary.json": timeless(folder / "summary.json")
    }


def timeless(path: Path) -> bytes:
    summary = json.loads(path.read_text())
    if summary["served"] is not None:
        summary["served"] = {k: v for k, v in summary["served"].items() if "ms" not in k}
    return json.dumps(summary).encode()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("runs") / "small"
    run(parse_config(SMALL), folder, quiet=True)
    return bytes_of(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "name", "call"),
    [(learn_stage, "train", 2), (log_stage, "step_log", 4)],
    ids=["while the second agent learns", "while the log is written"],
)
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(
    place: Any,
    name: str,
    call: int,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "small"
    with monkeypatch.context() as patch:
        killed_at(patch, place, name, call)
        with pytest.raises(Killed):
            run(parse_config(SMALL), folder, quiet=True)
    parts = sorted(path.name for path in (folder / "cells").iterdir())
    assert [(each.kind, each.state) for each in list_runs(tmp_path)] == [("experiment", "interrupted")]
    with pytest.raises(InvalidInput, match=r"another config \(truth.decisions\)"):
        run(parse_config({**SMALL, "truth": {"decisions": 2000}}), folder, quiet=True)
    trained = killed_at(monkeypatch, learn_stage, "train", 99)
    deployed = killed_at(monkeypatch, deploy_stage, "deploy", 99)
    run(parse_config(SMALL), folder, quiet=True)
    assert trained[0] + deployed[0] == 6 - len(parts)
    assert bytes_of(folder) == undisturbed


@pytest.fixture(scope="module")
def items() -> Items:
    return Catalog.synthetic(20, seed=1).items


def test_values_come_back_as_they_were(items: Items, tmp_path: Path) -> None:
    path = tmp_path / "value.npz"
    value = [
        {"a": (1, 2.5, None, True), 3: "text", "nan": float("nan"), "inf": float("-inf")},
        np.arange(6, dtype=np.int32).reshape(2, 3),
        np.float32(0.1),
        Counter({4: 2, 1: 2}),
        Episode.SEASON,
        ProxyReference(1.0, 2.0, 0.5, 0.25, 0.75, 9),
        items,
    ]
    write_value(path, value, items)
    again = read_value(path, items)
    assert repr(again[:-1]) == repr(value[:-1])
    assert [type(part) for part in again] == [type(part) for part in value]
    assert again[1].dtype == np.int32
    assert again[-1] is items


def test_other_objects_are_neither_written_nor_read(items: Items, tmp_path: Path) -> None:
    path = tmp_path / "value.npz"
    with pytest.raises(TypeError, match="cannot be stored"):
        write_value(path, Path("x"), items)
    tree = json.dumps({"object": ["core.files:write_text", {"path": "x", "text": "y"}]}).encode()
    np.savez(path, tree=np.frombuffer(tree, np.uint8))
    with pytest.raises(TypeError, match="is not read"):
        read_value(path, items)


def test_a_part_is_taken_only_where_it_is_whole_and_of_this_run(items: Items, tmp_path: Path) -> None:
    def asked(inputs: Sequence[str], run_of: str = "a") -> list[str]:
        store = PartStore(tmp_path, run_of, items)
        assert store.result("part", inputs, lambda: 7) == 7
        return store.taken

    assert asked(["x"]) == []
    assert asked(["x"]) == ["part"]
    assert asked(["y"]) == []
    assert asked(["y"], "b") == []
    path = tmp_path / "part.npz"
    path.write_bytes(path.read_bytes()[:50])
    assert asked(["y"], "b") == []
    assert asked(["y"], "b") == ["part"]


def test_parts_belong_to_a_config_and_a_catalogue_and_hold_no_code_of_ones_own() -> None:
    config = parse_config(SMALL)
    other = parse_config({**SMALL, "seed": 5})
    assert len({run_hash(config, "a"), run_hash(config, "b"), run_hash(other, "a")}) == 3
    assert not has_own_code(config)
    assert has_own_code(parse_config({**SMALL, "imports": ["json"]}))
