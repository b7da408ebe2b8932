"""The storefront as a picture: what one visitor was shown, and how they responded.

A frame depends on its :class:`StorefrontPage` alone, and its size on the number of tiles alone, so the frames
of one environment make a video.
"""

from __future__ import annotations

import bisect
import colorsys
import math
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...core.errors import InvalidInput

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

Colour = tuple[int, int, int]
Pixels = NDArray[np.uint8]

MAX_TILES = 24
"""Tiles that are drawn; the heading says how many more there are."""


@dataclass(frozen=True)
class Tile:
    """One slot of the page.

    Attributes:
        name, category: what a person reads.
        price, list_price: currency; the list price is struck through where it is above the price.
        stock: units on hand, 0 or less = sold out, None = not shown.
        examined, clicked, carted: what the visitor did.
        bought: units, 0 = none.
        returned: what was bought came back.
    """

    name: str
    price: float
    category: str = ""
    list_price: float | None = None
    stock: int | None = None
    examined: bool = True
    clicked: bool = False
    carted: bool = False
    bought: int = 0
    returned: bool = False


@dataclass(frozen=True)
class StorefrontPage:
    """One page of one visit.

    Attributes:
        tiles: k slots in order, None = empty.
        surface: ``home``, ``product``, ``cart``, ``search``, ``email``, or any other word.
        about: what the page is about: the item looked at, the words searched for.
        shop: name of the shop.
        day: days since the shop opened; the fraction is the time of day.
        device: ``phone`` or any other word.
        currency: ISO 4217 code of all amounts.
        page: of the visit, from 1.
        revenue, margin, clicks, basket: of the visit so far: currency, currency, count, units.
    """

    tiles: tuple[Tile | None, ...]
    surface: str = "home"
    about: str = ""
    shop: str = "shopgym"
    day: float = 0.0
    device: str = "desktop"
    currency: str = "GBP"
    page: int = 1
    revenue: float = 0.0
    margin: float = 0.0
    clicks: int = 0
    basket: int = 0

    def __post_init__(self) -> None:
        if not self.tiles:
            raise InvalidInput(
                "page.tiles", self.tiles, "give at least one slot; None stands for an empty one"
            )


SURFACE_TITLES = {
    "home": "Homepage",
    "product": "Product page",
    "cart": "Cart",
    "search": "Search",
    "email": "E-mail",
}
MINUS = "\u2212"
SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$", "JPY": "¥"}

# All lengths are pixels; both sides of a frame are even, as video codecs want it.
EDGE, GAP = 24, 16
TILE_WIDTH, TILE_HEIGHT, PAD = 184, 272, 14
EMBLEM = (TILE_WIDTH - 16, 110)
HEADER, HEADING, FOOTER = 56, 60, 76
MIN_WIDTH = 680

WHITE, PAPER, INK, MUTED = (255, 255, 255), (242, 243, 246), (28, 36, 52), (98, 106, 120)
NAVY, PALE, LINE = (27, 38, 68), (190, 199, 220), (222, 225, 231)
RED, BLUE, GREEN, AMBER = (184, 34, 26), (37, 99, 235), (21, 120, 70), (166, 84, 8)
FADE = 0.5
"""How far a tile that was not examined is faded into the background."""


