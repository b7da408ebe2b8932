"""Files of the repository for people and machines: what they name exists."""

from __future__ import annotations

import re
import shlex
import tomllib
from typing import Any

import pytest
import yaml
from builders.paths import ROOT

from shopgym._version import __version__

CI = ROOT / ".github" / "workflows" / "ci.yml"
HOOKS = ROOT / ".pre-commit-config.yaml"
CITATION = ROOT / "CITATION.cff"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def parsed(path: Any) -> Any:
    return yaml.load(
        path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader
    )  # 3.10 stays text, on stays a word


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def commands() -> list[str]:
    return [step["run"] for job in parsed(CI)["jobs"].values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("command", commands())
def test_the_workflow_calls_the_makefile_alone(command: str) -> None:
    program, *words = shlex.split(command)
    assert program == "make"
    named = [word for word in words if "=" not in word]
    assert named
    assert set(named) <= targets()


def test_the_workflow_checks_and_tests_every_python_that_is_supported() -> None:
    job = parsed(CI)["jobs"]["test"]
    classifiers = " ".join(PROJECT["classifiers"])
    assert job["strategy"]["matrix"]["python"] == re.findall(r"Python :: (3\.\d+)", classifiers)
    done = " ".join(step.get("run", "") for step in job["steps"])
    assert {"check", "test"} <= set(done.split())
    assert set(parsed(CI)["on"]) >= {"push", "pull_request", "schedule"}
    assert parsed(CI)["permissions"] == {"contents": "read"}


def test_the_hooks_are_the_tools_of_the_environment() -> None:
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    packages = {"ruff": "ruff", "lint-imports": "import-linter"}
    for repository in parsed(HOOKS)["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            assert hook["language"] == "system"
            program = shlex.split(hook["entry"])[0]
            if program != "git":
                assert program.startswith(".venv/bin/")
                assert f"{packages[program.removeprefix('.venv/bin/')]}==" in pinned


def test_the_citation_is_that_of_the_package() -> None:
    """The fields that the schema 1.2.0 of the Citation File Format requires, and those that go stale."""
    citation = parsed(CITATION)
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert (citation["title"], citation["version"]) == (PROJECT["name"], __version__)
    assert citation["license"] == PROJECT["license"]
    assert [author["name"] for author in citation["authors"]] == [a["name"] for a in PROJECT["authors"]]
    assert citation["keywords"] == PROJECT["keywords"]


def test_contributors_are_told() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in ("pre-commit install", ".pre-commit-config.yaml", ".github/workflows/ci.yml", "SECURITY.md"):
        assert name in text
