"""Rules of the house that a linter does not know: see CONTRIBUTING.md."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.paths import ROOT

MODULES = sorted((ROOT / "src" / "shopgym").rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}
FUNCTION_WORDS = {"of", "there", "some", "found", "given", "known"}
METAPHORS = {"crew", "desk", "slips", "luck", "tick", "shelf"}
MOST_LINES = 450


def identifiers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(name, line) of everything that a module names: variables, arguments, functions, classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_identifier_is_a_function_word_or_a_metaphor(path: Path) -> None:
    bad = [(name, line) for name, line in identifiers(TREES[path]) if name in FUNCTION_WORDS | METAPHORS]
    assert bad == []


BENCHMARKS = sorted((ROOT / "benchmarks").glob("b*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_every_benchmark_prints_its_json_in_one_way(path: Path) -> None:
    """With ``--json``, the last line is one object with name, figures, ratios and versions."""
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called & {"report", "print_json"}


def test_no_two_classes_share_a_name() -> None:
    places = defaultdict(list)
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(str(path.relative_to(ROOT / "src")))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_no_file_is_too_long_to_be_one_idea() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {str(path): length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_no_room_holds_more_than_a_quarter_of_the_lines() -> None:
    """``evaluation`` is a floor of rooms (``offline``, ``intervals`` ...): each of them counts by itself."""
    rooms: dict[str, int] = defaultdict(int)
    for path in MODULES:
        first, *inner = path.relative_to(ROOT / "src" / "shopgym").parts[:-1] or ("",)
        room = f"{first}/{inner[0]}" if first == "evaluation" and inner else first
        rooms[room] += len(path.read_text(encoding="utf-8").splitlines())
    assert max(rooms.values()) <= sum(rooms.values()) / 4, dict(rooms)
