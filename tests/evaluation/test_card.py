"""The card: one file, no network, the verdict in words before any number."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import numpy as np
import pandas as pd

from shopgym.cli.evaluate.answer import answer_of
from shopgym.evaluation.card import HEADS, card
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS
from shopgym.evaluation.offline.formats import Columns, WeighedLog, weigh_log


def make(policy: str, n: int = 2000, propensity: bool = True) -> tuple[dict[str, Any], WeighedLog]:
    rng = np.random.default_rng(0)
    action = rng.choice(["a<b>", "b", "c"], p=[0.6, 0.3, 0.1], size=n)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "action": action,
            "propensity": pd.Series(action).map({"a<b>": 0.6, "b": 0.3, "c": 0.1}),
            "reward": rng.normal(1.0 + (action == "b"), size=n),
        }
    )
    if not propensity:
        frame = frame.drop(columns="propensity")
    source = weigh_log(frame, policy, columns=Columns(context=("x",)), rng=rng)
    answer = answer_of(source, list(DEFAULT_ESTIMATORS), chosen=False, level=0.95, interval="delta", rng=rng)
    return {**answer, "log": "log.csv", "policy": policy, "seed": 0}, source


def page(policy: str, **more: Any) -> str:
    answer, source = make(policy, **more)
    return card(answer, source.histogram, source.support, source.labels)


def words(html: str) -> str:
    bare = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def test_one_file_that_asks_for_nothing() -> None:
    html = page("uniform")
    assert "http" not in html.lower()
    assert "<script" not in html
    assert "@import" not in html
    assert "url(" not in html
    sources = re.findall(r'src="([^"]{0,30})', html)
    assert len(sources) == 4
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert page("uniform") == html


def test_a_trusted_estimate_in_words() -> None:
    answer, source = make("action:b")
    said = words(card(answer, source.histogram, source.support, source.labels))
    best = next(e for e in answer["estimates"] if e["estimator"] == "dr")
    assert HEADS["trust"] in said
    assert f"{best['value']:.4g} reward, between {best['low']:.4g} and {best['high']:.4g}" in said
    assert f"more than the {answer['logged_value']:.4g} that was earned" in said  # 2 against 1.3
    assert f"{best['ess']:,.0f} rounds' worth of information" in said
    less = words(page("action:c"))
    assert "less than the" in less
    assert "not clearly different from" in words(page("column:propensity"))


def test_a_refusal_comes_before_numbers() -> None:
    html = page("action:gift")
    said = words(html)
    assert HEADS["refuse"] in said
    assert "They cannot tell what this policy would have earned" in said
    assert "would have earned about" not in said
    assert said.index(HEADS["refuse"]) < said.index("ips, snips, dr refused") < said.index("The estimates")
    assert 'class="verdict refuse"' in html


def test_what_remains_when_weights_are_refused_is_the_model_with_care() -> None:
    said = words(page("action:c", n=120))  # so small a log shows "c" hardly ever
    assert HEADS["caution"] in said
    assert "refused: the log is worth 1" in said
    assert "as right as its reward model" in said


def test_a_model_alone_is_quoted_without_its_interval() -> None:
    answer, source = make("uniform")
    said = words(card({**answer, "headline": "dm", "verdict": "caution"}, source.histogram))
    assert "by its reward model alone, and no interval holds what that errs by" in said
    assert "with 95% confidence" not in said


def test_caution_gives_its_reasons() -> None:
    said = words(page("uniform", propensity=False))
    assert HEADS["caution"] in said
    assert "they are estimated from x" in said
    assert "estimated from this log itself; test of balance" in said


def test_names_cannot_break_the_page() -> None:
    html = page("action:a<b>")
    assert "action:a<b>" not in html
    assert "action:a&lt;b&gt;" in html


def test_slots_have_no_actions_to_draw() -> None:
    answer, source = make("uniform")
    html = card(answer, source.histogram)
    assert html.count("<img") == 2
    assert "Was it tried?" not in html


def test_many_actions_show_the_most_taken() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"action": rng.integers(40, size=4000), "reward": 1.0, "propensity": 1 / 40})
    source = weigh_log(frame, "uniform", rng=rng)
    answer = answer_of(source, ["ips"], chosen=True, level=0.95, interval="delta", rng=rng)
    html = card(
        {**answer, "log": "l", "policy": "p", "seed": 0}, source.histogram, source.support, source.labels
    )
    assert html.count("<img") == 4
