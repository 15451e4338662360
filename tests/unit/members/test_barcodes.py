"""The card number's bars, read by a decoder that knows nothing of who drew them."""

from __future__ import annotations

import re

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from wallet.barcodes import HEIGHT_MODULES, QUIET_MODULES, card_symbol

PIXELS = 2


def drawn(svg: str) -> Image.Image:
    """Draw the path's bars, two pixels a module, black on white."""
    box = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert box is not None
    size = (int(box[1]) * PIXELS, int(box[2]) * PIXELS)
    picture = Image.new("L", size, 255)
    pen = ImageDraw.Draw(picture)
    for left, wide in re.findall(r"M(\d+) 0h(\d+)v", svg):
        first = int(left) * PIXELS
        pen.rectangle((first, 0, first + int(wide) * PIXELS - 1, size[1]), fill=0)
    return picture


@pytest.mark.parametrize("number", ["9364306799927902", "9000000000000000", "9123456789012345"])
def test_any_scanner_reads_the_card_number(number: str) -> None:
    (found,) = zxingcpp.read_barcodes(drawn(card_symbol(number)))
    assert (found.text, found.format) == (number, zxingcpp.BarcodeFormat.Code128)


def test_nothing_is_drawn_left_and_right_of_the_bars() -> None:
    svg = card_symbol("9364306799927902")
    bars = [(int(left), int(wide)) for left, wide in re.findall(r"M(\d+) 0h(\d+)v", svg)]
    across = 123 + 2 * QUIET_MODULES  # pairs of digits: 11 symbols of 11 modules, and the stop's 2
    assert f'viewBox="0 0 {across} {HEIGHT_MODULES}"' in svg
    assert bars[0][0] == QUIET_MODULES
    assert sum(bars[-1]) == across - QUIET_MODULES
    assert "style" not in svg
