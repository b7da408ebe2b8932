"""Cells: kept one by one, run by anybody, the same bytes whatever happened on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import cells as toys

from shopgym.core import InvalidInput
from shopgym.core.config import build
from shopgym.core.files import new_folder
from shopgym.experiments.cell_runs import HowToRun
from shopgym.experiments.cells import cell as cell_module
from shopgym.experiments.cells import store as store_module
from shopgym.experiments.cells.cell import Cell, CellResult, perform
from shopgym.experiments.cells.executors import Processes, Serial, make_executor
from shopgym.experiments.cells.run import run_cells
from shopgym.experiments.cells.store import CellStore
from shopgym.experiments.run_folder import check_folder, is_being_written, sole_writer
from shopgym.experiments.studies.leaderboard import LeaderboardConfig, run_leaderboard

BOARD: dict[str, Any] = {
    "kind": "leaderboard",
    "name": "board",
    "catalog": {"source": "synthetic", "items": 40},
    "agents": {"random": {}, "popularity": {}, "epsilon_greedy": {}},
    "families": {
        "bandit": {"lanes": 16, "rounds": 20, "episodes": 64, "shop": {"users": 50, "slate_size": 2}}
    },
    "seeds": 10,
    "warm_up": 2,
    "bootstrap": 100,
}


def counted(executor: Any, ran: list[str]) -> Any:
    """``executor``, noting the cells that it was handed."""

    class Counted:
        def run(self, cells: Sequence[Cell]) -> Generator[CellResult, None, None]:
            ran.extend(cell.name for cell in cells)
            yield from executor.run(cells)

    return Counted()


def test_a_hash_changes_with_all_that_rows_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = toys.cells(1)[0]
    assert cell.hash == toys.cells(1)[0].hash
    for change in ({"config": {"x": 1}}, {"key": {"seed": 9}}, {"function": "a:b"}):
        assert replace(cell, **change).hash != cell.hash
    assert replace(cell, folder=Path("x")).hash == cell.hash
    before = cell.hash
    for name, value in (("__version__", "9.9"), ("SCHEMA", 99)):
        with monkeypatch.context() as patch:
            patch.setattr(cell_module, name, value)
            assert toys.cells(1)[0].hash != before


def test_only_what_is_missing_is_run(tmp_path: Path) -> None:
    cells, store, ran = toys.cells(4), CellStore(tmp_path), list[str]()
    whole = run_cells(cells, store, Serial())
    assert [result.rows[0]["value"] for result in whole] == [0.0, 1.0, 4.0, 9.0]
    (tmp_path / f"{cells[1].name}.json").unlink()
    again = run_cells(cells, store, counted(Serial(), ran))
    assert ran == [cells[1].name]
    assert [result.rows for result in again] == [result.rows for result in whole]


def test_what_is_half_written_failed_or_of_another_version_is_named_and_run_again(tmp_path: Path) -> None:
    cells, store = toys.cells(5), CellStore(tmp_path)
    run_cells(cells, store, Serial())
    files = [tmp_path / f"{cell.name}.json" for cell in cells]
    files[0].write_text(files[0].read_text()[:40])
    for at, change in (
        (1, {"version": "0.0.1"}),
        (2, {"schema": 0}),
        (3, {"hash": "0"}),
        (4, {"failed": "x"}),
    ):
        files[at].write_text(json.dumps({**json.loads(files[at].read_text()), **change}))
    (tmp_path / ".cell-9.json.abcdefgh").touch()
    store.clean()
    ran: list[str] = []
    run_cells(cells, store, counted(Serial(), ran))
    assert ran == [cell.name for cell in cells]
    reasons = [store.set_aside[cell.name] for cell in cells]
    assert reasons[0] == "it is half written"
    assert reasons[1] == "it was made by version 0.0.1"
    assert "schema 0" in reasons[2]
    assert "another config" in reasons[3]
    assert "it failed" in reasons[4]
    assert not list(tmp_path.glob(".*"))
    assert store.count(cells) == 5


def test_numbers_come_back_as_they_were(tmp_path: Path) -> None:
    cell = Cell("c", toys.place("odd"), {}, {"seed": 0})
    (made,) = run_cells([cell], CellStore(tmp_path), Serial())
    stored = CellStore(tmp_path).read(cell)
    assert stored is not None
    assert stored.rows == made.rows == [{"third": 1 / 3, "nan": None, "count": 3, "list": [0.1, None]}]


def test_a_cell_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    bad = Cell("bad", toys.place("fails"), {}, {"seed": 0})
    results = run_cells([bad, *toys.cells(2)], CellStore(tmp_path), Serial())
    assert [bool(result.failed) for result in results] == [True, False, False]
    assert results[0].failed == "InvalidInput: toy = 0: never works"
    assert "Traceback" in results[0].traceback
    with pytest.raises(InvalidInput, match="never works"):
        run_cells([bad], CellStore(tmp_path), Serial())


def test_executors_are_chosen_by_name() -> None:
    assert make_executor(None, 1) == Serial()
    assert make_executor(None, 3) == Processes(3) == make_executor("processes", 3)
    for name, workers, message in (
        ("serial", 2, "workers = 2: serial is one process"),
        ("proceses", 2, "did you mean 'processes'"),
        ("processes", 0, "workers = 0"),
    ):
        with pytest.raises(InvalidInput, match=message):
            make_executor(name, workers)


# the folder


def test_two_runs_do_not_write_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with sole_writer(folder):
        assert is_being_written(folder)
        command = (
            "from shopgym.experiments.run_folder import sole_writer; from pathlib import Path; import sys\n"
        )
        command += "with sole_writer(Path(sys.argv[1])): pass"
        done = subprocess.run(
            [sys.executable, "-c", command, str(folder)], capture_output=True, text=True, check=False
        )
        assert f"process {os.getpid()} on" in done.stderr
    assert not is_being_written(folder)
    assert list(tmp_path.iterdir()) == []
    with sole_writer(folder):
        pass


def test_the_litter_of_a_killed_run_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    litter = [tmp_path / ".run.abcdefgh", tmp_path / ".run.old.abcdefgh"]
    others = [tmp_path / ".run.x.abcdefgh", tmp_path / ".running", tmp_path / ".run.old.short"]
    for path in (*litter, *others):
        path.mkdir()
    (litter[1] / "run").mkdir()
    (litter[1] / "run" / "config.yaml").write_text("a: 1\n")
    with sole_writer(tmp_path / "run"):
        assert (tmp_path / "run" / "config.yaml").is_file()  # killed between the two renamings
        assert not any(path.exists() for path in litter)
    assert all(path.exists() for path in others)
    with sole_writer(tmp_path / "run"), new_folder(tmp_path / "run"):
        pass


def test_an_unfinished_run_of_another_config_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / store_module.FOLDER).mkdir()
    (tmp_path / "config.yaml").write_text("a: 1\nb: 2\n")
    check_folder(tmp_path, {"a": 1, "b": 2}, "summary.json", overwrite=False)
    with pytest.raises(InvalidInput, match=r"it holds a run of another config \(b\)"):
        check_folder(tmp_path, {"a": 1, "b": 3}, "summary.json", overwrite=False)


# processes


def shopgym(*arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "shopgym.cli.main", *arguments]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def until(condition: Any, process: subprocess.Popen[bytes]) -> None:
    while not condition():
        assert process.poll() is None, "it ended too early"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "board.yaml").write_text(yaml.safe_dump(BOARD, sort_keys=False))
    cells = tmp_path / "runs" / "board" / "cells"
    killed = shopgym("run", "board.yaml", cwd=tmp_path)
    try:
        until(lambda: len(list(cells.glob("*.json"))) >= 3, killed)
    finally:
        killed.kill()
    killed.wait(timeout=60)
    kept = {path: path.read_bytes() for path in cells.glob("*.json")}
    assert 3 <= len(kept) < 30
    assert not (tmp_path / "runs" / "board" / "summary.json").exists()
    config, (one, two) = build(LeaderboardConfig, BOARD), (tmp_path / "runs" / n for n in ("board", "whole"))
    run_leaderboard(config, one, HowToRun(Processes(2), quiet=True))
    run_leaderboard(config, two, HowToRun(quiet=True))
    assert (one / "summary.json").read_bytes() == (two / "summary.json").read_bytes()
    assert all(path.read_bytes() == text for path, text in kept.items())  # none of them was run again
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["board", "whole"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a list of processes")
def test_workers_end_with_their_parent_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    command = f"""
import sys; sys.path[:0] = {sys.path!r}
from builders import cells as toys
from shopgym.experiments.cells.cell import Cell
from shopgym.experiments.cells.executors import Processes
from shopgym.experiments.cells.run import run_cells
from shopgym.experiments.cells.store import CellStore
from pathlib import Path
if __name__ == "__main__":
    dies = Cell("dies", toys.place("dies_once"), {{"mark": {str(tmp_path / "mark")!r}}}, {{"seed": 0}})
    waits = [Cell(f"waits{{n}}", toys.place("waits"), {{}}, {{"seed": n}}) for n in range(2)]
    run_cells([dies, *waits], CellStore(Path({str(tmp_path / "cells")!r})), Processes(2))
