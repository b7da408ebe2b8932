"""Write a finished run to MLflow. The package is imported when a run is written, and not before."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ...core.errors import InvalidInput
from .tracked_run import TrackedRun

T = TypeVar("T")
RUN, PARENT = "shopgym.run", "mlflow.parentRunId"
PARAMS_AT_ONCE, METRICS_AT_ONCE, LONGEST_PARAM, LONGEST_TAG = 100, 1000, 6000, 5000
"""MLflow's limits: parameters and metrics of one request; letters of a parameter and of a tag."""
LOCAL = "sqlite:///mlflow.db"
"""Where MLflow itself looks if nobody says anything."""


@dataclass(frozen=True)
class WrittenRun:
    """A run in the store.

    Attributes:
        run_id: MLflow's.
        experiment: its name in the store.
        is_new: whether it was written just before; False: it was there.
        nested: runs in it.
    """

    run_id: str
    experiment: str
    is_new: bool
    nested: int


def write_to_mlflow(run: TrackedRun, experiment: str, uri: str | None = None) -> WrittenRun:
    """Write ``run`` with its nested runs, unless it is there; what an interruption left of it is replaced.

    Args:
        run: to write; its tag ``shopgym.run`` says which it is.
        experiment: in which it is kept; made if there is none.
        uri: of the store; None: that of ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in this folder.

    Raises:
        InvalidInput: MLflow is not installed, or the store cannot be reached or written.
    """
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError:
        raise InvalidInput("mlflow", None, "install it: pip install 'shopgym[mlflow]'") from None
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or LOCAL
    try:
        return _Store(MlflowClient(tracking_uri=uri), experiment, uri).keep(run)
    except MlflowException as error:
        first = str(error).splitlines()[0]
        raise InvalidInput("to", uri, f"MLflow refuses it: {first}") from error


class _Store:
    def __init__(self, client: Any, experiment: str, uri: str) -> None:
        self.client, self.experiment = client, experiment
        kept = client.get_experiment_by_name(experiment)
        self.id = kept.experiment_id if kept else client.create_experiment(experiment, _artifacts_of(uri))

    def keep(self, run: TrackedRun) -> WrittenRun:
        for earlier in self._search(f"tags.`{RUN}` = '{run.tags[RUN]}'"):
            run_id = earlier.info.run_id
            nested = self._search(f"tags.`{PARENT}` = '{run_id}'")
            if earlier.info.status == "FINISHED":
                return WrittenRun(run_id, self.experiment, False, len(nested))
            for part in (*nested, earlier):
                self.client.delete_run(part.info.run_id)
        return WrittenRun(self._write(run, {}), self.experiment, True, len(run.nested))

    def _search(self, text: str) -> list[Any]:
        runs: list[Any] = []
        token = None
        while True:
            page = self.client.search_runs([self.id], filter_string=text, page_token=token)
            runs += page
            token = page.token
            if not token:
                return runs

    def _write(self, run: TrackedRun, tags: dict[str, str]) -> str:
        """Write one run; it counts as finished only when all its parts are there."""
        from mlflow.entities import Metric, Param

        tags = {**{name: text[:LONGEST_TAG] for name, text in run.tags.items()}, **tags}
        run_id: str = self.client.create_run(self.id, tags=tags, run_name=run.name).info.run_id
        at = int(time.time() * 1000)
        metrics = [Metric(metric.name, metric.value, at, metric.step) for metric in run.metrics]
        params = [Param(name, text[:LONGEST_PARAM]) for name, text in run.params.items()]
        for batch in _batches(params, PARAMS_AT_ONCE):
            self.client.log_batch(run_id, params=batch)
        for curve in _batches(metrics, METRICS_AT_ONCE):
            self.client.log_batch(run_id, metrics=curve)
        for path in run.files:
            self._keep_file(run_id, path)
        for part in run.nested:
            self._write(part, {PARENT: run_id})
        self.client.set_terminated(run_id)
        return run_id

    def _keep_file(self, run_id: str, path: Path) -> None:
        if path.is_dir():
            self.client.log_artifacts(run_id, str(path), artifact_path=path.name)
        else:
            self.client.log_artifact(run_id, str(path))


def _batches(values: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    return (values[begin : begin + most] for begin in range(0, len(values), most))


def _artifacts_of(uri: str) -> str | None:
    """The folder ``mlartifacts`` beside a local database; a server has a place of its own."""
    scheme, _, place = uri.partition(":///")
    if scheme != "sqlite":
        return None
    return (Path(place).resolve().parent / "mlartifacts").as_uri()
