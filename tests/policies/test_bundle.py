"""The bundle: it decides as the policy did when it was written, or it does not load."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from builders.bundles import (
    CONTEXT,
    UNIT,
    USER,
    linear_policy,
    random_requests,
    rank_body,
    small_bundle,
    small_items,
    table_policy,
)

from shopgym.core import InvalidInput
from shopgym.policies.explorers import Softmax
from shopgym.policies.guards import MarginFloor
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import TableScorer
from shopgym.policies.serving.bundle import load_bundle, load_policy, write_bundle
from shopgym.policies.serving.manifest import write_manifest
from shopgym.policies.serving.request_seeded import decide_seeded, decision_key, seeded_rng
from shopgym.policies.serving.service import RankingService


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "made"
    small_bundle(path)
    return path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of the bundle that the test may damage."""
    return Path(shutil.copytree(made, tmp_path / "bundle"))


def test_golden_propensities_by_hand(made: Path) -> None:
    """Rates 1, 2, 4 of the items in stock: first r_i / sum, then r_j / (sum - r_i)."""
    rates = {"sku0": 1.0, "sku1": 2.0, "sku2": 4.0}
    cases = json.loads((made / "golden.json").read_text())
    assert len(cases) == 25
    empty = 0
    for case in cases:
        request = case["request"]
        left = {item: rates[item] for item, there in zip(request["candidates"], request["in_stock"]) if there}
        for slot, item in enumerate(case["items"]):
            if item is None:
                assert not left
                assert case["positions"][slot] == -1
                assert case["propensities"][slot] == 1.0
                empty += 1
                continue
            assert request["candidates"][case["positions"][slot]] == item
            assert case["propensities"][slot] == pytest.approx(left[item] / sum(left.values()), abs=1e-12)
            del left[item]
    assert empty


def test_decision_key_known_answer() -> None:
    digest = hashlib.sha256(b"shopgym decision 1\x00ab\x007").digest()
    assert decision_key("ab", 7) == digest[:16].hex()
    rng = seeded_rng(decision_key("ab", 7))
    expected = np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "big")))
    np.testing.assert_array_equal(rng.random(5), expected.random(5))


@pytest.mark.parametrize("cap", [None, 1])
def test_a_loaded_policy_is_the_same_policy(tmp_path: Path, cap: int | None) -> None:
    policy = linear_policy(category_cap=cap)
    written = small_bundle(tmp_path / "b", policy, m=12)
    loaded = load_bundle(tmp_path / "b")
    assert loaded.hash == written.hash
    assert loaded.policy.hash == policy.hash
    requests = random_requests(policy, 200, 12, np.random.default_rng(8))
    ours = policy.decide(requests, np.random.default_rng(9))
    theirs = load_policy(tmp_path / "b").decide(requests, np.random.default_rng(9))
    np.testing.assert_array_equal(theirs.slates, ours.slates)
    np.testing.assert_array_equal(theirs.propensities, ours.propensities)


def test_the_manifest_describes_the_bundle(made: Path) -> None:
    bundle = load_bundle(made)
    manifest = bundle.manifest
    assert manifest["schema"] == 1
    assert (manifest["name"], manifest["unit"], manifest["config_hash"]) == ("table", UNIT, "c0ffee")
    assert manifest["created"] == "2026-01-31T12:00:00Z"
    assert [feature["name"] for feature in manifest["features"]["user"]] == list(USER)
    assert manifest["features"]["context"] == [{"name": "hour", "low": 0.0, "high": 24.0}]
    assert set(manifest["files"]) == {
        path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()
    } - {"manifest.json", "manifest.sha256"}
    assert bundle.hash == (made / "manifest.sha256").read_text().strip()
    assert bundle.evidence == {"lift": 0.1, "verdict": "go"}
    assert bundle.fallback.tolist() == [0, 1, 2]


def test_equal_inputs_make_equal_bundles(made: Path, tmp_path: Path) -> None:
    assert small_bundle(tmp_path / "again").hash == load_bundle(made).hash


def test_one_flipped_bit_anywhere_is_refused(folder: Path) -> None:
    names = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(names) >= 14
    rng = np.random.default_rng(0)
    for path in names:
        whole = path.read_bytes()
        bits = {0, 8 * len(whole) - 1, *rng.integers(0, 8 * len(whole), 8).tolist()}
        for bit in bits:
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            with pytest.raises(InvalidInput, match=r"bundle\."):
                load_bundle(folder)
        path.write_bytes(whole)
    load_bundle(folder)


def test_truncated_missing_and_extra_files_are_named(folder: Path) -> None:
    for path in [path for path in sorted(folder.rglob("*")) if path.is_file()]:
        name = path.relative_to(folder).as_posix()
        shown = "manifest.json" if name == "manifest.sha256" else name
        whole = path.read_bytes()
        for size in (0, 1, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:size])
            with pytest.raises(InvalidInput, match=f"bundle.{shown}"):
                load_bundle(folder)
        path.unlink()
        with pytest.raises(InvalidInput, match=f"bundle.{name}.*missing"):
            load_bundle(folder)
        path.write_bytes(whole)
    (folder / "arrays" / "extra.npy").write_bytes(b"")
    with pytest.raises(InvalidInput, match=r"arrays/extra\.npy.*does not list"):
        load_bundle(folder)


