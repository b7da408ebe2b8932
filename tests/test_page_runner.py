"""The runner of pages finds what is wrong on a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders.pages import opened
from measured_figures import measured_tables
from sybil.example import SybilFailure

PRINTS = "```python\nprint(6 * 7)\n```\n"


def run(folder: Path, text: str) -> None:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    with opened(page, real=False) as document:
        for example in document:
            example.evaluate()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{PRINTS}\n```text\n42\n```\n", id="what is printed stands there"),
        pytest.param(f"<!-- output not shown -->\n{PRINTS}", id="it is not shown"),
        pytest.param("<!-- not run: no such name -->\n```python\nunknown()\n```\n", id="not run"),
        pytest.param("```python\nx = 1\n```\nThen:\n```python\nassert x == 1\n```\n", id="one namespace"),
        pytest.param("```console\n$ echo one two\none two\n```\n", id="a command"),
        pytest.param("```console\n$ printf 'a\\nb\\nc\\n'\n...\nc\n```\n", id="any lines"),
        pytest.param("```console\n$ echo in 12 ms\nin ... ms\n```\n", id="any part of a line"),
        pytest.param("<!-- needs: nowhere -->\n```console\n$ cat nowhere\nno\n```\n", id="absent"),
        pytest.param(
            "<!-- output of the run on real products -->\n```console\n$ echo 1\n2\n```\n",
            id="another run's output",
        ),
        pytest.param("```yaml\nseed: 3\n```\n", id="a config"),
    ],
)
def test_a_right_page_passes(text: str, tmp_path: Path) -> None:
    run(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{PRINTS}\n```text\n43\n```\n", "this is printed\n42"),
        (f"{PRINTS}\n```text\n42 \n```\n", "this is printed\n42"),
        (f"{PRINTS}Then more.\n", "no text block shows"),
        ("```console\n$ echo one\ntwo\n```\n", "echo one"),
        ("```console\n$ printf 'a\\nb\\n'\na\n```\n", "this is printed"),
        ("```console\n$ printf 'a\\nb\\n'\n...\nc\n```\n", "this is printed"),
        ("```console\n$ cat nowhere\n```\n", "No such file"),
    ],
)
def test_a_stale_page_fails(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(SybilFailure, match=problem):
        run(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\nunknown()\n```\n", NameError),
        ("```python\ndef (\n```\n", SyntaxError),
        ("```console\n$ pip install nothing\n```\n", AssertionError),
        ("```yaml\nsede: 3\n```\n", ValueError),
    ],
)
def test_a_broken_page_fails(text: str, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        run(tmp_path, text)


def test_a_file_of_a_page_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(
        tmp_path,
        "<!-- file: mine.yaml -->\n```yaml\nseed: 3\n```\n\n```console\n$ cat mine.yaml\nseed: 3\n```\n",
    )


def test_tables_of_measured_figures_need_a_command(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    table = "| a | b |\n|---|---|\n" + "| 0.1 | 20% |\n" * 5
    page.write_text(
        f"# Page\n\n## One\n\n`make bench`:\n\n{table}\n## Two\n\n{table}\n## Three\n\n| 1.5 | few |\n"
    )
    assert [(each.heading, each.figures, each.command) for each in measured_tables(page)] == [
        ("One", 10, "make bench"),
        ("Two", 10, ""),
    ]