def draw_page(page: StorefrontPage) -> Pixels:
    """(H, W, 3) uint8, the storefront of ``page``; for Gymnasium's ``render_mode="rgb_array"``."""
    tiles = page.tiles[:MAX_TILES]
    rows = -(-len(tiles) // 6)
    columns = -(-len(tiles) // rows)
    grid = columns * TILE_WIDTH + (columns - 1) * GAP
    width = max(MIN_WIDTH, grid + 2 * EDGE)
    left, top = (width - grid) // 2, HEADER + HEADING
    foot = top + rows * (TILE_HEIGHT + GAP) - GAP + EDGE
    frame = np.empty((foot + FOOTER, width, 3), np.uint8)
    frame.reshape(foot + FOOTER, -1)[:] = np.tile(np.array(PAPER, np.uint8), width)
    frame[:top] = np.asarray(_head(page, width))
    frame[foot:] = np.asarray(_foot(page, width))
    for slot, tile in enumerate(tiles):
        x = left + slot % columns * (TILE_WIDTH + GAP)
        y = top + slot // columns * (TILE_HEIGHT + GAP)
        frame[y : y + TILE_HEIGHT, x : x + TILE_WIDTH] = _tile(tile, slot + 1, page.currency)
    return frame


def _head(page: StorefrontPage, width: int) -> Image:
    """The bar of the shop with clock and device, and below it what kind of page this is."""
    strip = _blank(width, HEADER + HEADING, PAPER)
    strip.paste(NAVY, (0, 0, width, HEADER))
    minute = int(page.day % 1 * 24 * 60)
    clock = f"Day {math.floor(page.day)}    {minute // 60:02d}:{minute % 60:02d}"
    device = page.device.capitalize()
    x = width - EDGE - _length(device, 14)
    _write(strip, device, (x, 34), 14, PALE)
    phone = page.device == "phone"
    screen = _panel(13, 22, 3, NAVY, PALE) if phone else _panel(24, 17, 3, NAVY, PALE)
    x -= 10 + screen.width
    strip.paste(screen, (x, 18), screen)
    if not phone:  # the foot of the screen
        strip.paste(PALE, (x + 6, 37, x + 18, 39))
    x -= 24 + _length(clock, 14)
    _write(strip, clock, (x, 34), 14, WHITE)
    _write(strip, _short(page.shop, -20, x - 2 * EDGE), (EDGE, 35), -20, WHITE)

    base = HEADER + 38
    surface = _short(SURFACE_TITLES.get(page.surface, page.surface.capitalize()), -20, width // 2)
    _write(strip, surface, (EDGE, base), -20, INK)
    more = len(page.tiles) - MAX_TILES
    about = [page.about] * bool(page.about) + [f"{more} more slots not drawn"] * (more > 0)
    x = EDGE + _length(surface, -20) + 14
    _write(strip, _short("  |  ".join(about), 14, width - EDGE - x), (x, base), 14, MUTED)
    return strip


def _foot(page: StorefrontPage, width: int) -> Image:
    """Running totals of the visit, in even columns."""
    strip = _blank(width, FOOTER, WHITE)
    strip.paste(LINE, (0, 0, width, 1))
    totals = {
        "Page of visit": f"{page.page:,}",
        "Clicks": f"{page.clicks:,}",
        "In basket": f"{page.basket:,}",
        "Revenue": _money(page.revenue, page.currency),
        "Margin": _money(page.margin, page.currency),
    }
    step = (width - 2 * EDGE + GAP) // len(totals)
    for i, (label, value) in enumerate(totals.items()):
        x = EDGE + i * step
        _write(strip, label, (x, 29), 12, MUTED)
        _write(strip, _short(value, -18, step - GAP), (x, 56), -18, RED if value[0] == MINUS else INK)
    return strip


@lru_cache(maxsize=256)
def _tile(tile: Tile | None, slot: int, currency: str) -> Pixels:
    """One tile. Cached: the same item is often shown in the same slot again."""
    from PIL import Image

    word, colour = ("empty", None) if tile is None else _outcome(tile)
    card = _card(word, colour).copy()
    if tile is not None:
        card.paste(_emblem(tile.category), (8, 8))
        if tile.stock is not None:
            in_stock = tile.stock > 0
            badge = _badge(
                f"{tile.stock:,} left" if in_stock else "sold out",
                *((WHITE, INK) if in_stock else (INK, WHITE)),
            )
            card.paste(badge, (TILE_WIDTH - 14 - badge.width, 14), badge)
        room = TILE_WIDTH - 2 * PAD
        _write(card, _short(tile.category, 11, room), (PAD, 137), 11, MUTED)
        for line, text in enumerate(_two_lines(tile.name, 13, room)):
            _write(card, text, (PAD, 158 + 18 * line), 13, INK)
        _price(card, tile, currency, room)
    number = _badge(str(slot), WHITE, INK)
    card.paste(number, (14, 14), number)
    if tile is None or not tile.examined:
        card = Image.blend(card, _blank(TILE_WIDTH, TILE_HEIGHT, PAPER), FADE)
    pixels = np.asarray(card)
    pixels.flags.writeable = False
    return pixels


def _outcome(tile: Tile) -> tuple[str, Colour | None]:
    """The last step that the visitor took with the item, in words, and its colour."""
    if tile.bought:
        bought = f"bought \u00d7{tile.bought}"
        return (f"{bought}, returned", RED) if tile.returned else (bought, GREEN)
    if tile.carted:
        return "in cart", AMBER
    if tile.clicked:
        return "clicked", BLUE
    return ("looked at" if tile.examined else "not looked at"), None


def _price(card: Image, tile: Tile, currency: str, room: int) -> None:
    """The price, and a higher list price struck through: beside it, or above where there is no room."""
    price, base, size = _money(tile.price, currency), 219, 18
    while size > 11 and _length(price, -size) > room:
        size -= 1
    price = _short(price, -size, room)
    reduced = tile.list_price is not None and tile.list_price > tile.price
    _write(card, price, (PAD, base), -size, RED if reduced else INK)
    if reduced:
        was = _short(_money(tile.list_price or 0.0, currency), 12, room)
        x, y = PAD + _length(price, -size) + 8, base
        if x + _length(was, 12) > PAD + room:
            x, y = PAD, base - 19
        _write(card, was, (x, y), 12, MUTED)
        card.paste(MUTED, (x - 1, y - 5, x + _length(was, 12) + 1, y - 4))


def _money(amount: float, currency: str) -> str:
    symbol = SYMBOLS.get(currency, f"{currency} ")
    return f"{MINUS if round(amount, 2) < 0 else ''}{symbol}{abs(amount):,.2f}"


# drawn once and kept


@lru_cache(maxsize=64)
def _card(word: str, colour: Colour | None) -> Image:
    """A tile without its item: the frame and, at its foot, what the visitor did."""
    card = _blank(TILE_WIDTH, TILE_HEIGHT, PAPER)
    panel = _panel(TILE_WIDTH, TILE_HEIGHT, 12, WHITE, colour or LINE)
    card.paste(panel, (0, 0), panel)
    foot = _panel(TILE_WIDTH - 16, 28, 7, colour or PAPER, None)
    card.paste(foot, (8, TILE_HEIGHT - 36), foot)
    x = (TILE_WIDTH - _length(word, 13)) // 2
    _write(card, word, (x, TILE_HEIGHT - 17), 13, WHITE if colour else MUTED)
    return card


@lru_cache(maxsize=256)
def _badge(text: str, fill: Colour, ink: Colour) -> Image:
    """A pill with a few words; round for one digit."""
    length = _length(text, 12)
    badge = _panel(max(24, length + 16), 24, 12, fill, None).copy()
    _write(badge, text, ((badge.width - length) // 2, 16), 12, ink)
    return badge


@lru_cache(maxsize=512)
def _emblem(category: str) -> Image:
    """The picture of a category: a colour and a shape that follow from its name.

    The outline is Gielis's superformula (2003), r(t) = (|cos(mt/4)|^b + |sin(mt/4)|^b)^(-1/a), which
    makes polygons, flowers and stars of three numbers.
    """
    from PIL import Image, ImageDraw

    word = zlib.crc32(category.encode())
    hue, arms = (word & 0xFFFF) / 0x10000, 3 + (word >> 16) % 6
    a, b = ((2.0, 2.0), (1.0, 1.0), (3.0, 8.0), (8.0, 5.0), (2.0, 6.0), (4.0, 14.0))[(word >> 20) % 6]
    strong, light = (_shade(hue, level, 0.55) for level in (0.48, 0.66))
    width, height = EMBLEM
    t = np.linspace(0, 2 * np.pi, 361)
    r = (np.abs(np.cos(arms * t / 4)) ** b + np.abs(np.sin(arms * t / 4)) ** b) ** (-1 / a)
    outline = np.stack([np.sin(t), -np.cos(t)], axis=1) * (r / r.max())[:, None]
    large = Image.new("RGBA", (4 * width, 4 * height), (*strong, 0))
    draw = ImageDraw.Draw(large)
    for radius, colour in ((34, strong), (21, light), (8, WHITE)):
        points = outline * (4 * radius) + (2 * width, 2 * height + 32)
        draw.polygon([(float(x), float(y)) for x, y in points], (*colour, 255))
    emblem = _blank(width, height, WHITE)
    for layer in (_panel(width, height, 8, _shade(hue, 0.91, 0.5), None), large.resize(EMBLEM)):
        emblem.paste(layer, (0, 0), layer)
    return emblem


def _shade(hue: float, lightness: float, saturation: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
    return round(255 * red), round(255 * green), round(255 * blue)


@lru_cache(maxsize=512)
def _panel(width: int, height: int, radius: int, fill: Colour, border: Colour | None) -> Image:
    """A rectangle with smooth round corners: drawn four times as large and made small."""
    from PIL import Image, ImageDraw

    large = Image.new("RGBA", (4 * width, 4 * height), (*(border or fill), 0))
    ImageDraw.Draw(large).rounded_rectangle(
        (0, 0, 4 * width - 1, 4 * height - 1), 4 * radius, fill, border, 8 if border else 0
    )
    return large.resize((width, height), Image.Resampling.BOX)


def _blank(width: int, height: int, colour: Colour) -> Image:
    from PIL import Image

    return Image.new("RGB", (width, height), colour)


# text; a size below 0 is bold


def _write(image: Image, text: str, at: tuple[int, int], size: int, colour: Colour) -> None:
    """Write ``text`` with the left end of its baseline ``at`` (x, y)."""
    if text:
        image.paste(colour, (at[0] - 2, at[1] - 2 * abs(size)), _letters(text, size))


@lru_cache(maxsize=4096)
def _letters(text: str, size: int) -> Image:
    """The ink of ``text``, 2 pixels from the left, its baseline at twice the size from the top."""
    from PIL import Image, ImageDraw

    mask = Image.new("L", (_length(text, size) + 4, 3 * abs(size)))
    ImageDraw.Draw(mask).text((2, 2 * abs(size)), text, 255, _font(size), anchor="ls")
    return mask


@lru_cache(maxsize=8192)
def _length(text: str, size: int) -> int:
    return math.ceil(_font(size).getlength(text))


@lru_cache(maxsize=64)
def _font(size: int) -> FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: Pillow's own font has neither pound sign nor accents."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if size < 0 else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(str(path), abs(size), layout_engine=ImageFont.Layout.BASIC)


def _short(text: str, size: int, room: int) -> str:
    """``text`` on one line, cut with an ellipsis where it is longer than ``room``."""
    text = " ".join(text.split())
    if _length(text, size) <= room:
        return text
    return text[: _fits(text, size, room, "\u2026")].rstrip() + "\u2026"


def _fits(text: str, size: int, room: int, tail: str = "") -> int:
    """How many letters from the left fit in ``room`` with ``tail`` after them, at least 1."""
    font, counts = _font(size), range(1, len(text) + 1)
    return max(1, bisect.bisect_right(counts, room, key=lambda n: math.ceil(font.getlength(text[:n] + tail))))


@lru_cache(maxsize=4096)
def _two_lines(text: str, size: int, room: int) -> tuple[str, ...]:
    """``text`` on at most two lines, broken between words where it can be."""
    text = " ".join(text.split())
    if _length(text, size) <= room:
        return (text,)
    cut = _fits(text, size, room)
    space = text.rfind(" ", 0, cut + 1)
    cut = space if space > 0 else cut
    return text[:cut], _short(text[cut:], size, room)
