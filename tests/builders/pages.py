"""The pages of the documentation, and how their code blocks are run.

Sybil finds the blocks and calls the evaluators below in the order of the page. A page has one namespace
and one folder.

- ``python`` runs. What it prints stands in the ``text`` block after it.
- ``console`` runs line by line, and what stands below ``$ command`` is its output. A line ``...`` stands
  for any lines, ``...`` in a line for any part of it. A command with ``&`` at its end is a server: it runs
  until the page ends, on a free port in the place of 8000.
- ``yaml`` is an experiment's config: it is read. ``<!-- file: NAME -->`` before a block also saves it.

An HTML comment before a block says what is different about it: ``<!-- not run: why -->``,
``<!-- output not shown -->``, ``<!-- needs: FOLDER -->`` where that may be absent, or
``<!-- output of the run on real products -->`` for what only it prints.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml
from sybil import Document, Example, Lexeme
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

from builders.paths import ROOT
from shopgym.cli.main import main

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_RUN = "not run: "
FILE = "file: "
NEEDS = "needs: "
NOT_SHOWN = "output not shown"
REAL_RUN = "output of the run on real products"
PRINTED, REAL, SERVERS, PORT = "__printed__", "__real__", "__servers__", "__port__"
COMMANDS = {
    "shopgym",
    "python",
    "curl",
    "cat",
    "cp",
    "cut",
    "head",
    "tail",
    "sed",
    "ls",
    "echo",
    "printf",
    "grep",
}
"""What a console block may call; anything else, such as an installation, must be marked as not run."""

run_source = PythonEvaluator()


def name_of(page: Path) -> str:
    """A page's path below the checkout, as the id of its test."""
    return str(page.relative_to(ROOT))


def mark(example: Example) -> str:
    """The comment right before a block."""
    match = re.search(r"<!-- ([^>]*) -->\s*\Z", example.document.text[: example.start])
    return match[1] if match else ""


def is_left_out(example: Example) -> bool:
    """Whether this block cannot be compared in this run."""
    real = example.namespace[REAL]
    words = mark(example)
    absent = words.startswith(NEEDS) and not Path(words.removeprefix(NEEDS)).exists()
    return absent or words.startswith(NOT_RUN) or (words == REAL_RUN and not real)


def run_python(example: Example) -> str | None:
    """Run a block and keep what it prints for the text block after it."""
    if mark(example).startswith(NOT_RUN):
        return None
    if example.namespace[SERVERS]:
        example.parsed = Lexeme(re.sub(r"\b8000\b", example.namespace[PORT], example.parsed), 0, 0)
    with redirect_stdout(StringIO()) as out:
        run_source(example)
    example.namespace[PRINTED] = out.getvalue()
    shown = re.match(r"\s*(<!-- [^>]* -->\s*)?```text\n", example.document.text[example.end :])
    if out.getvalue() and not shown and mark(example) != NOT_SHOWN:
        return f"no text block shows what this prints:\n{out.getvalue()}"
    return None


def compare_text(example: Example) -> str | None:
    """Compare a text block with what the Python block before it printed."""
    printed = example.namespace.pop(PRINTED, None)
    if printed is None or is_left_out(example):
        return None
    return difference(str(example.parsed), dedent(printed), exact=True)  # Sybil takes common indents away


def run_console(example: Example) -> str | None:
    """Run the commands of a block and compare what each prints."""
    if is_left_out(example):
        return None
    for command, _, expected in (
        part.partition("\n") for part in re.split(r"^\$ ", example.parsed, flags=re.M)[1:]
    ):
        problem = difference(expected, output_of(command, example.namespace))
        if problem:
            return f"$ {command}\n{problem}"
    return None


