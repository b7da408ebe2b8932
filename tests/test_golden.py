"""The golden answers: shops, a run of the demo's config and a served log are what they were when recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import golden

pytestmark = pytest.mark.slow

THEN = json.loads(golden.RECORD.read_text(encoding="utf-8"))
SHOPS, CATALOGS = golden.shops(), golden.catalogs()


def same(now: object, then: object) -> None:
    assert list(golden.differences({"": now}, {"": then})) == []


@pytest.mark.parametrize("name", SHOPS)
def test_a_shop_with_one_thread_and_with_three_is_what_it_was(name: str) -> None:
    catalog, clock, config = SHOPS[name]
    same(golden.golden(CATALOGS[catalog], clock, config), THEN["shops"][name])


def test_a_run_of_the_demo_config_is_what_it_was(tmp_path: Path) -> None:
    same(golden.demo(tmp_path / "demo"), THEN["demo"])


def test_a_served_decision_log_is_what_it_was(tmp_path: Path) -> None:
    same(golden.served(tmp_path), THEN["served"])


def test_a_change_would_show() -> None:
    digest, other = golden.Digest(), golden.Digest()
    digest.add([1, 2])
    other.add([2, 1])
    assert list(golden.differences(digest.result(), other.result())) == ["hash"]
    digest, other = golden.Digest(), golden.Digest()
    digest.add([1.0, 2.0])
    other.add([2.0, 1.0])
    assert list(golden.differences(digest.result(), other.result())) == ["sums"]
    assert len(SHOPS) == 26
