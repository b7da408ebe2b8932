"""The policy of a folder, with what its requests have: of a bundle, and of a run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from builders.bundles import linear_policy
from builders.paths import DATA

from shopgym.core import InvalidInput
from shopgym.policies.serving import load_bundle
from shopgym.policies.serving.saved_policy import (
    is_policy_folder,
    load_saved_policy,
    write_run_items,
    write_run_policy,
)

FEATURES = {"user": ("age",), "context": ("hour", "day"), "live": ("price",)}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    policy = linear_policy()
    write_run_items(tmp_path / "run", policy.items)
    write_run_policy(tmp_path / "run" / "policies", policy, FEATURES)
    return tmp_path / "run"


def test_a_policy_of_a_run_comes_with_its_items_and_the_names_of_its_features(run: Path) -> None:
    saved = load_saved_policy(run / "policies" / "linear")
    assert saved.policy.hash == linear_policy().hash
    assert saved.policy.items.item_id.tolist() == linear_policy().items.item_id.tolist()
    assert (saved.user_names, saved.context_names) == (("age",), ("hour", "day"))
    assert saved.live_names == ("price",)


def test_a_bundle_gives_the_same(tmp_path: Path) -> None:
    folder = DATA / "written_by_0_1" / "bundle"
    saved, bundle = load_saved_policy(folder), load_bundle(folder)
    assert saved.policy.hash == bundle.policy.hash
    assert saved.user_names == tuple(feature.name for feature in bundle.user)
    assert saved.context_names == tuple(feature.name for feature in bundle.context)


def test_a_relative_path_finds_the_items_too(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run / "policies" / "linear")
    assert load_saved_policy(".").policy.hash == linear_policy().hash


def test_what_is_no_saved_policy_is_refused(run: Path, tmp_path: Path) -> None:
    assert is_policy_folder(run / "policies" / "linear")
    assert not is_policy_folder(run)
    with pytest.raises(InvalidInput, match="give the folder of a bundle, or policies/NAME of a run"):
        load_saved_policy(run)
    alone = shutil.copytree(run / "policies" / "linear", tmp_path / "alone" / "policies" / "linear")
    with pytest.raises(InvalidInput, match="copy the whole run"):
        load_saved_policy(alone)


@pytest.mark.parametrize("name", ["items/items/price.npy", "policies/linear/policy.json"])
def test_a_changed_file_is_refused(run: Path, name: str) -> None:
    path = run / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(InvalidInput, match="changed after it was saved"):
        load_saved_policy(run / "policies" / "linear")


def test_other_items_are_refused(run: Path) -> None:
    policy = linear_policy()
    write_run_items(run, replace(policy.items, price=2 * policy.items.price))
    with pytest.raises(InvalidInput, match="changed after it was saved"):
        load_saved_policy(run / "policies" / "linear")
