"""Which section of an app's navigation a page stands in.

A page belongs to the section that leads to it, or to none: a claim about a movement is read under
the movements. An app places every one of its blueprints, or it does not start: a page whose section
nobody thought of would light nothing in the bar, and no test would see it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from flask import Flask, request
from markupsafe import Markup


def install(
    app: Flask, sections: Mapping[str, Collection[str]], *, outside: Collection[str]
) -> None:
    """Give ``app``'s templates ``in_section(name)``, the attribute of a section's link in the bar.

    ``sections`` names each section's other blueprints; a section is named as the blueprint of its
    first page. ``outside`` are blueprints that stand in no section. Call it once all blueprints are
    registered. Raises ``ValueError`` for a blueprint that is placed nowhere, twice, or is unknown.
    """
    places = {name: name for name in sections}
    placed = [*sections, *outside]
    for section, others in sections.items():
        places.update(dict.fromkeys(others, section))
        placed.extend(others)
    wrong = {name for name in placed if placed.count(name) > 1} | set(placed) ^ set(app.blueprints)
    if wrong:
        raise ValueError(f"blueprints without one place in the navigation: {sorted(wrong)}")

    def in_section(section: str) -> Markup:
        """``aria-current``: the page itself in its section's own pages, true below them."""
        here = request.blueprint
        if here is None or places.get(here) != section:
            return Markup("")
        return Markup(' aria-current="{}"').format("page" if here == section else "true")

    @app.context_processor
    def navigation() -> dict[str, object]:
        return {"in_section": in_section}