"""
    (tmp_path / "main.py").write_text(command)
    process = subprocess.Popen([sys.executable, str(tmp_path / "main.py")])
    try:
        until((tmp_path / "cells" / "dies.json").exists, process)
        stored = json.loads((tmp_path / "cells" / "dies.json").read_text())
        assert stored["rows"] == [{"value": 1.0}]
        children = children_of(process.pid)
        assert len(children) >= 2
    finally:
        process.kill()
    process.wait(timeout=60)
    end = time.monotonic() + 60
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < end, "a worker outlives its parent"
        time.sleep(0.05)


def children_of(parent: int) -> list[int]:
    """Processes that ``parent`` began and that are workers."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
            words = (path.parent / "cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == parent and "spawn_main" in words:
            found.append(int(path.parent.name))
    return found


def test_the_keyboard_interrupts_the_run_and_not_its_workers() -> None:
    """A worker that took the interrupt itself would print a traceback and count as a failed cell."""
    before = signal.getsignal(signal.SIGINT)
    ignored = before is signal.SIG_IGN  # by whoever runs the tests in the background
    results = list(Processes(1).run([Cell("c", toys.place("ignores_interrupts"), {}, {"seed": 0})]))
    assert results[0].rows == [{"ignored": True}]
    assert signal.getsignal(signal.SIGINT) is before
    assert perform(Cell("c", toys.place("ignores_interrupts"), {}, {"seed": 0})).rows == [
        {"ignored": ignored}
    ]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a list of processes")
def test_a_run_that_stops_early_ends_its_workers() -> None:
    endless = [Cell(f"waits-{seed}", toys.place("waits"), {}, {"seed": seed}) for seed in range(3)]
    results = Processes(2).run([*toys.cells(1), *endless])
    assert next(results).rows == [{"value": 0.0}]
    results.close()  # a cell under way would take ten minutes
    assert children_of(os.getpid()) == []
