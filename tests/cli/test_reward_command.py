"""What ``shopgym reward`` refuses, and how its reports are read without the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shopgym.cli import main
from shopgym.cli.reward import _print
from shopgym.guardrails.reward.captions import CAPTIONS
from shopgym.guardrails.reward.findings import LintReport
from shopgym.guardrails.reward.pictures import HONEST, PROXY, REWARD, _legend, probe_picture
from shopgym.guardrails.reward.price import Share
from shopgym.guardrails.reward.probes import Probe

SHOP = """
catalog: {source: synthetic, items: 40}
shop: {users: 200, slate_size: 3, num_candidates: 8}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "reward.yaml").write_text("reward: {terms: {margin: 1.0}}", encoding="utf-8")
    (tmp_path / "shop.yaml").write_text(SHOP, encoding="utf-8")
    return tmp_path


def called(monkeypatch: Any, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["shopgym", "reward", *words])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("lint", "reward.yaml", "--html", "reward.yaml"),
            "--html = 'reward.yaml': it is read by this command",
        ),
        (
            ("lint", "reward.yaml", "--discounts", "0.1"),
            "--discounts = '0.1': it does nothing without --shop",
        ),
        (("lint", "reward.yaml", "--visits", "2048"), "--visits = 2048: it does nothing without --shop"),
        (("lint", "reward.yaml", "--context-column", "age"), "it does nothing without --log"),
        (
            ("audit", "reward.yaml", "--shop", "shop.yaml", "--pages", "0"),
            "--pages = '0': give whole numbers",
        ),
        (("audit", "reward.yaml", "--shop", "shop.yaml", "--pages", ""), "--pages = '': give whole numbers"),
        (("audit", "reward.yaml", "--shop", "shop.yaml", "--pages", "9.5"), "give whole numbers"),
        (
            ("audit", "reward.yaml", "--shop", "shop.yaml", "--agents", "ppo,ppo"),
            "--agents = 'ppo': it stands",
        ),
        (
            ("frontier", "reward.yaml", "--shop", "shop.yaml", "--sweep", "exchange.click=-1..1"),
            "a rate below 0",
        ),
        (
            (
                "frontier",
                "reward.yaml",
                "--shop",
                "shop.yaml",
                "--sweep",
                "terms.margin=0..1",
                "--png",
                "shop.yaml",
            ),
            "--png = 'shop.yaml': it is read",
        ),
    ],
)
def test_an_option_that_cannot_be_followed_is_refused(
    words: tuple[str, ...], message: str, files: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(files)
    assert called(monkeypatch, *words) == 2
    assert message in capsys.readouterr().err
    assert "margin" in (files / "reward.yaml").read_text(encoding="utf-8")


def test_a_lint_in_a_shop_explains_its_tables_on_the_terminal_and_on_the_page(
    files: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(files)
    words = ("lint", "reward.yaml", "--shop", "shop.yaml", "--visits", "64", "--html", "page.html")
    code = called(monkeypatch, *words)
    text, page = capsys.readouterr().out, (files / "page.html").read_text(encoding="utf-8")
    assert code in (0, 3)
    for title in ("The price of the proxy", "Probes", "Under pressure"):
        assert f"{title}. {CAPTIONS[title][:60]}" in text
        assert page.count(f"<h2>{title}</h2>") == 1
        assert CAPTIONS[title][:40] in page
    assert "<h1>reward.yaml: " in page
    assert "page: page.html" in text


def test_a_place_that_cannot_be_written_is_named_as_it_was_given(
    files: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(files)
    assert called(monkeypatch, "lint", "reward.yaml", "--html", "/proc/page.html") == 2
    assert "/proc/page.html: " in capsys.readouterr().err


def test_a_long_cell_is_told_below_its_table_and_not_broken_to_pieces(capsys: Any) -> None:
    does = "it takes 49% off the prices of an average page: units sold x3.4, margin below zero"
    rows = [
        {"optimiser": "ppo", "pages learnt from": 3000, "amount": 0.013031005859375, "what it does": does}
    ]
    _print(LintReport((), "gameable", "h", tables={"Optimisers": rows}), Path("reward.yaml"))
    text = capsys.readouterr().out
    assert f"optimiser ppo, pages learnt from 3000, what it does: {does}" in text
    assert "0.01303 " in text


def test_the_probes_have_a_legend_in_their_own_colours() -> None:
    from matplotlib.colors import to_hex

    assert [to_hex(patch.get_facecolor()) for patch in _legend("margin")] == [HONEST, REWARD, PROXY]
    probe = Probe("cheapest", 1.2, Share(0.5, 0.4, 0.6), fools=True)
    assert probe_picture([probe], "margin").startswith(b"\x89PNG")
