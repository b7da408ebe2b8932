"""The picture of a storefront: its size is fixed, and it says what happened and nothing else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shopgym.core import InvalidInput
from shopgym.envs.rendering import picture
from shopgym.envs.rendering.picture import StorefrontPage, Tile, draw_page

MUG = Tile("White hanging heart T-light holder", 2.95, "Lights", stock=12)
TOP, PITCH_X, PITCH_Y = 56 + 60, 184 + 16, 272 + 16


def tile_of(frame: NDArray[np.uint8], slot: int, columns: int) -> NDArray[np.uint8]:
    """The pixels of one slot in a grid of ``columns``."""
    left = (frame.shape[1] - columns * PITCH_X + 16) // 2 + slot % columns * PITCH_X
    top = TOP + slot // columns * PITCH_Y
    return frame[top : top + 272, left : left + 184]


@pytest.mark.parametrize(
    ("k", "size"),
    [(1, (488, 680)), (5, (488, 1032)), (10, (776, 1032)), (24, (1352, 1232)), (200, (1352, 1232))],
)
def test_size_depends_on_the_number_of_slots_alone(k: int, size: tuple[int, int]) -> None:
    full = StorefrontPage((MUG,) * k)
    bare = StorefrontPage(
        (None,) * k, surface="x", about="y" * 300, shop="z" * 300, currency="SEK", revenue=1e12
    )
    for page in (full, bare):
        frame = draw_page(page)
        assert frame.shape == (*size, 3)
        assert frame.dtype == np.uint8
        assert frame.shape[0] % 2 == frame.shape[1] % 2 == 0


def test_same_page_same_pixels_and_an_array_of_ones_own() -> None:
    page = StorefrontPage((MUG, None, dataclasses.replace(MUG, bought=2)), day=3.5)
    first = draw_page(page)
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(draw_page(page), kept)
    picture._tile.cache_clear()
    np.testing.assert_array_equal(draw_page(page), kept)


@pytest.mark.parametrize(
    ("what", "colour"),
    [
        ({}, picture.PAPER),
        ({"clicked": True}, picture.BLUE),
        ({"clicked": True, "carted": True}, picture.AMBER),
        ({"clicked": True, "carted": True, "bought": 2}, picture.GREEN),
        ({"bought": 2, "returned": True}, picture.RED),
    ],
)
def test_the_furthest_step_colours_foot_and_frame(what: dict[str, bool], colour: picture.Colour) -> None:
    tile = tile_of(draw_page(StorefrontPage((dataclasses.replace(MUG, **what), MUG))), 0, 2)  # type: ignore[arg-type]
    assert tuple(tile[240, 14]) == colour
    if what:
        assert tuple(tile[120, 0]) == colour


def test_what_was_not_looked_at_is_half_as_strong() -> None:
    frame = draw_page(StorefrontPage((MUG, dataclasses.replace(MUG, examined=False))))
    below_the_number = slice(40, 230)
    seen, faded = (tile_of(frame, i, 2)[below_the_number].astype(int) - picture.PAPER for i in (0, 1))
    assert np.abs(seen).max() > 100
    assert np.abs(faded - seen * (1 - picture.FADE)).max() <= 1  # blending rounds


CHANGES = [
    {"surface": "cart"}, {"about": "mugs"}, {"shop": "Corner shop"}, {"day": 1.0}, {"day": 0.5},
    {"device": "phone"}, {"currency": "EUR"}, {"page": 2}, {"revenue": 3.0}, {"margin": -3.0}, {"clicks": 2},
    {"basket": 4},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: "-".join(f"{k}={v}" for k, v in c.items()))
def test_everything_said_of_the_page_is_drawn(change: dict[str, object]) -> None:
    page = StorefrontPage((MUG,))
    frame, other = (draw_page(p) for p in (page, dataclasses.replace(page, **change)))  # type: ignore[arg-type]
    differs = (frame != other).any(axis=(1, 2))
    head = {"surface", "about", "shop", "day", "device"}
    (name,) = change
    assert differs[:TOP].any() == (name in head)
    assert differs[TOP:-76].any() == (name == "currency")
    assert differs[-76:].any() == (name not in head)


@pytest.mark.parametrize(
    ("change", "top", "bottom"),
    [
        ({"name": "Red mug"}, 144, 182),
        ({"category": "Mugs"}, 8, 142),
        ({"price": 3.95}, 200, 224),
        ({"list_price": 4.0}, 200, 224),
        ({"stock": 0}, 14, 38),
        ({"stock": None}, 14, 38),
    ],
)
def test_everything_said_of_an_item_is_drawn_in_its_place(
    change: dict[str, object], top: int, bottom: int
) -> None:
    other = dataclasses.replace(MUG, **change)  # type: ignore[arg-type]
    rows = (draw_page(StorefrontPage((MUG,))) != draw_page(StorefrontPage((other,)))).any(axis=(1, 2))
    changed = np.flatnonzero(rows) - TOP
    assert top <= changed.min() <= changed.max() < bottom


def test_a_list_price_below_the_price_is_not_shown() -> None:
    lower = dataclasses.replace(MUG, list_price=2.0)
    np.testing.assert_array_equal(draw_page(StorefrontPage((MUG,))), draw_page(StorefrontPage((lower,))))


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=80)


@settings(deadline=None)  # the first example loads fonts
@given(NAMES, NAMES, st.floats(0, 1e12), st.floats(1, 10), st.sampled_from(["GBP", "SEK", "credits"]))
def test_no_text_leaves_its_place(name: str, category: str, price: float, rise: float, currency: str) -> None:
    tile = Tile(name, price, category, list_price=price * rise, stock=3, clicked=True)
    pixels = tile_of(draw_page(StorefrontPage((tile,), currency=currency)), 0, 1)
    beside = pixels[120:230, 184 - picture.PAD + 3 : 184 - 3]
    assert (beside == 255).all()


@settings(deadline=None)  # the first example loads fonts
@given(NAMES, st.integers(40, 300))
def test_names_take_at_most_two_lines_and_lose_nothing_before_the_cut(name: str, room: int) -> None:
    lines = picture._two_lines(name, 13, room)
    assert 1 <= len(lines) <= 2
    assert all(picture._length(line, 13) <= room for line in lines)
    said = "".join("".join(lines).split())
    whole = "".join(name.split())
    assert said == whole or (said.endswith("…") and whole.startswith(said[:-1]))


def test_signs_of_money_have_letters() -> None:
    missing = picture._letters("\U0010fffd", 18).tobytes()
    for sign in (*picture.SYMBOLS.values(), picture.MINUS, "×", "…", "é", "ж"):
        assert picture._letters(sign, 18).tobytes() != missing
        assert picture._letters(sign, -18).tobytes() != missing


def test_money_and_time_in_words() -> None:
    assert picture._money(1234.5, "GBP") == "£1,234.50"
    assert picture._money(-0.004, "EUR") == "€0.00"
    assert picture._money(-3.2, "SEK") == "−SEK 3.20"


def test_a_page_without_slots_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"page\.tiles"):
        StorefrontPage(())
