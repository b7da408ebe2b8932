"""The page of a watched shop in a real browser: it shows the shop, and every control does what it says."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders.watched import serving, small_session

from shopgym.experiments.watch.server import WatchServer

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: see the extra dev"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
UNNAMED = """() => [...document.querySelectorAll('button, select, input')].filter((one) =>
  one.checkVisibility() && !one.getAttribute('aria-label') && !(one.labels && one.labels.length) &&
  !(one.tagName === 'BUTTON' && one.textContent.trim())).map((one) => one.outerHTML)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, WatchServer]]:
    with serving(small_session(tmp_path_factory.mktemp("watched"))) as served:
        yield served


@pytest.fixture
def page(browser: Any, served: tuple[str, WatchServer]) -> Iterator[Any]:
    """The page in a window of its own, paused, with nothing left to do; at the end it has not complained."""
    page = browser.new_page(viewport=DESKTOP)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on(
        "request", lambda request: complaints.append(request.url) if served[0] not in request.url else None
    )
    page.goto(served[0])
    page.wait_for_selector(".visitor")
    if page.inner_text("#pause") == "Pause":
        page.click("#pause")
    page.wait_for_selector("#pause:has-text('Go on')")
    yield page
    page.close()
    expected = "422"  # the answer to a wrong action
    assert [text for text in complaints if not text.startswith("data:") and expected not in text] == []


def steps(page: Any) -> int:
    return int(page.get_attribute("body", "data-steps"))


def wait_for_steps(page: Any, count: int) -> None:
    page.wait_for_selector(f'body[data-steps="{count}"]')


def test_the_page_shows_the_shop(page: Any, served: tuple[str, WatchServer]) -> None:
    shown, snapshot = page.inner_text("body"), served[1].session.snapshot()
    assert page.title() == "small · shopgym watch"
    assert page.locator(".visitor").count() == len(snapshot["pages"])
    first = snapshot["pages"][0]
    assert f"Customer {first['customer']}" in shown
    assert first["slots"][0]["name"] in shown
    assert f"£{first['slots'][0]['price']:.2f}" in shown
    assert page.locator("#stock .bar").count() == len(snapshot["stock"])
    assert snapshot["date"] in page.inner_text("#time")


def test_step_pause_and_keys(page: Any) -> None:
    before = steps(page)
    page.click("#step")
    wait_for_steps(page, before + 1)
    page.locator("h1").click()
    page.keyboard.press("s")
    wait_for_steps(page, before + 2)
    page.keyboard.press(" ")
    page.wait_for_selector("#pause:has-text('Pause')")
    page.wait_for_selector(f'body:not([data-steps="{before + 2}"])')
    page.keyboard.press(" ")
    page.wait_for_selector("#pause:has-text('Go on')")
    page.focus("#step")  # a key on a button is for the button
    last = steps(page)
    page.keyboard.press("Enter")
    wait_for_steps(page, last + 1)
    assert page.inner_text("#pause") == "Go on"


def test_policy_stockout_and_promotion(page: Any) -> None:
    page.select_option("#policy", "random")
    page.click("#step")
    page.wait_for_selector("#policies tr.on:has-text('random')")
    page.locator("#stock button").first.click()
    page.wait_for_selector("#stock .bar:first-child.out")  # others may be sold out before
    assert "sold out" in page.locator("#stock .bar").first.inner_text()
    assert "until the next delivery" in page.inner_text("#message")
    page.select_option("#off", "0.3")
    page.click("#promotion button")
    page.wait_for_selector("#promotions:has-text('30% off whole range')")
    page.click("#step")
    page.wait_for_selector(".card.off s")
    page.select_option("#gone", "top:10")
    page.click("#stockout button")
    page.wait_for_selector("#news:has-text('the 10 best sellers')")


def test_guards_say_what_they_changed_and_why(page: Any) -> None:
    page.select_option("#policy", "best_sellers")
    before = steps(page)
    for number in range(1, 4):
        page.click("#step")
        wait_for_steps(page, before + number)
    page.wait_for_selector("#changes:has-text('sold out')")
    assert "in_stock" in page.inner_text("#guards")
    assert "category_cap" in page.inner_text("#guards")


def test_a_wrong_action_is_named(page: Any) -> None:
    page.evaluate("() => act({action: 'policy', name: 'oracle'})")
    page.wait_for_selector("#message.bad:has-text('choose one of')")
    page.evaluate("() => say('')")


def test_names_are_texts_and_never_markup(page: Any) -> None:
    """An item of somebody's catalogue may be called anything."""
    title = page.evaluate("() => card({...shop.pages[0].slots[0], name: '<b>bold</b>'}).innerText")
    assert "<b>bold</b>" in title


def test_on_a_phone_everything_has_its_place(page: Any, tmp_path: Path) -> None:
    page.set_viewport_size(PHONE)
    assert page.locator("html").evaluate("(html) => html.scrollWidth") <= PHONE["width"]
    assert page.locator("body").evaluate(UNNAMED.replace("() =>", "(body) =>", 1)) == []
    assert len(page.screenshot(path=tmp_path / "phone.png")) > 10_000


def test_two_windows_see_one_shop_and_leave_nothing_behind(
    page: Any, browser: Any, served: tuple[str, WatchServer]
) -> None:
    other = browser.new_page(viewport=PHONE)
    other.goto(served[0])
    other.wait_for_selector("#pause:has-text('Go on')")
    before = steps(page)
    other.click("#step")
    wait_for_steps(page, before + 1)
    wait_for_steps(other, before + 1)
    other.close()
    while len(served[1].browsers) > 1:
        time.sleep(0.02)
