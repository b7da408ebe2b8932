"""Links and names in docs, README and docstrings lead somewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from builders.pages import PAGES, name_of
from builders.paths import ROOT
from measured_figures import measured_tables

MODULES = sorted((ROOT / "src" / "shopgym").rglob("*.py"))
SCRIPTS = sorted(path for folder in ("examples", "benchmarks") for path in (ROOT / folder).glob("*.py"))
ROLE = re.compile(r":(?:mod|func|class|meth|data|attr|exc):`~?([\w.]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"|!\[[^\]]*\]\(([^)\s]+)\)")
FILE = re.compile(r"`([\w*]+\.py)`")
PATH = re.compile(r"`((?:src|tests|docs|benchmarks|examples|[a-z_]+)/[\w./-]*\.(?:py|md|yaml|json))`")


def dotted(path: Path) -> str:
    """The module name of a file."""
    name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    return name.removesuffix(".__init__")


def names_in(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    """Qualified names that a module or a class defines or imports."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}.{node.name}"
            if isinstance(node, ast.ClassDef):
                yield from names_in(node.body, f"{prefix}.{node.name}")
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield f"{prefix}.{node.target.id}"
        elif isinstance(node, ast.Assign):
            for name in (n for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)):
                yield f"{prefix}.{name.id}"
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{prefix}.{alias.asname or alias.name}" for alias in node.names)
        elif isinstance(node, ast.If):
            yield from names_in(node.body, prefix)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def known() -> tuple[frozenset[str], frozenset[str]]:
    """(every qualified name of the package, every dotted ending of one)."""
    whole = set()
    for path in MODULES:
        whole |= {dotted(path), *names_in(tree(path).body, dotted(path))}
    endings = {name.split(".", i)[i] for name in whole for i in range(name.count(".") + 1)}
    return frozenset(whole), frozenset(endings)


def docstrings(path: Path) -> Iterator[str]:
    """Every text that stands as a statement of its own."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_names_in_docstrings_exist(path: Path) -> None:
    whole, endings = known()
    own = {name.rpartition(".")[2] for name in names_in(tree(path).body, "x")}
    own |= {n.name for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    for text in docstrings(path):
        for name in ROLE.findall(text):
            plain = name.lstrip(".")
            other_package = plain.split(".")[0] in ("numpy", "gymnasium", "pandas", "torch")
            assert plain in whole or plain in endings or plain.split(".")[0] in own or other_package, name
        for name in re.findall(r"``((?:tests|docs|benchmarks)/[\w./-]+\.(?:py|md))``", text):
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_names_of_a_page_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in (next(filter(None, found)) for found in LINK.findall(text)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file) if file else page
        assert there.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), flags=re.M)
            assert anchor in {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}, (
                target
            )
    rooms = re.findall(r"`(src/[\w/]+)/`", text)  # a page may say once where its files are
    for name in PATH.findall(text):
        places = (
            ROOT / name,
            ROOT / "src" / "shopgym" / name,
            page.parent / name,
            *(ROOT / room / name for room in rooms),
        )
        assert any(place.exists() for place in places), name
    for name in FILE.findall(text):
        folders = ("src", "tests", "benchmarks", "examples")
        assert any(next((ROOT / folder).rglob(name), None) for folder in folders), name
    whole, _ = known()
    for name in re.findall(r"\bshopgym(?:\.[A-Za-z_]\w*)+", text):
        parent = name.rpartition(".")[0]
        assert name in whole or (parent in whole and is_data(name)), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_has_a_placeholder(page: Path) -> None:
    assert re.findall(r"@[A-Z_]+@|\b(?:TODO|FIXME|XXX|TBD)\b", page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_measured_figures_say_what_makes_them(page: Path) -> None:
    """``python tests/measured_figures.py`` lists them all."""
    tables = list(measured_tables(page))
    assert [table.heading for table in tables if not table.command] == []
    for script in {word for table in tables for word in table.command.split() if word.endswith(".py")}:
        assert (ROOT / script).is_file(), script


def test_every_page_is_in_the_table_of_contents() -> None:
    folder = ROOT / "docs"
    entries = set()
    for page in folder.rglob("*.md"):
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text(), flags=re.M | re.S):
            lines = (line for line in tree.splitlines() if line and not line.startswith(":"))
            names = (re.sub(r".*<(.*)>", r"\1", line) for line in lines)
            entries |= {(page.parent / f"{name}.md").resolve() for name in names}
    assert set(folder.rglob("*.md")) - entries == {folder / "index.md"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_make_is_asked_for_is_in_the_makefile(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    text = page.read_text(encoding="utf-8")
    for line in re.findall(r"(?:^|`)make ((?:[a-z-]+ ?)+)(?:`|$|#)", text.replace("    #", "#"), flags=re.M):
        assert set(line.split()) <= targets, line


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_what_a_script_imports_exists(path: Path) -> None:
    whole, _ = known()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shopgym"):
            for alias in node.names:
                assert f"{node.module}.{alias.name}" in whole, f"{node.module}.{alias.name}"


def is_data(name: str) -> bool:
    """Whether a dotted name is a file's, such as ``shopgym.py``, or an attribute of a class or value."""
    parent, _, leaf = name.rpartition(".")
    return leaf in ("py", "yaml", "html", "json") or parent not in {dotted(path) for path in MODULES}
