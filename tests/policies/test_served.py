"""The check of a run that its bundle can be served: a process of its own answers the golden cases."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from builders.paths import DATA

from shopgym.core import InvalidInput
from shopgym.experiments.served import served_equals_golden
from shopgym.policies.serving.manifest import write_manifest

BUNDLE = DATA / "written_by_0_1" / "bundle"


def test_a_bundle_of_version_0_1_answers_its_golden_cases() -> None:
    outcome = served_equals_golden(BUNDLE)
    assert {name: outcome[name] for name in ("cases", "equal", "logged")} == {
        "cases": 25,
        "equal": 25,
        "logged": 25,
    }
    assert outcome["median_ms"] > 0


def test_a_bundle_that_does_not_load_is_refused_with_what_the_server_said(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(BUNDLE, tmp_path / "bundle"))
    cases = json.loads((folder / "golden.json").read_text())
    cases[3]["positions"] = [0, 0, 0]
    (folder / "golden.json").write_text(json.dumps(cases))
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in ("manifest.json", "manifest.sha256"):
        (folder / name).unlink()
    write_manifest(folder, manifest)
    with pytest.raises(InvalidInput, match=r"golden\[3\]\.positions.*the server did not start"):
        served_equals_golden(folder)