def read_yaml(example: Example) -> str | None:
    """Read a config as ``shopgym config check`` does, or a mapping of records as ``shopgym ingest`` does."""
    from shopgym.core.config import build
    from shopgym.experiments.config_file import read_config
    from shopgym.experiments.kinds import ABTEST
    from shopgym.experiments.studies.online_tests import AbtestConfig
    from shopgym.experiments.sweeps.plan import checked_config
    from shopgym.tables.records.mapping import parse_mapping

    if mark(example).startswith(FILE):
        Path(mark(example).removeprefix(FILE)).write_text(example.parsed, encoding="utf-8")
    settings = yaml.safe_load(example.parsed)
    if settings is not None and "columns" in settings:
        assert parse_mapping(example.parsed, "page").columns
        return None
    if settings is not None and not mark(example).startswith(NOT_RUN):
        Path("page.yaml").write_text(example.parsed, encoding="utf-8")
        values = read_config(Path("page.yaml"))
        if values.get("kind") == ABTEST:
            assert build(AbtestConfig, values).stored()
        else:
            assert checked_config(values).hash
    return None


def parse(page: Path) -> Document:
    """A page and the blocks of it that can be run."""
    evaluators: dict[str, Callable[[Example], str | None]] = {
        "python": run_python,
        "text": compare_text,
        "console": run_console,
        "yaml": read_yaml,
    }
    return Document.parse(str(page), *(CodeBlockParser(kind, run) for kind, run in evaluators.items()))


@contextmanager
def opened(page: Path, *, real: bool) -> Iterator[Document]:
    """A page whose blocks may be run now; servers that they start end with it."""
    document = parse(page)
    servers: list[subprocess.Popen[str]] = []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    document.namespace.update({"__name__": "__docs__", REAL: real, SERVERS: servers, PORT: str(port)})
    try:
        yield document
    finally:
        for server in servers:
            server.terminate()
            server.wait(timeout=30)
            assert server.stdout is not None
            server.stdout.close()


def output_of(command: str, namespace: dict[str, Any]) -> str:
    """What a command prints; ``shopgym`` runs in this process, because it starts faster."""
    command = re.sub(r"\s+#.*$", "", command).replace("8000", namespace[PORT])
    assert command.split()[0] in COMMANDS, f"mark the block as not run, or add its command: {command}"
    if command.endswith("&"):
        return first_line_of(command.removesuffix("&"), namespace)
    words = shlex.split(command)
    if words[0] == "shopgym" and not set(words) & {"|", ">", ";", "&&"}:
        with redirect_stdout(StringIO()) as out, redirect_stderr(out), suppress(SystemExit):
            sys.argv[:], argv = words, sys.argv[:]
            try:
                main()
            finally:
                sys.argv[:] = argv
        return out.getvalue()
    done = subprocess.run(
        command, shell=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment()
    )
    return done.stdout.replace(namespace[PORT], "8000")


def first_line_of(command: str, namespace: dict[str, Any]) -> str:
    """Start a server, and what it prints when it is ready."""
    server = subprocess.Popen(shlex.split(command), text=True, stdout=subprocess.PIPE, env=environment())
    namespace[SERVERS].append(server)
    assert server.stdout is not None
    return server.stdout.readline().replace(namespace[PORT], "8000")


def environment() -> dict[str, str]:
    """That of this process, with its Python and its ``shopgym`` first."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def line_pattern(line: str) -> str:
    """The regular expression of a line on a page, in which ``...`` stands for anything."""
    if line == "...":
        return r"(?:.*\n)*?"
    return ".*".join(map(re.escape, line.split("..."))) + r"\n"


def difference(expected: str, printed: str, *, exact: bool = False) -> str | None:
    """None if a page shows what was printed; ``exact``: with every blank and every empty line."""
    if not exact:
        expected, printed = (
            "".join(f"{line.rstrip()}\n" for line in text.splitlines() if line.strip())
            for text in (expected, printed)
        )
    pattern = "".join(map(line_pattern, expected.splitlines()))
    same = re.fullmatch(pattern, printed) is not None
    return None if same else f"the page shows\n{expected}\nbut this is printed\n{printed}"
