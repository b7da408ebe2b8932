"""How Sphinx builds the site: `make docs` writes it to build/docs."""

import re
from pathlib import Path

from sphinx.application import Sphinx

import shopgym

project = "shopgym"
author = "the shopgym authors"
release = version = shopgym.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
html_theme = "furo"
html_title = "shopgym"
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

# Pages are plain Markdown, so that they read well without the site too.
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 4
copybutton_prompt_text = "$ "

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
autodoc_type_aliases = {name: name for name in ("F32", "F64", "I32", "I64", "Bool", "AnyArray")}
napoleon_use_param = False  # one entry of a docstring may name several arguments
napoleon_custom_sections = [("Attributes", "params_style")]
suppress_warnings = ["ref.python"]  # two classes may have a field of the same name

ROOT = Path(__file__).parent.parent
ROOT_PAGES = {"changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md", "security": "SECURITY.md"}
"""Pages of the site whose text is a file at the root, which a code host shows there."""


def read_root_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the file at the root in the place of the page that links to it; its links then start in docs/."""
    if page in ROOT_PAGES:
        text = (ROOT / ROOT_PAGES[page]).read_text(encoding="utf-8")
        source[0] = re.sub(r"\]\((?!https?:|#)", "](../", text).replace("](../docs/", "](")
    for name, file in ROOT_PAGES.items():
        source[0] = source[0].replace(f"](../{file}", f"]({name}.md")


def shorten_defaults(app: Sphinx, what: str, name: str, obj: object, options: object, signature: str, returns: str):
    """Defaults that a dataclass makes anew have no text that could be parsed."""
    return (signature and signature.replace("<factory>", "..."), returns)


def keep_colons(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Napoleon takes what stands before a colon in the first line of an attribute for its type: take it back."""
    types = [line for line in lines if line.startswith(":type: ")]
    if what in ("attribute", "data", "property") and types:
        lines.remove(types[0])
        lines[0] = f"{types[0].removeprefix(':type: ')}: {lines[0]}"


def setup(app: Sphinx) -> None:
    app.connect("source-read", read_root_page)
    app.connect("autodoc-process-signature", shorten_defaults)
    app.connect("autodoc-process-docstring", keep_colons, priority=600)  # after napoleon
