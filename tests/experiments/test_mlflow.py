"""What a tracking store is told of a run; and MLflow, read back with its own client."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest
from builders.run_folders import write_experiment, write_sweep, write_test
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.experiments.finished import read_run
from shopgym.experiments.tracking.mlflow_store import write_to_mlflow
from shopgym.experiments.tracking.tracked_run import TrackedRun, tracked_run

HAS_MLFLOW = importlib.util.find_spec("mlflow") is not None
needs_mlflow = pytest.mark.skipif(not HAS_MLFLOW, reason="needs the extra mlflow: make nightly")


def numbers(run: TrackedRun) -> dict[tuple[str, int], float]:
    return {(metric.name, metric.step): metric.value for metric in run.metrics}


def test_each_agent_of_an_experiment_is_a_nested_run_with_its_curve(tmp_path: Path) -> None:
    run = tracked_run(read_run(write_experiment(tmp_path / "mine")))
    assert run.params["shop.slate_size"] == "3"
    assert run.params["agents.b"] == "null"
    assert run.tags["shopgym.verdict"] == "refused"
    assert run.tags["shopgym.reason"] == "its gain may be 0"
    assert numbers(run)["value.a.low", 0] == 2.0
    first, second = run.nested
    assert first.params == {"agent": "a", "seed": "4", "options.alpha": "0.5"}
    told = numbers(first)
    assert (told["learning.reward", 10], told["learning.reward", 20]) == (11.0, 21.0)
    assert (told["value", 0], told["conversion", 0], told["offline.dr.delta.low", 0]) == (3.0, 0.25, 8.0)
    assert "learning.decisions" not in {name for name, _ in told}
    assert ("conversion", 0) not in numbers(second)  # it is no number


def test_what_the_log_refuses_has_a_reason_and_no_metric(tmp_path: Path) -> None:
    second = tracked_run(read_run(write_experiment(tmp_path / "mine"))).nested[1]
    assert not [name for name, _ in numbers(second) if name.startswith("offline")]
    assert second.tags["shopgym.verdict.offline.dr.delta"] == "refuse: no overlap"


@pytest.mark.parametrize(("verdict", "told"), [("trust", True), ("caution", True), ("refuse", False)])
def test_a_refused_test_has_no_effect_among_its_metrics(tmp_path: Path, verdict: str, told: bool) -> None:
    run = tracked_run(read_run(write_test(tmp_path / "test", verdict)))
    assert (("effect.new.margin.value", 0) in numbers(run)) == told
    assert numbers(run)["truth.new.margin.value", 0] == 0.12
    assert run.tags["shopgym.verdict"] == verdict
    assert run.tags["shopgym.reason"] == "the split is broken"


def test_each_row_of_a_sweep_is_a_nested_run(tmp_path: Path) -> None:
    run = tracked_run(read_run(write_sweep(tmp_path / "one", {(2, 0): 1.0, (4, 0): 3.0})))
    assert [nested.params for nested in run.nested] == [
        {"training.rounds": rounds, "agent": "a", "seed": "0"} for rounds in ("2", "4")
    ]
    assert [numbers(nested)["value", 0] for nested in run.nested] == [1.0, 3.0]
    assert numbers(run)["value.a.4.value", 0] == 3.0


def test_the_hash_is_that_of_the_run_and_not_of_its_place(tmp_path: Path) -> None:
    one = write_experiment(tmp_path / "one")
    shutil.copytree(one, tmp_path / "deep" / "two")
    hashes = [tracked_run(read_run(f)).tags["shopgym.run"] for f in (one, tmp_path / "deep" / "two")]
    assert hashes[0] == hashes[1]
    text = (one / "summary.json").read_text()
    (one / "summary.json").write_text(text.replace("its gain may be 0", "its gain may be less than 0"))
    assert tracked_run(read_run(one)).tags["shopgym.run"] != hashes[0]


def test_a_run_that_is_not_finished_is_not_written(tmp_path: Path) -> None:
    run = write_sweep(tmp_path / "one", {(2, 0): 1.0})
    (run / "summary.json").unlink()
    with pytest.raises(InvalidInput, match="it is interrupted"):
        tracked_run(read_run(run))


@pytest.mark.skipif(HAS_MLFLOW, reason="says what to install where MLflow is absent")
def test_without_mlflow_the_error_says_what_to_install(tmp_path: Path) -> None:
    run = write_experiment(tmp_path / "mine")
    with pytest.raises(InvalidInput, match=r"pip install 'shopgym\[mlflow\]'"):
        write_to_mlflow(tracked_run(read_run(run)), "shopgym")


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def runs_in(store: str, text: str) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(store)
    return list(client.search_runs([client.get_experiment_by_name("mine").experiment_id], text))


@needs_mlflow
@pytest.mark.slow
def test_mlflow_reads_back_what_was_written_once(tmp_path: Path, store: str) -> None:
    from mlflow import MlflowClient

    folder = write_experiment(tmp_path / "mine")
    for text in ("written with 2 nested runs", "there already"):
        command = ["runs", "mlflow", str(folder), "--to", store, "--experiment", "mine"]
        assert text in CliRunner().invoke(app, command).output
    run = tracked_run(read_run(folder))
    (parent,) = runs_in(store, "tags.`shopgym.kind` = 'experiment'")
    assert parent.info.status == "FINISHED"
    assert parent.data.params == run.params
    assert {name: parent.data.tags[name] for name in run.tags} == run.tags
    assert parent.data.metrics == {metric.name: metric.value for metric in run.metrics}
    client = MlflowClient(store)
    kept = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert kept == {"config.yaml", "summary.json", "environment.json", "metrics"}
    nested = {
        r.info.run_name: r for r in runs_in(store, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    }
    assert set(nested) == {"a", "b"}
    history = client.get_metric_history(nested["a"].info.run_id, "learning.reward")
    assert [(point.step, point.value) for point in history] == [(10, 11.0), (20, 21.0)]


@needs_mlflow
@pytest.mark.slow
def test_what_an_interruption_left_in_mlflow_is_replaced(tmp_path: Path, store: str) -> None:
    from mlflow import MlflowClient

    run = tracked_run(read_run(write_experiment(tmp_path / "mine")))
    client = MlflowClient(store)
    begun = client.create_run(client.create_experiment("mine", tmp_path.as_uri()), tags=dict(run.tags))
    written = write_to_mlflow(run, "mine", store)
    assert written.is_new
    (parent,) = runs_in(store, "tags.`shopgym.kind` = 'experiment'")
    assert parent.info.run_id == written.run_id != begun.info.run_id


@needs_mlflow
def test_a_store_that_mlflow_refuses_is_named(tmp_path: Path) -> None:
    run = tracked_run(read_run(write_experiment(tmp_path / "mine")))
    with pytest.raises(InvalidInput, match="MLflow refuses it"):
        write_to_mlflow(run, "mine", "gopher://nowhere")
