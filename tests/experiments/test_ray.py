"""Cells on a Ray cluster of this machine, one of whose workers is killed midway."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from builders import cells as toys

from shopgym.experiments.cells.cell import Cell, CellResult
from shopgym.experiments.cells.executors import RayCluster, Serial
from shopgym.experiments.cells.run import run_cells
from shopgym.experiments.cells.store import CellStore

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("SHOPGYM_NIGHTLY" not in os.environ, reason="starts a cluster: make nightly"),
]


@pytest.fixture
def cluster() -> Any:
    """A head without cores of its own and two workers."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    path = os.pathsep.join(sys.path)
    os.environ["PYTHONPATH"] = path  # of the workers
    head = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    workers = [head.add_node(num_cpus=1) for _ in range(2)]
    os.environ["RAY_ADDRESS"] = head.address
    yield head, workers
    del os.environ["RAY_ADDRESS"]
    head.shutdown()


def test_a_worker_that_is_killed_midway_loses_no_cell(cluster: Any, tmp_path: Path) -> None:
    head, workers = cluster
    cells = [Cell(f"slow-{seed}", toys.place("slow_square"), {}, {"seed": seed}) for seed in range(12)]
    done: list[str] = []

    def kill_after_three(result: CellResult) -> None:
        done.append(result.cell)
        if len(done) == 3:
            threading.Thread(target=head.remove_node, args=(workers[0], False)).start()

    on_ray = run_cells(cells, CellStore(tmp_path / "ray"), RayCluster(2), kill_after_three)
    serial = run_cells(cells, CellStore(tmp_path / "serial"), Serial())
    assert [result.rows for result in on_ray] == [result.rows for result in serial]
    assert not any(result.failed for result in on_ray)
    assert len(done) == len(set(done)) == 12
    deadline = time.monotonic() + 60
    while workers[0] in head.list_all_nodes():
        assert time.monotonic() < deadline, "the worker was to be killed"
        time.sleep(0.1)
