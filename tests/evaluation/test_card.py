"""The card: one file, no network, the verdict in words before any number."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from html import unescape
from typing import Any

import numpy as np
import pandas as pd

from shopgym.evaluation.answer import HEADINGS, conclusion, lines_before
from shopgym.evaluation.answer.sentences import HEADINGS_OF_SEVERAL
from shopgym.evaluation.api import Evaluation, evaluate
from shopgym.evaluation.card import card
from shopgym.evaluation.card.bars import Mark, intervals
from shopgym.evaluation.offline.agreement import UNCHECKED_MODEL


def make(policy: str, n: int = 2000, propensity: bool = True) -> Evaluation:
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
    actions = ["a<b>", "b", "c", "gift"] if policy == "action:gift" else []  # nobody logged a gift
    return evaluate(frame, policy, context="x", actions=actions)


def page(policy: str, **more: Any) -> str:
    return make(policy, **more).html()


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
    assert len(sources) == 1
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert page("uniform") == html


def test_the_card_says_what_the_terminal_says() -> None:
    for policy in ("action:b", "action:c", "column:propensity", "uniform", "action:gift"):
        evaluation = make(policy)
        terminal, card_text = str(evaluation).splitlines(), words(evaluation.html())
        (sentence,) = (line for line in terminal if line.startswith(f"{evaluation.verdict}: "))
        assert sentence == f"{evaluation.verdict}: {evaluation.conclusion}"
        assert sentence in card_text
        assert any(line in card_text for line in terminal if line.startswith(f"{policy} on a table: "))
        assert evaluation.conclusion in words(evaluation._repr_html_())


def test_a_trusted_estimate_in_words() -> None:
    evaluation = make("action:b")
    html = words(evaluation.html())
    best = evaluation.estimates["dr"]
    assert HEADINGS["trust"] in html
    assert (
        f"trust: it would have earned about {best.value:.4g} reward a round (dr), {best.low:.4g} to "
        f"{best.high:.4g} with 95% confidence: more than what was earned" in html
    )  # 2 against 1.3
    logged = evaluation.answer["logged_value"]
    assert f"2,000 rounds, which earned {logged:.4g} reward a round" in html
    assert f"{best.ess:,.0f} rounds' worth of information" in html
    assert "less than what was earned" in words(page("action:c"))
    assert "not clearly other than what was earned" in words(page("column:propensity"))


def test_a_refusal_comes_before_numbers() -> None:
    html = page("action:gift")
    result = words(html)
    assert HEADINGS["refuse"] in result
    assert "refuse: this log cannot tell what action:gift would have earned" in result
    assert "would have earned about" not in result
    assert (
        result.index(HEADINGS["refuse"])
        < result.index("ips, snips, dr refused")
        < result.index("The estimates")
    )
    assert 'class="verdict refuse"' in html


def test_when_all_weights_are_refused_so_is_the_model() -> None:
    evaluation = make("action:c", n=120)  # so small a log shows "c" hardly ever
    result = words(evaluation.html())
    assert evaluation.best is None
    assert set(evaluation.answer["refused"]) == {"ips", "snips", "dm", "dr"}
    assert HEADINGS["refuse"] in result
    assert "refused: for this policy the log is worth only 1" in result
    assert f"dm refused: {UNCHECKED_MODEL}" in result
    assert "would have earned about" not in result


def test_a_model_alone_is_quoted_without_its_interval() -> None:
    evaluation = make("uniform")
    only_the_model = {**evaluation.answer, "headline": "dm", "verdict": "caution"}
    result = words(card(only_the_model, {("reward", "uniform"): evaluation.weighed}))
    assert "by its reward model alone: no interval holds what that errs by" in result
    assert conclusion(only_the_model) in result
    assert str(lines_before(only_the_model)[-1]) in result
    assert "with 95% confidence" not in result


def test_caution_gives_its_reasons() -> None:
    result = words(page("uniform", propensity=False))
    assert HEADINGS["caution"] in result
    assert "they are estimated from x" in result
    assert "estimated from this log itself; test of balance" in result


def test_names_cannot_break_the_page() -> None:
    html = page("action:a<b>")
    assert "action:a<b>" not in html
    assert "action:a&lt;b&gt;" in html


def test_slots_have_no_actions_to_draw() -> None:
    evaluation = make("uniform")
    html = card(evaluation.as_dict(), {("reward", "uniform"): replace(evaluation.weighed, support=None)})
    assert html.count("<img") == 1
    assert "Was it tried?" not in html


def test_many_actions_show_the_most_taken() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"action": rng.integers(40, size=4000), "reward": 1.0, "propensity": 1 / 40})
    html = words(evaluate(frame, "uniform", estimators=["ips"]).html())
    assert html.count("12 of 40 actions") == 2


def test_names_of_any_script_are_the_browsers_to_draw() -> None:
    names = ["夏物セール", "Скидка", "عرض الصيف", "🎁 gift"]
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"action": rng.choice(names, 2000), "reward": rng.random(2000), "propensity": 0.25})
    frame["land"] = rng.choice(["日本", "Россия"], 2000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a letter that its fonts lack
        one = evaluate(frame, "action:夏物セール").html()
        several = evaluate(frame, [f"action:{name}" for name in names], segment="land").html()
    for name in names:
        assert f"<bdi>{name}</bdi>" in one
        assert f"<bdi>action:{name}</bdi>" in several


def test_no_bar_is_drawn_below_0_and_none_beyond_its_track() -> None:
    rng = np.random.default_rng(3)
    share = [0.98, 0.01, 0.01]
    action = rng.choice(3, size=300, p=share)
    clicks = (rng.random(300) < 0.02).astype(float)
    frame = pd.DataFrame({"action": action, "reward": clicks, "propensity": np.array(share)[action]})
    html = evaluate(frame, "uniform", estimators=["ips", "snips"]).html()
    tracks = re.findall(r'class="line" style="left:([-0-9.]+)%;width:([-0-9.]+)%', html)
    assert tracks
    for left, width in ((float(left), float(width)) for left, width in tracks):
        assert left >= 0.0
        assert width >= 0.0
        assert left + width <= 100.1
    scales = re.findall(r'class="axis"><span>([-0-9.e]+)</span>', html)
    assert all(float(low) >= 0.0 for low in scales)


def test_an_interval_that_leaves_the_scale_ends_in_an_arrow() -> None:
    marks = [Mark(("a",), 10.0, -50.0, 80.0), Mark(("b",), 300.0, -60.0, 7000.0)]
    drawn = intervals(("part", "", ""), marks, base=0.0, ceiling=200.0)
    a, b = re.findall(r'<td class="track">.*?</td>', drawn)
    assert "▸" not in a
    assert "▸" in b
    assert "7e+03" not in drawn
    assert "▸" not in intervals(("part", "", ""), marks, base=0.0)


def test_no_caution_is_said_twice() -> None:
    frame = pd.DataFrame({"action": ["a", "b"] * 1000, "reward": [0.0, 1.0] * 1000, "propensity": 0.4})
    for said in (evaluate(frame, "uniform").html(), str(evaluate(frame, "uniform"))):
        mean_weight = re.findall(r"the mean weight is [^;<\n]*", unescape(said))
        assert len(mean_weight) == len(set(mean_weight)), mean_weight


def test_several_policies_make_one_card() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"action": rng.choice(["a", "b"], 2000), "reward": 1.0, "propensity": 0.5})
    frame["reward"] = rng.random(2000) + 0.2 * (frame["action"] == "b")
    result = evaluate(frame, ["action:a", "action:b"], baseline="uniform")
    text = words(result.html())
    assert HEADINGS_OF_SEVERAL["trust"] in text
    for sentence in result.conclusion.splitlines():
        assert f"trust: {sentence}" in text
    assert text.count("How the log supports") == 3


def test_a_conclusion_of_several_policies_is_said_once() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"action": rng.choice(["a", "b"], 500), "reward": rng.random(500)})
    result = evaluate(frame, ["action:a", "action:b"], baseline="uniform")  # no propensities: caution
    for sentence in result.conclusion.splitlines():
        assert words(result.html()).count(sentence) == 1