def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "policy.json").rename(tmp_path / "policy.json")
    (folder / "policy.json").symlink_to(tmp_path / "policy.json")
    with pytest.raises(InvalidInput, match=r"policy\.json.*plain files"):
        load_bundle(folder)


def test_a_path_out_of_the_bundle_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.json").write_text("{}")

    def point_outside(manifest: dict[str, object]) -> None:
        manifest["files"] = {"../outside.json": {}}

    edit_manifest(folder, point_outside)
    with pytest.raises(InvalidInput, match=r"outside\.json.*missing"):
        load_bundle(folder)


def edit_manifest(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    text = json.dumps(manifest)
    (folder / "manifest.json").write_text(text)
    (folder / "manifest.sha256").write_text(hashlib.sha256(text.encode()).hexdigest() + "\n")


def rewrite_manifest(folder: Path) -> None:
    """Write the manifest of the changed folder, so that only the golden cases can refuse it."""
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").unlink()
    (folder / "manifest.sha256").unlink()
    write_manifest(folder, manifest)


def test_golden_cases_are_replayed(folder: Path) -> None:
    path = folder / "golden.json"
    cases = json.loads(path.read_text())

    def refused(field: str, case: int, value: object, message: str) -> None:
        edited = json.loads(json.dumps(cases))
        edited[case][field] = value
        path.write_text(json.dumps(edited))
        rewrite_manifest(folder)
        with pytest.raises(InvalidInput, match=message):
            load_bundle(folder)

    near = cases[4]["propensities"].copy()
    near[0] -= 1e-8
    refused("propensities", 4, near, r"golden\[4\]\.propensities")
    refused("propensities", 4, near[:1], r"golden\[4\]\.propensities")
    refused("positions", 24, [0, 0], r"golden\[24\]\.positions")
    refused("items", 0, ["sku0", "sku0"], r"golden\[0\]\.items")
    refused("key", 9, "0" * 32, r"golden\[9\]\.key")
    path.write_text(json.dumps(cases[:19]))
    rewrite_manifest(folder)
    with pytest.raises(InvalidInput, match="at least 20 cases"):
        load_bundle(folder)


def test_another_policy_in_the_folder_is_refused(folder: Path) -> None:
    np.save(folder / "arrays" / "values.npy", np.log([1.0, 2.0, 4.0 + 1e-12]))
    rewrite_manifest(folder)
    with pytest.raises(InvalidInput, match=r"bundle\.policy_hash"):
        load_bundle(folder)


def test_pickles_are_refused(folder: Path) -> None:
    np.save(folder / "arrays" / "values.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    rewrite_manifest(folder)
    with pytest.raises(InvalidInput, match=r"arrays/values\.npy.*no plain array"):
        load_bundle(folder)


def test_a_newer_schema_and_an_incomplete_bundle_are_refused(folder: Path) -> None:
    edit_manifest(folder, lambda manifest: manifest.update(schema=2))
    with pytest.raises(InvalidInput, match=r"bundle\.schema = 2"):
        load_bundle(folder)
    edit_manifest(folder, lambda manifest: manifest.update(schema=1))
    load_bundle(folder)
    edit_manifest(folder, lambda manifest: manifest.pop("features"))
    with pytest.raises(InvalidInput, match="lack 'features'"):
        load_bundle(folder)
    (folder / "golden.json").unlink()
    edit_manifest(folder, lambda manifest: manifest.update(features={"user": [], "context": []}))
    with pytest.raises(InvalidInput, match=r"golden\.json.*missing"):
        load_bundle(folder)
    with pytest.raises(InvalidInput, match="no such folder"):
        load_bundle(folder / "nowhere")


def bundle_of(path: Path, **changes: object) -> None:
    policy = changes.pop("policy", None) or table_policy()
    assert isinstance(policy, SlatePolicy)
    options: dict[str, object] = {
        "golden_requests": random_requests(policy, 20, 3, np.random.default_rng(0)),
        "user_names": USER,
        "context_names": CONTEXT,
        "unit": UNIT,
        "config_hash": "c",
    }
    write_bundle(path, policy, **(options | changes))


def test_what_cannot_be_served_is_not_exported(tmp_path: Path) -> None:
    path = tmp_path / "b"
    with pytest.raises(InvalidInput, match=r"policy\.guards.*add InStock"):
        bundle_of(path, policy=dataclasses.replace(table_policy(), guards=(MarginFloor(0.0),)))
    with pytest.raises(InvalidInput, match="golden_requests = 19"):
        bundle_of(path, golden_requests=random_requests(table_policy(), 19, 3, np.random.default_rng(0)))
    with pytest.raises(InvalidInput, match=r"ranges = 'user\.age'"):
        bundle_of(path, ranges={"user.age": (0, 1)})
    with pytest.raises(InvalidInput, match=r"ranges\.context\.hour"):
        bundle_of(path, ranges={"context.hour": (1, 0)})
    with pytest.raises(InvalidInput, match=r"user\.taste_0.*finite number in \[5, 6\]"):
        bundle_of(path, ranges={"user.taste_0": (5, 6)})
    with pytest.raises(InvalidInput, match="fallback = 'sku9'"):
        bundle_of(path, fallback=["sku9"])
    with pytest.raises(InvalidInput, match="different item ids"):
        bundle_of(path, fallback=["sku1", "sku1"])
    with pytest.raises(InvalidInput, match="evidence = 'Out of range"):
        bundle_of(path, evidence={"lift": float("nan")})
    with pytest.raises(InvalidInput, match=r"policy\.arrays"):
        bundle_of(path, policy=dataclasses.replace(table_policy(), scorer=Odd(np.zeros(3))))
    assert list(tmp_path.iterdir()) == []


class Odd(TableScorer):
    """A scorer whose array would be written outside the bundle."""

    def state(self) -> tuple[dict[str, str], dict[str, np.ndarray]]:
        return {"kind": "table"}, {"../values": self.values}


def test_only_a_bundle_is_replaced(tmp_path: Path) -> None:
    bundle_of(tmp_path / "b")
    first = load_bundle(tmp_path / "b")
    bundle_of(tmp_path / "b", policy=table_policy((1.0, 1.0, 1.0)))
    assert load_bundle(tmp_path / "b").hash != first.hash
    (tmp_path / "home").mkdir()
    with pytest.raises(InvalidInput, match="no bundle: choose another folder"):
        bundle_of(tmp_path / "home")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "home"]


def test_strings_as_objects_are_exported(tmp_path: Path) -> None:
    """pandas gives strings as columns of objects."""
    names = ["Tee", "Ärmel", "帽子"]
    items = small_items(3)
    odd = dataclasses.replace(items, item_id=items.item_id.astype(object), name=np.array(names, dtype=object))
    policy = dataclasses.replace(table_policy(), items=odd)
    bundle_of(tmp_path / "b", policy=policy)
    loaded = load_policy(tmp_path / "b")
    assert loaded.hash == policy.hash
    assert loaded.items.name.tolist() == names


def test_padding_changes_no_decision() -> None:
    policy = linear_policy()
    requests = random_requests(policy, 30, 8, np.random.default_rng(2))
    spread = np.full((30, 16), -1, dtype=np.int32)
    stocked = np.zeros((30, 16), dtype=bool)
    spread[:, 1::2], stocked[:, 1::2] = requests.candidates, requests.in_stock
    padded = dataclasses.replace(requests, candidates=spread, in_stock=stocked)
    for i in range(30):
        bare = decide_seeded(policy, requests.take(slice(i, i + 1)))
        wide = decide_seeded(policy, padded.take(slice(i, i + 1)))
        np.testing.assert_array_equal(wide.slates, bare.slates)
        np.testing.assert_array_equal(wide.propensities, bare.propensities)
        np.testing.assert_array_equal(
            wide.positions, np.where(bare.positions >= 0, 2 * bare.positions + 1, -1)
        )
        np.testing.assert_allclose(
            policy.propensities(padded.take(slice(i, i + 1)), wide.positions), wide.propensities, atol=1e-12
        )


def test_a_request_of_padding_alone_shows_nothing() -> None:
    policy = table_policy()
    one = random_requests(policy, 1, 3, np.random.default_rng(2))
    none = dataclasses.replace(
        one, candidates=np.full((1, 3), -1, dtype=np.int32), in_stock=np.zeros((1, 3), dtype=bool)
    )
    decided = decide_seeded(policy, none)
    np.testing.assert_array_equal(decided.slates, -1)
    np.testing.assert_array_equal(decided.propensities, 1.0)


def test_seeded_decisions_follow_the_propensities(tmp_path: Path) -> None:
    """Over request ids, items come first as often as the policy says.

    Chi-square with 2 degrees of freedom, limit 23.0: false alarm 1e-5. The ids are fixed, so this test
    is the same on every run.
    """
    policy = table_policy()
    ranker = RankingService(small_bundle(tmp_path / "b", policy))
    n = 1000
    first = [ranker.rank(rank_body(policy, i))["positions"][0] for i in range(n)]
    expected = n * np.array([1, 2, 4]) / 7
    assert (((np.bincount(first, minlength=3) - expected) ** 2) / expected).sum() < 23.0


def test_a_table_policy_needs_no_features(tmp_path: Path) -> None:
    requests = random_requests(table_policy(), 20, 3, np.random.default_rng(0))
    none = np.empty((20, 0), dtype=np.float32)
    bundle_of(
        tmp_path / "b",
        golden_requests=dataclasses.replace(requests, user=none, context=none),
        user_names=(),
        context_names=(),
        policy=dataclasses.replace(table_policy(), explorer=Softmax(2.0, floor=0.2)),
    )
    answer = RankingService(load_bundle(tmp_path / "b")).rank({"request_id": 1, "user_id": 2})
    assert len(answer["items"]) == 2
