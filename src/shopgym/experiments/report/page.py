"""``report.html``: one file, pictures inside, readable on a phone and on paper."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from ...core.html_page import html_page
from ...evaluation.figures import png_of
from ...evaluation.offline.verdict import REFUSE
from ...realism.assumed import ASSUMED
from ...realism.tornado import tornado
from ...simulators.rollout import Episode
from ..results import Results, covers_text, interval_text, is_told
from .guards import guards_section
from .plots import FIGURES, over_time
from .reward import reward_section
from .storefront import storefronts
from .wording import best_line, deployed, judged_by, learnt_from, offline, over_time_says, truth_is

LONG = 40
"""Letters of a cell from which on its column is one of sentences."""
STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def write_report(folder: Path, results: Results) -> None:
    """Write ``plots/*.png`` and ``report.html`` into ``folder``."""
    (folder / "plots").mkdir()
    pictures = {}
    figures = {name: draw(results) for name, draw in FIGURES.items()}
    if len(results.days):
        figures["days"] = over_time(results)
    if results.robust is not None:
        figures["tornado"] = tornado(results.robust)
    for name, figure in figures.items():
        png = png_of(figure)
        (folder / "plots" / f"{name}.png").write_bytes(png)
        pictures[name] = base64.b64encode(png).decode()
    (folder / "report.html").write_text(_page(results, pictures), encoding="utf-8")


def _page(results: Results, pictures: dict[str, str]) -> str:
    config, chosen = results.config, results.chosen
    items, told_by = results.catalog.items, judged_by(results)
    return html_page(
        f"{config.name} - shopgym",
        STYLE,
        f"""<small>shopgym run</small><h1>{escape(config.name)}</h1>
<p class="muted">{escape(config.purpose)}</p>
<p>{escape(results.headline)}.</p>
{_failed(results)}
{_tiles(results)}
<h2>Learning</h2>
<p>Each agent learnt from {learnt_from(results)} in a copy
of the same shop: {len(items):,} items in {len(items.category_names)} categories,
{results.policies[chosen.candidate].slate_size:,} slots a page. A line is the exact expected
reward of the pages shown, which the shop knows{best_line(results)}.</p>
{_picture(pictures, "learning")}
<h2>Deployed: what each policy is worth</h2>
<p>Every frozen policy served {deployed(results)} in a fresh copy of the shop,
the same visitors with the same luck. Value and gain are means of exact expectations, in
{escape(results.unit)} per {results.per}, with {config.evaluation.level:.0%} intervals; the rest is what
happened.</p>
{_table(_agents(results))}
{_days(results, pictures)}
{_robust(results, pictures)}
<h2>Offline: what the log alone can tell</h2>
<p>Yesterday's policy, <b>{escape(config.log.agent)}</b> with exploration, logged
{results.log_size:,} decisions with exact propensities. {offline(results)}</p>
{_estimates(results, pictures)}
<h2>The gate</h2>
<p>A policy may leave only if the lower bound of its gain over {escape(chosen.baseline)} {told_by} is
above 0 and the bound of every cost keeps its limit. That any policy passes which ought not to has a
probability of at most {1 - config.gate.level:.0%}, over all candidates and clauses, so the best may be
picked.</p>
{_override(results)}
{_picture(pictures, "gains")}
{_table(_verdicts(results))}
{_clauses(results)}
{reward_section(results)}
{guards_section(results)}
<h2>The storefront</h2>
<p>What three visitors would be shown on their first page.</p>
{storefronts(results)}
<h2>Served</h2>
<p>{_served(results)}</p>
<h2>To make it again</h2>
<p class="muted">config {config.hash[:16]} · seed {config.seed} · catalogue {results.catalog.hash[:16]} ·
policy {results.policies[chosen.candidate].hash[:16]} ·
{escape(", ".join(f"{name} {version}" for name, version in results.environment.items()))}</p>
{_notes(results)}""",
    )


def _tiles(results: Results) -> str:
    chosen = results.chosen
    true, base = results.agent(chosen.candidate), results.agent(chosen.baseline)
    dr = results.estimate(chosen.candidate, "dr")
    caption = (
        f"{results.unit} per {results.per} by {chosen.candidate}; {base['value']:.4f} by {chosen.baseline}"
    )
    gain = f"true gain, interval {true['gain_low']:+.4f} to {true['gain_high']:+.4f}"
    depends_on = () if results.robust is None else results.robust.depends_on
    if depends_on:
        gain += f"; it depends on {', '.join(depends_on)}"
    tiles = [
        (f"{true['value']:.4f}", caption, ""),
        (f"{true['gain']:+.4f}", gain, "good" if true["gain_low"] > 0 and not depends_on else "bad"),
    ]
    if dr is not None and not is_told(dr):
        tiles.append(("refused", f"DR on the log: {dr['reason']}", "bad"))
    elif dr is not None:
        text = f"DR on the log ({dr['verdict']}), interval {dr['low']:.4f} to {dr['high']:.4f}: "
        text += "covers" if dr["covers_truth"] else "misses"
        text += f" the true value {dr['truth']:.4f} {truth_is(results)}"
        tiles.append((f"{dr['value']:.4f}", text, "good" if dr["covers_truth"] else "bad"))
    tiles.append((chosen.outcome, "by the export gate", "good" if chosen.passed else "bad"))
    if results.served:
        equal, cases = results.served["equal"], results.served["cases"]
        words = "served decisions equal the golden ones"
        tiles.append((f"{equal}/{cases}", words, "good" if equal == cases else "bad"))
    html = "".join(f'<div class="tile {kind}"><b>{a}</b>{escape(b)}</div>' for a, b, kind in tiles)
    return f'<div class="tiles">{html}</div>'


def _agents(results: Results) -> pd.DataFrame:
    t = results.agents
    return pd.DataFrame(
        {
            "agent": t["agent"],
            "value": t["value"].map("{:.4f}".format),
            f"gain over {results.chosen.baseline}": [
                "" if a == results.chosen.baseline else f"{g:+.4f} [{lo:+.4f}, {hi:+.4f}]"
                for a, g, lo, hi in zip(t["agent"], t["gain"], t["gain_low"], t["gain_high"], strict=True)
            ],
            **({"regret": t["regret"].map("{:.4f}".format)} if t["regret"].notna().any() else {}),
            "click rate": t["click_through_rate"].map("{:.2%}".format),
            "conversion": t["conversion"].map("{:.2%}".format),
            "order value": t["average_order_value"].map("{:.2f}".format),
            "revenue a visit": t["revenue_per_visit"].map("{:.4f}".format),
            "margin a visit": t["margin_per_visit"].map("{:.4f}".format),
            "sold-out slots": t["stockouts_per_slot"].map("{:.2%}".format),
            "items shown": t["coverage"].map("{:.0%}".format),
        }
    )


def _days(results: Results, pictures: dict[str, str]) -> str:
    """Margin, stock and price over time, where an episode has days."""
    if not len(results.days):
        return ""
    return f"<p>{over_time_says(results)}</p>{_picture(pictures, 'days')}"


def _robust(results: Results, pictures: dict[str, str]) -> str:
    robust = results.robust
    if robust is None:
        return ""
    sources = "".join(
        f"<li><b>{name}</b>, {escape(ASSUMED[name].unit)}: {escape(ASSUMED[name].source)}</li>"
        for name in robust.figures
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in robust.notes)
    return f"""<h2>Over what is assumed</h2>
<p>{escape(robust.sentence)}.</p>
<p>No record of a shop fixes these figures. Each was moved to both ends of its range, and every policy served
the same visitors again. But for the conversion itself, as much is sold as before. The policies stay as they
were trained; only the shop varies.</p>
{_picture(pictures, "tornado")}
{_table(pd.DataFrame(robust.rows()))}
<ul class="muted">{sources}{notes}</ul>"""


def _estimates(results: Results, pictures: dict[str, str]) -> str:
    """The estimates from the log; of a season there are none."""
    if results.episode is Episode.SEASON:
        return ""
    table = _table(_evaluation(results))
    summary = "<summary>All estimates, with their diagnostics</summary>"
    return f"{_picture(pictures, 'offline')}<details>{summary}{table}</details>"


def _evaluation(results: Results) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "agent": row["agent"],
            "estimator": str(row["estimator"]).upper(),
            "interval by": row["interval"],
            "verdict": row["verdict"],
            "estimate": interval_text(row, 4),
            "truth": f"{row['truth']:.4f}",
            "covers": covers_text(row),
            "deployed": f"{row['deployed']:.4f}",
            "effective n": _number(row, "ess", ",.0f"),
            "largest weight": _number(row, "max_weight", ".1f"),
            "unsupported": _number(row, "unsupported", ".1%"),
            "why": row["reason"],
        }
        for row in results.evaluation.to_dict("records")
    )


def _number(row: dict[Any, Any], name: str, form: str) -> str:
    """A diagnostic as text; ``-`` where nothing was estimated."""
    value = row.get(name)
    return "-" if value is None else format(float(value), form)


def _verdicts(results: Results) -> pd.DataFrame:
    columns = ("candidate", f"gain {judged_by(results)}", "lower bound", "estimate", "gate", "why")
    rows = []
    for v in results.verdicts.values():
        numbers = (f"{v.gain:+.4f}", f"{v.low:+.4f}") if v.estimated else ("-", "-")
        rows.append((v.candidate, *numbers, v.verdict, v.outcome, v.reason))
    rows += [(name, "-", "-", "-", "failed", reason) for name, reason in results.failed.items()]
    return pd.DataFrame(rows, columns=columns)


def _clauses(results: Results) -> str:
    """Every clause of the candidate, where there is more than the north star."""
    clauses = results.chosen.clauses
    if len(clauses) < 2:
        return ""
    rows = [
        {
            "clause": clause.name,
            "estimate": "-" if clause.verdict == REFUSE else f"{clause.value:.4g}",
            "bound": "-" if clause.verdict == REFUSE else f"{clause.bound:.4g}",
            "limit": f"{clause.limit:.4g}",
            "passed": "yes" if clause.passed else "no",
            "why": clause.reason,
        }
        for clause in clauses
    ]
    table = _table(pd.DataFrame(rows).replace("nan", "-"))
    return f"<p>What was asked of {escape(results.chosen.candidate)}:</p>{table}"


def _override(results: Results) -> str:
    reason = results.chosen.override
    return f'<p class="tile bad"><b>overridden</b>{escape(reason)}</p>' if reason else ""


def _served(results: Results) -> str:
    served: dict[str, Any] | None = results.served
    if served is None:
        return "Nothing was exported: the gate refused the candidate."
    return (
        f"A process of its own served the bundle and was asked {served['cases']} golden requests over HTTP. "
        f"{served['equal']} decisions were equal, items and propensities; {served['logged']} are in its log; "
        f"the median answer took {served['median_ms']:.1f} ms."
    )


def _failed(results: Results) -> str:
    items = "".join(f"<li><b>{escape(k)}</b> failed, {escape(v)}</li>" for k, v in results.failed.items())
    return f"<ul>{items}</ul>" if items else ""


def _notes(results: Results) -> str:
    notes = "".join(f"<li><b>{escape(k)}</b>: {escape(v)}</li>" for k, v in results.catalog.notes.items())
    return f"<h2>About the catalogue</h2><ul>{notes}</ul>" if notes else ""


def _table(frame: pd.DataFrame) -> str:
    return html_table(list(frame.columns), frame.astype(str).to_numpy().tolist())


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts. It scrolls where it is too wide; columns of sentences are broken into lines."""
    long = [max((len(row[at]) for row in rows), default=0) > LONG for at in range(len(head))]
    kinds = [' class="text"' if is_long else "" for is_long in long]
    top = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, head, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{escape(cell)}</td>' for kind, cell in zip(kinds, row, strict=True))}</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{top}</tr>{body}</table></div>'


def _picture(pictures: dict[str, str], name: str) -> str:
    source = f"data:image/png;base64,{pictures[name]}"
    return f'<div class="scroll"><img alt="{escape(name)}" src="{source}"></div>'
