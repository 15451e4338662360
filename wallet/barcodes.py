"""The card number as Code 128: what any till's scanner reads; it earns and can't spend."""

from __future__ import annotations

from barcode.codex import Code128
from markupsafe import Markup

QUIET_MODULES = 10
"""Left and right of the bars nothing is drawn, as ISO/IEC 15417 asks for."""

HEIGHT_MODULES = 34


def card_symbol(number: str) -> Markup:
    """Return a card number (ASCII digits) as inline SVG without styles: bars of one path."""
    (modules,) = Code128(number).build()
    bars, place = [], 0
    while place < len(modules):
        wide = 1
        while place + wide < len(modules) and modules[place + wide] == modules[place]:
            wide += 1
        if modules[place] == "1":
            bars.append(f"M{place + QUIET_MODULES} 0h{wide}v{HEIGHT_MODULES}h-{wide}z")
        place += wide
    across = len(modules) + 2 * QUIET_MODULES
    return Markup(  # noqa: S704 - made of numbers only
        f'<svg viewBox="0 0 {across} {HEIGHT_MODULES}" aria-hidden="true" focusable="false">'
        f'<path d="{"".join(bars)}"/></svg>'
    )
