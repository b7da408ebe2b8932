"""The Python blocks of every page run as printed, and every ``shopgym`` command on a page exists.

The blocks of a page run one after the other in one namespace and one folder. The text block after a block is
what it prints, unless a comment says that the numbers are those of another run.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import typer
import yaml
from builders.paths import ROOT

from shopgym.cli.main import app, main
from shopgym.core.files import write_text
from shopgym.policies.serving import load_bundle

pytestmark = pytest.mark.slow

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?P<skip><!-- not run: [^>]+ -->\n)?^```(?P<kind>python|console)\n(?P<code>.*?)^```\n"
    r"(?:\n```text\n(?P<output>.*?)^```$)?",
    flags=re.DOTALL | re.MULTILINE,
)
WITH_BLOCKS = [page for page in PAGES if any(m["kind"] == "python" for m in BLOCK.finditer(page.read_text()))]
TABLES = ("plain.csv", "log.csv", "bad.csv")
"""Console blocks that read one of these tables, which the page itself writes, are run too."""
NEED_A_RUN = ("environments", "evaluation", "serving", "decision-log")
"""Pages that read what ``shopgym run`` leaves, or what was served from it."""
RUN = {
    "name": "online_retail",
    "catalog": {"source": "synthetic", "items": 150},
    "shop": {"users": 300, "slate_size": 5},
    "agents": {"popularity": {}, "lints": {}},
    "training": {"rounds": 3, "batch": 100, "warm_up": 1},
    "log": {"decisions": 2000},
    "evaluation": {"bootstrap": 100},
    "truth": {"decisions": 1000},
    "gate": {"candidate": "lints"},
}
"""A small run in the place of the run on real products, which takes minutes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which somebody has run an experiment, exported its policy and served two pages."""
    from shopgym.experiments.config import parse_config
    from shopgym.experiments.export import export_policy
    from shopgym.experiments.runner import run
    from shopgym.policies.decision_log import compact
    from shopgym.policies.serving.server import make_app

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would like another client library
        from starlette.testclient import TestClient

    folder = tmp_path_factory.mktemp("docs")
    finished = folder / "runs" / "online_retail"
    run(parse_config(RUN), finished, quiet=True)
    gate = json.loads((finished / "gate.json").read_text())
    gate["lints"]["passed"] = True  # after so few pages nothing passes
    write_text(finished / "gate.json", json.dumps(gate))
    shutil.rmtree(finished / "bundle", ignore_errors=True)
    export_policy(finished, "lints", finished / "bundle")
    shutil.copytree(finished / "bundle", folder / "bundle")
    golden = json.loads((folder / "bundle" / "golden.json").read_text())
    with TestClient(make_app(load_bundle(folder / "bundle"), folder / "served")) as client:
        for case in golden[:2]:
            assert client.post("/rank", json=case["request"]).is_success
        reward = {"request_id": golden[0]["request"]["request_id"], "rewards": [0, 2.35, 0, 0, 0]}
        assert client.post("/reward", json=reward | {"events": {"click": [0, 1, 0, 0, 0]}}).is_success
    compact(folder / "served", load_bundle(folder / "bundle").policy).write(folder / "served.parquet")
    return folder


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if page.stem in NEED_A_RUN:
        shutil.copytree(request.getfixturevalue("folder"), tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__docs__"}
    for match in BLOCK.finditer(text):
        if match["skip"]:
            continue
        line = text.count("\n", 0, match.start("code"))
        if match["kind"] == "console":
            if any(table in match["code"] for table in TABLES):
                check_console(match["code"])
            continue
        with redirect_stdout(StringIO()) as printed:
            exec(compile("\n" * line + match["code"], str(page), "exec"), names)
        if match["output"] is not None:
            assert printed.getvalue() == match["output"], f"{page.name}, the block of line {line + 1}"


def check_console(block: str) -> None:
    """Run the commands of a console block and compare what they print."""
    for command, _, expected in (part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.M)[1:]):
        words = shlex.split(command)
        if words[0] == "shopgym":
            with redirect_stdout(StringIO()) as out, redirect_stderr(out), suppress(SystemExit):
                sys.argv[:], argv = words, sys.argv[:]
                try:
                    main()
                finally:
                    sys.argv[:] = argv
            printed = out.getvalue()
        else:
            printed = subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
        assert lines_of(printed) == lines_of(expected), command


def lines_of(text: str) -> list[str]:
    """The lines with something on them; a table pads its lines."""
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def commands_of(page: Path) -> set[str]:
    """What a page tells its reader to type after ``shopgym``."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n.*?^```$", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    lines += [line.strip() for line in text.splitlines() if line.startswith("    ")]
    found = {line.removeprefix("$ ").partition("#")[0] for line in lines if re.match(r"(\$ )?shopgym ", line)}
    prose = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return found | {" ".join(span.split()) for span in re.findall(r"`(shopgym\s[^`]+)`", prose)}


@pytest.mark.parametrize("page", [page for page in PAGES if commands_of(page)], ids=lambda page: page.stem)
def test_the_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    for line in commands_of(page):
        words = [word.strip("[]|&") for word in re.split(r"[\s=]+", line)[1:]]
        command: Any = typer.main.get_command(app)
        while words and hasattr(command, "commands"):
            name = words.pop(0)
            if name.startswith("-"):
                break
            assert name in command.commands, line
            command = command.commands[name]
        options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_the_film_of_a_customer_is_made(tmp_path: Path) -> None:
    run_path(str(ROOT / "examples" / "watch_a_shopper.py"))["main"](str(tmp_path / "shopper.gif"))
    assert (tmp_path / "shopper.gif").stat().st_size > 10_000


def test_the_configs_of_a_page_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shopgym.experiments.config import parse_config

    monkeypatch.chdir(tmp_path)
    read = 0
    for page in PAGES:
        for block in re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), flags=re.DOTALL | re.MULTILINE):
            settings = yaml.safe_load(block)
            if settings is not None:
                assert parse_config({"name": "page"} | settings).hash
                read += 1
    assert read >= 2
