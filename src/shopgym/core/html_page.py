"""One self-contained page of HTML."""

from __future__ import annotations

from html import escape


def html_page(title: str, style: str, body: str) -> str:
    """The page: ``title`` is text, ``style`` CSS and ``body`` HTML."""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{escape(title)}</title><style>{style}</style></head><body>
{body}
</body></html>
"""
