"""Files that version 0.1 wrote are read: bundle, server log, Parquet log, run and config."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders.bundles import linear_policy
from builders.paths import DATA

from shopgym.core import InvalidInput
from shopgym.experiments.config import load_config
from shopgym.experiments.export import export_policy
from shopgym.experiments.policy_store import read_policy, read_retriever, save_retriever
from shopgym.policies import DecisionLog, InStock, PlackettLuceRanking, SlatePolicy
from shopgym.policies.decision_log import compact
from shopgym.policies.decision_log.append_log import scan
from shopgym.policies.decision_log.schema import REQUEST_FIELDS
from shopgym.policies.retrieval import DenseWeights
from shopgym.policies.retrieval.retriever import Retriever
from shopgym.policies.scorers import TableScorer
from shopgym.policies.serving import RankingService, load_bundle
from shopgym.policies.serving.request_seeded import decide_seeded, decision_key
from shopgym.policies.serving.saved_policy import write_run_policy
from shopgym.simulators import Catalog

BEFORE = DATA / "written_by_0_1"
RUN = BEFORE / "run"
POLICIES = ("lints", "popularity", "random")
NO_FEATURES: dict[str, tuple[str, ...]] = {"user": (), "context": (), "live": ()}


def test_the_bundle_loads_and_is_the_policy_that_was_exported() -> None:
    bundle = load_bundle(BEFORE / "bundle")
    manifest = json.loads((BEFORE / "bundle" / "manifest.json").read_text())
    assert manifest["made_with"]["shopgym"] == "0.1.0"
    assert bundle.hash == (BEFORE / "bundle" / "manifest.sha256").read_text().strip()
    assert bundle.policy.hash == manifest["policy_hash"] == linear_policy().hash
    assert bundle.live == ()


def test_the_golden_cases_of_the_bundle_are_decided_alike() -> None:
    service = RankingService(load_bundle(BEFORE / "bundle"))
    cases = json.loads((BEFORE / "bundle" / "golden.json").read_text())
    assert len(cases) == 25
    for case in cases:
        answer = service.rank(case["request"])
        assert case["key"] == decision_key(answer["policy_hash"], case["request"]["request_id"])
        assert (answer["items"], answer["positions"]) == (case["items"], case["positions"])
        np.testing.assert_allclose(answer["propensities"], case["propensities"], rtol=0.0, atol=1e-12)


def test_the_server_log_compacts_to_the_parquet_log() -> None:
    policy = load_bundle(BEFORE / "bundle").policy
    then, now = DecisionLog.read(BEFORE / "log.parquet"), compact(BEFORE / "server_log", policy)
    kinds = [record["kind"] for _, _, record in scan(BEFORE / "server_log" / "decisions.log")]
    assert (kinds.count("decision"), kinds.count("reward")) == (len(now), int(now.rewarded.sum()))
    assert 0 < now.rewarded.sum() < len(now)
    assert then.columns().keys() == now.columns().keys() >= {"marginals"}
    for name, values in then.columns().items():
        assert now.columns()[name].dtype == values.dtype, name
        if name == "marginals":  # an integral, with the rounding of the processor
            np.testing.assert_allclose(now.columns()[name], values, rtol=0.0, atol=1e-9)
        else:
            np.testing.assert_array_equal(now.columns()[name], values, err_msg=name)
    assert then.events.keys() == now.events.keys()
    for name in ("unit", "policy_hash", "policy_name", "config_hash", "items_hash", "source", "version"):
        assert getattr(now, name) == getattr(then, name), name
    assert (now.user_names, now.context_names) == (then.user_names, then.context_names)


def test_the_decisions_of_the_server_log_are_made_again() -> None:
    policy, log = load_bundle(BEFORE / "bundle").policy, DecisionLog.read(BEFORE / "log.parquet")
    assert log.policy_hash == policy.hash
    for i in range(len(log)):
        again = decide_seeded(policy, log.requests().take(slice(i, i + 1)))
        np.testing.assert_array_equal(again.slates[0], log.slates[i])
        np.testing.assert_allclose(again.propensities[0], log.propensities[i], rtol=0.0, atol=1e-12)


def test_the_log_of_the_run_is_read_and_its_propensities_are_those_of_its_policy() -> None:
    log, items = DecisionLog.read(RUN / "log.parquet"), Catalog.load(RUN / "catalog.parquet").items
    log.require_items(items)
    assert {*log.columns()} >= {*REQUEST_FIELDS, "marginals"} - {"live", "counters"}
    assert {*log.live} == {"price", "margin", "stock"}
    # the config's section ``log``: the popularity agent before any sale, with the options given there
    scorer, explorer = TableScorer(10_000.0 * items.popularity), PlackettLuceRanking(decay=0.25, floor=0.25)
    policy = SlatePolicy("popularity", items, scorer, explorer, (InStock(),), 2)
    assert policy.hash == log.policy_hash
    p = policy.propensities(log.requests(), log.positions)
    np.testing.assert_allclose(p, log.propensities, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_of_the_run_is_read_and_written_anew_with_the_same_hash(name: str, tmp_path: Path) -> None:
    items = Catalog.load(RUN / "catalog.parquet").items
    then = json.loads((RUN / "policies" / f"{name}.json").read_text())["hash"]
    policy = read_policy(RUN / "policies", name, items)
    assert policy.hash == then
    write_run_policy(tmp_path, policy, NO_FEATURES)
    assert json.loads((tmp_path / name / "manifest.json").read_text())["policy_hash"] == then
    again = read_policy(tmp_path, name, items)
    assert again.hash == then
    requests = DecisionLog.read(RUN / "log.parquet").take(slice(0, 50)).requests()
    ours, theirs = (one.decide(requests, np.random.default_rng(2)) for one in (policy, again))
    np.testing.assert_array_equal(ours.slates, theirs.slates)
    np.testing.assert_array_equal(ours.propensities, theirs.propensities)


def test_a_policy_that_the_run_does_not_have_is_refused() -> None:
    items = Catalog.load(RUN / "catalog.parquet").items
    with pytest.raises(InvalidInput, match="this run has lints, popularity, random"):
        read_policy(RUN / "policies", "vw", items)
    with pytest.raises(InvalidInput, match="this run has no policies"):
        read_policy(RUN / "metrics", "lints", items)
    assert read_retriever(RUN / "retriever") is None


def test_a_policy_of_the_run_is_exported_where_the_gate_passed_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="it was refused: on the log its gain"):
        export_policy(RUN, "lints", tmp_path / "bundle")
    run = Path(shutil.copytree(RUN, tmp_path / "run"))
    verdicts = json.loads((run / "gate.json").read_text())
    verdicts["lints"]["passed"] = True
    (run / "gate.json").write_text(json.dumps(verdicts))
    bundle = export_policy(run, "lints", tmp_path / "bundle")
    assert bundle.policy.hash == json.loads((RUN / "policies" / "lints.json").read_text())["hash"]
    assert bundle.evidence["gate"]["passed"]
    assert {feature.name for feature in bundle.live} == {"price", "margin", "stock"}


@pytest.mark.parametrize("folder", [BEFORE, RUN])
def test_a_config_is_read_and_has_the_hash_that_the_run_noted(folder: Path) -> None:
    summary = json.loads((RUN / "summary.json").read_text())
    assert load_config(folder / "config.yaml").hash == summary["config_hash"]
    assert DecisionLog.read(RUN / "log.parquet").config_hash == summary["config_hash"]


# what is written in their place


def saved(folder: Path) -> SlatePolicy:
    policy = linear_policy()
    write_run_policy(folder, policy, NO_FEATURES)
    return policy


def test_a_run_keeps_a_policy_in_the_files_of_a_bundle(tmp_path: Path) -> None:
    policy = saved(tmp_path)
    bundle = BEFORE / "bundle"
    names = {path.relative_to(tmp_path / "linear") for path in (tmp_path / "linear").rglob("*.*")}
    assert names == {
        Path(name)
        for name in (
            "policy.json",
            "arrays/theta.npy",
            "arrays/value.npy",
            "manifest.json",
            "manifest.sha256",
        )
    }
    for name in ("policy.json", "arrays/theta.npy", "arrays/value.npy"):
        assert (tmp_path / "linear" / name).read_bytes() == (bundle / name).read_bytes()
    assert read_policy(tmp_path, "linear", policy.items).hash == policy.hash


def flip_a_bit(folder: Path) -> None:
    path = folder / "arrays" / "theta.npy"
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))


@pytest.mark.parametrize(
    ("damage", "field"),
    [
        (flip_a_bit, r"policies\.linear\.arrays/theta\.npy"),
        (lambda folder: (folder / "policy.json").unlink(), r"policies\.linear\.policy\.json"),
        (lambda folder: (folder / "manifest.sha256").write_text("0\n"), r"policies\.linear\.manifest\.json"),
    ],
)
def test_a_changed_policy_is_refused(tmp_path: Path, damage: Callable[[Path], None], field: str) -> None:
    policy = saved(tmp_path)
    damage(tmp_path / "linear")
    with pytest.raises(InvalidInput, match=f"{field}.*changed after it was saved: run again"):
        read_policy(tmp_path, "linear", policy.items)


def test_a_policy_over_other_items_is_refused(tmp_path: Path) -> None:
    policy = saved(tmp_path)
    dearer = replace(policy.items, price=2 * policy.items.price)
    with pytest.raises(InvalidInput, match="changed after it was saved"):
        read_policy(tmp_path, "linear", dearer)


def a_retriever() -> Retriever:
    rng = np.random.default_rng(4)
    return Retriever(DenseWeights(rng.random((9, 9), np.float32), rng.random(9, np.float32)), 3)


def test_a_retriever_is_kept_as_a_bundle_keeps_it(tmp_path: Path) -> None:
    save_retriever(tmp_path / "retriever", a_retriever())
    kept = read_retriever(tmp_path / "retriever")
    assert kept is not None
    assert kept.hash == a_retriever().hash
    assert (tmp_path / "retriever" / "retriever" / "model_weights.npy").is_file()
    (tmp_path / "retriever" / "retriever.json").write_text("{}")
    with pytest.raises(InvalidInput, match="changed after it was saved"):
        read_retriever(tmp_path / "retriever")


def test_a_retriever_of_version_0_1_is_read(tmp_path: Path) -> None:
    """That version wrote NAME.json with hash and specification, and NAME.npz."""
    retriever = a_retriever()
    spec, arrays = retriever.state()
    (tmp_path / "retriever.json").write_text(json.dumps({"hash": retriever.hash, "spec": spec}))
    np.savez(tmp_path / "retriever.npz", **arrays)
    kept = read_retriever(tmp_path / "retriever")
    assert kept is not None
    assert kept.hash == retriever.hash
    (tmp_path / "retriever.json").write_text(json.dumps({"hash": "0" * 64, "spec": spec}))
    with pytest.raises(InvalidInput, match="changed after it was saved"):
        read_retriever(tmp_path / "retriever")
