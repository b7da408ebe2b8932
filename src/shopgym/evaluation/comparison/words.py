"""The sentences and tables of a comparison, from its JSON object."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..answer import Block, Line, TextTable, blocks_of, comparison_conclusion, conclusion
from ..answer.sentences import (
    amount,
    between,
    earned,
    estimator_notes,
    log_notes,
    logged,
    number,
    percent,
    together,
)
from ..offline.verdict import CAUTION, REFUSE, TRUST

JOINT = "all intervals of a column hold at once with {level} confidence, so you may pick any row"
DELTA_METHOD = "lift: the value over the baseline's, less 1 (delta method)"


def conclusions(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(verdict, sentence) of all rounds: of each difference, or of the best policy, or of each reward."""
    rows = [row for row in answer["rows"] if not row["by"]]
    if answer["baseline"] is not None:
        return [_difference(answer, row) for row in rows if row["difference_verdict"]]
    if len(answer["policies"]) > 1:
        return [_best_of_many(answer, reward, rows) for reward in answer["rewards"]]
    return [(each["verdict"], conclusion(each)) for each in answer["evaluations"]]


def _difference(answer: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[str, str]:
    verdict = row["difference_verdict"]
    difference = {
        "value": row["difference"],
        "low": row["difference_low"],
        "high": row["difference_high"],
        "level": answer["level"],
        "unit": answer["units"][row["reward"]],
        "estimator": row["estimator"],
        "verdict": verdict,
    }
    minimise = answer["minimise"]
    sentence = comparison_conclusion(row["policy"], answer["baseline"], difference, minimise=minimise)
    if len(answer["rewards"]) > 1:
        sentence = f"{row['reward']}: {sentence}"
    if verdict == REFUSE:
        return verdict, f"{sentence}: {row['difference_reason']}"
    if row["lift"] is not None:
        sentence += f"; lift {_lift(row)}"
    return verdict, sentence


def _best_of_many(
    answer: Mapping[str, Any], reward: str, rows: Sequence[Mapping[str, Any]]
) -> tuple[str, str]:
    names, verb = answer["as_good"][reward], earned(answer["minimise"])
    about = f"{reward}: " if len(answer["rewards"]) > 1 else ""
    if not names:
        return REFUSE, f"{about}this log cannot tell what any of these policies would have {verb}"
    best = next(row for row in rows if row["policy"] == names[0] and row["reward"] == reward)
    interval = between({**best, "level": answer["level"]})
    size = f"{amount(best['value'], answer['units'][reward])} ({best['estimator']})"
    others = ", ".join(names[1:])
    rest = f"not shown to be worse: {others}" if others else "all others are shown to be worse"
    left_out = [r["policy"] for r in rows if r["reward"] == reward and r["verdict"] == REFUSE]
    if left_out:
        rest += f"; nothing can be said of {', '.join(left_out)}"
    return best["verdict"], (
        f"{about}best of {len(answer['policies'])} is {names[0]}: it would have {verb} about {size}, "
        f"{interval}, the choice of the best allowed for; {rest}"
    )


def comparison_blocks(answer: Mapping[str, Any]) -> list[Block]:
    """The whole comparison, from top to bottom."""
    if len(answer["evaluations"]) == 1:
        return [
            *blocks_of(answer["evaluations"][0]),
            *tables(answer, whole=False),
            *_after(answer, whole=False),
        ]
    values = ", ".join(
        amount(answer["logged_values"][name], answer["units"][name]) for name in answer["rewards"]
    )
    return [
        Line(f"{answer['log']}: {logged(answer, values)}"),
        *(Line(f": {sentence}", verdict, verdict) for verdict, sentence in conclusions(answer)),
        *(Line(line) for line in _advice(answer)),
        *tables(answer),
        *_after(answer),
    ]


def _advice(answer: Mapping[str, Any]) -> Iterator[str]:
    """What comes after the conclusions: could a hidden cause turn them, what would settle them."""
    for each in (*answer["sensitivity"], *answer["sample_sizes"]):
        yield f"{_name(answer, {**each, 'by': ''})}: {each['sentence']}"


def tables(answer: Mapping[str, Any], whole: bool = True) -> Iterator[TextTable]:
    """The table of all rounds, where ``whole``, then one per segment column and one of the periods."""
    for by in dict.fromkeys(row["by"] for row in answer["rows"]):
        if by or whole:
            yield table_by(answer, by)


def table_by(answer: Mapping[str, Any], by: str) -> TextTable:
    """The table of all rounds, where ``by`` is empty, of a column's segments or of the periods."""
    rows = [row for row in answer["rows"] if row["by"] == by]
    interval = f"{percent(answer['level'])} interval"
    compared = answer["baseline"] is not None
    columns: list[tuple[str, bool, Callable[[Mapping[str, Any]], str]]] = [
        (by, by != "", lambda row: str(row["group"])),
        ("reward", len(answer["rewards"]) > 1, lambda row: str(row["reward"])),
        ("policy", len(answer["policies"]) > 1, lambda row: str(row["policy"])),
        ("rounds", by != "", lambda row: f"{row['rounds']:,}"),
        ("value", True, lambda row: _value(row, "value", "")),
        (interval, True, lambda row: _ends(row, "value", "")),
        ("difference", compared, lambda row: _value(row, "difference", "+")),
        (f"difference, {interval}", compared, lambda row: _ends(row, "difference", "difference_")),
        ("lift", compared, lambda row: "-" if row["lift"] is None else _lift(row)),
        ("verdict", True, lambda row: str(row.get("difference_verdict") or row["verdict"])),
    ]
    shown = [(name, cell) for name, wanted, cell in columns if wanted]
    cells = [tuple(cell(row) for _, cell in shown) for row in rows]
    title = f"compared with {answer['baseline']}" if compared else ""
    return TextTable(tuple(name for name, _ in shown), cells, (by, "reward", "policy", "verdict"), title)


def _value(row: Mapping[str, Any], kind: str, sign: str) -> str:
    return "-" if row[kind] is None else f"{row[kind]:{sign}.4g}"


def _ends(row: Mapping[str, Any], kind: str, prefix: str) -> str:
    return "-" if row[kind] is None else f"[{number(row[f'{prefix}low'])}, {number(row[f'{prefix}high'])}]"


def _lift(row: Mapping[str, Any]) -> str:
    ends = ("unbounded" if row[end] is None else f"{row[end]:+.1%}" for end in ("lift_low", "lift_high"))
    return f"{row['lift']:+.1%} [{', '.join(ends)}]"


def _after(answer: Mapping[str, Any], whole: bool = True) -> list[Line]:
    """How the intervals are to be read, then each doubt and note once; of all rounds too, if ``whole``."""
    lines = []
    if any(each["intervals"] > 1 for each in answer["families"]):
        lines.append(Line(JOINT.format(level=percent(answer["level"]))))
    if answer["baseline"] is not None:
        lines.append(Line(DELTA_METHOD))
    for verdict, mark in ((REFUSE, "REFUSED"), (CAUTION, CAUTION)):
        about = (_about_all(answer, verdict) if whole else []) + _about_groups(answer, verdict)
        lines += [Line(f" {sentence}", mark, verdict) for sentence in about]
    return lines + [Line(f"note: {note}") for note in (_notes(answer) if whole else ())]


def _notes(answer: Mapping[str, Any]) -> list[str]:
    """The notes of the estimators that the rows use, each once."""
    used = {row["estimator"] for row in answer["rows"]}
    notes: dict[str, None] = {}
    for each in answer["evaluations"]:
        estimates = [e for e in each["estimates"] if e["estimator"] in used]
        said = [*estimator_notes({**each, "estimates": estimates}), *log_notes(each)]
        notes |= dict.fromkeys(said)
    return list(notes)


def _name(answer: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    parts = [row["policy"]] if len(answer["policies"]) > 1 else []
    parts += [row["reward"]] if len(answer["rewards"]) > 1 else []
    if not row["by"]:
        return " ".join(parts) or str(row["policy"])
    return f"{row['by']} {row['group']}" + (f" ({' '.join(parts)})" if parts else "")


def _reasons(row: Mapping[str, Any], verdict: str) -> Iterator[str]:
    """Why a row has this verdict, each reason for itself."""
    for kind in ("", "difference_"):
        if row.get(f"{kind}verdict") == verdict:
            yield from row[f"{kind}reason"].split("; ")


def _about_all(answer: Mapping[str, Any], verdict: str) -> list[str]:
    """Why rows of the whole log have this verdict: each reason once, with the names."""
    rows = [row for row in answer["rows"] if not row["by"]]
    pairs = [(_name(answer, row), reason) for row in rows for reason in _reasons(row, verdict)]
    return [f"{', '.join(names)}: {text}" for text, names in together(pairs)]


def _about_groups(answer: Mapping[str, Any], verdict: str) -> list[str]:
    """Why rows of segments and periods have it: reasons that differ by their numbers are counted as one."""
    alike: dict[tuple[str, str], dict[str, str]] = {}
    for row in answer["rows"]:
        for reason in _reasons(row, verdict) if row["by"] else ():
            pattern = re.sub(r"[0-9][0-9.,%]*", "#", reason)
            alike.setdefault((row["by"], pattern), {}).setdefault(_name(answer, row), reason)
    out = []
    for named in alike.values():
        name, reason = next(iter(named.items()))
        out.append(f"{name if len(named) == 1 else f'{len(named)} rows, e.g. {name}'}: {reason}")
    return out


def worst_verdict(verdicts: Sequence[str]) -> str:
    """The worst of them."""
    return max(verdicts, key=[TRUST, CAUTION, REFUSE].index, default=REFUSE)
