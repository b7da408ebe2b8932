"""Module names of 0.1 import for one version, say so, and are the modules of today."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from builders.paths import DATA

from shopgym._moved import MOVED, RENAMED, new_name

EVERY_OLD_NAME = """
import importlib, warnings
from shopgym._moved import MOVED
for old, new in MOVED.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module = importlib.import_module(f"shopgym.{old}")
    assert module is importlib.import_module(f"shopgym.{new}"), old
    assert module.__name__ == f"shopgym.{new}", old
    assert any(f"shopgym.{old} is now shopgym.{new}" in str(one.message) for one in caught), old
"""


def test_an_old_name_is_the_module_of_today_and_warns() -> None:
    subprocess.run([sys.executable, "-c", EVERY_OLD_NAME], check=True)


def test_modules_of_an_old_package_come_along() -> None:
    with pytest.warns(DeprecationWarning, match=r"shopgym\.evaluation\.offline"):
        module = importlib.import_module("shopgym.experiments.ope.diagnostics")
    from shopgym.evaluation.offline import diagnostics

    assert module is diagnostics
    assert sys.modules["shopgym.experiments.ope.diagnostics"] is diagnostics


@pytest.mark.parametrize("old", sorted(MOVED))
def test_the_new_name_exists_and_is_not_taken_for_an_old_one(old: str) -> None:
    assert importlib.util.find_spec(f"shopgym.{MOVED[old]}") is not None
    assert new_name(f"shopgym.{MOVED[old]}") is None


def test_what_the_docs_of_0_1_imported_still_imports() -> None:
    lines = (DATA / "written_by_0_1" / "imports.txt").read_text(encoding="utf-8")
    assert lines.count("\n") > 40
    subprocess.run([sys.executable, "-W", "ignore", "-c", lines], check=True)


@pytest.mark.parametrize(
    ("module", "options"),
    [("experiments.cli", ["--help"]), ("simulators.retail", [])],
)
def test_an_old_name_runs_as_a_command(module: str, options: list[str]) -> None:
    command = [sys.executable, "-m", f"shopgym.{module}", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "usage" in (done.stdout + done.stderr).lower()


@pytest.mark.parametrize("module", sorted(RENAMED))
def test_a_renamed_name_is_the_one_of_today(module: str) -> None:
    for new in RENAMED[module].values():
        assert hasattr(importlib.import_module(f"shopgym.{module}"), new)


def test_unknown_names_stay_unknown() -> None:
    assert new_name("numpy.core") is None
    with pytest.raises(ModuleNotFoundError, match="nothing_like_it"):
        importlib.import_module("shopgym.experiments.nothing_like_it")
