"""A sheet of A4 that is written in the reader's direction: Persian from the right, digits and all.

Positions count in millimetres from the edge where reading begins, so one layout serves both
languages. Text in Persian letters goes through HarfBuzz and the bidirectional algorithm; figures,
codes and Latin text need neither, and are six times faster without. The same calls give the same
bytes: the date is given, the file's id follows from the content, nothing else varies.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import segno

WIDTH = 210.0
HEIGHT = 297.0
MARGIN = 14.0
INNER = WIDTH - 2 * MARGIN
_FONTS = Path(__file__).with_name("fonts")
_FAMILY = "vazirmatn"
_LAST_LATIN = "\u024f"
# Left to right among themselves and drawn as they stand, whatever surrounds them.
_PERSIAN_DIGITS = "۰۱۲۳۴۵۶۷۸۹"
_FIGURES = frozenset(_PERSIAN_DIGITS + "٬٫٪−–—…·×")
_INVISIBLE = {ord(mark): None for mark in "\u200e\u200f\u2066\u2067\u2068\u2069"}
_BAND, _PALE, _PALE_SIZE, _SLANT = 9.0, 230, 88, 52
_ELLIPSIS = "…"

# Every text may hold a letter that the font lacks; that is the reader's to see, not the log's.
logging.getLogger("fpdf.fonts").setLevel(logging.ERROR)
logging.getLogger("fpdf.output").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)


class Sheet:
    """Pages of A4 under construction; ``locale`` decides the direction.

    A ``warning`` stands in a black band at the top of each page and pale across it.
    """

    def __init__(
        self, *, locale: str, title: str, created_at: datetime, warning: str | None = None
    ) -> None:
        # Half a second and thirty megabytes, which a process that prints nothing does not need.
        from fpdf import FPDF

        self._rtl = locale == "fa"
        pdf = FPDF(format="A4")
        pdf.set_auto_page_break(auto=False)
        pdf.add_font(_FAMILY, "", _FONTS / "Vazirmatn-Regular.ttf")
        pdf.add_font(_FAMILY, "B", _FONTS / "Vazirmatn-Bold.ttf")
        for font in pdf.fonts.values():
            _make_tabular(font)
        pdf.set_creation_date(created_at)
        pdf.set_producer("Peyvand")
        pdf.set_lang("fa-IR" if self._rtl else "en-GB")
        pdf.set_title(title)
        pdf.c_margin = 0
        self._pdf: Any = pdf
        self._warning = warning
        self._fitted: dict[tuple[str, float, float, bool], str] = {}

    @property
    def pages(self) -> int:
        """Return how many pages there are."""
        return int(self._pdf.pages_count)

    def page(self) -> None:
        """Begin a page."""
        self._pdf.add_page()
        if self._warning is not None:
            self._warn(self._warning)

    def text(
        self,
        text: str,
        *,
        at: float,
        y: float,
        width: float,
        size: float = 9,
        bold: bool = False,
        end: bool = False,
        units: bool = False,
        rest: str = "",
        grey: int = 0,
    ) -> None:
        """Write one line, cut to ``width``; ``end`` aligns it where reading ends.

        ``units`` aligns figures so that units stand below units: on the right in any language,
        with room for ``rest``, the digits that others of the column have behind theirs.
        """
        pdf = self._pdf
        pdf.set_font(_FAMILY, "B" if bold else "", size)
        pdf.set_text_color(grey)
        visible = self._fit(text.translate(_INVISIBLE), width=width, size=size, bold=bold)
        # Figures wider than that stand where they can.
        room = pdf.get_string_width(rest) if rest and self._fits(visible + rest, width) else 0
        pdf.set_xy(self._x(at, width), y)
        right = units or end != self._rtl
        pdf.cell(width - room, size * 0.5, visible, align="R" if right else "L")

    def rule(self, *, y: float, grey: int = 200, weight: float = 0.2) -> None:
        """Draw a line from margin to margin."""
        self._pdf.set_draw_color(grey)
        self._pdf.set_line_width(weight)
        self._pdf.line(MARGIN, y, WIDTH - MARGIN, y)

    def band(self, *, y: float, height: float, grey: int = 243) -> None:
        """Tint a band from margin to margin."""
        self._pdf.set_fill_color(grey)
        self._pdf.rect(MARGIN, y, INNER, height, style="F")

    def square_code(self, content: str, *, at: float, y: float, side: float) -> None:
        """Draw a QR code with ``side`` millimetres, without its quiet zone."""
        matrix = segno.make_qr(content, error="m").matrix
        module = side / len(matrix)
        left = self._x(at, side)
        self._pdf.set_fill_color(0)
        for row, bits in enumerate(matrix):
            for column, length in _runs(bytes(bits)):
                self._pdf.rect(
                    left + column * module, y + row * module, length * module, module, style="F"
                )

    def on_every_page(self, draw: Callable[[int], None]) -> None:
        """Call ``draw`` with the number of each page, to write into it once all are there."""
        last = self._pdf.page
        for number in range(1, self.pages + 1):
            self._pdf.page = number
            # Each page is a stream of its own that does not know the font of the last call.
            self._pdf.font_family = ""
            draw(number)
        self._pdf.page = last

    def finish(self) -> bytes:
        """Return the document."""
        return bytes(self._pdf.output())

    def _warn(self, words: str) -> None:
        """Write the warning where nobody can overlook it, under all that is printed later."""
        pdf = self._pdf
        pdf.set_text_shaping(use_shaping_engine=True, direction=None)
        pdf.set_font(_FAMILY, "B", _PALE_SIZE)
        pdf.set_text_color(_PALE)
        with pdf.rotation(_SLANT, WIDTH / 2, HEIGHT / 2):
            pdf.set_xy(0, HEIGHT / 2)
            pdf.cell(WIDTH, 0, words.partition(":")[0], align="C")
        pdf.set_fill_color(0)
        pdf.rect(0, 0, WIDTH, _BAND, style="F")
        pdf.set_font(_FAMILY, "B", 10)
        pdf.set_text_color(255)
        pdf.set_xy(0, 0)
        pdf.cell(WIDTH, _BAND, words, align="C")
        pdf.set_text_color(0)

    def _x(self, at: float, width: float) -> float:
        return WIDTH - MARGIN - at - width if self._rtl else MARGIN + at

    def _fit(self, text: str, *, width: float, size: float, bold: bool) -> str:
        """Return what to draw, cut to ``width``, with the shaping engine set for it.

        Measuring shapes the text once more, so what was measured is remembered: words come again.
        """
        if _plain(text):
            self._pdf.set_text_shaping(use_shaping_engine=False)
        else:
            self._pdf.set_text_shaping(
                use_shaping_engine=True, direction="rtl" if self._rtl else None
            )
        key = (text, width, size, bold)
        if key not in self._fitted:
            self._fitted[key] = text if self._fits(text, width) else self._cut(text, width)
        return self._fitted[key]

    def _cut(self, text: str, width: float) -> str:
        """Return as much of the beginning as fits, with a mark that something is missing."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(text[:middle] + _ELLIPSIS, width):
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip() + _ELLIPSIS

    def _fits(self, text: str, width: float) -> bool:
        return bool(self._pdf.get_string_width(text) <= width)


def _make_tabular(font: Any) -> None:
    """Have digits of one width each in text that is not shaped, as HarfBuzz does for ``tnum``.

    Persian digits are of different widths, and figures below each other would not line up.
    """
    metrics = font.ttfont["hmtx"].metrics
    for digit in map(ord, _PERSIAN_DIGITS):
        glyph = f"{font.cmap[digit]}.tnum"
        font.cmap[digit] = glyph
        font.glyph_ids[digit] = font.ttfont.getGlyphID(glyph)
        font.cw[digit] = round(font.scale * metrics[glyph][0])


@cache
def _drawn_as_is(letter: str) -> bool:
    return " " <= letter <= _LAST_LATIN or letter in _FIGURES


def _plain(text: str) -> bool:
    return all(map(_drawn_as_is, text))


def _runs(bits: bytes) -> list[tuple[int, int]]:
    """Return where dark modules begin and how many follow each other."""
    found: list[tuple[int, int]] = []
    for place, bit in enumerate(bits):
        if not bit:
            continue
        if found and sum(found[-1]) == place:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((place, 1))
    return found
