"""The page of a realism report: one HTML file, pictures inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..core.files import write_text
from ..core.html_page import html_page
from ..evaluation.figures import image, png_of
from .applicability import HALVES
from .meanings import meanings_of
from .own_report import OwnRealism
from .report import Realism

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
HALF_WORDS = {"fit": "that parameters may be fitted to", "judge": "held out from the fit"}
PICTURES = {
    "facts": "Every fact: the shop's value over that of the records",
    "distributions": "Orders and visits",
    "weeks": "Weeks",
    "hours": "Weekdays and hours",
    "baskets": "Baskets",
    "paths": "Paths: is the next item one that a simple recommender names?",
}


def write_own_page(report: OwnRealism, name: str, out: Path) -> None:
    """Write the page of one's own shop."""
    from .pictures import figures

    judged = len(report.facts)
    tiles = [
        (f"{report.near} of {judged}", "facts inside the interval of the records or within 10%"),
        (f"{report.inside} of {judged}", "inside the interval"),
        (f"{report.real.days:.0f}", "days of records"),
        (f"{report.season.visits:,}", "visits simulated"),
    ]
    notes = [*([report.drift] if report.drift else []), *report.notes]
    body = [
        f"<h1>{escape(name)}: is the shop like the records?</h1>",
        _tiles(tiles),
        _list(notes),
        _pictures(figures(report.real, report.simulated, report.facts, report.share)),
        "<h2>The facts</h2>",
        _table(with_meanings(fact_rows(report.facts, report.more_columns), meanings_of(report.facts))),
        "<h2>Facts that the records do not give</h2>",
        _table(report.not_given.to_dict("records")),
    ]
    _write(out, name, body)


def write_profile_page(report: Realism, out: Path) -> None:
    """Write the page of a profile."""
    from .pictures import draw_distances, draw_facts

    tiles = []
    for half in HALVES:
        counts = report.of_half(half)
        tiles.append(
            (f"{counts['near']} of {counts['facts']}", f"facts {HALF_WORDS[half]}: inside or within 10%")
        )
    tiles.append((str(report.parameters), "numbers of the profile were fitted"))
    tiles.append((f"{report.season.visits:,}", "visits simulated"))
    drawn: dict[str, Figure | None] = {"facts": draw_facts(report.facts)}
    drawn |= {c.comparison.name: draw_distances(c) for c in report.comparisons}
    effects = report.effect_sizes[report.effect_sizes["why"] == ""]
    effect_meanings = meanings_of(effects)
    body = [
        f"<h1>{escape(report.profile)}: is the shop like real shops of its kind?</h1>",
        _tiles(tiles),
        _list(report.notes),
        _pictures({key: figure for key, figure in drawn.items() if figure is not None}),
        "<h2>The facts</h2>",
        _table(with_meanings(fact_rows(report.facts, ["half"]), meanings_of(report.facts))),
        "<h2>Effect sizes</h2>",
        _table(
            {
                "effect": row["name"],
                "real": f"{row['real_low']:.4g} to {row['real_high']:.4g}",
                "shop": f"{row['value']:.4g}",
                "inside": _yes(row["inside"]),
                "what it means": effect_meanings[row["name"]],
            }
            for row in effects.astype(object).to_dict("records")
        ),
    ]
    _write(out, report.profile, body)


def fact_rows(facts: pd.DataFrame, more: Sequence[str]) -> list[dict[str, str]]:
    """The scorecard as cells, with these further columns."""
    rows = []
    for row in facts.astype(object).to_dict("records"):
        cells = {
            "fact": str(row["name"]),
            "records": f"{row['real']:.4g}",
            "interval": f"{row['real_low']:.4g} to {row['real_high']:.4g}",
        }
        cells |= {
            "shop": _cell(row["value"]) or "none",
            "inside": _yes(row["inside"]),
            "near": _yes(row["near"]),
        }
        cells |= {column: _cell(row[column]) for column in more}
        rows.append(cells)
    return rows


def with_meanings(rows: list[dict[str, str]], meanings: Mapping[str, str]) -> list[dict[str, str]]:
    """Rows of facts, each with what it means."""
    return [row | {"what it means": meanings[row["fact"]]} for row in rows]


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value != value else f"{value:.4g}"


def _yes(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else "none"


def _tiles(tiles: Sequence[tuple[str, str]]) -> str:
    inner = "".join(f'<div class="tile"><b>{escape(a)}</b>{escape(b)}</div>' for a, b in tiles)
    return f'<div class="tiles">{inner}</div>'


def _list(notes: Sequence[str]) -> str:
    inner = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"<ul>{inner}</ul>" if inner else ""


def _pictures(drawn: Mapping[str, Figure]) -> str:
    parts = []
    for name, figure in drawn.items():
        title = PICTURES.get(name, name)
        parts.append(f"<h2>{escape(title)}</h2>{image(png_of(figure), title)}")
    return "".join(parts)


def _table(rows: Any) -> str:
    frame = pd.DataFrame(list(rows))
    return (
        "<p>none</p>" if frame.empty else f'<div class="scroll">{frame.to_html(index=False, border=0)}</div>'
    )


def _write(out: Path, title: str, body: Sequence[str]) -> None:
    page = html_page(f"{title} - realism", STYLE, f"""<small>shopgym realism</small>{"".join(body)}""")
    write_text(out, page)
