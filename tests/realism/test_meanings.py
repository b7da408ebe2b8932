"""Every fact and effect size that is printed has a plain meaning."""

from __future__ import annotations

import pandas as pd
import pytest

from shopgym.realism.effect_sizes import PUBLISHED
from shopgym.realism.facts import FACTS
from shopgym.realism.meanings import meanings, meanings_of
from shopgym.realism.reference import stylised_facts


def test_every_fact_and_effect_size_has_one_and_nothing_else_has() -> None:
    assert set(meanings()) == {*FACTS, *PUBLISHED}


@pytest.mark.parametrize("name", sorted(meanings()))
def test_a_meaning_is_one_short_sentence_with_a_unit(name: str) -> None:
    meaning = meanings()[name]
    assert meaning.endswith(".")
    assert ". " not in meaning
    assert len(meaning) < 160
    unit = FACTS[name].unit if name in FACTS else ""
    words = {"days": "ays", "s": "econds", "currency": "currency", "orders": "rders", "visits": "isits"}
    if unit.startswith("share"):
        assert "a share: 0.25" in meaning
    assert words.get(unit, "") in meaning


def test_facts_of_public_records_have_the_meaning_of_their_measure() -> None:
    facts = stylised_facts()
    table = pd.DataFrame({"name": [f.name for f in facts], "measure": [f.measure for f in facts]})
    by_name = meanings_of(table)
    assert by_name["cj_later_orders_per_customer"] == meanings()["orders_per_customer"]
    own = meanings_of(pd.DataFrame({"name": ["bounce_rate"]}))
    assert own == {"bounce_rate": meanings()["bounce_rate"]}
