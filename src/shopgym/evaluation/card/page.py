"""The page of the card: the verdict in words, why, the numbers, and how the log supports them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ...core.html_page import html_page
from ..answer import COLOURS, HEADINGS, TextTable, lines_before
from ..answer.lines import advice
from ..answer.sentences import (
    HEADINGS_OF_SEVERAL,
    earned,
    estimator_notes,
    log_notes,
    number,
    percent,
    quoted,
    refusals,
    unsupported_share,
)
from ..comparison.words import comparison_blocks, conclusions
from ..offline.formats import WeighedLog
from ..offline.verdict import CAUTION
from .bars import Mark, intervals
from .compared import compared_section, floor_of
from .support import support_sections
from .weights import draw_weights, picture, section

STYLE = (Path(__file__).parent / "card.css").read_text(encoding="utf-8")
LATER = "The answer is about the logged rounds. What the policy would do to later rounds is not in it."


def card(answer: Mapping[str, Any], logs: Mapping[tuple[str, str], WeighedLog]) -> str:
    """The page.

    Args:
        answer: of ``shopgym evaluate``, as its ``--json`` prints it.
        logs: the log as it is weighed, by (reward, policy).
    """
    several = "evaluations" in answer
    names = answer["policies"] if several else [answer["policy"]]
    title = escape(", ".join(names))
    body = _several(answer, logs) if several else _one(answer, next(iter(logs.values())))
    return html_page(f"{title} - offline evaluation", STYLE, f"""<small>shopgym evaluate</small>{body}""")


def _one(answer: Mapping[str, Any], log: WeighedLog) -> str:
    *_, logged, verdict = (str(line) for line in lines_before({**answer, "sample_size": {}}))
    name, verb = f"<bdi>{escape(answer['policy'])}</bdi>", earned(answer.get("minimise", False))
    sections = [_estimates(answer, log), *_weighing(answer, log)]
    return f"""<h1>What would <i>{name}</i> have {verb}?</h1>
{_verdict(answer["verdict"], [verdict])}
<p>{escape(logged)}.</p>
{"".join(f"<p>{escape(line)}.</p>" for line in advice(answer))}
{_why(_reasons(answer))}
{_tiles(answer)}
<div class="grid">{"".join(sections)}</div>
{_small_print([*estimator_notes(answer), *log_notes(answer)], answer)}"""


def _several(answer: Mapping[str, Any], logs: Mapping[tuple[str, str], WeighedLog]) -> str:
    lines = [block for block in comparison_blocks(answer) if not isinstance(block, TextTable)]
    sentences = [f"{verdict}: {sentence}" for verdict, sentence in conclusions(answer)]
    marked = [str(line) for line in lines if line.mark in (CAUTION, "REFUSED")]
    reasons = [line for line in marked if line not in sentences]  # a conclusion stands at the top already
    notes = [str(line) for line in lines if not line.mark][1:]
    one = len(answer["evaluations"]) == 1
    logged = lines_before(answer["evaluations"][0])[-2] if one else lines[0]
    sections = [
        compared_section(answer, by, logs) for by in dict.fromkeys(row["by"] for row in answer["rows"])
    ]
    details = "".join(
        f"<details><summary>How the log supports <bdi>{escape(each['policy'])}</bdi></summary>{_tiles(each)}"
        f'<div class="grid">{"".join(_weighing(each, log))}</div></details>'
        for each, log in _by_policy(answer, logs)
    )
    verb = earned(answer["minimise"])
    return f"""<h1>What would each policy have {verb}?</h1>
{_verdict(answer["verdict"], sentences)}
<p>{escape(str(logged))}.</p>
{_why(reasons)}
{"".join(sections)}
{details}
{_small_print(notes, answer)}"""


def _by_policy(
    answer: Mapping[str, Any], logs: Mapping[tuple[str, str], WeighedLog]
) -> list[tuple[Mapping[str, Any], WeighedLog]]:
    """Each policy once: the weights are the same for all rewards."""
    first = answer["rewards"][0]
    pairs = zip(answer["evaluations"], logs.items(), strict=True)
    return [(each, log) for each, ((reward, _), log) in pairs if reward == first]


def _verdict(word: str, sentences: Sequence[str]) -> str:
    headings = HEADINGS if len(sentences) == 1 else HEADINGS_OF_SEVERAL
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return f'<div class="verdict {word}"><b>{headings[word]}</b>{text}</div>'


def _reasons(answer: Mapping[str, Any]) -> list[str]:
    """Why not trust: what was refused, then what is doubtful about the estimate that is quoted, each once."""
    best = quoted(answer)
    items = [f"{', '.join(names)} refused: {reason}" for reason, names in refusals(answer)]
    items += best["reason"].split("; ") if best and best["reason"] else []
    return list(dict.fromkeys(items))


def _why(items: Sequence[str]) -> str:
    if not items:
        return ""
    return f"<h2>Why</h2><ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _tiles(answer: Mapping[str, Any]) -> str:
    if not answer["estimates"]:
        return ""
    e = answer["estimates"][0]
    tiles = [
        (f"{e['ess']:,.0f}", f"rounds' worth of information about this policy, in {e['n']:,} rounds (ESS)"),
        (f"{e['max_weight']:.3g}", "the largest weight: for how many rounds a single one speaks"),
        (f"{e['tail_mass']:.0%}", "of all weight lies on the heaviest 1% of the rounds"),
        (unsupported_share(e), "of what the policy does is never seen in the log"),
    ]
    cells = "".join(f'<div class="tile"><b>{value}</b>{escape(words)}</div>' for value, words in tiles)
    return f'<div class="tiles">{cells}</div>'


def _estimates(answer: Mapping[str, Any], log: WeighedLog) -> str:
    marks = [
        Mark(
            (e["estimator"],),
            e["value"],
            e["low"],
            e["high"],
            COLOURS[e["verdict"]],
            (f"{number(e['low'])} to {number(e['high'])}", e["verdict"]),
        )
        for e in answer["estimates"]
    ]
    level = f"{percent(answer['estimates'][0]['level'])} " if marks else ""
    header = ("method", "value", "", f"{level}interval", "verdict")
    text = (
        "Several methods answer the same question in different ways. Where those with the same verdict "
        "agree, the answer is sounder. The dashed line is what was earned."
    )
    table = intervals(header, marks, base=answer["logged_value"], floor=floor_of(log)) if marks else ""
    return section("The estimates", text, table)


def _weighing(answer: Mapping[str, Any], log: WeighedLog) -> list[str]:
    text = (
        "A round that this policy would have chosen more often than the logging one counts for more: its "
        "weight. The average must be 1. A long tail to the right means that few rounds decide the answer."
    )
    weights = picture(draw_weights(log.histogram), "distribution of weights")
    return [section("How much each round counts", text, weights), *support_sections(answer, log)]


def _small_print(notes: Sequence[str], answer: Mapping[str, Any]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in (*notes, LATER))
    estimates = answer.get("estimates") or [{"interval": answer.get("interval", "none")}]
    return (
        f"<section><h2>Small print</h2><ul>{items}</ul>"
        f'<p class="muted">log {escape(answer["log"])} · interval {escape(estimates[0]["interval"])} · '
        f"seed {answer['seed']}</p></section>"
    )
